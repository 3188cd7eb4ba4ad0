"""What is asked of the server every few seconds at most."""

from serving.client import UnavailableError
from ui.answers.polled import Polled


class Server:
    """Answers what it is set to, and counts."""

    def __init__(self) -> None:
        self.now, self.calls, self.answer, self.is_away = 100.0, 0, True, False
        self.polled = Polled(self._ask)

    def _ask(self) -> bool:
        self.calls += 1
        if self.is_away:
            raise UnavailableError("away")
        return self.answer

    def get(self, *, may_ask: bool = True) -> bool:
        return self.polled.get(may_ask=may_ask, clock=lambda: self.now)


def test_polled_asks_at_once_and_again_after_a_while_only() -> None:
    server = Server()
    assert server.calls == 0
    assert server.get()
    server.answer = False
    server.now += 9.9
    assert server.get()
    assert server.calls == 1
    server.now += 0.2
    assert not server.get()
    assert server.calls == 2


def test_polled_keeps_what_it_knows_while_the_server_is_away() -> None:
    server = Server()
    assert server.get()
    server.is_away = True
    server.now += 11
    assert server.get()
    assert server.calls == 2


def test_polled_asks_nothing_while_it_may_not() -> None:
    server = Server()
    assert not server.get(may_ask=False)
    assert server.calls == 0
    assert server.get()
