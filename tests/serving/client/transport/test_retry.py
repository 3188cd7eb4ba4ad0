"""Trying again, with a clock and a chance that the test controls."""

from collections.abc import Callable

import pytest

from serving.client.errors import ClientError, InvalidRequestError, NotFoundError, UnavailableError
from serving.client.transport.retry import ATTEMPTS, retrying


class World:
    """Time that passes only by sleeping or working, and attempts that fail as told."""

    def __init__(self, *failures: ClientError, work: float = 0.0, oversleeps: float = 0.0) -> None:
        self.failures = list(failures)
        self.work = work
        self.oversleeps = oversleeps
        self.now = 1000.0
        self.sleeps: list[float] = []
        self.limits: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds + self.oversleeps

    def attempt(self, limit: float) -> str:
        self.limits.append(limit)
        self.now += self.work
        if self.failures:
            raise self.failures.pop(0)
        return "answer"

    def run(self, deadline: float, chance: Callable[[], float] = lambda: 0.0) -> str:
        return retrying(
            self.attempt, deadline, clock=lambda: self.now, sleep=self.sleep, chance=chance
        )


def test_retrying_unavailable_twice_answers_the_third_time() -> None:
    world = World(UnavailableError(), UnavailableError())
    assert world.run(5) == "answer"
    assert world.sleeps == [0.1, 0.2]


def test_retrying_chance_shortens_the_wait_by_up_to_half() -> None:
    world = World(UnavailableError())
    world.run(5, chance=lambda: 1.0)
    assert world.sleeps == [0.05]


def test_retrying_always_unavailable_raises_after_the_last_attempt() -> None:
    world = World(*[UnavailableError(str(number)) for number in range(9)])
    with pytest.raises(UnavailableError, match="3"):
        world.run(5)
    assert len(world.limits) == ATTEMPTS


def test_retrying_each_attempt_gets_what_is_left_of_the_deadline() -> None:
    world = World(UnavailableError(), work=0.5)
    world.run(5)
    assert world.limits == pytest.approx([5.0, 4.4])


def test_retrying_wait_beyond_the_deadline_is_not_begun() -> None:
    world = World(UnavailableError(), UnavailableError(), work=0.45)
    with pytest.raises(UnavailableError):
        world.run(0.5)
    assert world.sleeps == []


@pytest.mark.parametrize("error", [InvalidRequestError(), NotFoundError()])
def test_retrying_any_other_error_is_raised_at_once(error: ClientError) -> None:
    world = World(error)
    with pytest.raises(type(error)):
        world.run(5)
    assert len(world.limits) == 1


def test_retrying_sleep_past_the_deadline_raises_what_came_last() -> None:
    world = World(UnavailableError("away"), oversleeps=10)
    with pytest.raises(UnavailableError, match="away"):
        world.run(5)
    assert world.limits == [5]
