"""Export a published version again with the present graph: `python -m trainer.export.reexport 4`.

The weights stay as they are; nothing is trained. Temperature, `ood_score` and the scores on
drawings depend on the graph, so they are made anew as the trainer makes them, and the result is
published as the next number through the release checks.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import tensorflow as tf
from pydantic import Field

from digits import store
from digits.contract import MODEL_NAME
from digits.manifest import Manifest
from digits.promotion import Published
from digits.settings import CliPositionalArg, Settings
from digits.settings import load as load_settings
from trainer.context import Context
from trainer.data.dataset import DataSet, load
from trainer.data.split import split
from trainer.errors import TrainerError
from trainer.evaluation.evaluate import (
    FREEHAND,
    candidate,
    describe_run,
    draw_to_evaluate,
    evaluate_network,
)
from trainer.evaluation.selection import select
from trainer.export.material import prepare
from trainer.export.publish import publish
from trainer.networks.inference import predict
from trainer.networks.trained import TrainedNetwork
from trainer.provenance import describe_command
from trainer.settings import DRAWINGS_FOLDER, TrainerSettings, data_or_default
from trainer.training.fine_tune import check_data, read_published


class ReexportSettings(Settings):
    """Export a published version again with the present graph."""

    program: ClassVar[str] = "python -m trainer.export.reexport"
    env_prefix: ClassVar[str] = "INKWELL_REEXPORT_"

    version: CliPositionalArg[int] = Field(ge=1, description="number of the published version")
    models: Path = Field(default=Path("models"), description="folder of all models")
    model_name: str = Field(default=MODEL_NAME, description="name of the model")
    data: Path | None = Field(
        default=None,
        description="data that the version was trained on; default: DIGITS_DATA, else Keras' cache",
    )
    runs: Path = Field(
        default=Path("runs"),
        description="folder of runs, where drawings that are not digits are kept",
    )
    force: bool = Field(default=False, description="serve it whatever the release checks say")


def main(argv: Sequence[str]) -> int:
    """Export again and print the new version; returns the exit code."""
    settings = load_settings(ReexportSettings, argv)
    base = settings.models / settings.model_name
    try:
        published = reexport(
            base,
            settings.version,
            data_or_default(settings.data),
            describe_command("trainer.export.reexport", argv),
            settings.runs / DRAWINGS_FOLDER,
            force=settings.force,
        )
    except TrainerError as error:
        print(f"{settings.program}: {error}", file=sys.stderr)
        return error.exit_code
    state = "held: " + "; ".join(published.refused) if published.held else "served"
    print(f"version {settings.version} of {base} is also version {published.number}, {state}")
    return 0


def reexport(
    base: Path,
    number: int,
    source: Path | None,
    command: str,
    drawings: Path | None = None,
    *,
    force: bool = False,
) -> Published:
    """Publish the weights of a version again, in the present graph.

    Args:
        base: folder of the model.
        number: of the version.
        source: the data that the version was trained on, see `trainer.data.dataset.load`.
        command: what was typed, for the ledger.
        drawings: folder that keeps drawings which are not digits; None keeps none.
        force: serve it whatever the release checks say.

    Raises:
        ResumeError: the version is damaged or not one network.
        DataError: the data are not those that it was trained on.
        ExportError: the exported model does not answer as the network does; nothing was published.
        OutputError: the folder cannot be written; nothing was published.
    """
    model, manifest = read_published(store.folder_of(base, number))
    data = load(source, manifest.data["name"], tuple(manifest.labels))
    check_data(manifest, data, number)
    context = _context(manifest, data, command)
    network = TrainedNetwork(
        manifest.architecture, manifest.seed, model, [], predict(model, context.split.x_validation)
    )
    drawn = draw_to_evaluate(context)
    result = evaluate_network(network, context, drawn)
    choice = select([candidate(network, context.split.y_validation)])
    run = describe_run(context, [result], choice).model_copy(
        update={
            "recipe": manifest.recipe,
            "seed": manifest.seed,
            "settings": manifest.config | {"exported_from": number},
        }
    )
    material = prepare(context.split, drawn[FREEHAND].seen, drawings) if drawn else None
    return publish(model, result, run, base, material, force=force)


def _context(manifest: Manifest, data: DataSet, command: str) -> Context:
    """That of the version's own run, as far as evaluation needs it."""
    settings = TrainerSettings(
        validation_size=int(manifest.config["validation_size"]),
        data_seed=int(manifest.config.get("data_seed", manifest.seed)),
        precision="float32",
    )
    parts = split(data, settings.validation_size, settings.data_seed)
    return Context(settings, command, (), tf.distribute.get_strategy(), data, parts)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
