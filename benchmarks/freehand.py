"""How well a published version reads what people draw, and refuses what is no digit: `python -m
benchmarks.freehand`.

Asks the SavedModel itself, as a server does, about drawings of the validation digits of its own
run; with `--pen_strokes` about recorded handwriting too, and with `--not_digits` about images that
are none. Writes results/freehand.json, and the same as a page with the mistakes that remain into a
folder of its own, since those show the data.
"""

import argparse
import io
import os
import sys
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from benchmarks.options import add_data, options
from digits import store
from digits.contract import DRAWINGS, MODEL_NAME, NOT_A_DIGIT, OOD_SCORE
from digits.errors import StoreError, VersionError
from digits.files import write_synced
from digits.manifest import read_manifest
from trainer.data.arrays import Images
from trainer.data.dataset import load
from trainer.data.split import Split, split
from trainer.errors import DataError, TrainerError
from trainer.evaluation.freehand_score import FreehandScore, score
from trainer.export.ood import measure, prepare
from trainer.freehand import forms
from trainer.freehand.drawings import MOST, Drawings, draw, draw_forms, draw_strokes
from trainer.freehand.outliers import FITTED
from trainer.freehand.strokes import read_pen_digits
from trainer.provenance import Provenance, describe_command
from trainer.reports.freehand_report import EXPLANATION, compare, gallery
from trainer.reports.markdown import table

FREEHAND_FILE: Final = "freehand.json"
PAGE_FILE: Final = "freehand.md"
VALIDATION: Final = "validation digits, drawn"
PENS: Final = "recorded pens"
FORMS: Final = "forms, held-out seed"
_BATCH: Final = 50

Floats = npt.NDArray[np.floating]
Ask = Callable[[Sequence[bytes]], dict[str, npt.NDArray[Any]]]
"""From encoded pictures to the outputs of the signature `drawings`."""


class Rejection(BaseModel):
    """How well what is no digit is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    false_rejection: dict[str, float] = Field(
        description="share of digits told not to be one, by where they come from"
    )
    accepted: dict[str, float] = Field(
        description="share of drawings that are none, but are taken for digits, by kind"
    )
    auroc: dict[str, float] = Field(
        description="how often one of that kind scores above a validation digit, drawn or not"
    )


class FreehandResult(Provenance):
    """What `python -m benchmarks.freehand` measured."""

    version: int = Field(description="number of the version")
    created: str = Field(description="when that was exported")
    scores: dict[str, FreehandScore] = Field(description="by where the digits come from")
    rejection: Rejection | None = Field(
        description="null where the version does not tell what is no digit"
    )


def main(argv: Sequence[str]) -> int:
    """Measure and write; returns the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        _run(arguments, describe_command("benchmarks.freehand", argv))
    except (TrainerError, StoreError, VersionError) as error:
        print(f"python -m benchmarks.freehand: {error}", file=sys.stderr)
        return error.exit_code if isinstance(error, TrainerError) else 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = options("benchmarks.freehand", __doc__)
    parser.add_argument(
        "--models",
        type=Path,
        default=Path("models") / MODEL_NAME,
        help="folder of the versions (default: %(default)s)",
    )
    parser.add_argument(
        "--version", type=int, help="number of the version; default: the served one"
    )
    add_data(parser)
    parser.add_argument(
        "--pen_strokes",
        type=Path,
        default=os.environ.get("PEN_STROKES"),
        help="recorded pens; default: PEN_STROKES",
    )
    parser.add_argument(
        "--forms",
        type=int,
        default=40,
        help="synthetic drawings of each form, on average (default: %(default)s)",
    )
    parser.add_argument(
        "--not_digits",
        type=Path,
        default=os.environ.get("NOT_DIGITS"),
        help="images that are none; default: NOT_DIGITS",
    )
    parser.add_argument(
        "--page",
        type=Path,
        default=Path("runs") / "freehand",
        help="folder for the page (default: %(default)s)",
    )
    return parser


def _run(arguments: argparse.Namespace, command: str) -> None:
    number = arguments.version or store.served(arguments.models)
    if number is None:
        raise StoreError(
            f"expected a version in '{arguments.models}'; received none; publish one with make "
            "train"
        )
    folder = store.folder_of(arguments.models, number)
    manifest = read_manifest(folder)
    data = load(
        arguments.data and Path(arguments.data), manifest.data["name"], manifest.labels, None
    )
    parts = split(
        data,
        int(manifest.config["validation_size"]),
        int(manifest.config.get("data_seed", manifest.seed)),
    )
    ask = asker(folder)
    drawn = {
        VALIDATION: draw(parts.x_validation, parts.y_validation),
        FORMS: draw_forms(arguments.forms * len(forms.read_forms()), forms.HELD_OUT),
    }
    if arguments.pen_strokes:
        drawn[PENS] = recorded(Path(arguments.pen_strokes))
    answers = {name: ask(drawings.pictures) for name, drawings in drawn.items()}
    strangers = read_strangers(Path(arguments.not_digits)) if arguments.not_digits else {}
    result = FreehandResult(
        version=number,
        created=manifest.created,
        scores={
            name: score(answers[name]["probabilities"], drawings)
            for name, drawings in drawn.items()
        },
        rejection=reject(ask, parts, drawn[VALIDATION], answers, strangers)
        if OOD_SCORE in answers[VALIDATION]
        else None,
        **Provenance.now(command).model_dump(),
    )
    arguments.results.mkdir(parents=True, exist_ok=True)
    write_synced(
        arguments.results / FREEHAND_FILE, (result.model_dump_json(indent=2) + "\n").encode()
    )
    _write_page(
        result, {name: answers[name]["images"] for name in drawn}, manifest.labels, arguments.page
    )


def asker(folder: Path) -> Ask:
    """The signature `drawings` of the SavedModel in `folder`, for any number of pictures."""
    loaded = tf.saved_model.load(str(folder))
    signature = loaded.signatures[DRAWINGS]

    def ask(pictures: Sequence[bytes]) -> dict[str, npt.NDArray[Any]]:
        _ = loaded  # the signature alone would let go of the weights
        batches = [
            signature(png=tf.constant(pictures[start : start + _BATCH]))
            for start in range(0, len(pictures), _BATCH)
        ]
        return {
            name: np.concatenate([batch[name].numpy() for batch in batches]) for name in batches[0]
        }

    return ask


def recorded(path: Path) -> Drawings:
    """Drawings of recorded pens: of the hands that nothing was tuned with."""
    pens = read_pen_digits(path).half(1)
    chosen = np.random.default_rng(0).permutation(len(pens.labels))[:MOST]
    return draw_strokes([pens.strokes[number] for number in chosen], pens.labels[chosen])


def read_strangers(path: Path) -> dict[str, Images]:
    """Images that are no digits, by family, from an .npz file with `images` uint8 [n, 28, 28] and
    `family` [n].

    Raises:
        DataError: the file cannot be read or holds something else.
    """
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            images, family = file["images"], file["family"]
        return {str(name): images[family == name] for name in np.unique(family)}
    except (OSError, ValueError, KeyError, IndexError, zipfile.BadZipFile) as error:
        raise DataError(
            f"expected images and families; received '{path}': {error}; give another file"
        ) from error


def reject(
    ask: Ask,
    parts: Split,
    drawn: Drawings,
    answers: dict[str, dict[str, npt.NDArray[Any]]],
    strangers: dict[str, Images],
) -> Rejection:
    """Measure what is told not to be a digit: digits, made-up drawings of every family, and what
    else there is."""
    material = prepare(parts, drawn.seen)
    fresh = material.fresh if material else {}
    families = {
        f"{name}, {'fitted' if name in FITTED else 'unseen'}": seen for name, seen in fresh.items()
    }
    others = {
        name: ask(_encoded(images))[OOD_SCORE]
        for name, images in {**families, **strangers}.items()
        if len(images)
    }
    digits = {
        "validation images": ask(_encoded(parts.x_validation))[OOD_SCORE],
        **{name: one[OOD_SCORE] for name, one in answers.items()},
    }
    known = np.concatenate([digits["validation images"], digits[VALIDATION]])
    found = measure(known, others)
    return Rejection(
        false_rejection={
            name: float((scores > NOT_A_DIGIT).mean()) for name, scores in digits.items()
        },
        accepted={name: one["accepted"] for name, one in found.items()},
        auroc={name: one["auroc"] for name, one in found.items()},
    )


def _encoded(images: Images) -> list[bytes]:
    pictures = []
    for image in images:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG", compress_level=1)
        pictures.append(buffer.getvalue())
    return pictures


def _write_page(
    result: FreehandResult, seen: dict[str, Images], labels: tuple[str, ...], folder: Path
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    sections = [
        f"# What version {result.version} makes of drawings",
        EXPLANATION,
        compare(result.scores),
    ]
    for number, (name, one) in enumerate(result.scores.items()):
        gallery(one, seen[name], labels, name, folder / f"mistakes-{number}.png")
        if one.mistakes:
            sections.append(f"![{name}: the most confident mistakes](mistakes-{number}.png)")
    if result.rejection:
        turned_away = [
            [name, f"{share:.2%}"] for name, share in result.rejection.false_rejection.items()
        ]
        kinds = [
            [name, f"{share:.1%}", f"{result.rejection.auroc[name]:.4f}"]
            for name, share in result.rejection.accepted.items()
        ]
        sections += [
            table(["digits", "told not to be one"], turned_away),
            table(["no digits", "taken for one", "AUROC"], kinds),
        ]
    write_synced(
        folder / PAGE_FILE,
        ("\n\n".join([*sections, f"```sh\n{result.command}\n```"]) + "\n").encode(),
    )


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
