"""What the server would say to a version, before it has to: its files, its graph, its warm-up, its
answers.

The embedded server's own loading is what is asked, so a version that passes here is served by it.
TensorFlow Serving loads the same files with the same library; what it forgives and we do not is
listed in serving/server/DEVIATIONS.md.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from digits import contract
from digits.contract import IMAGE_SIZE, PREDICT, TOLERANCES
from digits.errors import VersionError
from digits.manifest import Manifest, verify
from digits.release_checks import Finding
from saved_model.comparison import compare_versions
from saved_model.graph import read_signatures
from saved_model.warmup import read_warmup
from serving.server.codecs import protobuf
from serving.server.errors import ServingError, VersionRefusedError
from serving.server.inference.predict import Limits
from serving.server.inference.warmup import warm_up
from serving.server.models.loading import Loading, load_version
from serving.server.models.version import LoadedVersion
from serving.server.settings import ServerSettings

_BATCH: Final = 7
_COMPARED: Final = frozenset({"probabilities", "scores", "digit", "classes", "images", "problem"})
"""Outputs that must be what they were where the version was made; a saliency map is a picture to
look at."""
_SEED: Final = 20260

Arrays = Mapping[str, np.ndarray[Any, Any]]


def check_release(runtime: str | None, served: Path | None, new: Path) -> list[Finding]:
    """All that is asked of a version before it is served: `examine`, then the release checks
    against the served version.

    Args:
        runtime: TensorFlow version of the server; none: this process's.
        served: folder of the version that is served now, if there is one.
        new: folder of the version that is to be served.
    """
    findings = examine(new, runtime)
    if not all(finding.passed for finding in findings):
        return findings
    return findings + compare_versions(served, new)


def examine(folder: Path, runtime: str | None = None) -> list[Finding]:
    """Ask everything that can be asked of the version in `folder` by itself.

    Returns:
        One finding a question, in order; the first that fails ends the list, since the next ones
        build on it.
    """
    findings = []
    for name, passed, text in _ask(folder, runtime or tf.__version__):
        findings.append(Finding(name, passed, text))
        if not passed:
            break
    return findings


def _ask(folder: Path, runtime: str) -> Iterator[tuple[str, bool, str]]:
    try:
        manifest = verify(folder)
    except VersionError as error:
        yield "complete", False, str(error)
        return
    yield "complete", True, f"{len(manifest.files)} files, each as the manifest has it"
    yield "runtime", *_check_runtime(manifest, runtime)
    yield (
        "signatures",
        *_check_signatures(read_signatures(folder), contract.signatures(len(manifest.labels))),
    )
    try:
        version = load_version(manifest.model_name, 1, folder, how=Loading(), warm_up=_replay)
    except VersionRefusedError as error:
        yield "load", False, f"expected a version that loads and warms up; received: {error.text}"
        return
    records = [log.predict_log for log in read_warmup(folder) if log.HasField("predict_log")]
    yield (
        "load",
        bool(records),
        f"loads, and answers its {len(records)} warm-up requests"
        if records
        else "expected warm-up requests; received none",
    )
    tolerance = TOLERANCES.get(str(manifest.config.get("export_precision")), TOLERANCES["float32"])
    batches = partial(_check_batches, tolerance=tolerance)
    parity = partial(_check_answers, records=records, tolerance=tolerance)
    for name, check in (("batch axis", batches), ("parity", parity)):
        try:
            yield name, *check(version)
        except ServingError as error:
            yield name, False, f"expected an answer; received: {error.text}"


def _check_runtime(manifest: Manifest, runtime: str) -> tuple[bool, str]:
    """TensorFlow promises that a model loads in a newer runtime of the same major version, not in
    an older one."""
    made_with = manifest.versions.get("tensorflow", "")
    try:
        (major, minor), (its_major, its_minor) = (
            [int(part) for part in text.split(".")[:2]] for text in (made_with, runtime)
        )
    except ValueError:
        return (
            False,
            "expected the TensorFlow version of the export in the manifest; received "
            f"'{made_with}'",
        )
    if major != its_major or minor > its_minor:
        return (
            False,
            f"expected an export that TensorFlow {runtime} promises to load; received one of "
            f"{made_with}: serve with that or newer",
        )
    return True, f"exported with TensorFlow {made_with}, served with {runtime}"


def _check_signatures(
    found: Mapping[str, contract.Signature], promised: Mapping[str, contract.Signature]
) -> tuple[bool, str]:
    """Exactly the promised inputs, and at least the promised outputs, each with a free batch
    axis."""
    for name, signature in promised.items():
        if name not in found:
            return (
                False,
                f"expected the signature '{name}'; received {', '.join(sorted(found)) or 'none'}",
            )
        if set(found[name].inputs) != set(signature.inputs) or not set(found[name].outputs) >= set(
            signature.outputs
        ):
            return (
                False,
                f"expected '{name}' as digits/contract.py has it; received inputs "
                f"{found[name].inputs}, outputs {found[name].outputs}",
            )
    return True, f"{', '.join(sorted(promised))}, as the contract has them"


def _check_batches(version: LoadedVersion, tolerance: float) -> tuple[bool, str]:
    """One image and several at once: as many answers, and the same ones."""
    images = np.random.default_rng(_SEED).integers(
        0, 256, (_BATCH, IMAGE_SIZE, IMAGE_SIZE), np.uint8
    )
    together = _run(version, PREDICT, {"images": images})["probabilities"]
    alone = np.concatenate(
        [_run(version, PREDICT, {"images": image[np.newaxis]})["probabilities"] for image in images]
    )
    if together.shape != alone.shape:
        return (
            False,
            f"expected {_BATCH} answers to {_BATCH} images; received the shape {together.shape}",
        )
    difference = float(np.max(np.abs(together - alone)))
    text = (
        f"{_BATCH} images together and one by one: probabilities differ by at most {difference:.1g}"
    )
    return difference <= tolerance, text


def _check_answers(
    version: LoadedVersion, records: list[prediction_log_pb2.PredictLog], tolerance: float
) -> tuple[bool, str]:
    """The warm-up requests again: the answers must be those noted where the version was made."""
    noted = [record for record in records if record.response.outputs]
    if not noted:
        return True, "not checked: this version carries no answers of the network it was made from"
    worst = max(_difference(version, record) for record in noted)
    if not worst <= tolerance:  # so that a difference that is no number fails too
        return (
            False,
            f"expected the answers noted by the trainer within {tolerance:g}; received a "
            f"difference of {worst:.3g}",
        )
    return (
        True,
        f"{len(noted)} answers are those noted by the trainer; they differ by at most {worst:.1g}",
    )


def _difference(version: LoadedVersion, record: prediction_log_pb2.PredictLog) -> float:
    signature = version.signatures[record.request.model_spec.signature_name]
    inputs = protobuf.decode_inputs(record.request.inputs, signature, _limits().max_tensor_bytes)
    answer = version.run(signature, inputs, list(signature.outputs))
    expected = {
        name: tf.make_ndarray(value)
        for name, value in record.response.outputs.items()
        if name in _COMPARED
    }
    return max(_distance(answer[name], value) for name, value in expected.items())


def _distance(received: np.ndarray[Any, Any], expected: np.ndarray[Any, Any]) -> float:
    if received.shape != expected.shape:
        return float("inf")
    if received.dtype.kind == "f":
        return float(np.max(np.abs(received - expected)))
    return 0.0 if np.array_equal(received, expected) else float("inf")


def _run(version: LoadedVersion, name: str, inputs: Arrays) -> dict[str, np.ndarray[Any, Any]]:
    return version.run(version.signatures[name], inputs, list(version.signatures[name].outputs))


def _replay(version: LoadedVersion, folder: Path) -> None:
    warm_up(version, folder, _limits())


def _limits() -> Limits:
    """Those that the server has when nobody sets others."""
    fields = ServerSettings.model_fields
    return Limits(fields["max_message_bytes"].default, fields["max_batch_items"].default)
