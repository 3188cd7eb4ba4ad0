"""Something bounded, divided among those who hold it."""

from typing import Final

import pytest

from ui.web.shares import Held, Shares, site

MINE, THEIRS = "192.0.2.1", "198.51.100.1"
MOST: Final = 4


class Taker:
    """Takes of one `Shares`, and notes what was displaced."""

    def __init__(self, shares: Shares) -> None:
        self._shares = shares
        self.displaced: list[str] = []

    def take(self, address: str, *names: str) -> list[Held | None]:
        return [self._take(address, name) for name in names]

    def _take(self, address: str, name: str) -> Held | None:
        return self._shares.take(address, lambda: self.displaced.append(name))


def test_shares_one_address_may_hold_all_while_nobody_else_asks() -> None:
    taker = Taker(Shares(MOST))
    *taken, refused = taker.take(THEIRS, *"abcde")
    assert all(taken)
    assert refused is None
    assert taker.displaced == []


def test_shares_newcomer_displaces_the_newest_of_who_holds_most_until_both_hold_as_much() -> None:
    taker = Taker(Shares(MOST))
    taker.take(THEIRS, *"abcd")
    first, second, refused = taker.take(MINE, *"xyz")
    assert first
    assert second
    assert refused is None
    assert taker.displaced == ["d", "c"]


def test_shares_oldest_makes_room_for_its_own_address_too() -> None:
    taker = Taker(Shares(MOST, displaces="oldest"))
    assert all(taker.take(THEIRS, *"abcde"))
    assert all(taker.take(MINE, "x"))
    assert taker.displaced == ["a", "b"]


def test_shares_given_back_make_room_once() -> None:
    shares = Shares(MOST)
    taker = Taker(shares)
    taken = taker.take(THEIRS, *"abcd")
    for _ in range(2):
        assert taken[0]
        shares.give_back(taken[0])
    again, refused = taker.take(THEIRS, *"ef")
    assert again
    assert refused is None


def test_shares_displaced_and_given_back_counts_once() -> None:
    shares = Shares(MOST)
    taker = Taker(shares)
    *_, newest = taker.take(THEIRS, *"abcd")
    taker.take(MINE, "x")
    assert newest
    assert not shares.holds(newest)
    shares.give_back(newest)
    assert taker.take(THEIRS, "e") == [None]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_site_is_what_a_caller_cannot_choose(host: str, expected: str) -> None:
    assert site(host) == expected
