"""The freehand score, its part of the report, and the command that measures a published version."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks.freehand import record
from benchmarks.freehand.__main__ import main
from digits.contract import LABELS
from digits.manifest import Manifest, describe_files, write_manifest
from tests.benchmarks.test_pen_digits import write_pens
from tests.support.toy_digits import toy_arrays, write_toy_file
from tests.support.trainer_runs import IMAGES, made_up_run
from tests.support.versions import FACTS
from trainer.data.dataset import load
from trainer.data.split import split
from trainer.evaluation.freehand_score import FAMILY, FORM, FreehandScore, score
from trainer.export.material import prepare
from trainer.export.ood import fit
from trainer.export.saved_model import export
from trainer.freehand import forms
from trainer.freehand.canvas import FACTORS
from trainer.freehand.drawings import Drawings, draw, draw_forms, draw_strokes
from trainer.networks import architecture
from trainer.reports import freehand_report


@pytest.fixture(scope="module")
def drawings() -> Drawings:
    toy = toy_arrays()
    return draw(toy["x_train"][:200], toy["y_train"][:200])


def scored(drawings: Drawings, wrong: int) -> FreehandScore:
    """The score of a network that reads the first `wrong` drawings wrong."""
    read = np.where(
        np.arange(len(drawings.labels)) < wrong, (drawings.labels + 1) % 10, drawings.labels
    )
    return score((np.eye(10)[read] * 0.9 + 0.01).astype(np.float32), drawings)


def test_draw_a_fifth_of_the_images_is_drawn_and_seen(drawings: Drawings) -> None:
    assert (
        len(drawings.pictures)
        == len(drawings.looks)
        == len(drawings.labels)
        == len(drawings.seen)
        == 40
    )
    assert drawings.seen.dtype == np.uint8 and drawings.seen.shape == (40, 28, 28)
    assert (drawings.seen.max(axis=(1, 2)) == 255).all()
    assert len({picture[:4] for picture in drawings.pictures}) == 2, "PNGs and JPEGs"


def test_draw_the_same_images_are_the_same_drawings(drawings: Drawings) -> None:
    toy = toy_arrays()
    assert draw(toy["x_train"][:200], toy["y_train"][:200]).pictures == drawings.pictures


def test_draw_strokes_each_digit_has_a_look_of_its_own_whatever_the_others() -> None:
    strokes = [np.array([(0.0, 0), (5, 9)])]
    three = draw_strokes([strokes] * 3, np.ones(3, np.uint8))
    assert len(set(three.pictures)) == 3
    assert draw_strokes([strokes] * 2, np.ones(2, np.uint8)).pictures == three.pictures[:2]


def test_score_counts_all_and_by_each_level(drawings: Drawings) -> None:
    found = scored(drawings, 10)
    assert (found.family, found.images, found.accuracy) == (FAMILY, 40, 0.75)
    assert found.factors.keys() == FACTORS.keys()
    for factor, levels in found.factors.items():
        assert sum(level.images for level in levels.values()) == 40
        wrong = [getattr(look, factor) for look in drawings.looks[:10]]
        for name, level in levels.items():
            assert round((1 - level.accuracy) * level.images) == wrong.count(name)
    assert sorted(mistake.image for mistake in found.mistakes) == list(range(10))


def test_score_of_synthetic_handwriting_counts_by_form_too() -> None:
    written = draw_forms(30, forms.HELD_OUT)
    found = scored(written, 1)
    assert found.factors[FORM][written.forms[0]].accuracy < 1
    assert sum(level.images for level in found.factors[FORM].values()) == 30
    assert found.family == forms.FAMILY
    assert f"form: {written.forms[0]}" in freehand_report.compare({"one": found})


def test_compare_scores_shows_each_level_of_each_factor(drawings: Drawings) -> None:
    text = freehand_report.compare({"one": scored(drawings, 10), "two": scored(drawings, 0)})
    assert re.search(r"\| all +\| \*\*0\.7500\*\* \(0\.\d{4}–0\.\d{4}\) +\| \*\*1\.0000\*\*", text)
    assert all(
        f"{factor}: {level}" in text for factor, levels in FACTORS.items() for level in levels
    )


def test_report_of_a_run_shows_score_and_mistakes(drawings: Drawings, tmp_path: Path) -> None:
    plain = made_up_run()
    networks = [
        n.model_copy(update={"freehand": scored(drawings, wrong)})
        for n, wrong in zip(plain.networks, (3, 0), strict=True)
    ]
    run = plain.model_copy(update={"networks": tuple(networks)})
    text = "\n".join(freehand_report.compose(run))
    freehand_report.draw(run, IMAGES | {"freehand": drawings.seen}, tmp_path)
    assert (
        re.findall(r"\(plots/(.+?)\)", text)
        == [path.name for path in tmp_path.iterdir()]
        == ["mistakes-conv3-freehand.png"]
    )
    assert freehand_report.compose(plain) == []
    freehand_report.draw(plain, IMAGES, tmp_path)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two versions of a network that nobody trained, on toy digits: 1 without a score
    of what is no digit, 2 with it."""
    folder = tmp_path_factory.mktemp("published")
    write_toy_file(folder / "toy.npz")
    model, data = architecture.build("conv3", seed=3), load(folder / "toy.npz", "toy", LABELS, None)
    parts = split(data, 300, 1)
    material = prepare(parts, parts.x_validation[:0])
    assert material is not None
    for number, detector in ((1, None), (2, fit(model, material))):
        version = folder / "digits" / str(number)
        version.mkdir(parents=True)
        export(model, LABELS, version, detector=detector)
        fields = {
            **FACTS,
            "config": {"validation_size": 300, "data_seed": 1},
            "data": {"name": "toy"},
            "files": describe_files(version),
        }
        write_manifest(Manifest.model_validate(fields), version)
    return folder


def run_bench(folder: Path, *arguments: str) -> record.FreehandResult:
    flags = [
        "--models",
        str(folder / "digits"),
        "--data",
        str(folder / "toy.npz"),
        "--results",
        str(folder),
        "--page",
        str(folder / "page"),
        "--forms",
        "1",
    ]
    assert main([*flags, *arguments]) == 0
    return record.FreehandResult.model_validate_json((folder / "freehand.json").read_text())


def test_bench_served_version_is_scored_on_digits_pens_and_strangers(
    published: Path, tmp_path: Path
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 28, 28), np.uint8)
    np.savez(tmp_path / "strangers.npz", images=images, family=np.array(["noise"] * 5))
    pens = write_pens(tmp_path / "pens.npz")
    result = run_bench(
        published, "--pen_strokes", str(pens), "--not_digits", str(tmp_path / "strangers.npz")
    )
    assert result.version == 2
    assert result.scores[record.VALIDATION].images == 60
    assert result.scores[record.PENS].images == 1, "of the hand that nothing was tuned with"
    forms = result.scores[record.FORMS]
    assert sum(one.images for one in forms.factors[FORM].values()) == forms.images
    assert result.rejection is not None
    assert (
        {"noise", "scribble, fitted", "shapes, unseen"}
        <= result.rejection.accepted.keys()
        == result.rejection.auroc.keys()
    )
    page = (published / "page" / "freehand.md").read_text()
    assert "| noise" in page and result.command in page
    assert all(
        (published / "page" / name).is_file() for name in re.findall(r"\]\((.+?\.png)\)", page)
    )


def test_bench_version_without_a_score_is_measured_without_it(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PEN_STROKES", "NOT_DIGITS"):
        monkeypatch.delenv(name, raising=False)
    result = run_bench(published, "--version", "1")
    assert (result.version, result.rejection, list(result.scores)) == (
        1,
        None,
        [record.VALIDATION, record.FORMS],
    )


def test_bench_no_version_and_other_files_are_one_line(
    published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--models", str(tmp_path)]) == 1
    flags = ["--models", str(published / "digits"), "--data", str(published / "toy.npz")]
    assert main([*flags, "--pen_strokes", str(published / "toy.npz")]) == 4
    lines = capsys.readouterr().err.splitlines()
    assert [
        line.partition("; received")[0].removeprefix("python -m benchmarks.freehand: ")
        for line in lines
    ] == [
        f"expected a version in '{tmp_path}'",
        "expected a file of pen strokes",
    ]


def test_recorded_result_is_of_the_layout_it_says() -> None:
    path = Path(__file__).parents[3] / "results" / record.FREEHAND_FILE
    if path.exists():
        record.FreehandResult.model_validate(json.loads(path.read_text()))
