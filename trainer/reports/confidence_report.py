"""The part of a run's report that says how far the answers can be believed: tables, reliability,
refusal, worst mistakes."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from digits.files import write_synced
from trainer.data.arrays import Images
from trainer.evaluation.calibration import BINS
from trainer.evaluation.confidence import Confidence, SetConfidence
from trainer.evaluation.metrics import Scores
from trainer.evaluation.result import SETS, NetworkResult, Run
from trainer.evaluation.risk_coverage import COVERAGES
from trainer.reports import confidence_plots
from trainer.reports.gallery import mistakes_gallery
from trainer.reports.markdown import table
from trainer.reports.results import CONFIDENCE_FILE, GALLERY, PLOTS

_SHARES: Final = (1.0, 0.995, 0.99, 0.95, 0.9)
"""Shares of the images answered, of the table; each is one of COVERAGES."""


def draw(run: Run, images: Mapping[str, Images], folder: Path) -> None:
    """Write the pictures, and the values behind them as JSON, into `folder`.

    Args:
        run: what was measured.
        images: uint8 [n, 28, 28], the arrays that mistakes name their images in, by the set's name.
        folder: exists.
    """
    known = {network.architecture: network.confidence for network in run.networks}
    written = ",\n".join(
        f'"{name}": {confidence.model_dump_json(indent=2)}' for name, confidence in known.items()
    )
    write_synced(folder / CONFIDENCE_FILE, f"{{\n{written}\n}}\n".encode())
    confidence_plots.risk_coverage_plot(known, folder / "risk-coverage.png")
    for network in run.networks:
        confidence_plots.reliability_plot(
            network.confidence,
            network.architecture,
            folder / f"reliability-{network.architecture}.png",
        )
        for name, scores, measured in sets(network):
            picture = folder / _gallery_file(network, name)
            picture.unlink(missing_ok=True)
            if measured.mistakes:
                shown = (
                    f"the {len(measured.mistakes)} most confident of {scores.errors:,}"
                    if scores.errors > len(measured.mistakes)
                    else "all"
                )
                title = f"{network.architecture}, {name}: {shown} mistakes"
                mistakes_gallery(measured.mistakes, images[name], run.labels, title, picture)


def pictures(network: NetworkResult) -> list[str]:
    """File names of the pictures of one network alone, for those who show them elsewhere."""
    return [
        f"reliability-{network.architecture}.png",
        *(_gallery_file(network, name) for name, _, of in sets(network) if of.mistakes),
    ]


def compose(run: Run) -> list[str]:
    """The sections as Markdown; their pictures lie in the folder `plots` beside the page."""
    return [
        "## How far its probabilities can be believed",
        _calibration(run),
        *(
            f"![How often {n.architecture} is right against how sure it "
            f"is]({PLOTS}/reliability-{n.architecture}.png)"
            for n in run.networks
        ),
        "## What refusing would buy",
        _refusal(run),
        f"![Share read wrong as the least sure images are refused]({PLOTS}/risk-coverage.png)",
        _disputed(run),
        "## The worst mistakes",
        "Those it was most confident of, after calibration. The number after # is the image's "
        "position in the data set, from 0: in x_train for the validation set, in x_test for the "
        "test set.",
        *_galleries(run),
    ]


def sets(network: NetworkResult) -> Iterator[tuple[str, Scores, SetConfidence]]:
    """Name, scores and confidence of each set of images."""
    return zip(
        SETS,
        (network.validation, network.test),
        (network.confidence.validation, network.confidence.test),
        strict=True,
    )


def _gallery_file(network: NetworkResult, name: str) -> str:
    return f"{GALLERY}{network.architecture}-{name}.png"


def _calibration(run: Run) -> str:
    rows = [
        [
            network.architecture,
            name,
            f"{network.confidence.temperature:.3f}",
            *_before_and_after(measured),
        ]
        for network in run.networks
        for name, _, measured in sets(network)
    ]
    header = [
        "network",
        "set",
        "temperature",
        "NLL",
        "calibrated",
        "Brier",
        "calibrated",
        "ECE",
        "calibrated",
    ]
    accuracy, images = run.winner.test.accuracy, run.winner.test.images
    error = (accuracy * (1 - accuracy) / images) ** 0.5
    return (
        f"{table(header, rows, words=(0, 1))}\n\n"
        "The exported model answers the calibrated probabilities; its digits are the same. The "
        "temperature was fitted on the validation "
        "set by least NLL (mean negative log-likelihood, nats). Brier is the mean sum of squared "
        "differences from the truth, ECE the mean "
        f"gap between confidence and accuracy over {BINS} bins of equal width. On {images:,} test "
        "images the accuracy has a standard error "
        f"of {error:.2%}: an ECE of that size or less is mostly chance, so look at NLL and Brier "
        "first."
    )


def _before_and_after(measured: SetConfidence) -> Iterator[str]:
    for before, after, form in (
        (measured.as_trained.nll, measured.calibrated.nll, ".4f"),
        (measured.as_trained.brier, measured.calibrated.brier, ".5f"),
        (measured.as_trained.ece, measured.calibrated.ece, ".2%"),
    ):
        yield from (format(before, form), format(after, form))


def _refusal(run: Run) -> str:
    rows = [
        [
            network.architecture,
            name,
            f"{1e4 * coverage.aurc:.2f}",
            *(f"{coverage.risks[COVERAGES.index(share)]:.2%}" for share in _SHARES),
        ]
        for network in run.networks
        for name, _, measured in sets(network)
        if (coverage := measured.coverage)
    ]
    header = [
        "network",
        "set",
        "AURC × 10⁴",
        *(
            f"wrong of the most confident {share:.3g} %"
            for share in (100 * share for share in _SHARES)
        ),
    ]
    return (
        f"{table(header, rows, words=(0, 1))}\n\n"
        "AURC is the area under the risk-coverage curve: the mean share read wrong over all "
        "shares answered, the most confident first."
    )


def _disputed(run: Run) -> str:
    rows = [_disputed_row(network, network.confidence) for network in run.networks]
    if not any(rows):
        return ""
    header = ["network", "test accuracy", "without the disputed", "errors on them"]
    return (
        f"{table(header, [row for row in rows if row])}\n\n"
        "Of MNIST's 10,000 test labels, 15 are disputed by a majority of five people each "
        "([cleanlab/label-errors](https://github.com/cleanlab/label-errors)). Every other "
        "accuracy here counts them as labelled."
    )


def _disputed_row(network: NetworkResult, confidence: Confidence) -> list[str]:
    if confidence.disputed is None:
        return []
    return [
        network.architecture,
        f"{network.test.accuracy:.4f}",
        f"{confidence.disputed.accuracy_without:.4f}",
        f"{confidence.disputed.errors} of {network.test.errors:,}",
    ]


def _galleries(run: Run) -> Iterator[str]:
    for network in run.networks:
        for name, _, measured in sets(network):
            if measured.mistakes:
                yield (
                    f"![The most confident mistakes of {network.architecture} on the {name} "
                    f"set]({PLOTS}/{_gallery_file(network, name)})"
                )
            else:
                yield f"{network.architecture} reads no image of the {name} set wrong."
