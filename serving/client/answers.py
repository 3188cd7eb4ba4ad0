"""From a model's outputs to predictions; the one place that checks what a server sent back."""

from typing import Any

from numpy.typing import NDArray

from digits.contract import FEATURE_MAPS_SHAPE, IMAGE_SIZE, OOD_SCORE, Problem
from serving.client.errors import ContractMismatchError
from serving.client.predictions import Drawing, Explanation, Prediction
from serving.client.transport.interface import Reply

_IMAGE: tuple[int, int] = (IMAGE_SIZE, IMAGE_SIZE)


def to_predictions(reply: Reply, labels: tuple[str, ...], count: int) -> list[Prediction]:
    """Read the outputs of `serving_default` for `count` images.

    Raises:
        ContractMismatchError: an output is missing, or has another shape than the contract says.
    """
    probabilities, digits = _answers(reply, count)
    return [
        Prediction(digit, labels[digit], row, reply.version, labels=labels)
        for digit, row in zip(digits.tolist(), probabilities, strict=True)
    ]


def to_drawings(reply: Reply, labels: tuple[str, ...], count: int) -> list[Drawing]:
    """Read the outputs of `drawings` for `count` drawings.

    Raises:
        ContractMismatchError: an output is missing, or has another shape or meaning than the
            contract says.
    """
    images = _output(reply, "images", (count, *_IMAGE))
    problems = [_problem(code) for code in _output(reply, "problem", (count,)).tolist()]
    scores = (
        _output(reply, OOD_SCORE, (count,)).tolist()
        if OOD_SCORE in reply.outputs
        else [None] * count
    )
    return [
        Drawing(
            found.digit,
            found.label,
            found.probabilities,
            found.version,
            image,
            problem,
            score,
            labels=labels,
        )
        for found, image, problem, score in zip(
            to_predictions(reply, labels, count), images, problems, scores, strict=True
        )
    ]


def to_explanations(reply: Reply, labels: tuple[str, ...], count: int) -> list[Explanation]:
    """Read the outputs of `explain` for `count` images.

    Raises:
        ContractMismatchError: an output is missing, or has another shape than the contract says.
    """
    maps = _output(reply, "saliency", (count, *_IMAGE))
    return [
        Explanation(
            found.digit, found.label, found.probabilities, found.version, saliency, labels=labels
        )
        for found, saliency in zip(to_predictions(reply, labels, count), maps, strict=True)
    ]


def to_feature_maps(reply: Reply, count: int) -> NDArray[Any]:
    """Read the output of `feature_maps` for `count` images.

    Raises:
        ContractMismatchError: it is missing, or has another shape than the contract says.
    """
    return _output(reply, "maps", (count, *FEATURE_MAPS_SHAPE))


def _answers(reply: Reply, count: int) -> tuple[NDArray[Any], NDArray[Any]]:
    probabilities = _output(reply, "probabilities", (count, None))
    digits = _output(reply, "digit", (count,))
    classes = probabilities.shape[1]
    if digits.min() < 0 or digits.max() >= classes:
        raise _mismatch(f"digit in 0..{classes - 1}", f"{digits.min()}..{digits.max()}")
    return probabilities, digits


def _output(reply: Reply, name: str, shape: tuple[int | None, ...]) -> NDArray[Any]:
    """One output, if it has this shape; None is any size."""
    if name not in reply.outputs:
        raise _mismatch(f"an output '{name}'", f"only {', '.join(sorted(reply.outputs)) or 'none'}")
    values = reply.outputs[name]
    if len(values.shape) != len(shape) or any(
        want not in (None, got) for want, got in zip(shape, values.shape, strict=True)
    ):
        wanted = ["any" if size is None else size for size in shape]
        raise _mismatch(f"'{name}' of shape {wanted}", f"shape {list(values.shape)}")
    return values


def _problem(code: int) -> Problem:
    if code not in {problem.value for problem in Problem}:
        raise _mismatch(f"a known problem, 0..{max(Problem)}", str(code))
    return Problem(code)


def _mismatch(expected: str, received: str) -> ContractMismatchError:
    return ContractMismatchError(
        f"expected {expected} from the model; received {received}; serve a model exported by this "
        "project, or update this client"
    )
