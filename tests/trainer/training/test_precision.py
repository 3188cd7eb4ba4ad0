from pathlib import Path

import pytest

from trainer.training.device import choose_precision


def told(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "cpuinfo"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "text, chosen",
    [
        ("flags\t\t: fpu avx512f avx512_bf16 amx_tile\n", "bfloat16"),
        ("flags\t\t: fpu amx_bf16\n", "bfloat16"),
        ("Features\t: fp asimd bf16\n", "bfloat16"),
        ("flags\t\t: fpu avx2 avx512f\n", "float32"),
        ("model name\t: a processor without avx512_bf16\n", "float32"),
    ],
)
def test_auto_takes_bfloat16_where_the_processor_has_it(
    tmp_path: Path, text: str, chosen: str
) -> None:
    assert choose_precision("auto", told(tmp_path, text)) == chosen


def test_auto_takes_float32_where_nothing_is_known_of_the_processor(tmp_path: Path) -> None:
    assert choose_precision("auto", tmp_path / "absent") == "float32"


@pytest.mark.parametrize("asked", ["float32", "bfloat16"])
def test_what_was_asked_for_stands(tmp_path: Path, asked: str) -> None:
    assert choose_precision(asked, tmp_path / "absent") == asked  # type: ignore[arg-type]
