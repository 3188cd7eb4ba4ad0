"""Export a published version again with the present graph: `python -m trainer.export.reexport 4`.

The weights stay as they are; nothing is trained. Temperature, `ood_score` and the scores on
drawings depend on the graph, so they are made anew as the trainer makes them, and the result is
published as the next number through the release checks.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from digits import store
from digits.contract import MODEL_NAME
from digits.manifest import Manifest
from digits.promotion import Published
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
from trainer.export.ood import prepare
from trainer.export.publish import publish
from trainer.networks.inference import predict
from trainer.networks.trained import TrainedNetwork
from trainer.provenance import describe_command
from trainer.settings import TrainerSettings
from trainer.training.fine_tune import check_data, read_published


def main(argv: Sequence[str]) -> int:
    """Export again and print the new version; returns the exit code."""
    arguments = _parser().parse_args(argv)
    source = arguments.data or os.environ.get("DIGITS_DATA")
    base = arguments.models / arguments.model_name
    try:
        published = reexport(
            base,
            arguments.version,
            Path(source) if source else None,
            describe_command("trainer.export.reexport", argv),
            force=arguments.force,
        )
    except TrainerError as error:
        print(f"python -m trainer.export.reexport: {error}", file=sys.stderr)
        return error.exit_code
    state = "held: " + "; ".join(published.refused) if published.held else "served"
    print(f"version {arguments.version} of {base} is also version {published.number}, {state}")
    return 0


def reexport(
    base: Path, number: int, source: Path | None, command: str, *, force: bool = False
) -> Published:
    """Publish the weights of a version again, in the present graph.

    Args:
        base: folder of the model.
        number: of the version.
        source: the data that the version was trained on, see `trainer.data.dataset.load`.
        command: what was typed, for the ledger.
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
        manifest.architecture,
        manifest.seed,
        model,
        [],
        predict(model, context.split.x_validation),
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
    material = prepare(context.split, drawn[FREEHAND].seen) if drawn else None
    return publish(model, result, run, base.parent, base.name, material, force=force)


def _context(manifest: Manifest, data: DataSet, command: str) -> Context:
    """That of the version's own run, as far as evaluation needs it."""
    settings = TrainerSettings(
        validation_size=int(manifest.config["validation_size"]),
        data_seed=int(manifest.config.get("data_seed", manifest.seed)),
        precision="float32",
    )
    parts = split(data, settings.validation_size, settings.data_seed)
    return Context(settings, command, (), tf.distribute.get_strategy(), data, parts)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m trainer.export.reexport", description=__doc__.splitlines()[0]
    )
    parser.add_argument("version", type=int, help="number of the published version")
    parser.add_argument(
        "--models",
        type=Path,
        default=Path("models"),
        help="folder of all models (default: %(default)s)",
    )
    parser.add_argument(
        "--model_name", default=MODEL_NAME, help="name of the model (default: %(default)s)"
    )
    parser.add_argument(
        "--data",
        type=Path,
        help="data that the version was trained on; default: DIGITS_DATA, else Keras' cache",
    )
    parser.add_argument(
        "--force", action="store_true", help="serve it whatever the release checks say"
    )
    return parser


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
