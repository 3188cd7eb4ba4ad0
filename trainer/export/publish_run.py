"""Publish the networks of a run: the chosen one under the model's name, or each under its own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from digits.contract import MODEL_NAME
from digits.promotion import Published
from trainer.context import Context
from trainer.evaluation.result import Run
from trainer.export.material import prepare
from trainer.export.publish import publish
from trainer.freehand.drawings import Drawings
from trainer.networks.trained import TrainedNetwork

_MODELS: Final = Path("models")
"""Where `make promote` looks unless told otherwise."""


def publish_run(
    context: Context, networks: Sequence[TrainedNetwork], run: Run, drawings: Drawings | None
) -> None:
    """Publish what the settings ask for, and print the version that each network became.

    Args:
        context: the run.
        networks: in the order of `run.networks`.
        run: what was measured.
        drawings: of the validation digits; None: the versions do not reject other drawings.

    Raises:
        ExportError: an exported model does not answer as the trained one does.
        OutputError: the folder of the models cannot be written.
    """
    settings = context.settings
    if settings.publish == "none":
        return
    kept = settings.drawings_folder()
    material = prepare(context.split, drawings.seen, kept) if drawings else None
    for result, network in zip(run.networks, networks, strict=True):
        for name in _names(context, network.name, run.choice.winner):
            print(f"exporting {network.name} as {name}, and checking the exported model")
            base = settings.models / name
            published = publish(network.model, result, run, base, material, force=settings.force)
            _print(published, network.name, base)


def _names(context: Context, network: str, winner: str) -> list[str]:
    """The names that one network is published under."""
    chosen = [context.settings.model_name] if network == winner else []
    return chosen + ([network] if context.settings.publish == "all" else [])


def _print(published: Published, network: str, base: Path) -> None:
    if not published.held:
        print(f"published {network} as {base / str(published.number)}")
        return
    print(
        f"published {network} as version {published.number} of {base}, which is held back, not "
        "served:"
    )
    for reason in published.refused:
        print(f"  {reason}")
    print(
        f"serve it all the same: make promote VERSION={published.number} FORCE=1{_arguments(base)}"
    )


def _arguments(base: Path) -> str:
    """What `make` must be told where it is not the usual model or folder."""
    named = [] if base.name == MODEL_NAME else [f"--model_name {base.name}"]
    placed = [] if base.parent == _MODELS else [f"--models {base.parent}"]
    return f' ARGS="{" ".join(named + placed)}"' if named or placed else ""
