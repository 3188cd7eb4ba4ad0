"""The report of a run: a page to read, the metrics for programs, the plots."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from digits.files import write_synced
from trainer.data.arrays import Images
from trainer.errors import OutputError
from trainer.evaluation.result import Run
from trainer.reports import confidence_report, freehand_report, network_report
from trainer.reports.markdown import between, table
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
        network_report.draw(run, folder / PLOTS)
        confidence_report.draw(run, images, folder / PLOTS)
        freehand_report.draw(run, images, folder / PLOTS)
        write_synced(folder / METRICS_FILE, (run.model_dump_json(indent=2) + "\n").encode())
        write_synced(folder / REPORT_FILE, compose(run).encode())
    except OSError as error:
        raise OutputError(
            f"expected a run folder that can be written; received: {error.strerror}; choose "
            "another or make room"
        ) from error


def compose(run: Run) -> str:
    """The report as Markdown; its pictures lie in the folder `plots` beside it."""
    sections = [
        f"# Training report: recipe `{run.recipe}`, data set `{run.data}`",
        _summary(run),
        *network_report.compare(run),
        "## Choice",
        _choice(run),
        *network_report.show_losses_and_confusions(run),
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
        f"{run.train_size:,} images. {run.choice.reason} On the {winner.test.images:,} test "
        f"images, looked at once after the choice, it reads {winner.test.accuracy:.4f} right "
        f"({winner.test.errors:,} wrong; 95 % interval {between(winner.test.interval)}), with a "
        f"loss of {winner.test.loss:.4f}."
    )


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
