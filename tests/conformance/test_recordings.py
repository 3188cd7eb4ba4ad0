"""Every recorded request: the recorded answer, or the one that the list of deviations names."""

import pytest

from tests.conformance.compare import differences, unlike_ours
from tests.conformance.recordings import Exchange, Json, instead_of, read_deviations, read_exchanges
from tests.conformance.senders import send_grpc, send_rest, until_it_fits
from tests.conformance.stage import RECORDINGS, TARGET, Open, skip_reason

OURS = instead_of(read_deviations(), "requests")


@pytest.mark.parametrize("exchange", read_exchanges(RECORDINGS), ids=lambda exchange: exchange.id)
def test_recorded_request_gets_the_recorded_answer_or_the_listed_one(
    exchange: Exchange, open_stage: Open, models: object
) -> None:
    if reason := skip_reason(exchange.stage):
        pytest.skip(reason)
    protocols = open_stage(exchange.stage)

    def send() -> Json:
        if exchange.request["transport"] == "grpc":
            return send_grpc(protocols.channel, exchange.request, str(models))
        return send_rest(protocols.rest, exchange.request)

    received = until_it_fits(
        send, lambda answer: not faults(exchange, answer), exchange.request.get("wait_s") or 0
    )
    assert faults(exchange, received) == []


def faults(exchange: Exchange, received: Json) -> list[str]:
    """What is wrong with an answer. Another server than ours may give either answer; ours may not
    keep a deviation it no longer has."""
    unlike_recorded = differences(exchange.answer, received)
    ours = OURS.get(exchange.id)
    if ours is None or (TARGET and not unlike_recorded):
        return unlike_recorded
    if not unlike_recorded:
        return [
            "the recorded answer was given, but the list says that ours differs; take it off the "
            "list"
        ]
    return unlike_ours(ours, received)
