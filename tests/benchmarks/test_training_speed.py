from pathlib import Path

import pytest

from benchmarks.ablation.record import ABLATION_FILE, Ablation, compose, read, tables
from benchmarks.ablation.variants import ALL, EVERYTHING, VARIANTS, chosen
from benchmarks.keras_baseline import conv3
from benchmarks.training_speed.record import SPEED_FILE, keep
from benchmarks.training_speed.record import read as read_speed
from benchmarks.training_speed.steps import measure_steps, multiply_adds
from tests.support.toy_digits import toy_arrays
from trainer.data.split import Split
from trainer.networks.architecture import ARCHITECTURES, build
from trainer.recipes import RECIPES, Recipe

RESULTS = Path(__file__).parents[2] / "results"


def test_notebooks_network_is_the_published_one() -> None:
    baseline, ours = conv3(), build("conv3")
    assert baseline.count_params() == 292_554
    assert [weight.shape for weight in baseline.weights] == [
        weight.shape for weight in ours.weights
    ]


def test_multiply_adds_counts_every_tap_of_every_pixel() -> None:
    blocks = (
        784 * (9 * 32 + 25 * 32 * 64)
        + 196 * (9 * 64 * 32 + 25 * 32 * 64)
        + 25 * (9 * 64 * 32 + 25 * 32 * 64)
    )
    assert multiply_adds(build("conv3")) == blocks + 256 * 256 + 256 * 128 + 128 * 10


def test_measure_steps_covers_both_codes_and_every_network() -> None:
    toy = toy_arrays()
    parts = Split(
        toy["x_train"][:128], toy["y_train"][:128], toy["x_test"][:50], toy["y_test"][:50]
    )
    steps, peak = measure_steps(parts, rounds=1, steps=1)
    assert {(one.code, one.architecture) for one in steps if one.precision == "float32"} == {
        ("notebook", "conv3"),
        *((code, name) for code in ("ours", "cropped") for name in ARCHITECTURES),
    }
    assert all(
        one.ms_per_step.least <= one.ms_per_step.median <= one.ms_per_step.most for one in steps
    )
    assert all(
        one.share_of_peak
        == pytest.approx(one.gflop_per_step / one.ms_per_step.median * 1000 / peak[one.precision])
        for one in steps
    )


def test_ablation_variants_are_valid_recipes_and_all_differ() -> None:
    for name in ("augmented", "best"):
        changed = [
            change(RECIPES[name])
            for variant, change in VARIANTS.items()
            if variant in chosen([*VARIANTS], RECIPES[name])
        ]
        recipes = [Recipe.model_validate(recipe.model_dump()) for recipe in changed]
        assert (
            len({recipe.model_dump_json() for recipe in recipes})
            == len(recipes)
            == len(VARIANTS) - 2
        )


def test_ablation_table_shows_the_distance_from_everything() -> None:
    def result(variant: str, seed: int, error: float) -> Ablation:
        facts = {
            "train_size": 100,
            "measured_on": 10_000,
            "epochs": 2,
            "precision": "float32",
            "loss": 0.1,
        }
        origin = {
            "machine": "one",
            "code_revision": "0",
            "date": "2026",
            "command": "python -m benchmarks.ablation",
        }
        return Ablation.model_validate(
            {"variant": variant, "seed": seed, "error": error, **facts, **origin}
        )

    made = compose(
        [
            result("everything", 1, 0.01),
            result("everything", 2, 0.02),
            result("without decay", 1, 0.03),
        ]
    )
    assert "| everything    |     2 | 1.50% |             +0.00% | 0.1000 |" in made
    assert "| without decay |     1 | 3.00% |             +2.00% | 0.1000 |" in made, (
        "against everything with the same seed"
    )


def test_ablation_of_other_lengths_stands_in_another_table() -> None:
    recorded = read(RESULTS / ABLATION_FILE)
    longer = [one.model_copy(update={"epochs": one.epochs + 1}) for one in recorded]
    assert len(tables([*recorded, *longer])) == 2 * len(tables(recorded))


def test_keep_takes_the_place_of_the_same_machine_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / SPEED_FILE
    first = read_speed(RESULTS / SPEED_FILE)[0].model_copy(update={"machine": "b"})
    assert read_speed(path) == ()
    for machine, date in (("b", "1"), ("a", "2"), ("b", "3")):
        keep(first.model_copy(update={"machine": machine, "date": date}), path)
    assert [(one.machine, one.date) for one in read_speed(path)] == [("a", "2"), ("b", "3")]


def test_recorded_speed_and_ablation_have_their_layouts() -> None:
    speeds = read_speed(RESULTS / SPEED_FILE)
    assert speeds
    for speed in speeds:
        assert speed.command.startswith("python -m benchmarks.training_speed")
        assert any(one.code == "notebook" for one in speed.to_accuracy)
        assert (
            speed.of_the_notebooks_whole_time is not None
            and speed.of_the_notebooks_whole_time < 0.1
        ), "as the recipe fast says"
    for group in tables(read(RESULTS / ABLATION_FILE)):
        assert group[0].variant == EVERYTHING
        assert {one.variant for one in group} <= {*chosen(ALL, RECIPES[group[0].recipe])}
    whole, *_ = tables(read(RESULTS / ABLATION_FILE))
    assert {one.variant for one in whole} == {*chosen(ALL, RECIPES["augmented"])}
