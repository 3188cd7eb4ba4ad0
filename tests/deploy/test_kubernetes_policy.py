"""What every pod of every overlay must be: restricted, bounded, and wired to things that exist."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.support.kubernetes_manifests import OVERLAYS, Document, Pod, built, of_kind, pods

VOLUMES: Final = {"configMap", "emptyDir", "persistentVolumeClaim"}
"""Of those that the profile "restricted" allows, the ones we need."""


def violations(pod: Pod) -> list[str]:
    """Where a pod falls short of the profile "restricted" and of our own stricter rules.

    Source: kubernetes.io, Pod Security Standards, version 1.30.
    """
    context = pod.spec.get("securityContext", {})
    checks = {
        "runs as root": context.get("runAsNonRoot") is True
        and context.get("runAsUser") == context.get("runAsGroup") == 10001,
        "no seccomp profile": context.get("seccompProfile") == {"type": "RuntimeDefault"},
        "shares the host's namespaces": not any(
            pod.spec.get(name) for name in ("hostNetwork", "hostPID", "hostIPC")
        ),
        "mounts other volumes": all(
            set(volume) - {"name"} <= VOLUMES for volume in pod.spec.get("volumes", [])
        ),
        "gets a token of the cluster": pod.spec.get("automountServiceAccountToken") is False,
        "gets a variable for each service": pod.spec.get("enableServiceLinks") is False,
    }
    return [what for what, fine in checks.items() if not fine] + [
        fault for one in pod.containers for fault in _faults(one)
    ]


def _faults(container: Document) -> list[str]:
    context, resources = container.get("securityContext", {}), container.get("resources", {})
    checks = {
        "may gain privileges": context.get("allowPrivilegeEscalation") is False
        and not context.get("privileged"),
        "keeps capabilities": context.get("capabilities") == {"drop": ["ALL"]},
        "may write to its root": context.get("readOnlyRootFilesystem") is True,
        "changes user": context.get("runAsUser", 10001) == 10001
        and context.get("runAsNonRoot", True) is True,
        "takes a port of the host": not any(
            "hostPort" in port for port in container.get("ports", [])
        ),
        "asks for no share": {"cpu", "memory"} <= set(resources.get("requests", {})),
        "has no bounds": {"cpu", "memory"} <= set(resources.get("limits", {})),
        "cannot write to /tmp": any(
            mount["mountPath"] == "/tmp" for mount in container.get("volumeMounts", [])
        ),
    }
    return [what for what, fine in checks.items() if not fine]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_are_restricted_and_bounded(overlay: str) -> None:
    found = pods(built(overlay))
    assert found
    assert {pod.owner: violations(pod) for pod in found} == {pod.owner: [] for pod in found}


def test_namespace_refuses_pods_that_are_not_restricted() -> None:
    for overlay in OVERLAYS:
        [namespace] = of_kind(built(overlay), "Namespace")
        assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize(
    ("break_it", "fault"),
    [
        (lambda pod, _: pod["securityContext"].pop("runAsNonRoot"), "runs as root"),
        (lambda pod, _: pod["securityContext"].pop("seccompProfile"), "no seccomp profile"),
        (lambda pod, _: pod.update(hostNetwork=True), "shares the host's namespaces"),
        (
            lambda pod, _: pod["volumes"].append({"name": "host", "hostPath": {"path": "/"}}),
            "mounts other volumes",
        ),
        (lambda pod, _: pod.pop("automountServiceAccountToken"), "gets a token of the cluster"),
        (lambda pod, _: pod.pop("enableServiceLinks"), "gets a variable for each service"),
        (
            lambda _, one: one["securityContext"].pop("allowPrivilegeEscalation"),
            "may gain privileges",
        ),
        (
            lambda _, one: one["securityContext"]["capabilities"].update(add=["NET_ADMIN"]),
            "keeps capabilities",
        ),
        (
            lambda _, one: one["securityContext"].pop("readOnlyRootFilesystem"),
            "may write to its root",
        ),
        (lambda _, one: one["securityContext"].update(runAsUser=0), "changes user"),
        (lambda _, one: one["ports"][0].update(hostPort=8500), "takes a port of the host"),
        (lambda _, one: one["resources"]["requests"].pop("cpu"), "asks for no share"),
        (lambda _, one: one["resources"]["limits"].pop("memory"), "has no bounds"),
        (lambda _, one: one.pop("volumeMounts"), "cannot write to /tmp"),
    ],
)
def test_check_of_a_pod_finds_what_is_broken(
    break_it: Callable[[Document, Document], Any], fault: str
) -> None:
    [pod] = [pod for pod in pods(built("tensorflow-serving")) if pod.owner == "Deployment/serving"]
    break_it(pod.spec, pod.spec["containers"][0])
    assert violations(pod) == [fault]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_mounts_and_volumes_name_what_the_overlay_has(overlay: str) -> None:
    documents = built(overlay)
    names = {(document["kind"], document["metadata"]["name"]) for document in documents}
    for pod in pods(documents):
        for volume in pod.spec["volumes"]:
            if "configMap" in volume:
                assert ("ConfigMap", volume["configMap"]["name"]) in names, pod.owner
            if "persistentVolumeClaim" in volume:
                assert (
                    "PersistentVolumeClaim",
                    volume["persistentVolumeClaim"]["claimName"],
                ) in names, pod.owner
        volumes = {volume["name"] for volume in pod.spec["volumes"]}
        assert {
            mount["name"] for one in pod.containers for mount in one["volumeMounts"]
        } == volumes, pod.owner


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_everything_lies_in_one_namespace(overlay: str) -> None:
    for document in built(overlay):
        assert document["kind"] == "Namespace" or document["metadata"]["namespace"] == "inkwell"


def _selects(selector: Document, pod: Pod) -> bool:
    return all(pod.labels.get(name) == value for name, value in selector.items())


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_selectors_find_exactly_one_kind_of_pod(overlay: str) -> None:
    documents = built(overlay)
    by_labels = [
        document
        for kind in ("Deployment", "PodDisruptionBudget")
        for document in of_kind(documents, kind)
    ]
    selectors = [document["spec"]["selector"]["matchLabels"] for document in by_labels]
    selectors += [document["spec"]["selector"] for document in of_kind(documents, "Service")]
    selectors += [
        policy["spec"]["podSelector"].get("matchLabels", {})
        for policy in of_kind(documents, "NetworkPolicy")
    ]
    selectors.remove({})  # the one that closes the network, for all
    for selector in selectors:
        assert sum(_selects(selector, pod) for pod in pods(documents)) == 1, selector


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_services_and_probes_use_ports_of_their_containers(overlay: str) -> None:
    documents = built(overlay)
    for pod in pods(documents):
        for container in pod.containers:
            known = {
                port[key]
                for port in container.get("ports", [])
                for key in ("name", "containerPort")
            }
            probes = [
                container[probe]["httpGet"]
                for probe in ("readinessProbe", "startupProbe", "livenessProbe")
                if probe in container
            ]
            assert len(probes) in {0, 3}, pod.owner
            assert {probe["port"] for probe in probes} <= known, pod.owner
    for service in of_kind(documents, "Service"):
        [pod] = [pod for pod in pods(documents) if _selects(service["spec"]["selector"], pod)]
        ports = {port["name"]: port["containerPort"] for port in pod.containers[0]["ports"]}
        assert {port["targetPort"]: port["port"] for port in service["spec"]["ports"]} == ports


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_network_is_closed_but_for_ports_of_the_pods(overlay: str) -> None:
    documents = built(overlay)
    policies = {
        policy["metadata"]["name"]: policy["spec"] for policy in of_kind(documents, "NetworkPolicy")
    }
    closed = policies.pop("closed")
    assert (closed["podSelector"], sorted(closed["policyTypes"])) == ({}, ["Egress", "Ingress"])
    assert "ingress" not in closed
    assert {port["port"] for rule in closed["egress"] for port in rule["ports"]} == {53}
    for policy in policies.values():
        [pod] = [
            pod for pod in pods(documents) if _selects(policy["podSelector"]["matchLabels"], pod)
        ]
        open_ports = {
            port["port"] for rule in policy.get("ingress", []) for port in rule.get("ports", [])
        }
        assert open_ports <= {port["containerPort"] for port in pod.containers[0].get("ports", [])}


@pytest.mark.parametrize(
    "overlay", ["tensorflow-serving", "tensorflow-serving-gpu", "embedded", "monitored"]
)
def test_autoscaler_keeps_more_servers_than_a_drain_takes(overlay: str) -> None:
    documents = built(overlay)
    [scaler], [budget] = (
        of_kind(documents, "HorizontalPodAutoscaler"),
        of_kind(documents, "PodDisruptionBudget"),
    )
    [deployment] = [
        one
        for one in of_kind(documents, "Deployment")
        if one["metadata"]["name"] == scaler["spec"]["scaleTargetRef"]["name"]
    ]
    assert "replicas" not in deployment["spec"]
    assert scaler["spec"]["minReplicas"] > budget["spec"]["maxUnavailable"]


def test_service_monitor_asks_a_port_of_the_service_for_the_page_that_is_open() -> None:
    documents = built("monitored")
    [monitor] = of_kind(documents, "ServiceMonitor")
    [service] = [
        one
        for one in of_kind(documents, "Service")
        if _labelled(one, monitor["spec"]["selector"]["matchLabels"])
    ]
    [endpoint] = monitor["spec"]["endpoints"]
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
    [config] = [
        one["data"] for one in of_kind(documents, "ConfigMap") if "monitoring.config" in one["data"]
    ]
    assert f'path: "{endpoint["path"]}"' in config["monitoring.config"]


def _labelled(document: Document, labels: dict[str, str]) -> bool:
    return all(
        document["metadata"].get("labels", {}).get(name) == value for name, value in labels.items()
    )
