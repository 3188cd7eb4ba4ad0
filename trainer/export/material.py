"""What tells digits from other drawings is trained with, fitted to and measured with: digits, the
drawings of `trainer.freehand.outliers`, and spoilt digits."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
import numpy.typing as npt

from digits.contract import LABELS
from trainer.data.arrays import Classes, Images
from trainer.data.cached import read_or_make
from trainer.data.split import Split
from trainer.export import reject
from trainer.freehand import forms
from trainer.freehand.canvas import FACTORS, Look, paint
from trainer.freehand.drawings import see
from trainer.freehand.outliers import FITTED, UNSEEN, Digits, make
from trainer.freehand.spoilt import spoil
from trainer.freehand.strokes import Strokes, trace

_KEPT: Final = 1_000
"""Training digits that drawings which are none are made from, and nothing else; as many drawings
are fitted to, since the fit weighs three numbers only."""
_SHARE: Final = 10
"""One training digit in so many is kept for that, at most; and for so many of them there is one
drawing of each family to measure with."""
_WHOLE: Final = 55_000
"""Training digits that go with the numbers of images below; where there are fewer, all shrink in
proportion."""
_PLAIN: Final = 16_000
"""Training digits as they are."""
_TRACED: Final = 5_000
"""Training digits, traced and drawn again."""
_FORMS: Final = 5_000
"""Drawings of forms of handwriting."""
_STRANGERS: Final = 28_000
"""Drawings that are no digits."""
_SPOILT: Final = 12_000
"""Training digits, spoilt."""
_SEED: Final = 20262
_VERSION: Final = 2
"""Raised when families draw otherwise or the small network learns otherwise, so that what was kept
before is not read."""
_PREFIX: Final = 16
"""Hexadecimal digits of a digest that name a file."""
_OUTLIERS: Final = "outliers"
_WEIGHT: Final = "reject-"
"""Names of what is kept, beside those of the families."""


@dataclass(frozen=True, eq=False)
class Material:
    """What a detector is fitted to and measured with, for any network: images uint8 [n, 28, 28].

    Attributes:
        reject: the small network of `trainer.export.reject`, trained on others than these.
        outliers: drawings of the fitted families.
        held: validation digits, as they are and drawn: these set the limit.
        fresh: by family, drawings made from validation digits; of the fitted families and of
            others.
    """

    reject: keras.Model
    outliers: Images
    held: Images
    fresh: Mapping[str, Images]


def prepare(parts: Split, drawn: Images, folder: Path | None = None) -> Material | None:
    """Draw what detectors of any network are fitted to and measured with, and train the small
    network that is part of each.

    Args:
        parts: training and validation digits; what was added to a data set's own is left out.
        drawn: uint8 [n, 28, 28], what networks see of drawings of validation digits, see
            `trainer.freehand.drawings`.
        folder: keeps what is made, since it takes minutes; None keeps nothing.

    Returns:
        The material; None of a set too small to have some of each digit.
    """
    own = parts.own()
    path = folder / f"not-digits-{_VERSION}-{_digest(own)}.npz" if folder else None
    kept = read_or_make(
        path, lambda: _make(own), "preparing drawings that are not digits, to learn to reject them"
    )
    if not kept:
        return None
    small = reject.build()
    small.set_weights([kept[f"{_WEIGHT}{number}"] for number in range(len(small.get_weights()))])
    return Material(
        reject=small,
        outliers=kept[_OUTLIERS],
        held=np.concatenate([parts.x_validation, drawn]),
        fresh={name: kept[name] for name in (*FITTED, *UNSEEN)},
    )


def _make(parts: Split) -> dict[str, npt.NDArray[Any]]:
    """The arrays of the material, and the weights of the small network; nothing of a set too small
    to have some of each digit."""
    count = _count(parts)
    order = np.random.default_rng(_SEED).permutation(len(parts.y_train))
    chosen, others = order[:count], order[count:]
    traced = _traced(parts.x_train[chosen], parts.y_train[chosen])
    fresh = draw_fresh(parts)
    if fresh is None or not _complete(traced):
        return {}
    fitted, _ = make(FITTED, count, traced, _SEED)
    small = _train(parts.x_train[others], parts.y_train[others], traced)
    weights = {f"{_WEIGHT}{number}": weight for number, weight in enumerate(small.get_weights())}
    return {_OUTLIERS: _drawn(fitted), **fresh, **weights}


def _digest(parts: Split) -> str:
    """Of the digits that the material is made from, of what families there are and how many
    drawings, and of the small network's shape."""
    counts = (_KEPT, _SHARE, _WHOLE, _PLAIN, _TRACED, _FORMS, _STRANGERS, _SPOILT)
    shapes = [weight.shape for weight in reject.build().weights]
    made = hashlib.sha256(f"{sorted(FITTED)} {sorted(UNSEEN)} {counts} {shapes}".encode())
    for array in (parts.x_train, parts.y_train, parts.x_validation, parts.y_validation):
        made.update(array.tobytes())
    return made.hexdigest()[:_PREFIX]


def draw_fresh(parts: Split) -> dict[str, Images] | None:
    """Draw families, fitted ones and others, from validation digits; None where some digit is
    missing."""
    count = _count(parts)
    traced = _traced(parts.x_validation[:count], parts.y_validation[:count])
    if not _complete(traced):
        return None
    families = {**FITTED, **UNSEEN}
    return {
        name: _drawn(make({name: family}, -(-count // _SHARE), traced, _SEED + 1)[0])
        for name, family in families.items()
    }


def _train(images: Images, labels: Classes, models: Digits) -> keras.Model:
    """Train the small network on digits, plain, traced and in every form; on drawings that are
    none, of `models` and others; and on spoilt digits."""
    share = min(1.0, len(images) / _WHOLE)
    plain, traces, written, strangers, spoilt = (
        int(share * count) for count in (_PLAIN, _TRACED, _FORMS, _STRANGERS, _SPOILT)
    )
    traced = _traced(images[:traces], labels[:traces])
    forms_written, kinds = forms.make(written, forms.TRAINING)
    drawn = [strokes for strokes, _ in traced] + forms_written
    drawn += make(FITTED, strangers, models, _SEED + 2)[0]
    classes = [
        labels[:plain],
        np.array([label for _, label in traced] + [form.digit for form in kinds], np.uint8),
        np.full(strangers + spoilt, reject.NONE, np.uint8),
    ]
    shown = [images[:plain], _drawn(drawn), spoil(images, labels, spoilt, _SEED + 3)]
    return reject.train(np.concatenate(shown), np.concatenate(classes))


def _count(parts: Split) -> int:
    return min(_KEPT, -(-len(parts.y_train) // _SHARE))


def _complete(digits: Digits) -> bool:
    """Whether there is some of each digit."""
    return {label for _, label in digits} == set(range(len(LABELS)))


def _traced(images: Images, labels: Classes) -> Digits:
    return [
        (strokes, int(label))
        for image, label in zip(images, labels, strict=True)
        if (strokes := trace(image)) is not None
    ]


def _drawn(drawings: Sequence[Strokes]) -> Images:
    """What networks see of drawings on a small clean canvas, each with a pen of its own."""
    generator = np.random.default_rng(_SEED)
    return see([paint(strokes, _plain(generator), generator) for strokes in drawings])


def _plain(generator: np.random.Generator) -> Look:
    pen, tilt = (str(generator.choice(FACTORS[factor])) for factor in ("pen", "tilt"))
    return Look(
        pen=pen,
        size="large",
        place="middle",
        tilt=tilt,
        canvas="100x100",
        ink="white on black",
        trouble="none",
    )
