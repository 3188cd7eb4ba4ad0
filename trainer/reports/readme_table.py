"""Keep the tables of results in README.md and docs/results.md equal to `results/training.json`.

python -m trainer.reports.readme_table            rewrites both
python -m trainer.reports.readme_table --check    changes nothing; exit code 1 if one is outdated
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Final

from digits.files import write_synced
from trainer.data.dataset import MNIST
from trainer.errors import OutputError, TrainerError
from trainer.evaluation import published_baseline
from trainer.evaluation.metrics import interval, interval_of_mean
from trainer.reports import confidence_table, headline, markdown
from trainer.reports.recorded_plots import redraw
from trainer.reports.report import between, duration
from trainer.reports.results import TrainingResult, read_results

BEGIN: Final = "<!-- results:begin -->"
END: Final = "<!-- results:end -->"


def main(argv: Sequence[str]) -> int:
    """Rewrite or check the table; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m trainer.reports.readme_table",
        description="Write the results into the README.",
    )
    parser.add_argument(
        "--results",
        type=Path,
        default=Path("results"),
        help="folder with training.json (default: %(default)s)",
    )
    parser.add_argument(
        "--readme",
        type=Path,
        default=Path("README.md"),
        help="page with the headline rows between two markers (default: %(default)s)",
    )
    parser.add_argument(
        "--page",
        type=Path,
        default=Path("docs/results.md"),
        help="page with the full tables between two markers (default: %(default)s)",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="change nothing; exit with 1 if the page is not up to date",
    )
    arguments = parser.parse_args(argv)
    try:
        results = read_results(arguments.results)
        pages = {arguments.readme: headline.compose(results), arguments.page: compose(results)}
        if not arguments.check:
            redraw(arguments.results, results)
        return max(update(page, text, check=arguments.check) for page, text in pages.items())
    except TrainerError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return error.exit_code


def update(path: Path, text: str, *, check: bool) -> int:
    """Put `text` between the markers of the page `path`, or only see whether it is there.

    Returns:
        0; with `check`, 1 if the page is not up to date.

    Raises:
        OutputError: the page is not there, cannot be written, or lacks the markers.
    """
    try:
        page = path.read_text(encoding="utf-8")
        wanted = insert(page, text)
        if not check:
            write_synced(path, wanted.encode())
    except OSError as error:
        raise OutputError(
            f"expected a page to write the results to; received '{path}': {error.strerror}; "
            "name it with --readme"
        ) from error
    if check and page != wanted:
        print(
            f"{path.name}: expected the table of the recorded results; received another; run "
            "`python -m trainer.reports.readme_table`",
            file=sys.stderr,
        )
        return 1
    return 0


def insert(page: str, text: str) -> str:
    """`page` with `text` between its markers.

    Raises:
        OutputError: the markers are not there once each, in order.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in after or END in before + after:
        raise OutputError(
            f"expected the lines '{BEGIN}' and '{END}' once each; received a page without that; "
            "add them where the table goes"
        )
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def compose(results: Sequence[TrainingResult]) -> str:
    """The table of all results on MNIST with its whole test set, a row a network and training, and
    the commands that made it."""
    groups: defaultdict[tuple[str, str, int, str], list[TrainingResult]] = defaultdict(list)
    for result in sorted(results, key=lambda result: result.key):
        if (result.data, result.test_size) == (MNIST, published_baseline.TEST_SIZE):
            groups[(result.recipe, result.precision, -result.epochs, result.architecture)].append(
                result
            )
    if not groups:
        return "Nothing has been recorded yet: `make train` on the whole of MNIST does it."
    rows = [_row(group) for _, group in sorted(groups.items())]
    header = [
        "network",
        "recipe",
        "epochs",
        "precision",
        "seeds",
        "parameters",
        "validation",
        "test",
        "95 % interval",
        "published",
        "loss",
        "published",
        "time",
    ]
    recorded = [result for group in groups.values() for result in group]
    believed = confidence_table.compose([group for _, group in sorted(groups.items())])
    parts = [
        markdown.table(header, rows, words=(0, 1, 3)),
        _notes(recorded),
        believed,
        _origins(recorded),
    ]
    return "\n\n".join(part for part in parts if part)


def _row(group: Sequence[TrainingResult]) -> list[str]:
    first = group[0]
    published = published_baseline.REFERENCES.get(first.architecture)
    return [
        f"`{first.architecture}`",
        f"`{first.recipe}`",
        str(first.epochs) if first.epochs else "–",
        first.precision,
        str(len(group)),
        f"{first.parameters:,}",
        spread([result.validation_accuracy for result in group]),
        f"**{spread([result.test_accuracy for result in group])}**",
        between(_interval([result.test_accuracy for result in group], first.test_size)),
        f"{published.accuracy:.4f}" if published else "–",
        spread([result.test_loss for result in group]),
        f"{published.loss:.4f}" if published else "–",
        duration(mean(result.seconds for result in group)) if first.epochs else "–",
    ]


def _interval(accuracies: Sequence[float], images: int) -> tuple[float, float]:
    """Of one network's accuracy by the number of images, of several seeds' mean by their spread."""
    return interval(accuracies[0], images) if len(accuracies) == 1 else interval_of_mean(accuracies)


def spread(values: Sequence[float]) -> str:
    """One value as it is, several as mean ± standard deviation, with four decimals."""
    return f"{values[0]:.4f}" if len(values) == 1 else f"{mean(values):.4f} ± {stdev(values):.4f}"


def _notes(recorded: Sequence[TrainingResult]) -> str:
    sizes = " or ".join(
        f"{size:,}" for size in sorted({result.validation_size for result in recorded})
    )
    note = (
        f"Accuracies are shares of {sizes} validation and {published_baseline.TEST_SIZE:,} test "
        "images; the interval is what so many test "
        "images say of one network's accuracy (Wilson), or what the seeds say of their mean "
        "(Student). Loss is the mean cross-entropy on "
        "the test set in nats. `published` are the reference runs, which used the test set as "
        "validation set."
    )
    several = len({(r.recipe, r.precision, r.epochs, r.architecture) for r in recorded}) < len(
        recorded
    )
    return f"{note} ± is the standard deviation over seeds." if several else note


def _origins(recorded: Sequence[TrainingResult]) -> str:
    """What to type to make every row again, and what it ran on."""
    commands = dict.fromkeys(result.command for result in recorded)
    machines = dict.fromkeys(result.machine for result in recorded)
    return f"Made on {'; '.join(machines)} by\n\n```sh\n{chr(10).join(commands)}\n```"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
