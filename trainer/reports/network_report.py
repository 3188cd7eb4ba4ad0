"""The networks of a run in its report: their scores, those published, losses and confusions."""

from pathlib import Path

from trainer.evaluation import published_baseline
from trainer.evaluation.metrics import Scores
from trainer.evaluation.result import NetworkResult, Run
from trainer.reports import plots
from trainer.reports.markdown import between, duration, table
from trainer.reports.results import PLOTS


def draw(run: Run, folder: Path) -> None:
    """Plot the losses and confusions of each network, and all networks beside each other, into
    `folder`."""
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


def compare(run: Run) -> list[str]:
    """The scores of every network, and the published ones beside them."""
    return ["## Networks", _networks(run), _beside_the_reference(run)]


def show_losses_and_confusions(run: Run) -> list[str]:
    """The curves of the training, and what the chosen network takes for what."""
    trained = [network.architecture for network in run.networks if network.history]
    return [
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
    ]


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
