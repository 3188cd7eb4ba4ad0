"""What every exported model promises: names, shapes, labels, and how pixels are scaled.

Trainer, server, client and page all read this file, so none of them can disagree.
"""

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, Final

MODEL_NAME: Final = "digits"
LABELS: Final = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")

IMAGE_SIZE: Final = 28
"""Height and width of an image in pixels (MNIST)."""
INK_BOX: Final = 20
"""Longest side of the ink inside an image, in pixels. Source: LeCun, Cortes, Burges, the MNIST
page."""
PIXEL_MAX: Final = 255
"""Value of full ink; 0 is paper."""
DRAWING_MAX_PIXELS: Final = 4_000_000
"""Largest width x height of a drawing that is decoded; the header is read before any pixel is."""
DRAWING_MAX_BYTES: Final = 4 * 1024 * 1024
"""Largest encoded drawing a client sends."""


def scale(images: Any) -> Any:
    """Turn float pixels 0..255 into the 0..1 that the networks are trained on.

    The only scaling there is: the training pipeline and the exported graph both call it.

    Args:
        images: float array or tensor of any shape, 0..255.

    Returns:
        The same shape and type, 0..1.
    """
    return images / PIXEL_MAX


NOT_A_DIGIT: Final = 0.5
"""An `ood_score` above this says that a drawing does not look like a digit. The export scales the
score so, whatever it is made of."""
NOT_A_DIGIT_SENTENCE: Final = "This does not look like a digit."


class Problem(IntEnum):
    """What was wrong with one drawing; output `problem` of the signature `drawings`.

    Unless it is NONE, the other outputs hold no answer: every class has the same probability, 1 /
    classes, `digit` is 0, `ood_score` 1, and `images` is empty paper.
    """

    NONE = 0
    NOT_AN_IMAGE = 1
    TOO_LARGE = 2
    BLANK = 3

    @property
    def sentence(self) -> str:
        """The problem as a person reads it."""
        return PROBLEM_SENTENCES[self]


PROBLEM_SENTENCES: Final = {
    Problem.NONE: "The drawing was read.",
    Problem.NOT_AN_IMAGE: "This is not a readable PNG or JPEG image; send one of the two, "
    "complete.",
    Problem.TOO_LARGE: f"The image has more than {DRAWING_MAX_PIXELS:,} pixels; send a smaller "
    "one.",
    Problem.BLANK: "Nothing is drawn here; draw a digit.",
}


@dataclass(frozen=True)
class Tensor:
    """One named input or output. `None` in `shape` is the free batch axis; `dtype` is TensorFlow's
    name."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class Signature:
    """One way to call the model."""

    name: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    optional: tuple[Tensor, ...] = ()
    """Outputs that a version may lack; no program may rely on them."""


PREDICT: Final = "serving_default"
DRAWINGS: Final = "drawings"
EXPLAIN: Final = "explain"
CLASSIFY: Final = "classify"
FEATURE_MAPS: Final = "feature_maps"
"""What the layers see in an image; a version may lack this signature."""
FEATURE_MAPS_SHAPE: Final = (3, 12, IMAGE_SIZE, IMAGE_SIZE)
"""Of one image: layers from the first to a deep one, in each the maps that respond most, the
strongest first, at the image's size."""
OOD_SCORE: Final = "ood_score"
"""How little a drawing looks like a digit, 0..1, see `NOT_A_DIGIT`; 1 where there is a
`problem`."""


def signatures(classes: int = len(LABELS), *, complete: bool = False) -> dict[str, Signature]:
    """The signatures every exported SavedModel has, by name.

    Args:
        classes: how many labels the model tells apart (10 for digits).
        complete: promise the optional outputs and signatures too.
    """
    images = Tensor("images", "uint8", (None, IMAGE_SIZE, IMAGE_SIZE))
    answers = (
        Tensor("probabilities", "float32", (None, classes)),
        Tensor("digit", "int64", (None,)),
    )
    listed: tuple[Signature, ...] = (
        Signature(PREDICT, inputs=(images,), outputs=answers),
        Signature(
            DRAWINGS,
            inputs=(Tensor("png", "string", (None,)),),
            outputs=(*answers, images, Tensor("problem", "int32", (None,))),
            optional=(Tensor(OOD_SCORE, "float32", (None,)),),
        ),
        Signature(
            EXPLAIN,
            inputs=(images,),
            outputs=(*answers, Tensor("saliency", "float32", (None, IMAGE_SIZE, IMAGE_SIZE))),
        ),
        Signature(
            CLASSIFY,
            inputs=(Tensor("inputs", "string", (None,)),),
            outputs=(
                Tensor("classes", "string", (None, classes)),
                Tensor("scores", "float32", (None, classes)),
            ),
        ),
    )
    if complete:
        listed = tuple(
            replace(signature, outputs=(*signature.outputs, *signature.optional), optional=())
            for signature in (*listed, _feature_maps(images))
        )
    return {signature.name: signature for signature in listed}


def _feature_maps(images: Tensor) -> Signature:
    maps = Tensor("maps", "uint8", (None, *FEATURE_MAPS_SHAPE))
    return Signature(FEATURE_MAPS, inputs=(images,), outputs=(maps,))


CLASSIFY_FEATURE: Final = "image/encoded"
"""Feature of a `tf.Example` that holds the encoded PNG or JPEG, for the signature `classify`."""

TOLERANCES: Final = {"float32": 1e-5, "bfloat16": 0.05}
"""Largest difference between two probabilities that should be the same, by the arithmetic of the
version (`export_precision` of its settings). In bfloat16 fused kernels, as in a loaded graph, round
less often than others; images that a network is unsure of show it."""

EXTRA_ASSETS: Final = "assets.extra"
WARMUP_FILE: Final = f"{EXTRA_ASSETS}/tf_serving_warmup_requests"
"""Requests that TensorFlow Serving replays before a version serves."""
MANIFEST_FILE: Final = f"{EXTRA_ASSETS}/manifest.json"
