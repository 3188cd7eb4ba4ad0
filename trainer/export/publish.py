"""Publish a trained network: export it, prove that it answers as trained, and let it appear as the
next version."""

import datetime
from pathlib import Path
from typing import Any

import keras

from digits import promotion, store
from digits.errors import StoreError
from digits.manifest import Manifest, describe_files, write_manifest
from saved_model.comparison import compare_versions
from trainer.errors import OutputError
from trainer.evaluation.freehand_score import FreehandScore
from trainer.evaluation.result import SETS, NetworkResult, Run
from trainer.export.check import check
from trainer.export.material import Material
from trainer.export.ood import fit, summarise
from trainer.export.saved_model import export


def publish(
    model: keras.Model,
    network: NetworkResult,
    run: Run,
    base: Path,
    material: Material | None = None,
    *,
    force: bool = False,
) -> promotion.Published:
    """Make `model` the next version below `base`: served, or held if a release check
    refuses it.

    Args:
        model: the trained network in float32.
        network: its results, for its temperature and the manifest.
        run: the run it came from.
        base: folder of the model, called as it is served.
        material: for telling what is no digit; None: the version will not.
        force: serve it whatever the release checks find.

    Returns:
        The version's number, and whether it is served.

    Raises:
        ExportError: the exported model does not answer as `model` does; nothing was published.
        OutputError: the folder cannot be written; nothing was published.
    """
    detector = fit(model, material) if material else None
    fields = _fields(network, run, base.name)
    if detector and material:
        fields["metrics"]["rejection"] = summarise(model, detector, material)
    why = f"{network.architecture} of the run '{run.command}'"
    try:
        with promotion.opened(base), store.staged(base) as folder:
            export(model, run.labels, folder, network.confidence.temperature, detector)
            check(model, folder, network.confidence.temperature, detector)
            write_manifest(Manifest(**fields, files=describe_files(folder)), folder)
            store.seal(folder)
            findings = compare_versions(promotion.rival(base), folder)
            return promotion.publish(base, folder, findings, why, force=force)
    except StoreError as error:
        raise OutputError(str(error)) from error


def _fields(network: NetworkResult, run: Run, name: str) -> dict[str, Any]:
    return {
        "model_name": name,
        "labels": run.labels,
        "architecture": network.architecture,
        "parameters": network.parameters,
        "recipe": run.recipe,
        "config": run.settings,
        "seed": run.seed,
        "data": {"name": run.data, **run.digests},
        "temperature": network.confidence.temperature,
        "metrics": {name: network.metrics(name) for name in SETS}
        | _drawn("freehand", network.freehand)
        | _drawn("forms", network.forms),
        "versions": run.versions,
        "code_revision": run.code_revision,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _drawn(name: str, found: FreehandScore | None) -> dict[str, dict[str, float]]:
    if found is None:
        return {}
    return {name: {"accuracy": found.accuracy, "images": found.images, "family": found.family}}
