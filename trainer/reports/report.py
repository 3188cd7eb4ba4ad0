"""The report of a run: a page to read, the figures for programs, the plots."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from digits.files import write_synced
from trainer.data.arrays import Images
from trainer.errors import OutputError
from trainer.evaluation import published_baseline
from trainer.evaluation.metrics import Scores
from trainer.evaluation.result import NetworkResult, Run
from trainer.reports import confidence_report, freehand_report, plots
from trainer.reports.markdown import table
from trainer.reports.results import PLOTS

REPORT_FILE: Final = "report.md"
METRICS_FILE: Final = "metrics.json"


def write(run: Run, folder: Path, images: Mapping[str, Images]) -> None:
    """Write `report.md`, `metrics.json` and the folder `plots` of a run.

    Args:
        run: what was measured.
        folder: folder of the run, made if absent; what an earlier report left there is replaced.
        images: uint8 [n, 28, 28], for the galleries of mistakes: x_train by the name "validation",
            x_test by "test", what the networks saw of the drawings by "freehand".

    Raises:
        OutputError: the folder cannot be written.
    """
    try:
        (folder / PLOTS).mkdir(parents=True, exist_ok=True)
        _draw(run, folder / PLOTS)
        confidence_report.draw(run, images, folder / PLOTS)
        freehand_report.draw(run, images, folder / PLOTS)
        write_synced(folder / METRICS_FILE, (run.model_dump_json(indent=2) + "\n").encode())
        write_synced(folder / REPORT_FILE, compose(run).encode())
    except OSError as error:
        raise OutputError(
            f"expected a run folder that can be written; received: {error.strerror}; choose "
            "another or make room"
        ) from error


def _draw(run: Run, folder: Path) -> None:
    trained = [network for network in run.networks if network.history]
    for network in trained:
        plots.loss_plot(
            network.history, network.architecture, folder / f"loss-{network.architecture}.png"
        )
    for network in run.networks:
        plots.confusion_plot(
            network.test, run.labels, folder / f"confusion-{network.architecture}.png"
        )
    plots.comparison_plot(
        {network.architecture: network.history for network in trained}, folder / "comparison.png"
    )


def compose(run: Run) -> str:
    """The report as Markdown; its pictures lie in the folder `plots` beside it."""
    trained = [network.architecture for network in run.networks if network.history]
    sections = [
        f"# Training report: recipe `{run.recipe}`, data set `{run.data}`",
        _summary(run),
        "## Networks",
        _networks(run),
        _beside_the_reference(run),
        "## Choice",
        _choice(run),
        "## Losses",
        f"![Validation loss and error of every network over the epochs]({PLOTS}/comparison.png)",
        *(
            f"![Validation and train loss of {name} over the epochs]({PLOTS}/loss-{name}.png)"
            for name in trained
        ),
        f"## What `{run.winner.architecture}` confuses",
        _confusions(run.winner.test, run.labels),
        "![Number of test images by true class and class "
        f"read]({PLOTS}/confusion-{run.winner.architecture}.png)",
        *freehand_report.compose(run),
        *confidence_report.compose(run),
        "## How it was made",
        _origin(run),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _summary(run: Run) -> str:
    winner = run.winner
    return (
        f"**{winner.architecture}** was chosen among {len(run.networks)} trained on "
        f"{run.train_size:,} images. {run.choice.reason} "
        f"On the {winner.test.images:,} test images, looked at once after the choice, it reads "
        f"{winner.test.accuracy:.4f} right "
        f"({winner.test.errors:,} wrong; 95 % interval {between(winner.test.interval)}), with a "
        f"loss of {winner.test.loss:.4f}."
    )


def _networks(run: Run) -> str:
    header = [
        "network",
        "parameters",
        "validation accuracy",
        "test accuracy",
        "95 % interval",
        "test loss",
        "wrong",
        "epochs",
        "time",
    ]
    return table(header, [_network_row(network, run.winner) for network in run.networks])


def _network_row(network: NetworkResult, winner: NetworkResult) -> list[str]:
    name = f"**{network.architecture}** (chosen)" if network is winner else network.architecture
    return [
        name,
        f"{network.parameters:,}",
        f"{network.validation.accuracy:.4f}",
        f"{network.test.accuracy:.4f}",
        between(network.test.interval),
        f"{network.test.loss:.4f}",
        f"{network.test.errors:,}",
        f"{len(network.history)}" if network.history else "–",
        duration(network.seconds) if network.history else "–",
    ]


def _beside_the_reference(run: Run) -> str:
    rows = [row for network in run.networks if (row := _reference_row(network, run.data))]
    if not rows:
        return (
            "There is no published run to put beside these: it would have to be `mnist` with "
            f"all {published_baseline.TEST_SIZE:,} test images."
        )
    header = [
        "network",
        "test accuracy",
        "published",
        "the published accuracy is",
        "test loss",
        "published loss",
    ]
    return (
        f"{table(header, rows, words=(0, 3))}\n\n"
        "The published runs took 12 epochs, batch 128, Adam, and used the test set as validation "
        "set. A standard error is that "
        f"of one accuracy on {published_baseline.TEST_SIZE:,} images; differences of about that "
        "size are chance."
    )


def _reference_row(network: NetworkResult, data: str) -> list[str] | None:
    published = published_baseline.find(network.architecture, data, network.test.images)
    if published is None:
        return None
    return [
        network.architecture,
        f"{network.test.accuracy:.4f}",
        f"{published.accuracy:.4f}",
        published_baseline.judge(network.test.accuracy, published),
        f"{network.test.loss:.4f}",
        f"{published.loss:.4f}",
    ]


def _choice(run: Run) -> str:
    best = run.choice.best
    rows = [
        [
            compared.name,
            f"{compared.parameters:,}",
            f"{compared.accuracy:.4f}",
            "–" if compared.p is None else f"{compared.only_best} : {compared.only_this}",
            "–" if compared.p is None else f"{compared.p:.2g}",
            "yes" if compared.tied else "no",
        ]
        for compared in run.choice.comparisons
    ]
    header = [
        "network",
        "parameters",
        "validation accuracy",
        f"only {best} right : only this",
        "McNemar p",
        "may win",
    ]
    return (
        f"{table(header, rows)}\n\n"
        f"Made on the {run.choice.images:,} validation images alone. The most accurate network "
        "may win, and so may every smaller one "
        "that is not significantly worse on the same images (p at least 0.05); of these the one "
        "with the fewest parameters wins."
    )


def _confusions(scores: Scores, labels: tuple[str, ...]) -> str:
    rows = [
        [
            label,
            f"{one.precision:.4f}",
            f"{one.recall:.4f}",
            f"{one.f1:.4f}",
            f"{one.support:,}",
            _most_often(scores.confusion[true], true, labels),
        ]
        for true, (label, one) in enumerate(zip(labels, scores.classes, strict=True))
    ]
    return table(
        ["class", "precision", "recall", "F1", "test images", "wrongly read most often as"],
        rows,
        words=(0, 5),
    )


def _most_often(counts: tuple[int, ...], true: int, labels: tuple[str, ...]) -> str:
    wrong = {
        label: count
        for read, (label, count) in enumerate(zip(labels, counts, strict=True))
        if read != true and count
    }
    if not wrong:
        return "never"
    label, count = max(wrong.items(), key=lambda item: item[1])
    return f"{label} ({count} of {sum(wrong.values())})"


def _origin(run: Run) -> str:
    facts = {
        "machine": run.machine,
        "versions": ", ".join(f"{name} {number}" for name, number in run.versions.items()),
        "code": run.code_revision,
        "date": run.date,
        "seed": str(run.seed),
        "precision": run.precision,
        "images": f"{run.train_size:,} train, {run.choice.images:,} validation, "
        f"{run.winner.test.images:,} test",
        **{f"SHA-256 of {name}": f"`{digest}`" for name, digest in run.digests.items()},
    }
    settings = [
        [name, f"`{json.dumps(value, ensure_ascii=False)}`"] for name, value in run.settings.items()
    ]
    facts_table = table(["what", "value"], list(map(list, facts.items())), words=(0, 1))
    settings_table = table(["setting", "value"], settings, words=(0, 1))
    return (
        f"```sh\n{run.command}\n```\n\n{facts_table}\n\n"
        f"<details><summary>Every setting</summary>\n\n{settings_table}\n\n</details>"
    )


def between(interval: tuple[float, float]) -> str:
    """An interval of accuracies as `0.9905–0.9939`."""
    return f"{interval[0]:.4f}–{interval[1]:.4f}"


def duration(seconds: float) -> str:
    """A duration as a person says it: `42 s`, `7 min`, `1 h 05 min`."""
    minutes = round(seconds / 60)
    if seconds < 90:  # noqa: PLR2004 - below that, minutes are too coarse
        return f"{seconds:.0f} s"
    if minutes < 60:  # noqa: PLR2004 - an hour
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02} min"
