"""The model card and the Space's page on Hugging Face, written from a version's manifest and the
records that measured it.

Every figure is read from there. A record of another version is left out.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from huggingface_hub import EvalResult, ModelCardData, SpaceCardData

from digits.contract import (
    DRAWING_MAX_PIXELS,
    DRAWINGS,
    IMAGE_SIZE,
    NOT_A_DIGIT,
    Tensor,
    signatures,
)
from digits.manifest import Manifest
from trainer.evaluation.metrics import interval
from trainer.reports.markdown import between, table

LICENCE: Final = "apache-2.0"
PORT: Final = 7860
"""Of the page in the Space; Hugging Face's default."""
_TAGS: Final = ["mnist", "handwritten-digits", "tensorflow", "tensorflow-serving"]
_DATA_SETS: Final = {"mnist": "ylecun/mnist"}
"""Names on the Hub of the data sets that the trainer knows."""
_CALIBRATED: Final = (
    ("negative log-likelihood, nats", "calibrated_nll", ".4f"),
    ("Brier score", "calibrated_brier", ".4f"),
    ("expected calibration error", "calibrated_ece", ".2%"),
    ("wrong among the most confident 99 %", "risk_at_99", ".2%"),
)
"""Title, name and form of metrics that older manifests lack."""
_WRITTEN: Final = "<!-- Written by `make huggingface` from the manifest; do not edit. -->"
_INTENDED: Final = f"""\
## Intended use

Reading one handwritten digit from a drawing or a photo: demonstrations, teaching, and as an example
of a complete model behind TensorFlow Serving. An `ood_score` above {NOT_A_DIGIT} says that the
picture does not look like a digit.

Not intended where a wrong digit costs something and nobody checks it, such as cheques, medicine or
exams; nor for letters, several digits in one picture, or other numerals."""
_LIMITS: Final = """\
## Limits

- MNIST's digits were written by American Census employees and high-school students. Where the
  training says `forms`, other ways to write a digit, such as a 1 with a flag, were added as strokes
  that a program drew, not as people's handwriting.
- Scores on drawings are of pictures that a program painted, except those on *recorded pens*.
- The score for what is no digit rejects scribbles better than letters; see *accepted* below.
- Probabilities were calibrated on MNIST's validation images and hold for pictures like them."""


def model_card(manifest: Manifest, number: int, results: Path) -> str:
    """README.md of the model's repository.

    Args:
        manifest: of the version.
        number: of the version; its folder in the repository.
        results: folder with the records of the benchmarks.
    """
    parts = [
        f"---\n{_model_data(manifest)}\n---\n{_WRITTEN}",
        _head(manifest, number),
        _INTENDED,
        _LIMITS,
        f"## Results\n\n{_results(manifest, results, number)}",
        f"## How to use it\n\n{_usage(number)}",
        f"## Training\n\n{_training(manifest)}",
    ]
    return "\n\n".join(parts) + "\n"


def space_page(manifest: Manifest, number: int) -> str:
    """README.md of the Space, whose first lines are its settings."""
    data = SpaceCardData(
        title="Inkwell",
        emoji="✏️",
        colorFrom="gray",
        colorTo="indigo",
        sdk="docker",
        app_port=PORT,
        license=LICENCE,
        pinned=False,
        short_description="Draw a digit; a small network reads it while you draw",
        tags=_TAGS,
    )
    accuracy, name = manifest.metrics["test"]["accuracy"], manifest.data["name"].upper()
    return f"""\
---
{data}
---
{_WRITTEN}

# Inkwell

Draw a digit with mouse, pen, finger or keyboard; the answer follows while you draw. The page asks a
server with TensorFlow Serving's API over gRPC, in the same container.

The model is version {number}: `{manifest.architecture}`, {manifest.parameters:,} parameters, test
accuracy {accuracy:.4f} on {name}. *Compare models* asks other networks too.

Drawings stay in memory until they are answered; nothing is kept.
"""


def _head(manifest: Manifest, number: int) -> str:
    return f"""\
# Inkwell digits, version {number}

A convolutional network (`{manifest.architecture}`, {manifest.parameters:,} parameters) that reads
handwritten digits: a TensorFlow SavedModel with its preprocessing inside. It takes PNG and JPEG
drawings of up to {DRAWING_MAX_PIXELS:,} pixels, ink dark or bright, or images of
{IMAGE_SIZE}x{IMAGE_SIZE} pixels as in MNIST."""


def _model_data(manifest: Manifest) -> ModelCardData:
    name = manifest.data["name"]
    return ModelCardData(
        license=LICENCE,
        pipeline_tag="image-classification",
        tags=_TAGS,
        datasets=[_DATA_SETS.get(name, name)],
        metrics=["accuracy"],
        model_name=f"Inkwell {manifest.model_name}",
        eval_results=[
            EvalResult(
                task_type="image-classification",
                dataset_type=_DATA_SETS.get(name, name),
                dataset_name=name.upper(),
                dataset_split="test",
                metric_type="accuracy",
                metric_value=manifest.metrics["test"]["accuracy"],
            )
        ],
    )


def _results(manifest: Manifest, results: Path, number: int) -> str:
    rows = [*_trained(manifest.metrics), *_recorded(manifest, results, number)]
    return f"""\
{table(("measure", "on", "value", "images"), rows, words=(0, 1))}

Choices were made on the validation images; the test set was read after them. In brackets the 95 %
interval (Wilson). *Accepted* is the share of pictures without a digit whose `ood_score` is
{NOT_A_DIGIT} or lower. The probabilities are calibrated: one temperature,
{manifest.temperature:.3f}."""


def _trained(metrics: Mapping[str, Mapping[str, float]]) -> Iterator[tuple[str, ...]]:
    """What the training measured."""
    for name in ("test", "validation"):
        yield _accuracy(name, metrics[name]["accuracy"], metrics[name]["size"])
    test = metrics["test"]
    for title, key, form in _CALIBRATED:
        if key in test:
            yield title, "test", format(test[key], form), f"{test['size']:,.0f}"


def _recorded(manifest: Manifest, results: Path, number: int) -> Iterator[tuple[str, ...]]:
    """What the benchmarks measured of this very version."""
    record = json.loads((results / "freehand.json").read_text(encoding="utf-8"))
    if (record["version"], record["created"]) != (number, manifest.created):
        return
    for name, scores in record["scores"].items():
        yield _accuracy(name, scores["accuracy"], scores["images"])
    for name, share in record["rejection"]["false_rejection"].items():
        yield "rejected as no digit", name, f"{share:.1%}", ""
    for name, share in record["rejection"]["accepted"].items():
        yield "accepted", name, f"{share:.1%}", ""


def _accuracy(name: str, share: float, images: float) -> tuple[str, ...]:
    return (
        "accuracy",
        name,
        f"{share:.4f} ({between(interval(share, int(images)))})",
        f"{images:,.0f}",
    )


def _usage(number: int) -> str:
    rows = [
        (f"`{signature.name}`", _tensors(signature.inputs), _tensors(signature.outputs))
        for signature in signatures(complete=True).values()
    ]
    return f"""\
```python
from pathlib import Path

import tensorflow as tf

model = tf.saved_model.load("{number}")
answer = model.signatures["{DRAWINGS}"](png=tf.constant([Path("seven.png").read_bytes()]))
print(answer["digit"].numpy(), answer["probabilities"].numpy().max(), answer["ood_score"].numpy())
```

This repository is a `--model_base_path` of TensorFlow Serving as it is.

{table(("signature", "inputs", "outputs"), rows, words=(0, 1, 2))}

`n` is the batch. Where `problem` is not 0, the picture could not be read, and the other outputs say
nothing."""


def _tensors(tensors: tuple[Tensor, ...]) -> str:
    return ", ".join(
        f"`{tensor.name}` {tensor.dtype} [{', '.join(str(n or 'n') for n in tensor.shape)}]"
        for tensor in tensors
    )


def _training(manifest: Manifest) -> str:
    recipe: dict[str, Any] = manifest.config["effective_recipe"]
    started = manifest.config.get("fine_tuned")
    rows = [
        *(("started from version", str(started["from_version"])) for _ in [1] if started),
        *((name, _value(value)) for name, value in sorted(recipe.items()) if value is not None),
        ("seed", str(manifest.seed)),
        ("precision", str(manifest.config["precision"])),
        ("data set", manifest.data["name"]),
        *(
            (f"SHA-256 of {name}", f"`{digest}`")
            for name, digest in manifest.data.items()
            if name != "name"
        ),
        *((f"version of {name}", version) for name, version in manifest.versions.items()),
        ("code revision", f"`{manifest.code_revision}`"),
        ("exported", manifest.created),
    ]
    return f"Recipe `{manifest.recipe}`.\n\n{table(('setting', 'value'), rows, words=(0, 1))}"


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {part}" for name, part in value.items())
    return str(value)
