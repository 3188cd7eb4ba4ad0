"""The README's four rows of results: published, notebook, best, distilled."""

from collections.abc import Sequence
from typing import Final

from trainer.data.dataset import MNIST
from trainer.evaluation.published_baseline import REFERENCES, TEST_SIZE
from trainer.reports import markdown
from trainer.reports.results import TrainingResult

_RECIPES: Final = ("notebook", "best", "distilled")
_NETWORKS: Final = (*REFERENCES, "ensemble")


def compose(results: Sequence[TrainingResult]) -> str:
    """Test accuracy on all of MNIST by recipe and network, mean ± standard deviation over seeds.

    Args:
        results: of any data; those on MNIST's whole test set count.
    """
    complete = [
        result for result in results if (result.data, result.test["size"]) == (MNIST, TEST_SIZE)
    ]
    published = [
        _cell([REFERENCES[name].accuracy] if name in REFERENCES else []) for name in _NETWORKS
    ]
    rows = [["published notebook", *published]]
    for recipe in _RECIPES:
        if found := [result for result in complete if result.recipe == recipe]:
            rows.append([f"`{recipe}`", *(_cell(_accuracies(found, name)) for name in _NETWORKS)])
    header = ["test accuracy", *(f"`{name}`" for name in REFERENCES), "mean of the three"]
    return markdown.table(header, rows)


def _accuracies(results: Sequence[TrainingResult], network: str) -> list[float]:
    return [result.test["accuracy"] for result in results if result.architecture == network]


def _cell(accuracies: Sequence[float]) -> str:
    return markdown.spread(accuracies) if accuracies else "–"
