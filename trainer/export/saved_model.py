"""Export a trained network as a SavedModel with the contract's signatures."""

from pathlib import Path

import keras
from keras.export import ExportArchive

from digits.contract import TOLERANCES
from trainer.disk import written
from trainer.errors import ExportError
from trainer.evaluation.temperature import UNCHANGED
from trainer.export.ood import Detector
from trainer.export.signatures import endpoints, input_spec, promised
from trainer.export.warmup import write_warmup
from trainer.networks.architecture import members


def export(
    model: keras.Model,
    labels: tuple[str, ...],
    folder: Path,
    temperature: float = UNCHANGED,
    detector: Detector | None = None,
) -> None:
    """Write `model` as a SavedModel, with its warm-up file, into the empty folder `folder`.

    Args:
        model: with float32 weights, from pixels float32 [n, 28, 28, 1] in 0..1 to probabilities
            float32 [n, k]; its last layer is dense with softmax.
        labels: text of each of the k classes.
        folder: exists and is empty; an older export there would leave its files among the new ones.
        temperature: calibrates every probability that the SavedModel answers, see
            `trainer.evaluation.temperature`.
        detector: of what is no digit, see `trainer.export.ood`; without one, drawings get no
            `ood_score`.

    Raises:
        ExportError: the model, the labels or the folder are not like that.
        OutputError: the folder cannot be written.
    """
    _check_exportable(model, labels, folder)
    archive = ExportArchive()
    functions = endpoints(model, labels, temperature, detector)
    for name, signature in promised(model, scored=detector is not None).items():
        archive.add_endpoint(name, functions[name], input_signature=[input_spec(signature)])
    with written("a folder for models", "make room or choose another"):
        archive.write_out(str(folder), verbose=False)
        write_warmup(folder, functions)


def _check_exportable(model: keras.Model, labels: tuple[str, ...], folder: Path) -> None:
    strange = sorted(
        ({weight.dtype for weight in model.weights} - {"float32"})
        | (_arithmetic(model) - set(TOLERANCES))
    )
    if strange:
        raise ExportError(
            f"expected a network with float32 weights that computes in {' or '.join(TOLERANCES)}; "
            f"received one in {', '.join(strange)}; "
            "build the same architecture with another precision and give it these weights"
        )
    heads = [member.layers[-1] for member in members(model)]
    if any(getattr(head, "activation", None) is not keras.activations.softmax for head in heads):
        raise ExportError(
            "expected a network that ends in a dense layer with softmax; received one that ends in "
            f"'{heads[0].name}'; build it with trainer.networks.architecture"
        )
    if model.output_shape != (None, len(labels)):
        raise ExportError(
            f"expected one label for each of the network's outputs {model.output_shape}; "
            f"received {len(labels)} labels; name every class once"
        )
    if any(folder.iterdir()):
        raise ExportError(
            f"expected an empty folder; received '{folder}' with files in it; choose a new one"
        )


def _arithmetic(model: keras.Model) -> set[str]:
    return {layer.compute_dtype for member in members(model) for layer in member.layers}


def precision_of(model: keras.Model) -> str:
    """The coarsest arithmetic in it: a key of `TOLERANCES`."""
    return "bfloat16" if "bfloat16" in _arithmetic(model) else "float32"
