"""The manifests, held against the published schemas of their kinds."""

import functools
import json
from collections.abc import Callable
from typing import Any, Final

import kubernetes_validate
import pytest
from kubeflow_trainer_api.models.jobset_v1alpha2_job_set import JobsetV1alpha2JobSet

from tests.support.kubernetes_manifests import KSERVE_OWN, OVERLAYS, Document, built, of_kind, pods

VERSIONS: Final = ("1.30", kubernetes_validate.latest_version())
"""The oldest Kubernetes that has all we use (a pod's `preStop.sleep` without a feature gate), and
the newest known here."""
EXTENSIONS: Final = {"JobSet", "InferenceService", "ServiceMonitor"}
"""Kinds that Kubernetes itself does not have."""


@functools.cache
def _check(document: str, version: str) -> None:
    kubernetes_validate.validate(json.loads(document), version, strict=True)


def check(document: Document, version: str) -> None:
    """Hold a document of Kubernetes' own kinds against its schema; unknown fields are errors."""
    _check(json.dumps(document, sort_keys=True), version)


def lost(written: Any, read: Any, path: str = "") -> list[str]:
    """Paths of `written` that `read` lacks or has otherwise; what `read` has in addition are
    defaults."""
    if isinstance(written, dict) and isinstance(read, dict):
        return [
            fault
            for name, value in written.items()
            for fault in lost(value, read.get(name), f"{path}.{name}")
        ]
    if isinstance(written, list) and isinstance(read, list) and len(written) == len(read):
        pairs = enumerate(zip(written, read, strict=True))
        return [
            fault
            for number, (one, other) in pairs
            for fault in lost(one, other, f"{path}[{number}]")
        ]
    return [] if written == read else [path]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_documents_fit_the_published_schemas_of_kubernetes(overlay: str, version: str) -> None:
    own = [document for document in built(overlay) if document["kind"] not in EXTENSIONS]
    assert own
    for document in own:
        check(document, version)


@pytest.mark.parametrize(
    "break_it",
    [
        lambda spec: spec.update(replica=1),
        lambda spec: spec.pop("selector"),
        lambda spec: spec["template"]["spec"]["containers"][0]["ports"][0].update(
            containerPort="8500"
        ),
    ],
    ids=["unknown", "missing", "mistyped"],
)
def test_schema_check_finds_a_broken_field(break_it: Callable[[Document], Any]) -> None:
    [deployment] = [
        one
        for one in of_kind(built("tensorflow-serving"), "Deployment")
        if one["metadata"]["name"] == "serving"
    ]
    break_it(deployment["spec"])
    with pytest.raises(kubernetes_validate.ValidationError):
        check(deployment, VERSIONS[-1])


@pytest.mark.parametrize("version", VERSIONS)
def test_job_set_fits_its_published_models_and_its_jobs_those_of_kubernetes(version: str) -> None:
    [job_set] = of_kind(built("train-multiworker"), "JobSet")
    read = JobsetV1alpha2JobSet.from_dict(job_set)
    assert read is not None
    assert lost(job_set, read.to_dict()) == []
    for job in job_set["spec"]["replicatedJobs"]:
        check(
            {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "metadata": {"name": job["name"]},
                "spec": job["template"]["spec"],
            },
            version,
        )


def test_job_set_with_a_misspelt_field_loses_it() -> None:
    [job_set] = of_kind(built("train-multiworker"), "JobSet")
    job_set["spec"]["replicatedJobs"][0]["template"]["spec"]["completion"] = 2
    read = JobsetV1alpha2JobSet.from_dict(job_set)
    assert read is not None
    assert lost(job_set, read.to_dict()) == [".spec.replicatedJobs[0].template.spec.completion"]


def test_service_monitor_fits_its_published_models() -> None:
    from cloudcoil.models.prometheus_operator.v1 import ServiceMonitor  # noqa: PLC0415 - three seconds

    [monitor] = of_kind(built("monitored"), "ServiceMonitor")
    assert (
        lost(monitor, ServiceMonitor.model_validate(monitor).model_dump(mode="json", by_alias=True))
        == []
    )
    monitor["spec"]["endpoints"][0]["paths"] = "/metrics"
    assert lost(
        monitor, ServiceMonitor.model_validate(monitor).model_dump(mode="json", by_alias=True)
    ) == [".spec.endpoints[0].paths"]


@pytest.mark.parametrize("version", VERSIONS)
def test_inference_service_is_a_pod_but_for_the_fields_of_kserve(version: str) -> None:
    """No package here carries KServe's schema; its own fields are listed by hand, the rest is a
    pod's and a container's."""
    [service] = of_kind(built("kserve"), "InferenceService")
    assert set(service) == {"apiVersion", "kind", "metadata", "spec"} and set(service["spec"]) == {
        "predictor"
    }
    assert set(service["spec"]["predictor"]) >= KSERVE_OWN["predictor"]
    assert set(service["spec"]["predictor"]["model"]) >= KSERVE_OWN["model"]
    [pod] = pods([service])
    check(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "digits"}, "spec": pod.spec},
        version,
    )
