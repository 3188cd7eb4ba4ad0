"""What the manifests say to the trainer: settings, variables, volumes, workers. Run, where it can
be run without a cluster."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from digits.settings import read
from tests.support.kubernetes_manifests import (
    OVERLAY_FOLDER,
    OVERLAYS,
    ROOT,
    built,
    config_data,
    of_kind,
    read_as,
    the_pod,
)
from trainer.errors import TrainerError
from trainer.settings import TrainerSettings

TRAININGS: Final = sorted(
    overlay for overlay in OVERLAYS if overlay.startswith("train") or overlay == "choose"
)
DOCKERFILE: Final = (ROOT / "Dockerfile.cpu").read_text(encoding="utf-8")


@pytest.mark.parametrize("overlay", TRAININGS)
def test_training_has_a_gpu_just_when_its_image_needs_one(overlay: str) -> None:
    [container] = the_pod(overlay, "trainer").containers
    on_a_gpu = container["image"].startswith("inkwell-trainer-gpu:")
    assert on_a_gpu == ("nvidia.com/gpu" in container["resources"]["limits"])
    assert on_a_gpu == (overlay not in {"train-cpu", "choose"})


@pytest.mark.parametrize("overlay", TRAININGS)
def test_trainer_takes_the_flags_and_settings_of_the_manifest(overlay: str, tmp_path: Path) -> None:
    [container] = the_pod(overlay, "trainer").containers
    if (
        "--strategy=multiworker" in container["args"]
        and "strategy" not in TrainerSettings.model_fields
    ):
        pytest.skip("the trainer has no --strategy yet")
    settings = read_as(
        TrainerSettings, container, config_data(built(overlay), "training"), tmp_path
    )
    assert settings.recipe == TrainerSettings().recipe == "best"
    assert not any(variable["name"].startswith("INKWELL_") for variable in container.get("env", []))


@pytest.mark.parametrize("overlay", TRAININGS)
def test_trainer_writes_where_volumes_are_mounted(overlay: str) -> None:
    [container] = the_pod(overlay, "trainer").containers
    written = {
        mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")
    }
    settings = TrainerSettings()
    assert "WORKDIR /\n" in DOCKERFILE
    assert {f"/{settings.models}", f"/{settings.folder().parent}", "/tmp"} == written


@pytest.mark.parametrize("overlay", TRAININGS)
def test_refusals_of_the_trainer_are_not_tried_again(overlay: str) -> None:
    [document] = [one for one in built(overlay) if one["kind"] in {"Job", "JobSet"}]
    job = (
        document["spec"]
        if document["kind"] == "Job"
        else document["spec"]["replicatedJobs"][0]["template"]["spec"]
    )
    [rule] = [rule for rule in job["podFailurePolicy"]["rules"] if rule["action"] == "FailJob"]
    assert rule["onExitCodes"]["values"] == sorted(
        {2, *(error.exit_code for error in TrainerError.__subclasses__())}
    )
    assert rule["onExitCodes"]["containerName"] == job["template"]["spec"]["containers"][0]["name"]


def _spread() -> tuple[int, dict[str, str], list[str]]:
    """How many pods there are, their variables, and their arguments after the interpreter."""
    [job] = of_kind(built("train-spread"), "Job")
    [container] = the_pod("train-spread", "trainer").containers
    assert job["spec"]["completionMode"] == "Indexed"
    assert container["command"] == ["python", "/spread/spread.py"]
    variables = {variable["name"]: variable["value"] for variable in container["env"]}
    return job["spec"]["completions"], variables, container["args"]


def _run_spread(
    index: int, variables: dict[str, str], arguments: list[str], path: Path
) -> subprocess.CompletedProcess[str]:
    """What the container of one index runs, in the environment that its image sets, with the
    modules below `path`."""
    environment = {
        "PYTHONPATH": str(path),
        "PYTHONSAFEPATH": "1",
        **variables,
        "JOB_COMPLETION_INDEX": str(index),
    }
    script = OVERLAY_FOLDER / "train-spread" / "spread.py"
    return subprocess.run(
        [sys.executable, str(script), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_spread_pods_train_every_network_with_every_seed_once(tmp_path: Path) -> None:
    (tmp_path / "trainer").mkdir()
    (tmp_path / "trainer" / "__main__.py").write_text(
        "import shlex, sys\nprint(shlex.join(sys.argv[1:]))\n"
    )
    count, variables, arguments = _spread()
    assert config_data(built("train-spread"), "spread") == {
        "spread.py": (OVERLAY_FOLDER / "train-spread" / "spread.py").read_text()
    }
    seen = set()
    for index in range(count):
        run = _run_spread(index, variables, arguments, tmp_path)
        assert run.returncode == 0, run.stderr
        settings = read(
            TrainerSettings,
            [one for one in shlex.split(run.stdout) if not one.startswith("--config")],
        )
        assert settings.publish == "none"
        seen.add((settings.architectures, settings.seed))
    assert seen == {
        ((architecture,), seed)
        for architecture in ("conv3", "conv5", "conv7")
        for seed in (1, 2, 3)
    }
    assert _run_spread(count, variables, arguments, tmp_path).returncode != 0


def test_choice_finds_the_runs_that_the_spread_made(tmp_path: Path) -> None:
    _, variables, _ = _spread()
    [container] = the_pod("choose", "trainer").containers
    choice = read_as(TrainerSettings, container, config_data(built("choose"), "training"), tmp_path)
    assert choice.publish_only and str(choice.seed) in variables["SEEDS"].split(",")
    assert set(choice.architectures) == set(variables["ARCHITECTURES"].split(","))
    assert config_data(built("choose"), "training") == config_data(
        built("train-spread"), "training"
    )


# Several workers


def _expand(text: str, variables: dict[str, str]) -> str:
    """Put variables in as Kubernetes does: `$(NAME)` where NAME came before it.

    Source: kubernetes.io, Define dependent environment variables.
    """
    return re.sub(r"\$\((\w+)\)", lambda found: variables.get(found[1], found[0]), text)


def test_workers_find_each_other_by_the_names_that_job_set_gives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import tensorflow as tf  # noqa: PLC0415 - seconds, and only here

    [job_set] = of_kind(built("train-multiworker"), "JobSet")
    name, [job] = job_set["metadata"]["name"], job_set["spec"]["replicatedJobs"]
    container = job["template"]["spec"]["template"]["spec"]["containers"][0]
    count, subdomain = (
        job["template"]["spec"]["completions"],
        job_set["spec"]["network"]["subdomain"],
    )
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
            "worker": [
                f"{name}-{job['name']}-0-{worker}.{subdomain}:{port}" for worker in range(count)
            ]
        }
        assert json.loads(os.environ["TF_CONFIG"])["task"]["index"] == index
