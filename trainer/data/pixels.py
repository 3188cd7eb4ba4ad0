"""Pixels as the networks are trained on them: 0..255, bright ink on dark paper. Other conventions
are converted on request and otherwise refused, since nothing later would notice."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from PIL import Image

from digits.contract import PIXEL_MAX
from trainer.data.arrays import Images, Values
from trainer.errors import DataError

Alpha = Literal["ink", "black", "white"]
_FAINT: Final = 64
"""A set whose brightest pixel is below this has another range than 0..255."""
_BRIGHT: Final = 128
_INVERTED: Final = 0.5
"""A set is dark on bright if so many of its images have a bright edge."""


@dataclass(frozen=True)
class Conversion:
    """How the pixels of a set are converted, as asked for.

    Attributes:
        invert: the ink is dark on bright paper; False: take it as it is; None: refuse such a set.
        largest: value of full brightness; None: 255, or what an image file's depth says.
        alpha: what transparency means: "ink", or paper of that colour below; None: ink where
            everything drawn has one colour, else refused.
    """

    invert: bool | None = None
    largest: int | None = None
    alpha: Alpha | None = None


NONE_ASKED_FOR: Final = Conversion()


def to_bytes(values: Values, name: str, conversion: Conversion, depth: int = PIXEL_MAX) -> Images:
    """Scale numbers to 0..255, and invert them where asked for.

    Args:
        values: of any kind and shape.
        name: of what, for the error.
        conversion: as asked for.
        depth: value of full brightness where `conversion` names none.

    Raises:
        DataError: they are not numbers from 0 to that value.
    """
    largest = conversion.largest or depth
    numeric = values.dtype.kind in "iufb" and bool(np.isfinite(values).all())
    low, high = (values.min(), values.max()) if numeric and values.size else (0, 0)
    if not numeric or low < 0 or high > largest:
        received = f"{values.dtype} from {low} to {high}" if numeric else f"{values.dtype}"
        raise DataError(
            f"expected {name} as numbers from 0 to {largest}; received {received}; say with "
            "--range which value is full brightness, for example --range=65535"
        )
    if values.dtype.kind == "f":
        if conversion.largest is None:
            raise DataError(
                f"expected {name} as integers; received {values.dtype} from {low:g} to {high:g}; "
                "say with --range which value is full brightness, for example --range=1"
            )
        images = (values.astype(np.float64) * (PIXEL_MAX / largest)).round().astype(np.uint8)
    elif largest == PIXEL_MAX:
        images = values.astype(np.uint8)
    else:
        images = (values.astype(np.int64) * PIXEL_MAX // largest).astype(np.uint8)
    return PIXEL_MAX - images if conversion.invert else images


def check_range(images: Images, name: str, conversion: Conversion) -> None:
    """Refuse images that are blank or use a small part of 0..255.

    Raises:
        DataError: naming the option that converts them.
    """
    brightest = int(images.max(initial=0))
    if brightest >= _FAINT or conversion.largest is not None or not len(images):
        return
    if brightest == 0:
        raise DataError(
            f"expected ink in {name}; received {len(images)} images whose pixels are all 0; check "
            "the set, and how it has transparency"
        )
    raise DataError(
        f"expected {name} with pixels from 0 to {PIXEL_MAX}; received 0 to {brightest}; scale "
        f"them with --range={brightest}, or take them as they are with --range={PIXEL_MAX}"
    )


def check_polarity(images: Images, name: str, conversion: Conversion) -> None:
    """Refuse images with dark ink on bright paper.

    Args:
        images: uint8 [n, 28, 28], converted as asked for.
        name: of what, for the error.
        conversion: as asked for.

    Raises:
        DataError: naming the option that converts them.
    """
    share = share_with_bright_edge(images)
    if share < _INVERTED or conversion.invert is False:
        return
    instead = (
        "leave out --invert"
        if conversion.invert
        else "invert them with --invert, or take them as they are with --no-invert"
    )
    raise DataError(
        f"expected bright ink on dark paper in {name}; received a bright edge in {share:.0%} of "
        f"{len(images)} images; {instead}"
    )


def share_with_bright_edge(images: Images) -> float:
    """The share of images, uint8 [n, 28, 28], most of whose outermost pixels are bright."""
    if not len(images):
        return 0.0
    edges = np.concatenate(
        [images[:, 0], images[:, -1], images[:, 1:-1, 0], images[:, 1:-1, -1]], axis=1
    )
    return float(np.mean(np.median(edges, axis=1) >= _BRIGHT))


def read_picture(image: Image.Image, name: str, conversion: Conversion) -> Images:
    """The pixels of an opened image file, uint8 [rows, columns], converted.

    Raises:
        DataError: its transparency can mean two things, or its values are out of range.
    """
    if image.mode.startswith("I"):  # 16 bits, whatever the byte order
        return to_bytes(np.asarray(image), name, conversion, np.iinfo(np.uint16).max)
    if not image.has_transparency_data:
        return to_bytes(np.asarray(image.convert("L")), name, conversion)
    pixels = np.asarray(image.convert("RGBA"))
    opacity = pixels[..., 3]
    if opacity.min() == PIXEL_MAX:
        return to_bytes(np.asarray(image.convert("RGBA").convert("L")), name, conversion)
    if conversion.alpha in {"black", "white"}:
        paper = Image.new("RGBA", image.size, conversion.alpha)
        flat = Image.alpha_composite(paper, image.convert("RGBA")).convert("L")
        return to_bytes(np.asarray(flat), name, conversion)
    if conversion.alpha is None:
        _check_one_colour(pixels[opacity > 0], name)
    return opacity


def _check_one_colour(drawn: Images, name: str) -> None:
    """Refuse transparency around several colours: it may be the paper's shape as well as the
    ink's."""
    if len(np.unique(drawn[:, :3], axis=0)) > 1:
        raise DataError(
            f"expected transparency around ink of one colour in '{name}'; received several "
            "colours; say what it means: --alpha=ink, or the paper's colour, --alpha=black or "
            "--alpha=white"
        )
