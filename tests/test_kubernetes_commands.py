"""What the manifests say to our programs: flags, variables, images, paths. Run, where it can be run without a cluster."""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest
import yaml  # type: ignore[import-untyped]  # it ships no types

from digits.settings import Settings, read
from serving.server.lifecycle import Server
from serving.server.settings import ServerSettings
from tests.kubernetes_manifests import OVERLAY_FOLDER, OVERLAYS, ROOT, Document, Pod, built, config_data, of_kind, pods
from tests.server_fixtures import free_port
from trainer.errors import TrainerError
from trainer.settings import TrainerSettings
from ui.settings import PageSettings

CONFIG: Final = ROOT / "serving" / "tensorflow_serving"
DOCKERFILE: Final = (ROOT / "Dockerfile.cpu").read_text(encoding="utf-8")
COMPOSE: Final = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
TRAININGS: Final = sorted(overlay for overlay in OVERLAYS if overlay.startswith("train") or overlay == "choose")


def the_pod(overlay: str, name: str) -> Pod:
    """The one pod with that app.kubernetes.io/name."""
    [pod] = [pod for pod in pods(built(overlay)) if pod.labels["app.kubernetes.io/name"] == name]
    return pod


def read_as(settings: type[Settings], container: Document, files: dict[str, str], tmp_path: Path) -> Settings:
    """The container's arguments, as its program reads them; the files of /config lie in `tmp_path`."""
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return read(settings, [argument.replace("/config/", f"{tmp_path}/") for argument in container["args"]])


# TensorFlow Serving and the embedded server


def test_config_map_holds_the_files_that_compose_mounts() -> None:
    files = {path.name: path.read_text(encoding="utf-8") for path in CONFIG.glob("*.config")}
    for overlay in ("tensorflow-serving", "embedded", "kserve"):
        assert config_data(built(overlay), "tensorflow-serving") == files


def test_tensorflow_serving_is_started_as_compose_starts_it() -> None:
    [container] = the_pod("tensorflow-serving", "serving").containers
    assert container["command"] == COMPOSE["serving"]["entrypoint"]
    assert container["args"] == [*COMPOSE["serving"]["command"], "--enable_grpc_healthcheck_service=true"]
    assert container["image"] in COMPOSE["serving"]["image"]


def test_kserve_adds_flags_of_compose_that_its_runtime_lacks() -> None:
    [container] = the_pod("kserve", "serving").containers
    assert container["args"] == [flag for flag in COMPOSE["serving"]["command"] if "port=" not in flag and "model_config_file" not in flag]
    assert container["image"] in COMPOSE["serving"]["image"]


def test_tensorflow_serving_on_a_gpu_is_the_image_of_compose() -> None:
    [container] = the_pod("tensorflow-serving-gpu", "serving").containers
    compose = yaml.safe_load((ROOT / "compose.gpu.yaml").read_text(encoding="utf-8"))["services"]["serving"]
    assert container["image"] in compose["image"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == compose["deploy"]["resources"]["reservations"]["devices"][0]["count"]


def test_embedded_server_is_started_as_compose_starts_it(tmp_path: Path) -> None:
    [container] = the_pod("embedded", "serving").containers
    compose = yaml.safe_load((ROOT / "compose.embedded.yaml").read_text(encoding="utf-8"))["services"]["serving"]
    assert (container["command"], container["args"]) == (compose["entrypoint"], compose["command"])
    settings = read_as(ServerSettings, container, config_data(built("embedded"), "tensorflow-serving"), tmp_path)
    assert isinstance(settings, ServerSettings)
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"grpc": settings.port, "rest": settings.rest_api_port}


@contextmanager
def serve(models: Path) -> Iterator[str]:
    """REST address of an embedded server that serves the folder of a model."""
    settings = ServerSettings(model_base_path=models, port=free_port(), rest_api_port=free_port(), file_system_poll_wait_seconds=0)
    server = Server(settings)
    server.start()
    yield f"http://127.0.0.1:{settings.rest_api_port}"
    server.drain(5)


@pytest.fixture(scope="module")
def rest() -> Iterator[str]:
    """REST address of an embedded server that serves the released model."""
    with serve(ROOT / "models" / "digits") as address:
        yield address


@pytest.mark.parametrize("overlay", ["tensorflow-serving", "embedded", "kserve"])
@pytest.mark.parametrize("probe", ["readinessProbe", "startupProbe", "livenessProbe"])
def test_probe_of_a_server_is_answered_200_when_the_model_is_served(overlay: str, probe: str, rest: str) -> None:
    path = the_pod(overlay, "serving").containers[0][probe]["httpGet"]["path"]
    assert httpx.get(f"{rest}{path}", timeout=20).status_code == 200


def test_server_without_a_version_is_not_ready(tmp_path: Path) -> None:
    container = the_pod("embedded", "serving").containers[0]
    with serve(tmp_path) as address:
        for probe in ("readinessProbe", "startupProbe"):
            assert httpx.get(f"{address}{container[probe]['httpGet']['path']}", timeout=20).status_code == 404


def test_server_ends_after_its_calls_do() -> None:
    for overlay in ("tensorflow-serving", "embedded", "kserve"):
        pod = the_pod(overlay, "serving")
        pause = pod.containers[0]["lifecycle"]["preStop"]["sleep"]["seconds"]
        drain = ServerSettings.model_fields["drain_seconds"].default
        assert pause + drain < pod.spec.get("terminationGracePeriodSeconds", 30), overlay


# The page


@pytest.mark.parametrize("overlay", ["tensorflow-serving", "tensorflow-serving-gpu", "embedded", "monitored", "kserve"])
def test_page_asks_a_server_of_the_overlay_that_it_may_reach(overlay: str) -> None:
    documents = built(overlay)
    settings = read(PageSettings, the_pod(overlay, "page").containers[0]["args"])
    host, _, port = settings.server.removeprefix("grpc://").partition(":")
    server = the_pod(overlay, "serving").containers[0]
    services = {one["metadata"]["name"] for one in of_kind(documents, "Service")}
    services |= {f"{one['metadata']['name']}-predictor" for one in of_kind(documents, "InferenceService")}
    assert host in services
    [grpc] = [one["containerPort"] for one in server["ports"] if one["name"] in {"grpc", "h2c"}]
    [policy] = [one["spec"] for one in of_kind(documents, "NetworkPolicy") if one["metadata"]["name"] == "page"]
    [serving] = [one["spec"] for one in of_kind(documents, "NetworkPolicy") if one["metadata"]["name"] == "serving"]
    assert int(port) == grpc == policy["egress"][0]["ports"][0]["port"]
    assert grpc in {one["port"] for one in serving["ingress"][0]["ports"]}


def test_page_is_probed_where_its_image_checks_itself() -> None:
    container = the_pod("tensorflow-serving", "page").containers[0]
    [port] = [one["containerPort"] for one in container["ports"]]
    for probe in ("readinessProbe", "startupProbe", "livenessProbe"):
        assert f"get('http://localhost:{port}{container[probe]['httpGet']['path']}'" in DOCKERFILE


# Images


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_images_are_those_that_compose_builds_in_this_version(overlay: str) -> None:
    embedded = yaml.safe_load((ROOT / "compose.embedded.yaml").read_text(encoding="utf-8"))["services"]
    ours = {service["image"] for service in (*COMPOSE.values(), *embedded.values()) if "build" in service}
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert f"ARG VERSION={version}\n" in DOCKERFILE
    for pod in pods(built(overlay)):
        for container in pod.containers:
            name, _, tag = container["image"].partition(":")
            assert name.endswith("tensorflow/serving") or (name in ours and tag == version)


def test_pods_run_as_the_user_of_the_images() -> None:
    assert "USER 10001:10001\n" in DOCKERFILE


@pytest.mark.parametrize("overlay", TRAININGS)
def test_training_has_a_gpu_just_when_its_image_needs_one(overlay: str) -> None:
    [container] = the_pod(overlay, "trainer").containers
    on_a_gpu = container["image"].startswith("inkwell-trainer-gpu:")
    assert on_a_gpu == ("nvidia.com/gpu" in container["resources"]["limits"])
    assert on_a_gpu == (overlay not in {"train-cpu", "choose"})


# The trainer


@pytest.mark.parametrize("overlay", TRAININGS)
def test_trainer_takes_the_flags_and_settings_of_the_manifest(overlay: str, tmp_path: Path) -> None:
    [container] = the_pod(overlay, "trainer").containers
    if "--strategy=multiworker" in container["args"] and "strategy" not in TrainerSettings.model_fields:
        pytest.skip("the trainer has no --strategy yet")
    settings = read_as(TrainerSettings, container, config_data(built(overlay), "training"), tmp_path)
    assert isinstance(settings, TrainerSettings)
    assert settings.recipe == "notebook"
    assert not any(variable["name"].startswith("INKWELL_") for variable in container.get("env", []))


@pytest.mark.parametrize("overlay", TRAININGS)
def test_trainer_writes_where_volumes_are_mounted(overlay: str) -> None:
    [container] = the_pod(overlay, "trainer").containers
    written = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
    settings = TrainerSettings()
    assert "WORKDIR /\n" in DOCKERFILE
    assert {f"/{settings.models}", f"/{settings.folder().parent}", "/tmp"} == written


@pytest.mark.parametrize("overlay", TRAININGS)
def test_refusals_of_the_trainer_are_not_tried_again(overlay: str) -> None:
    [document] = [one for one in built(overlay) if one["kind"] in {"Job", "JobSet"}]
    job = document["spec"] if document["kind"] == "Job" else document["spec"]["replicatedJobs"][0]["template"]["spec"]
    [rule] = [rule for rule in job["podFailurePolicy"]["rules"] if rule["action"] == "FailJob"]
    assert rule["onExitCodes"]["values"] == sorted({2, *(error.exit_code for error in TrainerError.__subclasses__())})
    assert rule["onExitCodes"]["containerName"] == job["template"]["spec"]["containers"][0]["name"]


def _spread() -> tuple[int, dict[str, str], list[str]]:
    """How many pods there are, their variables, and their arguments after the interpreter."""
    [job] = of_kind(built("train-spread"), "Job")
    [container] = the_pod("train-spread", "trainer").containers
    assert job["spec"]["completionMode"] == "Indexed"
    assert container["command"] == ["python", "/spread/spread.py"]
    variables = {variable["name"]: variable["value"] for variable in container["env"]}
    return job["spec"]["completions"], variables, container["args"]


def _run_spread(index: int, variables: dict[str, str], arguments: list[str], path: Path) -> subprocess.CompletedProcess[str]:
    """What the container of one index runs, in the environment that its image sets, with the modules below `path`."""
    environment = {"PYTHONPATH": str(path), "PYTHONSAFEPATH": "1", **variables, "JOB_COMPLETION_INDEX": str(index)}
    script = OVERLAY_FOLDER / "train-spread" / "spread.py"
    return subprocess.run(
        [sys.executable, str(script), *arguments], env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def test_spread_pods_train_every_network_with_every_seed_once(tmp_path: Path) -> None:
    (tmp_path / "trainer").mkdir()
    (tmp_path / "trainer" / "__main__.py").write_text("import shlex, sys\nprint(shlex.join(sys.argv[1:]))\n")
    count, variables, arguments = _spread()
    assert config_data(built("train-spread"), "spread") == {"spread.py": (OVERLAY_FOLDER / "train-spread" / "spread.py").read_text()}
    seen = set()
    for index in range(count):
        run = _run_spread(index, variables, arguments, tmp_path)
        assert run.returncode == 0, run.stderr
        settings = read(TrainerSettings, [one for one in shlex.split(run.stdout) if not one.startswith("--config")])
        assert settings.publish == "none"
        seen.add((settings.architectures, settings.seed))
    assert seen == {((architecture,), seed) for architecture in ("conv3", "conv5", "conv7") for seed in (1, 2, 3)}
    assert _run_spread(count, variables, arguments, tmp_path).returncode != 0


def test_spread_reaches_the_trainer_itself() -> None:
    _, variables, _ = _spread()
    run = _run_spread(0, variables, ["--config=/nowhere/settings.toml"], ROOT)
    assert run.returncode == 2
    assert "python -m trainer: config: expected a readable TOML file" in run.stderr


def test_choice_finds_the_runs_that_the_spread_made(tmp_path: Path) -> None:
    _, variables, _ = _spread()
    [container] = the_pod("choose", "trainer").containers
    choice = read_as(TrainerSettings, container, config_data(built("choose"), "training"), tmp_path)
    assert isinstance(choice, TrainerSettings)
    assert choice.publish_only and str(choice.seed) in variables["SEEDS"].split(",")
    assert set(choice.architectures) == set(variables["ARCHITECTURES"].split(","))
    assert config_data(built("choose"), "training") == config_data(built("train-spread"), "training")


# Several workers


def _expand(text: str, variables: dict[str, str]) -> str:
    """Put variables in as Kubernetes does: `$(NAME)` where NAME came before it.

    Source: kubernetes.io, Define dependent environment variables.
    """
    return re.sub(r"\$\((\w+)\)", lambda found: variables.get(found[1], found[0]), text)


def test_workers_find_each_other_by_the_names_that_job_set_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf  # noqa: PLC0415 - seconds, and only here

    [job_set] = of_kind(built("train-multiworker"), "JobSet")
    name, [job] = job_set["metadata"]["name"], job_set["spec"]["replicatedJobs"]
    container = job["template"]["spec"]["template"]["spec"]["containers"][0]
    count, subdomain = job["template"]["spec"]["completions"], job_set["spec"]["network"]["subdomain"]
    port = container["ports"][0]["containerPort"]
    assert (count, job["replicas"]) == (job["template"]["spec"]["parallelism"], 1)
    first, second = container["env"]
    assert (first["name"], first["valueFrom"]["fieldRef"]["fieldPath"]) == (
        "WORKER",
        "metadata.annotations['batch.kubernetes.io/job-completion-index']",
    )
    for index in range(count):
        monkeypatch.setenv(second["name"], _expand(second["value"], {"WORKER": str(index)}))
        cluster = tf.distribute.cluster_resolver.TFConfigClusterResolver()
        assert (cluster.task_type, cluster.task_id) == ("worker", index)
        assert cluster.cluster_spec().as_dict() == {
            "worker": [f"{name}-{job['name']}-0-{worker}.{subdomain}:{port}" for worker in range(count)]
        }
        assert json.loads(os.environ["TF_CONFIG"])["task"]["index"] == index
