"""What the manifests say to servers and page: flags, images, files, probes. Run, where it can be
run without a cluster."""

import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest
import yaml  # type: ignore[import-untyped]  # it ships no types

from digits.settings import read
from serving.server.server import Server
from serving.server.settings import ServerSettings
from tests.support.kubernetes_manifests import (
    OVERLAYS,
    ROOT,
    built,
    config_data,
    of_kind,
    pods,
    read_as,
    the_pod,
)
from tests.support.ports import free_port
from ui.settings import PageSettings

PROBES: Final = ("readinessProbe", "startupProbe", "livenessProbe")
CONFIG: Final = ROOT / "serving" / "tensorflow_serving"
DOCKERFILE: Final = (ROOT / "Dockerfile.cpu").read_text(encoding="utf-8")
COMPOSE: Final = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]


# TensorFlow Serving and the embedded server


def test_config_map_holds_the_files_that_compose_mounts() -> None:
    files = {path.name: path.read_text(encoding="utf-8") for path in CONFIG.glob("*.config")}
    for overlay in ("tensorflow-serving", "embedded", "kserve"):
        assert config_data(built(overlay), "tensorflow-serving") == files


def test_tensorflow_serving_is_started_as_compose_starts_it() -> None:
    [container] = the_pod("tensorflow-serving", "serving").containers
    assert container["command"] == COMPOSE["serving"]["entrypoint"]
    assert container["args"] == [
        *COMPOSE["serving"]["command"],
        "--enable_grpc_healthcheck_service=true",
    ]
    assert container["image"] in COMPOSE["serving"]["image"]


def test_batching_is_on_only_where_it_is_asked_for() -> None:
    """It lets one caller break the calls of others."""
    batching = ["--enable_batching=true", "--batching_parameters_file=/config/batching.config"]
    asked = yaml.safe_load((ROOT / "compose.batching.yaml").read_text(encoding="utf-8"))
    plain = COMPOSE["serving"]["command"]
    assert asked["services"]["serving"]["command"] == [*plain, *batching]
    [container] = the_pod("tensorflow-serving-batching", "serving").containers
    assert container["args"][-2:] == batching
    for overlay in ("tensorflow-serving", "tensorflow-serving-gpu", "kserve", "monitored"):
        [container] = the_pod(overlay, "serving").containers
        assert not any("batching" in flag for flag in container["args"])


def test_kserve_adds_flags_of_compose_that_its_runtime_lacks() -> None:
    [container] = the_pod("kserve", "serving").containers
    assert container["args"] == [
        flag
        for flag in COMPOSE["serving"]["command"]
        if "port=" not in flag and "model_config_file" not in flag
    ]
    assert container["image"] in COMPOSE["serving"]["image"]


def test_tensorflow_serving_on_a_gpu_is_the_image_of_compose() -> None:
    [container] = the_pod("tensorflow-serving-gpu", "serving").containers
    compose = yaml.safe_load((ROOT / "compose.gpu.yaml").read_text(encoding="utf-8"))["services"][
        "serving"
    ]
    assert container["image"] in compose["image"]
    assert (
        container["resources"]["limits"]["nvidia.com/gpu"]
        == compose["deploy"]["resources"]["reservations"]["devices"][0]["count"]
    )


def test_embedded_server_is_started_as_compose_starts_it(tmp_path: Path) -> None:
    [container] = the_pod("embedded", "serving").containers
    compose = yaml.safe_load((ROOT / "compose.embedded.yaml").read_text(encoding="utf-8"))[
        "services"
    ]["serving"]
    assert (container["command"], container["args"]) == (compose["entrypoint"], compose["command"])
    settings = read_as(
        ServerSettings, container, config_data(built("embedded"), "tensorflow-serving"), tmp_path
    )
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"grpc": settings.port, "rest": settings.rest_api_port}


@contextmanager
def serve(models: Path) -> Iterator[str]:
    """REST address of an embedded server that serves the folder of a model."""
    settings = ServerSettings(
        model_base_path=models,
        port=free_port(),
        rest_api_port=free_port(),
        file_system_poll_wait_seconds=0,
    )
    server = Server(settings)
    server.load()
    server.start()
    yield f"http://127.0.0.1:{settings.rest_api_port}"
    server.drain(5)


@pytest.fixture(scope="module")
def rest() -> Iterator[str]:
    """REST address of an embedded server that serves the released model."""
    with serve(ROOT / "models" / "digits") as address:
        yield address


@pytest.mark.parametrize("overlay", ["tensorflow-serving", "embedded", "kserve"])
@pytest.mark.parametrize("probe", PROBES)
def test_probe_of_a_server_is_answered_200_when_the_model_is_served(
    overlay: str, probe: str, rest: str
) -> None:
    path = the_pod(overlay, "serving").containers[0][probe]["httpGet"]["path"]
    assert httpx.get(f"{rest}{path}", timeout=20).status_code == 200


def test_server_with_nothing_but_a_broken_version_is_alive_and_not_ready(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"half a copy")
    container = the_pod("embedded", "serving").containers[0]
    with serve(tmp_path) as address:
        answers = {
            probe: httpx.get(
                f"{address}{container[probe]['httpGet']['path']}", timeout=20
            ).status_code
            for probe in PROBES
        }
    assert answers == {"readinessProbe": 404, "startupProbe": 404, "livenessProbe": 200}


def test_server_ends_after_its_calls_do() -> None:
    for overlay in ("tensorflow-serving", "embedded", "kserve"):
        pod = the_pod(overlay, "serving")
        pause = pod.containers[0]["lifecycle"]["preStop"]["sleep"]["seconds"]
        drain = ServerSettings.model_fields["drain_seconds"].default
        assert pause + drain < pod.spec.get("terminationGracePeriodSeconds", 30), overlay


# The page


@pytest.mark.parametrize(
    "overlay", ["tensorflow-serving", "tensorflow-serving-gpu", "embedded", "monitored", "kserve"]
)
def test_page_asks_a_server_of_the_overlay_that_it_may_reach(overlay: str) -> None:
    documents = built(overlay)
    settings = read(PageSettings, the_pod(overlay, "page").containers[0]["args"])
    host, _, port = settings.server.removeprefix("grpc://").partition(":")
    server = the_pod(overlay, "serving").containers[0]
    services = {one["metadata"]["name"] for one in of_kind(documents, "Service")}
    services |= {
        f"{one['metadata']['name']}-predictor" for one in of_kind(documents, "InferenceService")
    }
    assert host in services
    [grpc] = [one["containerPort"] for one in server["ports"] if one["name"] in {"grpc", "h2c"}]
    [policy] = [
        one["spec"]
        for one in of_kind(documents, "NetworkPolicy")
        if one["metadata"]["name"] == "page"
    ]
    [serving] = [
        one["spec"]
        for one in of_kind(documents, "NetworkPolicy")
        if one["metadata"]["name"] == "serving"
    ]
    assert int(port) == grpc == policy["egress"][0]["ports"][0]["port"]
    assert grpc in {one["port"] for one in serving["ingress"][0]["ports"]}


def test_page_is_probed_where_its_image_checks_itself() -> None:
    container = the_pod("tensorflow-serving", "page").containers[0]
    [port] = [one["containerPort"] for one in container["ports"]]
    for probe in PROBES:
        assert f"get('http://localhost:{port}{container[probe]['httpGet']['path']}'" in DOCKERFILE


# Images


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_images_are_those_that_compose_builds_in_this_version(overlay: str) -> None:
    embedded = yaml.safe_load((ROOT / "compose.embedded.yaml").read_text(encoding="utf-8"))[
        "services"
    ]
    ours = {
        service["image"]
        for service in (*COMPOSE.values(), *embedded.values())
        if "build" in service
    }
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "version"
    ]
    assert f"ARG VERSION={version}\n" in DOCKERFILE
    for pod in pods(built(overlay)):
        for container in pod.containers:
            name, _, tag = container["image"].partition(":")
            assert name.endswith("tensorflow/serving") or (name in ours and tag == version)


def test_pods_run_as_the_user_of_the_images() -> None:
    assert "USER 10001:10001\n" in DOCKERFILE


# What is written about them


def test_documents_name_overlays_that_exist() -> None:
    texts = {
        name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/scaling.md")
    }
    applied = {
        overlay
        for text in texts.values()
        for overlay in re.findall(r"deploy/kubernetes/overlays/([a-z-]+)", text)
    }
    assert applied <= set(OVERLAYS)
    table = re.findall(
        r"^\| (`[a-z-]+`(?:,(?: then)? `[a-z-]+`)*) \|", texts["docs/scaling.md"], re.MULTILINE
    )
    assert sorted(re.findall(r"`([a-z-]+)`", " ".join(table))) == OVERLAYS


@pytest.mark.parametrize(
    "page",
    [
        "docs/scaling.md",
        "docs/decisions/0011-scaling-with-existing-engines.md",
    ],
)
def test_links_of_the_pages_lead_somewhere(page: str) -> None:
    path = ROOT / page
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text(encoding="utf-8")):
        assert (path.parent / link).exists(), link
