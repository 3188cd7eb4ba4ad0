"""What `kubectl kustomize` makes of each overlay, and the pods in it."""

import copy
import functools
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import yaml  # type: ignore[import-untyped]  # it ships no types

from digits.settings import AnySettings, read

ROOT: Final = Path(__file__).parents[2]
OVERLAY_FOLDER: Final = ROOT / "deploy" / "kubernetes" / "overlays"
OVERLAYS: Final = sorted(path.parent.name for path in OVERLAY_FOLDER.glob("*/kustomization.yaml"))
KSERVE_OWN: Final = {
    "predictor": {"minReplicas", "maxReplicas", "scaleMetric", "scaleTarget", "model"},
    "model": {"modelFormat", "runtime", "runtimeVersion", "storageUri"},
}
"""Fields of an InferenceService (v1beta1) beside those of a pod and a container, as far as ours
uses them.

Source: kserve/kserve, pkg/apis/serving/v1beta1/component.go and predictor.go, read in August 2026.
"""

Document = dict[str, Any]


@dataclass(frozen=True)
class Pod:
    """One kind of pod that an overlay starts.

    Attributes:
        owner: the document that starts it, as kind/name.
        labels: what selectors look for.
        spec: its PodSpec.
    """

    owner: str
    labels: dict[str, str]
    spec: Document

    @property
    def containers(self) -> list[Document]:
        """All of them, those that only begin too."""
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]


def built(overlay: str) -> list[Document]:
    """The documents of an overlay; yours to change."""
    return copy.deepcopy(_built(overlay))


@functools.cache
def _built(overlay: str) -> list[Document]:
    beside_python = Path(sys.executable).parent / "kubectl"  # from requirements/dev.txt
    kubectl = str(beside_python) if beside_python.exists() else shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed; its package has builds for Linux on x86_64 only")
    run = subprocess.run(
        [kubectl, "kustomize", str(OVERLAY_FOLDER / overlay)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return list(yaml.safe_load_all(run.stdout))


def of_kind(documents: list[Document], kind: str) -> list[Document]:
    """Those of one kind."""
    return [document for document in documents if document["kind"] == kind]


def config_data(documents: list[Document], prefix: str) -> dict[str, str]:
    """Files of the one ConfigMap whose name begins so."""
    [found] = [
        document
        for document in of_kind(documents, "ConfigMap")
        if document["metadata"]["name"].startswith(f"{prefix}-")
    ]
    data: dict[str, str] = found["data"]
    return data


def pods(documents: list[Document]) -> list[Pod]:
    """The pods that the documents start."""
    return [pod for document in documents for pod in _pods_of(document)]


def the_pod(overlay: str, name: str) -> Pod:
    """The one pod with that app.kubernetes.io/name."""
    [pod] = [pod for pod in pods(built(overlay)) if pod.labels["app.kubernetes.io/name"] == name]
    return pod


def read_as(
    settings: type[AnySettings], container: Document, files: dict[str, str], tmp_path: Path
) -> AnySettings:
    """The container's arguments, as its program reads them; the files of /config lie in
    `tmp_path`."""
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return read(
        settings, [argument.replace("/config/", f"{tmp_path}/") for argument in container["args"]]
    )


def _pods_of(document: Document) -> list[Pod]:
    owner, spec = f"{document['kind']}/{document['metadata']['name']}", document.get("spec", {})
    if document["kind"] in {"Deployment", "Job"}:
        return [_from_template(owner, spec["template"])]
    if document["kind"] == "JobSet":
        return [
            _from_template(owner, job["template"]["spec"]["template"])
            for job in spec["replicatedJobs"]
        ]
    if document["kind"] == "InferenceService":
        return [Pod(owner, document["metadata"]["labels"], _predictor(spec["predictor"]))]
    assert "template" not in spec, f"{owner} may start pods that the tests do not see"
    return []


def _from_template(owner: str, template: Document) -> Pod:
    return Pod(owner, template["metadata"]["labels"], template["spec"])


def _predictor(predictor: Document) -> Document:
    """The pod that KServe makes: the predictor's own fields, with the model as its container."""
    container = {
        name: value for name, value in predictor["model"].items() if name not in KSERVE_OWN["model"]
    }
    image = f"docker.io/tensorflow/serving:{predictor['model']['runtimeVersion']}"
    spec = {name: value for name, value in predictor.items() if name not in KSERVE_OWN["predictor"]}
    return spec | {"containers": [container | {"name": "kserve-container", "image": image}]}
