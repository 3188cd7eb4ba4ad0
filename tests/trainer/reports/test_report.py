"""The report, its plots, and the README's table of results."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.trainer_runs import IMAGES, LABELS, made_up_history, made_up_run
from trainer.errors import OutputError
from trainer.evaluation.confidence import Confidence
from trainer.evaluation.metrics import evaluate
from trainer.evaluation.mistakes import Mistake
from trainer.evaluation.result import Run
from trainer.reports import confidence_plots, markdown, plots, readme_table, report
from trainer.reports.gallery import mistakes_gallery
from trainer.reports.recorded_plots import redraw
from trainer.reports.results import flatten, plots_name, read_results, record

ROOT = Path(__file__).parents[3]
PAGE = f"# Title\n\n{readme_table.BEGIN}\nold\n{readme_table.END}\n\nEnd\n"


def test_compose_run_states_choice_figures_and_origin() -> None:
    text = report.compose(made_up_run())
    assert "**conv3** was chosen among 2 trained on 55,000 images." in text
    assert "it reads 0.9908 right (92 wrong; 95 % interval 0.9887–0.9925)" in text
    assert re.search(r"\| conv3 +\| +0\.9908 \| +0\.9908 \| reached exactly +\|", text)
    assert re.search(r"\| conv7 +\| +0\.9918 \| +0\.9905 \| reached, 0\.0013 above +\|", text)
    assert "```sh\npython -m trainer --recipe notebook --seed 1\n```" in text
    assert "Some Processor, 2 cores, Linux x86_64" in text
    assert "5 min" in text


def test_compose_run_below_the_reference_says_by_how_much() -> None:
    assert "missed by 0.0038, 4.0 standard errors (0.0010)" in report.compose(
        made_up_run(wrong=130)
    )


def test_compose_run_on_other_images_has_no_reference() -> None:
    text = report.compose(made_up_run(data="fashion"))
    assert "There is no published run to put beside these" in text
    assert "0.0362" not in text


def test_compose_confusions_names_the_class_read_instead() -> None:
    text = report.compose(made_up_run(wrong=92))
    assert re.search(r"\| 3 +\|.* 1,000 \| 4 \(9 of 9\)", text)
    assert "| never" in report.compose(made_up_run(wrong=5))


def test_write_report_leaves_page_figures_and_every_picture_it_shows(tmp_path: Path) -> None:
    run = made_up_run()
    report.write(run, tmp_path / "new" / "run", IMAGES)
    page = (tmp_path / "new" / "run" / "report.md").read_text()
    shown = re.findall(r"!\[.+?\]\((.+?)\)", page)
    assert len(shown) == 11, (
        "losses, confusions, reliability, refusal, and the mistakes of two networks on two sets"
    )
    assert all((tmp_path / "new" / "run" / picture).is_file() for picture in shown)
    assert Run.model_validate_json((tmp_path / "new" / "run" / "metrics.json").read_text()) == run


def test_write_report_keeps_the_figures_behind_the_pictures(tmp_path: Path) -> None:
    run = made_up_run(test_size=200)
    report.write(run, tmp_path, IMAGES)
    kept = json.loads((tmp_path / "plots" / "confidence.json").read_text())
    assert {name: Confidence.model_validate(one) for name, one in kept.items()} == {
        n.architecture: n.confidence for n in run.networks
    }


def test_compose_run_says_how_far_to_believe_it() -> None:
    run = made_up_run(wrong=1_700)
    text, confidence = report.compose(run), run.networks[0].confidence
    before, after = confidence.test.as_trained, confidence.test.calibrated
    (row,) = re.findall(r"^\| conv3 +\| test +\| +\d\.\d{3} \|.+", text, re.MULTILINE)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[2:5] == [f"{confidence.temperature:.3f}", f"{before.nll:.4f}", f"{after.nll:.4f}"]
    assert cells[5:] == [
        f"{before.brier:.5f}",
        f"{after.brier:.5f}",
        f"{before.ece:.2%}",
        f"{after.ece:.2%}",
    ]
    assert re.search(r"\| conv3 +\| +0\.8300 \| +0\.8299 \| +2 of 1,700 \|", text), (
        "two disputed images among the first 1,700"
    )
    assert "conv3-test.png" in text
    assert "error of 0.38%" in text


def test_compose_run_on_other_images_disputes_no_label() -> None:
    assert "disputed" not in report.compose(made_up_run(data="fashion"))


def test_compose_network_without_a_mistake_says_so_and_shows_no_gallery(tmp_path: Path) -> None:
    run = made_up_run(wrong=0, test_size=200)
    report.write(made_up_run(test_size=200), tmp_path, IMAGES)
    report.write(run, tmp_path, IMAGES)
    assert "conv3 reads no image of the test set wrong." in (tmp_path / "report.md").read_text()
    assert not (tmp_path / "plots" / "mistakes-conv3-test.png").exists(), (
        "that of the report before is gone"
    )


def test_gallery_shows_the_image_that_the_mistake_names(tmp_path: Path) -> None:
    images = np.zeros((50, 28, 28), np.uint8)
    images[17] = 255
    sure = Mistake(image=17, truth=7, read=2, confidence=0.9, truth_probability=0.1, disputed=False)
    for name, mistake in (("named", sure), ("other", sure.model_copy(update={"image": 18}))):
        mistakes_gallery([mistake], images, LABELS, "one mistake", tmp_path / f"{name}.png")
    black = {
        name: (np.asarray(Image.open(tmp_path / f"{name}.png").convert("L")) == 0).mean()
        for name in ("named", "other")
    }
    assert black["named"] > black["other"] + 0.05


def test_gallery_disputed_label_is_marked(tmp_path: Path) -> None:
    mistake = Mistake(
        image=0, truth=7, read=2, confidence=0.9, truth_probability=0.1, disputed=True
    )
    for disputed in (True, False):
        marked = mistake.model_copy(update={"disputed": disputed})
        mistakes_gallery(
            [marked], IMAGES["test"], LABELS, "one mistake", tmp_path / f"{disputed}.png"
        )
        with Image.open(tmp_path / f"{disputed}.png") as picture:
            pixels = np.asarray(picture.convert("RGB")).astype(int)
        assert bool((pixels[..., 0] > pixels[..., 2] + 80).any()) == disputed


def test_write_report_where_a_file_is_in_the_way_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(OutputError, match="run folder that can be written"):
        report.write(made_up_run(), tmp_path / "run", IMAGES)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (4.2, "4 s"),
        (89, "89 s"),
        (90, "2 min"),
        (3540, "59 min"),
        (3600, "1 h 00 min"),
        (7499, "2 h 05 min"),
    ],
)
def test_duration_is_said_as_a_person_would(seconds: float, words: str) -> None:
    assert markdown.duration(seconds) == words


def test_plots_same_figures_give_the_same_bytes_on_white(tmp_path: Path) -> None:
    history, confidence = made_up_history(), made_up_run().winner.confidence
    scores = evaluate(np.eye(10, dtype=np.float32)[np.arange(50) * 3 % 10], np.arange(50) % 10)
    for name in ("once", "again"):
        folder = tmp_path / name
        folder.mkdir()
        plots.loss_plot(history, "conv3", folder / "loss.png")
        plots.comparison_plot({"conv3": history, "another": history}, folder / "comparison.png")
        plots.confusion_plot(scores, LABELS, folder / "confusion.png")
        confidence_plots.reliability_plot(confidence, "conv3", folder / "reliability.png")
        confidence_plots.risk_coverage_plot(
            {"conv3": confidence, "another": confidence}, folder / "risk.png"
        )
        mistakes_gallery(
            confidence.test.mistakes, IMAGES["test"], LABELS, "mistakes", folder / "mistakes.png"
        )
    for path in (tmp_path / "once").iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()
        with Image.open(path) as image:
            assert image.width >= 700
            assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
            assert not image.info.keys() - {"dpi"}


@pytest.mark.parametrize("epochs", [1, 60])
def test_plots_any_number_of_epochs_can_be_drawn(tmp_path: Path, epochs: int) -> None:
    plots.loss_plot(made_up_history(epochs), "conv5", tmp_path / "loss.png")
    assert (tmp_path / "loss.png").stat().st_size > 1000


def test_markdown_table_escapes_what_would_end_a_cell() -> None:
    assert (
        markdown.table(["a", "b"], [["x|y", "1\n2"]])
        == "| a    |   b |\n| :--- | --: |\n| x\\|y | 1 2 |"
    )


def test_table_one_seed_gives_the_value_and_the_command() -> None:
    text = readme_table.compose(flatten(made_up_run()))
    assert re.search(
        r"\| `conv3` \| `notebook` \|.*\*\*0\.9908\*\* \| 0\.9887–0\.9925 \| +0\.9908 \|", text
    )
    assert "python -m trainer --recipe notebook --seed 1" in text
    assert "±" not in text


def test_table_several_seeds_gives_mean_and_deviation() -> None:
    text = readme_table.compose(
        [*flatten(made_up_run(wrong=90, seed=1)), *flatten(made_up_run(wrong=110, seed=2))]
    )
    assert "**0.9900 ± 0.0014**" in text
    assert "± is the standard deviation over seeds." in text
    assert "| 0.9773–1.0027 |" in text, (
        "of the mean of two seeds, by Student's t: 12.7 standard errors"
    )
    assert text.count("`conv3`") == 2, "in the table of accuracies and in that of probabilities"


def test_table_of_probabilities_gives_means_over_seeds_and_counts_the_disputed() -> None:
    text = readme_table.compose(
        [*flatten(made_up_run(wrong=1900, seed=1)), *flatten(made_up_run(wrong=1640, seed=2))]
    )
    (row,) = [
        line for line in text.splitlines() if line.startswith("| `conv3`") and "±" not in line
    ]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[-2:] == [f"{1 - ((1900 - 2) + (1640 - 2)) / 2 / 9985:.4f}", "2"], (
        "947 and 1621 are among the wrong ones, 1901 is not"
    )
    assert cells[2] == f"{flatten(made_up_run())[0].temperature:.2f}"


def test_table_of_records_without_probabilities_has_no_second_table() -> None:
    older = [result.model_copy(update={"temperature": None}) for result in flatten(made_up_run())]
    assert "NLL" not in readme_table.compose(older)
    assert "NLL" in readme_table.compose([*older, *flatten(made_up_run(seed=2))])


def test_table_other_images_are_left_out() -> None:
    assert readme_table.compose(flatten(made_up_run(data="fashion"))).startswith(
        "Nothing has been recorded yet"
    )


def test_table_update_writes_between_the_markers_and_then_checks_clean(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    readme, page = tmp_path / "README.md", tmp_path / "results.md"
    readme.write_text(PAGE)
    page.write_text(PAGE)
    record(made_up_run(), tmp_path, tmp_path)
    arguments = ["--results", str(tmp_path), "--readme", str(readme), "--page", str(page)]
    assert readme_table.main([*arguments, "--check"]) == 1
    assert readme.read_text() == PAGE
    assert "python -m trainer.reports.readme_table" in capsys.readouterr().err
    assert readme_table.main(arguments) == 0
    assert readme.read_text().startswith(f"# Title\n\n{readme_table.BEGIN}\n\n| test accuracy")
    assert page.read_text().startswith(f"# Title\n\n{readme_table.BEGIN}\n\n| network")
    assert readme.read_text().endswith(f"{readme_table.END}\n\nEnd\n")
    assert readme_table.main([*arguments, "--check"]) == 0


@pytest.mark.parametrize(
    "page",
    [
        "",
        readme_table.BEGIN,
        readme_table.END + readme_table.BEGIN,
        PAGE + PAGE,
        PAGE + readme_table.END,
    ],
)
def test_table_page_without_the_two_markers_is_refused_and_left(
    tmp_path: Path, page: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "README.md").write_text(page)
    assert (
        readme_table.main(["--results", str(tmp_path), "--readme", str(tmp_path / "README.md")])
        == OutputError.exit_code
    )
    assert "once each" in capsys.readouterr().err
    assert (tmp_path / "README.md").read_text() == page


def test_table_absent_page_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        readme_table.main(["--results", str(tmp_path), "--readme", str(tmp_path / "none.md")])
        == OutputError.exit_code
    )
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_tables_of_the_committed_pages_are_up_to_date() -> None:
    pages = ["--readme", str(ROOT / "README.md"), "--page", str(ROOT / "docs" / "results.md")]
    assert readme_table.main(["--results", str(ROOT / "results"), *pages, "--check"]) == 0, (
        "run `make results`"
    )


def test_reports_in_a_fresh_process_import_neither_tensorflow_nor_pyplot() -> None:
    unwanted = {"tensorflow", "keras", "matplotlib.pyplot"}
    code = (
        "import sys, trainer.reports.report, trainer.reports.readme_table, "
        f"trainer.provenance; print({unwanted} & set(sys.modules))"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
        env=environment,
        cwd=ROOT,
    )
    assert ran.stdout.strip() == "set()"


def test_recorded_plots_are_drawn_again_from_the_recorded_figures(tmp_path: Path) -> None:
    run = made_up_run()
    report.write(run, tmp_path / "run", IMAGES)
    record(run, tmp_path / "run", tmp_path)
    folder = tmp_path / "plots" / plots_name(run)
    drawn = (folder / "reliability-conv3.png").read_bytes()
    (folder / "reliability-conv3.png").unlink()
    redraw(tmp_path, read_results(tmp_path))
    assert (folder / "reliability-conv3.png").read_bytes() == drawn
    assert (tmp_path / "plots" / "validation-error.png").exists()
