"""Train the same recipe with several seeds and print mean and spread: `python -m trainer.sweep
--seeds 1,2,3`.

Every run is a `python -m trainer` of its own, in its own folder: stopped or killed, the same
command goes on where it was. A recipe that learns from teachers gets them first, those of every
seed, and each seed then learns from all of them. Flags that are not explained here go on to `python
-m trainer`.
"""

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, ValidationError

from digits.settings import CliUnknownArgs, CommaSeparated, Settings, load
from trainer.evaluation.metrics import interval_of_mean
from trainer.evaluation.result import Run
from trainer.recipes import FINE_TUNE, RECIPES
from trainer.reports.markdown import spread, table
from trainer.reports.report import METRICS_FILE


def _trained_from_nothing(recipe: str) -> str:
    known = sorted(set(RECIPES) - {FINE_TUNE})
    if recipe not in known:
        raise ValueError(f"one of {', '.join(known)}")
    return recipe


def _once_each(seeds: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(seeds))


class SweepSettings(Settings):
    """Train the same recipe with several seeds and print mean and spread. Flags that are not
    explained here go on to `python -m trainer`."""

    program: ClassVar[str] = "python -m trainer.sweep"
    env_prefix: ClassVar[str] = "INKWELL_SWEEP_"
    keeps_unknown: ClassVar[bool] = True

    seeds: Annotated[tuple[int, ...], CommaSeparated, AfterValidator(_once_each)] = Field(
        default=(1, 2, 3), description="seeds, separated by commas"
    )
    recipe: Annotated[str, AfterValidator(_trained_from_nothing)] = Field(
        default="best", description="training recipe"
    )
    runs: Path = Field(default=Path("runs"), description="folder of the runs")
    only_print: bool = Field(
        default=False, description="train nothing; print the table of the runs that have finished"
    )
    config: Path | None = Field(
        default=None, description="TOML file with settings of each training"
    )
    passed_on: CliUnknownArgs = Field(default=[], description="arguments of each training")


def main(argv: Sequence[str], call: Callable[[list[str]], int] = subprocess.call) -> int:
    """Run every training, then print the table; returns the exit code, that of the first training
    that failed.

    Args:
        argv: the command line.
        call: runs one command and returns its exit code.
    """
    chosen = load(SweepSettings, argv)
    if not chosen.only_print:
        passed_on = [
            *chosen.passed_on,
            *(["--config", str(chosen.config)] if chosen.config else []),
        ]
        for command in commands(chosen.recipe, chosen.seeds, chosen.runs, passed_on):
            if code := call([sys.executable, *command[1:]]):
                print(
                    f"{chosen.program}: stopped by '{' '.join(command)}' (exit code {code}); the "
                    "same command goes on there",
                    file=sys.stderr,
                )
                return code
    print(compose(_finished(chosen.recipe, chosen.seeds, chosen.runs)))
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
                spread([network.validation.accuracy for network in networks], ".3%"),
                spread(accuracies, ".3%"),
                interval(accuracies),
            ]
        )
    return table(
        ["network", "seeds", "validation accuracy", "test accuracy", "95 % interval of the mean"],
        rows,
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


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
