"""The list of deviations: written down as it is held, and about nothing that was never recorded."""

from serving.server.flags import REFUSED
from serving.server.settings import ServerSettings
from tests.conformance.deviations import PAGE, render
from tests.conformance.recordings import (
    HERE,
    instead_of,
    read_deviations,
    read_exchanges,
    read_timelines,
)

OWN = HERE / "recordings"


def test_page_of_deviations_is_written_from_the_list() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(read_deviations(), REFUSED), (
        "run: python -m tests.conformance.deviations"
    )


def test_list_names_each_request_and_behaviour_once_and_only_recorded_ones() -> None:
    for kind, recorded in (
        ("requests", {exchange.id for exchange in read_exchanges(OWN)}),
        ("timelines", set(read_timelines(OWN))),
    ):
        listed = [name for deviation in read_deviations() for name in deviation.get(kind, {})]
        assert len(listed) == len(set(listed))
        assert set(listed) <= recorded


def test_every_deviation_has_a_reason() -> None:
    for deviation in read_deviations():
        assert all(deviation[key] for key in ("what", "theirs", "here", "why"))


def test_every_recorded_flag_is_taken_with_its_default_or_refused_with_a_sentence() -> None:
    (ended,) = [
        event
        for event in read_timelines(OWN)["unknown_flag"]["events"]
        if "flags_name_default_type" in event
    ]
    ours = instead_of(read_deviations(), "flags")
    for name, default, _ in ended["flags_name_default_type"]:
        if name in REFUSED:
            assert REFUSED[name][1]
            continue
        field = ServerSettings.model_fields[name]
        expected = ours.get(name, default)
        assert _as_flag(field.default) == expected, f"{name}: {expected} expected"
        assert name not in ours or ours[name] != default


def _as_flag(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) else str(value)
