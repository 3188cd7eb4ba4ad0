"""The monitoring files: what the dashboard asks for exists, and the real Prometheus reads it from
the embedded server."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml  # type: ignore[import-untyped]  # it ships no types

from serving.server.monitoring.middleware import read_metrics_path
from tests.support.ports import free_port
from tests.support.server_fixtures import BLANK, SECONDS, Protocols, StartServer, ask, fault_of

ROOT: Final = Path(__file__).parents[3]
MONITORING: Final = ROOT / "deploy" / "monitoring"
CONFIG: Final = ROOT / "serving" / "tensorflow_serving" / "monitoring.config"
TF_SERVING: Final = {":tensorflow:serving:batching_session:queuing_latency_bucket"}
"""Metrics that TensorFlow Serving alone has. Source: the page recorded from TensorFlow Serving
2.20.0."""
PROMETHEUS_OWN: Final = {"up"}
WORDS: Final = {"sum", "by", "rate", "increase", "histogram_quantile"}
"""PromQL's own words, as far as the dashboard uses them."""

Json = dict[str, Any]


def _dashboard() -> Json:
    found: Json = json.loads(
        (MONITORING / "grafana" / "dashboard.json").read_text(encoding="utf-8")
    )
    return found


def _expressions() -> list[str]:
    return [target["expr"] for panel in _dashboard()["panels"] for target in panel["targets"]]


def _metrics_in(expression: str) -> set[str]:
    """The metrics an expression names: its words without matchers, ranges, lists of labels and
    PromQL's own."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|by \([^)]*\)", " ", expression)
    return set(re.findall(r"[:a-zA-Z_][:\w]*", bare)) - WORDS


@pytest.fixture
def metered(start_server: StartServer, toy_base: Path) -> Protocols:
    protocols: Protocols = start_server(model_base_path=toy_base, monitoring_config_file=CONFIG)
    return protocols


def test_dashboard_asks_only_for_metrics_that_exist(metered: Protocols) -> None:
    metered.predict(ask({"images": BLANK}))
    page = metered.rest.get(str(read_metrics_path(CONFIG))).text
    exposed = set(re.findall(r"^([^#{\s]+)", page, flags=re.MULTILINE))
    assert _expressions()
    for expression in _expressions():
        named = _metrics_in(expression)
        assert named, expression
        assert named <= exposed | TF_SERVING | PROMETHEUS_OWN, expression


def test_dashboard_has_the_shape_that_grafana_reads() -> None:
    dashboard = _dashboard()
    assert dashboard["uid"] and dashboard["title"] and dashboard["schemaVersion"] >= 36
    panels = dashboard["panels"]
    assert (
        len({panel["id"] for panel in panels})
        == len({panel["title"] for panel in panels})
        == len(panels)
    )
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        assert panel["type"] in ("timeseries", "stat") and panel["description"]
        place = panel["gridPos"]
        cells = {
            (place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])
        }
        assert max(x for x, _ in cells) < 24, "the grid has 24 columns"
        assert not cells & taken, f"'{panel['title']}' lies on another panel"
        taken |= cells
        assert [target["refId"] for target in panel["targets"]] == ["A", "B", "C"][
            : len(panel["targets"])
        ]
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(panels)))
    assert used - {"__rate_interval"} == variables


def test_scrape_configuration_reads_the_path_that_the_server_opens() -> None:
    (job,) = yaml.safe_load((MONITORING / "prometheus.yml").read_text(encoding="utf-8"))[
        "scrape_configs"
    ]
    assert job["metrics_path"] == read_metrics_path(CONFIG)
    assert job["static_configs"] == [{"targets": ["serving:8501"]}]
    assert all(
        f'job="{job["job_name"]}"' in expression
        for expression in _expressions()
        if "job=" in expression
    )


def test_compose_overlay_mounts_files_that_are_there_and_opens_no_port_to_others() -> None:
    services = yaml.safe_load((ROOT / "compose.monitoring.yaml").read_text(encoding="utf-8"))[
        "services"
    ]
    mounts = [mount.split(":") for service in services.values() for mount in service["volumes"]]
    assert all(
        (ROOT / source).is_file() and mode == ["ro"]
        for source, _, *mode in mounts
        if source.startswith(".")
    )
    for service in services.values():
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        assert service["read_only"] and service["cap_drop"] == ["ALL"]
    source = yaml.safe_load(
        (MONITORING / "grafana" / "datasource.yml").read_text(encoding="utf-8")
    )["datasources"][0]
    assert source["url"] == "http://prometheus:9090"


@pytest.fixture
def prometheus(metered: Protocols, tmp_path: Path) -> Iterator[httpx.Client]:
    """The real Prometheus, with the configuration as shipped but for the address and the pace."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("prometheus is not installed (Debian: apt-get install prometheus)")
    configuration = yaml.safe_load((MONITORING / "prometheus.yml").read_text(encoding="utf-8"))
    configuration["global"]["scrape_interval"] = "1s"
    configuration["scrape_configs"][0]["static_configs"] = [
        {"targets": [metered.rest.base_url.netloc.decode()]}
    ]
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    port = free_port()
    flags = [
        f"--config.file={tmp_path / 'prometheus.yml'}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
    ]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, *flags, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=SECONDS) as client:
            _wait_until_ready(client, tmp_path / "log")
            yield client
    finally:
        process.terminate()
        process.wait(SECONDS)


def _wait_until_ready(client: httpx.Client, log: Path) -> None:
    until = time.monotonic() + 3 * SECONDS
    while True:
        try:
            if client.get("/-/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.1)


def _query(prometheus: httpx.Client, expression: str) -> list[Json]:
    answer = prometheus.get("/api/v1/query", params={"query": expression}).json()
    assert answer["status"] == "success", f"{expression}: {answer}"
    result: list[Json] = answer["data"]["result"]
    return result


def _wait_for_value(prometheus: httpx.Client, expression: str, value: float) -> None:
    until = time.monotonic() + 3 * SECONDS
    while (seen := [float(series["value"][1]) for series in _query(prometheus, expression)]) != [
        value
    ]:
        assert time.monotonic() < until, f"{expression} is {seen}"
        time.sleep(0.2)


def _wait_for_any(prometheus: httpx.Client, expression: str) -> None:
    """Rates need two scrapes; after those, nothing that the dashboard asks may be empty."""
    until = time.monotonic() + 3 * SECONDS
    while not _query(prometheus, expression):
        assert time.monotonic() < until, f"{expression} has no answer"
        time.sleep(0.2)


@pytest.mark.prometheus
def test_prometheus_counts_the_calls_that_were_made(
    metered: Protocols, prometheus: httpx.Client
) -> None:
    for _ in range(7):
        metered.predict(ask({"images": BLANK}))
    for _ in range(3):
        assert metered.post({"instances": BLANK.tolist()}).status_code == 200
    for _ in range(2):
        fault_of(lambda: metered.predict(ask({"images": BLANK}, signature="nope")))
    _wait_for_value(
        prometheus, 'sum(:tensorflow:serving:request_count{model_name="digits",status="OK"})', 10
    )
    _wait_for_value(
        prometheus,
        'sum(:tensorflow:serving:request_count{model_name="digits",status="FAILED_PRECONDITION"})',
        2,
    )
    _wait_for_value(
        prometheus,
        'sum(:tensorflow:serving:request_latency_count{entrypoint="GRPC",API="Predict"})',
        7,
    )
    for expression in _expressions():
        if not _metrics_in(expression) & TF_SERVING:
            _wait_for_any(
                prometheus, expression.replace("$__rate_interval", "1m").replace("$model", ".*")
            )
