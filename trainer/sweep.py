"""Train the same recipe with several seeds and print mean and spread: `python -m trainer.sweep
--seeds 1,2,3`.

Every run is a `python -m trainer` of its own, in its own folder: stopped or killed, the same
command goes on where it was. A recipe that learns from teachers gets them first, those of every
seed, and each seed then learns from all of them. Flags that are not explained here go on to `python
-m trainer`.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean, stdev

from pydantic import ValidationError

from trainer.evaluation.metrics import interval_of_mean
from trainer.evaluation.result import Run
from trainer.recipes import FINE_TUNE, RECIPES
from trainer.reports.markdown import table
from trainer.reports.report import METRICS_FILE


def main(argv: Sequence[str], call: Callable[[list[str]], int] = subprocess.call) -> int:
    """Run every training, then print the table; returns the exit code, that of the first training
    that failed.

    Args:
        argv: the command line.
        call: runs one command and returns its exit code.
    """
    parser = argparse.ArgumentParser(
        prog="python -m trainer.sweep", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "--seeds",
        type=_numbers,
        default=[1, 2, 3],
        help="seeds, separated by commas (default: 1,2,3)",
    )
    parser.add_argument(
        "--recipe",
        choices=sorted(set(RECIPES) - {FINE_TUNE}),
        default="best",
        help="training recipe (default: best)",
    )
    parser.add_argument(
        "--runs", type=Path, default=Path("runs"), help="folder of the runs (default: runs)"
    )
    parser.add_argument(
        "--only_print",
        action="store_true",
        help="train nothing; print the table of the runs that have finished",
    )
    arguments, passed_on = parser.parse_known_args(argv)
    if not arguments.only_print:
        for command in commands(arguments.recipe, arguments.seeds, arguments.runs, passed_on):
            if code := call([sys.executable, *command[1:]]):
                print(
                    f"{parser.prog}: stopped by '{' '.join(command)}' (exit code {code}); the "
                    "same command goes on there",
                    file=sys.stderr,
                )
                return code
    print(compose(_finished(arguments.recipe, arguments.seeds, arguments.runs)))
    return 0


def commands(
    recipe: str, seeds: Sequence[int], runs: Path, passed_on: Sequence[str]
) -> list[list[str]]:
    """The trainings of a sweep in their order, each as one would type it."""

    def of(recipe: str, seed: int, *more: str) -> list[str]:
        folder = str(runs / f"{recipe}-seed{seed}")
        return [
            "python",
            "-m",
            "trainer",
            "--recipe",
            recipe,
            "--seed",
            str(seed),
            "--run_dir",
            folder,
            "--publish",
            "none",
            *more,
            *passed_on,
        ]

    distilled_by = RECIPES[recipe].teachers
    if distilled_by is None:
        return [of(recipe, seed) for seed in seeds]
    folders = ",".join(str(runs / f"{distilled_by}-seed{seed}") for seed in seeds)
    return [of(distilled_by, seed) for seed in seeds] + [
        of(recipe, seed, "--teachers", folders) for seed in seeds
    ]


def compose(finished: Sequence[Run]) -> str:
    """The table of the finished runs: a row a network."""
    if not finished:
        return "No run has finished yet."
    names = list(
        dict.fromkeys(network.architecture for run in finished for network in run.networks)
    )
    rows = []
    for name in names:
        networks = [
            network for run in finished for network in run.networks if network.architecture == name
        ]
        accuracies = [network.test.accuracy for network in networks]
        rows.append(
            [
                name,
                str(len(networks)),
                describe([network.validation.accuracy for network in networks]),
                describe(accuracies),
                interval(accuracies),
            ]
        )
    return table(
        ["network", "seeds", "validation accuracy", "test accuracy", "95 % interval of the mean"],
        rows,
    )


def describe(values: Sequence[float]) -> str:
    """Mean ± standard deviation in per cent; one value as it is."""
    return (
        f"{mean(values):.3%}" if len(values) == 1 else f"{mean(values):.3%} ± {stdev(values):.3%}"
    )


def interval(values: Sequence[float]) -> str:
    """Where the mean over all seeds lies; nothing can be said from one."""
    if len(values) == 1:
        return "–"
    low, high = interval_of_mean(values)
    return f"{low:.3%} to {high:.3%}"


def _finished(recipe: str, seeds: Sequence[int], runs: Path) -> list[Run]:
    found = []
    for seed in seeds:
        try:
            found.append(
                Run.model_validate_json((runs / f"{recipe}-seed{seed}" / METRICS_FILE).read_bytes())
            )
        except (FileNotFoundError, ValidationError):
            print(f"{recipe} with seed {seed} has not finished", file=sys.stderr)
    return found


def _numbers(text: str) -> list[int]:
    return list(dict.fromkeys(int(part) for part in text.split(",")))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
