"""The page of counts: TensorFlow Serving's names and labels, and the numbers of the calls that were
made."""

import functools
import re
from pathlib import Path

import grpc
import pytest

from digits.errors import SettingsError
from serving.server.monitoring.middleware import read_metrics_path
from tests.support.server_fixtures import BLANK, Protocols, StartServer, ask, fault_of

PATH = "/monitoring/prometheus/metrics"


@pytest.fixture
def monitoring(tmp_path: Path) -> Path:
    file = tmp_path / "monitoring.config"
    file.write_text(f'prometheus_config {{ enable: true path: "{PATH}" }}')
    return file


@pytest.fixture
def metered(start_server: StartServer, toy_base: Path, monitoring: Path) -> Protocols:
    protocols: Protocols = start_server(model_base_path=toy_base, monitoring_config_file=monitoring)
    return protocols


def _samples(protocols: Protocols) -> dict[str, float]:
    """Every sample of the page, by name and labels as written."""
    lines = protocols.rest.get(PATH).raise_for_status().text.splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {series: float(value) for series, value in pairs}


def _requests(model: str, status: str) -> str:
    return f':tensorflow:serving:request_count{{model_name="{model}",status="{status}"}}'


def test_metrics_calls_of_both_protocols_are_counted_by_model_and_status(
    metered: Protocols,
) -> None:
    for _ in range(3):
        metered.predict(ask({"images": BLANK}))
    for _ in range(2):
        assert metered.post({"instances": BLANK.tolist()}).status_code == 200
    fault_of(lambda: metered.predict(ask({"images": BLANK}, signature="nope")))
    assert metered.post({"instances": []}).status_code == 400
    samples = _samples(metered)
    assert samples[_requests("digits", "OK")] == 5
    assert samples[_requests("digits", "FAILED_PRECONDITION")] == 1
    assert samples[_requests("digits", "INVALID_ARGUMENT")] == 1


def test_metrics_latency_is_of_good_answers_by_protocol_and_in_microseconds(
    metered: Protocols,
) -> None:
    metered.predict(ask({"images": BLANK}))
    metered.post({"instances": BLANK.tolist()})
    metered.post({"instances": []})
    samples = _samples(metered)
    for labels in (
        'API="Predict",entrypoint="GRPC",model_name="digits"',
        'API="predict",entrypoint="REST",model_name="digits"',
    ):
        assert samples[f":tensorflow:serving:request_latency_count{{{labels}}}"] == 1
        assert 50 < samples[f":tensorflow:serving:request_latency_sum{{{labels}}}"] < 20e6
    assert (
        samples[
            ':tensorflow:serving:runtime_latency_count{API="",model_name="digits",runtime="TF2"}'
        ]
        == 2
    )


def test_metrics_calls_for_unknown_models_share_one_series(metered: Protocols) -> None:
    for number in range(5):
        request = ask({"images": BLANK}, model=f"m{number}")
        assert fault_of(functools.partial(metered.predict, request))[0] == grpc.StatusCode.NOT_FOUND
        assert metered.post({"instances": [1]}, f"/v1/models/m{number}:predict").status_code == 404
    samples = _samples(metered)
    assert samples[_requests("", "NOT_FOUND")] == 10
    assert not any("m3" in series for series in samples)


def test_metrics_tell_the_versions_that_answer_and_the_loads(metered: Protocols) -> None:
    samples = _samples(metered)
    assert samples['inkwell_version_available{model_name="digits",version="1"}'] == 1
    assert (
        samples[
            ':tensorflow:cc:saved_model:load_attempt_count{model_path="digits",status="success"}'
        ]
        == 1
    )
    assert samples['inkwell_calls_in_flight{entrypoint="REST"}'] == 0


def test_metrics_page_names_types_as_tensorflow_serving_does(metered: Protocols) -> None:
    metered.predict(ask({"images": BLANK}))
    answer = metered.rest.get(PATH)
    assert answer.headers["content-type"].startswith("text/plain")
    types = set(re.findall(r"^# TYPE (:tensorflow:\S+) (\w+)$", answer.text, flags=re.MULTILINE))
    assert types == {
        (":tensorflow:serving:request_count", "counter"),
        (":tensorflow:serving:request_latency", "histogram"),
        (":tensorflow:serving:runtime_latency", "histogram"),
        (":tensorflow:cc:saved_model:load_attempt_count", "counter"),
        (":tensorflow:cc:saved_model:load_latency", "counter"),
    }
    assert "_created" not in answer.text


@pytest.mark.parametrize("verb", ["HEAD", "POST", "PUT"])
def test_metrics_page_is_shown_whatever_the_verb(verb: str, metered: Protocols) -> None:
    answer = metered.rest.request(verb, PATH, content=b"x" if verb != "HEAD" else None)
    assert (answer.status_code, answer.headers["content-type"][:10]) == (200, "text/plain")
    assert (b"request_count" in answer.content) == (verb != "HEAD")


def test_metrics_page_with_a_query_or_at_another_path_is_refused(metered: Protocols) -> None:
    answer = metered.rest.get(f"{PATH}?x=1")
    assert (answer.status_code, answer.text) == (
        400,
        f"Unexpected path: {PATH}?x=1. Should be {PATH}",
    )
    assert metered.rest.get(f"{PATH}/").status_code == 404


def test_metrics_page_without_a_configuration_is_absent(protocols: Protocols) -> None:
    assert protocols.rest.get(PATH).status_code == 404


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("", None),
        ("prometheus_config { }", None),
        ('prometheus_config { path: "/x" }', None),
        ("prometheus_config { enable: true }", PATH),
        ('prometheus_config { enable: true path: "/x" }', "/x"),
    ],
)
def test_metrics_path_is_what_the_monitoring_file_says(
    tmp_path: Path, text: str, path: str | None
) -> None:
    (tmp_path / "monitoring.config").write_text(text)
    assert read_metrics_path(tmp_path / "monitoring.config") == path


def test_metrics_path_of_a_file_that_cannot_be_used_says_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "monitoring.config").write_text("prometheus { }")
    with pytest.raises(SettingsError, match="monitoring_config_file: expected a MonitoringConfig"):
        read_metrics_path(tmp_path / "monitoring.config")
    with pytest.raises(SettingsError, match="No such file"):
        read_metrics_path(tmp_path / "absent.config")
