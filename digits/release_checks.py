"""The release checks: whether a version may replace the one that is served. The test set plays no
part.

Each check compares two versions by what they say of themselves. A new check is one function and one
row in `CHECKS`.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from digits.contract import Signature, Tensor
from digits.manifest import Manifest

_ONE_SIDED_95: Final = 1.645
"""Standard errors; so a version that is as good is turned away by chance once in twenty times at
most."""
_ABOVE_CHANCE: Final = 0.1
"""Share of the way from guessing (one in the number of labels) to all correct that every version
must have gone. Who always answers the most frequent digit of MNIST has gone 0.014 of it."""


@dataclass(frozen=True)
class Facts:
    """What a check may look at: the manifest, and the signatures in the graph itself."""

    manifest: Manifest
    signatures: Mapping[str, Signature]


@dataclass(frozen=True)
class Finding:
    """What one check found. `text` is a sentence with the values."""

    check: str
    passed: bool
    text: str


Check = Callable[[Facts, Facts], tuple[bool, str]]
"""From the served version and the new one: whether it passes, and the sentence."""


def compare(
    served: Facts | None, new: Facts, checks: Mapping[str, Check] | None = None
) -> list[Finding]:
    """Check the new version by itself, then compare it with the served one.

    Args:
        served: the version that is served now; None: there is none.
        new: the one that is to take its place.
        checks: by name; default: `CHECKS`.

    Returns:
        One finding a check, in order. A served version that came with Inkwell is a starting point:
        it is not compared with.
    """
    findings = [Finding("chance", *better_than_chance(new))]
    if served is None:
        return findings
    if served.manifest.released:
        return [
            *findings,
            Finding("released", True, "not compared: the served version came with Inkwell"),
        ]
    return findings + [
        Finding(name, *check(served, new))
        for name, check in (CHECKS if checks is None else checks).items()
    ]


def refusals(findings: Sequence[Finding]) -> tuple[str, ...]:
    """What the checks that failed said; empty lets the version through."""
    return tuple(f"{finding.check}: {finding.text}" for finding in findings if not finding.passed)


def better_than_chance(new: Facts) -> tuple[bool, str]:
    """Refuse a network that guesses, whatever is served now and even if nothing is."""
    try:
        accuracy, images = _validation(new.manifest)
    except (KeyError, TypeError, ValueError):
        return True, "not checked: the manifest has no validation accuracy"
    guessing = 1 / len(new.manifest.labels)
    least = guessing + _ABOVE_CHANCE * (1 - guessing)
    received = f"{accuracy:.4f} of {images:,} validation images; guessing gives {guessing:.4f}"
    if accuracy < least:
        return False, f"expected at least {least:.4f} correct; received {received}; train longer"
    return True, f"better than guessing: {received}"


def same_labels(served: Facts, new: Facts) -> tuple[bool, str]:
    """Whoever counts on class 3 being "3" must not be surprised."""
    if served.manifest.labels == new.manifest.labels:
        return True, f"the same {len(new.manifest.labels)} labels in the same order"
    return (
        False,
        f"expected the labels {', '.join(served.manifest.labels)}; received "
        f"{', '.join(new.manifest.labels)}",
    )


def same_calls(served: Facts, new: Facts) -> tuple[bool, str]:
    """A call that works now must work then: the same inputs, and at least the same outputs. More is
    welcome."""
    for name, signature in served.signatures.items():
        if name not in new.signatures:
            return False, f"expected the signature '{name}'; received a version without it"
        inputs, outputs = new.signatures[name].inputs, new.signatures[name].outputs
        if set(inputs) != set(signature.inputs):
            return (
                False,
                f"expected '{name}' to take {_show(signature.inputs)}; received {_show(inputs)}",
            )
        if lost := set(signature.outputs) - set(outputs):
            return (
                False,
                f"expected '{name}' to answer {_show(tuple(lost))} too; received {_show(outputs)}",
            )
    return True, f"every call of {', '.join(sorted(served.signatures))} works as before"


def _show(tensors: Sequence[Tensor]) -> str:
    axes = [
        (tensor, ["n" if size is None else str(size) for size in tensor.shape])
        for tensor in sorted(tensors, key=lambda t: t.name)
    ]
    return ", ".join(f"{tensor.name} {tensor.dtype} [{', '.join(shape)}]" for tensor, shape in axes)


def not_worse_on_validation(served: Facts, new: Facts) -> tuple[bool, str]:
    """Refuse a validation accuracy that is lower by more than chance explains.

    Each version was scored on its own draw of validation images, so the interval is that of two
    independent shares: one-sided, 95 %. Source: Agresti and Caffo, The American Statistician 54
    (2000).
    """
    if served.manifest.data != new.manifest.data:
        return (
            False,
            f"expected scores on the same data ('{served.manifest.data.get('name')}'); received "
            "others: they say nothing",
        )
    try:
        now, images_now = _validation(served.manifest)
        then, images_then = _validation(new.manifest)
    except (KeyError, TypeError, ValueError):
        return (
            False,
            "expected a validation accuracy and the number of images in both manifests; received "
            "one without",
        )
    return _not_worse((then, images_then), (now, images_now), "validation images")


def not_worse_freehand(served: Facts, new: Facts) -> tuple[bool, str]:
    """Refuse a freehand score that is lower by more than chance explains: drawings are what people
    send."""
    return _not_worse_drawn(served, new, "freehand")


def not_worse_on_forms(served: Facts, new: Facts) -> tuple[bool, str]:
    """Refuse a score on forms of handwriting that is lower by more than chance explains."""
    return _not_worse_drawn(served, new, "forms")


def _not_worse_drawn(served: Facts, new: Facts, name: str) -> tuple[bool, str]:
    """Compare the score `name` of both manifests.

    A served version from before there was such a score, or one scored on another family of
    drawings, is not compared with.
    """
    try:
        now, then = (_drawn(facts.manifest, name) for facts in (served, new))
    except (KeyError, TypeError, ValueError):
        return (
            False,
            f"expected a {name} score, its number of drawings and its family; received others",
        )
    if now is None:
        return True, f"not compared: the served version has no {name} score"
    if then is None:
        return False, f"expected a {name} score, as the served version has; received none"
    if now[2] != then[2]:
        return (
            True,
            f"not compared: scored on drawings of family {then[2]}, the served version on family "
            f"{now[2]}",
        )
    return _not_worse(then[:2], now[:2], f"{name} drawings" if name != "freehand" else "drawings")


def _not_worse(new: tuple[float, int], served: tuple[float, int], what: str) -> tuple[bool, str]:
    """Whether one share right, with its number of images, is lower than another by no more than
    chance explains."""
    difference, error = _difference(new, served)
    received = (
        f"{new[0]:.4f} of {new[1]:,} {what}, against {served[0]:.4f} of {served[1]:,} of "
        "the served version"
    )
    if difference + _ONE_SIDED_95 * error < 0:
        return False, f"expected no fewer right than chance explains; received {received}"
    return True, f"not shown to be worse: {received}"


def _drawn(manifest: Manifest, name: str) -> tuple[float, int, int] | None:
    """Share right, number of drawings, and number of their family; None where there is no such
    score."""
    if name not in manifest.metrics:
        return None
    accuracy, images, family = (
        manifest.metrics[name][field] for field in ("accuracy", "images", "family")
    )
    if not (0 <= accuracy <= 1 and images > 0):
        raise ValueError
    return accuracy, int(images), int(family)


def _validation(manifest: Manifest) -> tuple[float, int]:
    accuracy = float(manifest.metrics["validation"]["accuracy"])
    images = int(manifest.config["validation_size"])
    if not (0 <= accuracy <= 1 and images > 0):
        raise ValueError
    return accuracy, images


def _difference(first: tuple[float, int], second: tuple[float, int]) -> tuple[float, float]:
    """First share minus second, and its standard error, with one right and one wrong image added to
    each."""
    shares = [((share * n + 1) / (n + 2), n + 2) for share, n in (first, second)]
    return shares[0][0] - shares[1][0], math.sqrt(sum(p * (1 - p) / n for p, n in shares))


CHECKS: Final[dict[str, Check]] = {
    "labels": same_labels,
    "calls": same_calls,
    "validation": not_worse_on_validation,
    "freehand": not_worse_freehand,
    "forms": not_worse_on_forms,
}
"""What every version must pass, in order."""
