"""Keep the tables of results in README.md and docs/results.md equal to `results/training.json`.

python -m trainer.reports.readme_table            rewrites both
python -m trainer.reports.readme_table --check    changes nothing; exit code 1 if one is outdated
"""

import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean
from typing import ClassVar, Final

from pydantic import Field

from digits.files import write_synced
from digits.settings import Settings, load
from trainer.data.dataset import MNIST
from trainer.errors import OutputError, TrainerError
from trainer.evaluation import published_baseline
from trainer.evaluation.calibration import BINS
from trainer.evaluation.metrics import interval, interval_of_mean
from trainer.reports import headline, markdown
from trainer.reports.markdown import between, duration, spread
from trainer.reports.recorded_plots import redraw
from trainer.reports.results import TrainingResult, read_results

BEGIN: Final = "<!-- results:begin -->"
END: Final = "<!-- results:end -->"
Group = Sequence[TrainingResult]
"""The results of one row, which differ in their seed alone."""


class TableSettings(Settings):
    """Write the recorded results into README.md and docs/results.md."""

    program: ClassVar[str] = "python -m trainer.reports.readme_table"
    env_prefix: ClassVar[str] = "INKWELL_TABLE_"

    results: Path = Field(default=Path("results"), description="folder with training.json")
    readme: Path = Field(
        default=Path("README.md"), description="page with the headline rows between two markers"
    )
    page: Path = Field(
        default=Path("docs/results.md"), description="page with the full tables between two markers"
    )
    check: bool = Field(
        default=False, description="change nothing; exit with 1 if the page is not up to date"
    )


def main(argv: Sequence[str]) -> int:
    """Rewrite or check the tables; returns the exit code."""
    settings = load(TableSettings, argv)
    try:
        results = read_results(settings.results)
        pages = {settings.readme: headline.compose(results), settings.page: compose(results)}
        if not settings.check:
            redraw(settings.results, results)
        return max(update(page, text, check=settings.check) for page, text in pages.items())
    except TrainerError as error:
        print(f"{settings.program}: {error}", file=sys.stderr)
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
    """The tables of all results on MNIST with its whole test set, a row a network and training, and
    the commands that made them."""
    groups: defaultdict[tuple[str, str, int, str], list[TrainingResult]] = defaultdict(list)
    for result in sorted(results, key=lambda result: result.key):
        if (result.data, result.test["size"]) == (MNIST, published_baseline.TEST_SIZE):
            groups[(result.recipe, result.precision, -result.epochs, result.architecture)].append(
                result
            )
    if not groups:
        return "Nothing has been recorded yet: `make train` on the whole of MNIST does it."
    rows = [group for _, group in sorted(groups.items())]
    recorded = [result for group in groups.values() for result in group]
    parts = [
        _table(_ACCURACY, rows, words=(0, 1, 3)),
        _notes(recorded, several=len(rows) < len(recorded)),
        _calibration_table(rows),
        _origins(recorded),
    ]
    return "\n\n".join(part for part in parts if part)


def _calibration_table(rows: Sequence[Group]) -> str:
    """The second table with its note; empty where none of the records has these metrics."""
    known = [found for group in rows if (found := [one for one in group if one.temperature])]
    return f"{_table(_CALIBRATION, known, words=(0, 1))}\n\n{_CALIBRATION_NOTE}" if known else ""


def _table(columns: "Columns", rows: Sequence[Group], words: Sequence[int]) -> str:
    cells = [[cell(group) for _, cell in columns] for group in rows]
    return markdown.table([title for title, _ in columns], cells, words=words)


def _mean(value: Callable[[TrainingResult], float], form: str) -> "Cell":
    """A cell with the mean over seeds."""
    return lambda group: format(mean(value(result) for result in group), form)


def _published(group: Group, name: str) -> str:
    reference = published_baseline.REFERENCES.get(group[0].architecture)
    return f"{getattr(reference, name):.4f}" if reference else "–"


def _disputed(group: Group, name: str, form: str) -> str:
    known = [getattr(result.disputed, name) for result in group if result.disputed]
    return format(mean(known), form) if known else "–"


def _interval(group: Group) -> tuple[float, float]:
    """Of one network's accuracy by the number of images, of several seeds' mean by their spread."""
    accuracies, images = [one.test["accuracy"] for one in group], int(group[0].test["size"])
    return interval(accuracies[0], images) if len(accuracies) == 1 else interval_of_mean(accuracies)


def _notes(recorded: Sequence[TrainingResult], *, several: bool) -> str:
    sizes = " or ".join(
        f"{size:,}" for size in sorted({result.validation["size"] for result in recorded})
    )
    note = (
        f"Accuracies are shares of {sizes} validation and {published_baseline.TEST_SIZE:,} test "
        "images; the interval is what so many test images say of one network's accuracy (Wilson), "
        "or what the seeds say of their mean (Student). Loss is the mean cross-entropy on the test "
        "set in nats. `published` are the reference runs, which used the test set as validation "
        "set."
    )
    return f"{note} ± is the standard deviation over seeds." if several else note


def _origins(recorded: Sequence[TrainingResult]) -> str:
    """What to type to make every row again, and what it ran on."""
    commands = dict.fromkeys(result.command for result in recorded)
    machines = dict.fromkeys(result.machine for result in recorded)
    return f"Made on {'; '.join(machines)} by\n\n```sh\n{chr(10).join(commands)}\n```"


Cell = Callable[[Group], str]
Columns = Sequence[tuple[str, Cell]]
_NETWORK: Final[Columns] = (
    ("network", lambda group: f"`{group[0].architecture}`"),
    ("recipe", lambda group: f"`{group[0].recipe}`"),
)
_ACCURACY: Final[Columns] = (
    *_NETWORK,
    ("epochs", lambda group: str(group[0].epochs) if group[0].epochs else "–"),
    ("precision", lambda group: group[0].precision),
    ("seeds", lambda group: str(len(group))),
    ("parameters", lambda group: f"{group[0].parameters:,}"),
    ("validation", lambda group: spread([one.validation["accuracy"] for one in group])),
    ("test", lambda group: f"**{spread([one.test['accuracy'] for one in group])}**"),
    ("95 % interval", lambda group: between(_interval(group))),
    ("published", lambda group: _published(group, "accuracy")),
    ("loss", lambda group: spread([one.test["loss"] for one in group])),
    ("published", lambda group: _published(group, "loss")),
    (
        "time",
        lambda group: duration(mean(one.seconds for one in group)) if group[0].epochs else "–",
    ),
)
"""Columns of the first table."""
_CALIBRATION: Final[Columns] = (
    *_NETWORK,
    ("temperature", _mean(lambda one: one.temperature or 1, ".2f")),
    ("NLL", _mean(lambda one: one.test["nll"], ".4f")),
    ("calibrated", _mean(lambda one: one.test["calibrated_nll"], ".4f")),
    ("Brier", _mean(lambda one: one.test["brier"], ".5f")),
    ("calibrated", _mean(lambda one: one.test["calibrated_brier"], ".5f")),
    ("ECE", _mean(lambda one: one.test["ece"], ".2%")),
    ("calibrated", _mean(lambda one: one.test["calibrated_ece"], ".2%")),
    ("AURC × 10⁴", _mean(lambda one: 1e4 * one.test["aurc"], ".2f")),
    ("wrong, most confident 99 %", _mean(lambda one: one.test["risk_at_99"], ".2%")),
    ("test, undisputed", lambda group: _disputed(group, "accuracy_without", ".4f")),
    ("errors disputed", lambda group: _disputed(group, "errors", ".3g")),
)
"""Columns of the second table: how far the probabilities can be believed."""
_CALIBRATION_NOTE: Final = (
    "All on the test set, means over seeds. The exported model answers the calibrated "
    "probabilities: one temperature, fitted on the validation set; the digits stay the same. NLL "
    "is the mean negative log-likelihood in nats, Brier the mean sum of squared differences from "
    f"the truth, ECE the gap between confidence and accuracy over {BINS} bins of equal width; "
    "above an accuracy of 0.997 it is mostly chance. AURC is the area under the risk-coverage "
    "curve; *most confident 99 %* is the share read wrong when the least sure 1 % are refused. 15 "
    "test labels are [disputed](https://github.com/cleanlab/label-errors) by a majority of the "
    "people asked: the accuracy without them, and how many of the errors they are."
)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
