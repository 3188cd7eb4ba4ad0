"""Several models and versions asked about one drawing, against a server that speaks the real
protocol."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from digits.contract import DRAWINGS, MODEL_NAME
from serving.client import ClientError, UnavailableError
from tests.support.client_doubles import Play, Stage, grpc_double, rest_double
from ui.answers.compare import Comparer

PICTURE = bytes(17)
"""Read as a 7: the stand-in reads the length of a file modulo 10."""


@pytest.fixture
def play() -> Play:
    return Play(versions=[(5, "AVAILABLE", ""), (4, "END", "gone"), (3, "AVAILABLE", "")])


@pytest.fixture(params=[grpc_double, rest_double], ids=["grpc", "rest"])
def address(request: pytest.FixtureRequest, play: Play) -> Iterator[str]:
    stage = Stage()
    stage.play = play
    with request.param(stage) as address:
        yield address


def test_compare_asks_each_available_version_newest_first(address: str, play: Play) -> None:
    with closing(Comparer(address, [MODEL_NAME], 30)) as comparer:
        found = comparer.compare(PICTURE)
    assert [(opinion.model, opinion.version) for opinion in found.opinions] == [
        (MODEL_NAME, 5),
        (MODEL_NAME, 3),
    ]
    assert (found.labels, found.agree, len(found.answered)) == (["7", "7"], True, 2)
    assert [
        asked for call, asked in zip(play.calls, play.asked, strict=True) if call == DRAWINGS
    ] == [5, 3]


def test_compare_measures_each_alone(address: str) -> None:
    ticks = iter([1.0, 1.5, 2.0, 2.25])
    with closing(Comparer(address, [MODEL_NAME], 30)) as comparer:
        found = comparer.compare(PICTURE, clock=lambda: next(ticks))
    assert [opinion.milliseconds for opinion in found.opinions] == [500, 250]


def test_compare_another_model_that_is_not_served_is_a_row_without_answer(address: str) -> None:
    with closing(Comparer(address, [MODEL_NAME, "absent", MODEL_NAME], 30)) as comparer:
        found = comparer.compare(PICTURE)
    assert [(opinion.model, opinion.version) for opinion in found.opinions] == [
        (MODEL_NAME, 5),
        (MODEL_NAME, 3),
        ("absent", None),
    ]
    assert found.opinions[-1].drawing is None
    assert found.agree


def test_compare_version_that_fails_leaves_the_others_their_answer(
    address: str, play: Play
) -> None:
    class Failing(list[tuple[str, str]]):
        """Fails the first question about a drawing, after the one for the status."""

        def __bool__(self) -> bool:
            return play.asked[-1] == 5

        def pop(self, _: object = 0) -> tuple[str, str]:
            return "INTERNAL", "broken"

    play.faults = Failing()
    with closing(Comparer(address, [MODEL_NAME], 30)) as comparer:
        found = comparer.compare(PICTURE)
    assert [opinion.drawing is None for opinion in found.opinions] == [True, False]


def test_compare_many_versions_are_the_newest_few_of_each_model(address: str, play: Play) -> None:
    play.versions = [(number, "AVAILABLE", "") for number in range(40, 0, -1)]
    with closing(Comparer(address, [MODEL_NAME], 30)) as comparer:
        assert [opinion.version for opinion in comparer.compare(PICTURE).opinions] == [40, 39, 38]


def test_compare_as_versions_come_and_go_does_not_hoard_connections(
    address: str, play: Play
) -> None:
    with closing(Comparer(address, [MODEL_NAME], 30)) as comparer:
        for number in range(1, 60):
            play.versions = [(number, "AVAILABLE", "")]
            assert comparer.compare(PICTURE).labels == ["7"]
        assert len(comparer._clients) <= 32


def test_compare_while_the_server_is_away_says_so() -> None:
    with (
        closing(Comparer("grpc://127.0.0.1:9", [MODEL_NAME], 1)) as comparer,
        pytest.raises(ClientError) as away,
    ):
        comparer.compare(PICTURE)
    assert isinstance(away.value, UnavailableError)


@pytest.mark.parametrize(
    ("models", "versions", "known"),
    [
        ([MODEL_NAME], [(5, "AVAILABLE", "")], False),
        ([MODEL_NAME, "absent", MODEL_NAME], [(5, "AVAILABLE", "")], False),
        ([MODEL_NAME], [(5, "AVAILABLE", ""), (4, "LOADING", "")], False),
        ([MODEL_NAME, "absent"], [(5, "AVAILABLE", ""), (4, "AVAILABLE", "")], True),
    ],
)
def test_compare_has_a_choice_where_two_versions_are_available(
    address: str, play: Play, models: list[str], versions: list[tuple[int, str, str]], known: bool
) -> None:
    play.versions = versions
    with closing(Comparer(address, models, 30)) as comparer:
        assert comparer.has_choice() is known


def test_compare_counts_again_after_a_while_only(address: str, play: Play) -> None:
    now = [100.0]
    with closing(Comparer(address, [MODEL_NAME], 30)) as comparer:
        assert comparer.has_choice(clock=lambda: now[0])
        calls = len(play.calls)
        play.versions = [(5, "AVAILABLE", "")]
        now[0] += 9.9
        assert comparer.has_choice(clock=lambda: now[0])
        assert len(play.calls) == calls
        now[0] += 0.2
        assert not comparer.has_choice(clock=lambda: now[0])


def test_compare_has_the_choice_last_known_while_the_server_fails(address: str, play: Play) -> None:
    now = [100.0]
    with closing(Comparer(address, [MODEL_NAME], 30)) as comparer:
        assert comparer.has_choice(clock=lambda: now[0])
        play.faults = [("INTERNAL", "broken")]
        now[0] += 11
        assert comparer.has_choice(may_ask=False, clock=lambda: now[0])
        assert len(play.faults) == 1
        assert comparer.has_choice(clock=lambda: now[0])
        assert play.faults == []
