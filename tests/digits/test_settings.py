from pathlib import Path
from typing import Annotated, ClassVar

import pytest
from pydantic import Field, ValidationError

from digits.errors import SettingsError
from digits.settings import CommaSeparated, Settings, load, read


class Toy(Settings):
    """Toys with settings."""

    program: ClassVar[str] = "python -m toy"
    env_prefix: ClassVar[str] = "INKWELL_"

    rounds: int = Field(default=3, ge=1, le=10, description="number of rounds")
    names: Annotated[tuple[str, ...], CommaSeparated] = Field(
        default=("a",), description="names, separated by commas"
    )
    sizes: Annotated[tuple[int, ...], CommaSeparated] = Field(
        default=(1,), min_length=1, description="sizes, separated by commas"
    )
    loud: bool = Field(default=False, description="make noise")


def test_read_nothing_given_is_the_defaults() -> None:
    assert read(Toy, []) == Toy()


def test_read_flag_beats_environment_beats_file_beats_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "toy.toml"
    file.write_text("rounds = 4\nloud = true\n")
    assert read(Toy, [f"--config={file}"]) == Toy(rounds=4, loud=True, config=file)
    monkeypatch.setenv("INKWELL_ROUNDS", "5")
    assert read(Toy, [f"--config={file}"]).rounds == 5
    assert read(Toy, ["--config", str(file), "--rounds", "6"]).rounds == 6


def test_read_file_named_by_environment_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "toy.toml"
    file.write_text('names = ["x", "y"]\n')
    monkeypatch.setenv("INKWELL_CONFIG", str(file))
    assert read(Toy, []).names == ("x", "y")


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ("", "sizes: expected at least 1 of them; received (); see --help"),
        (
            "x",
            "sizes.0: expected a valid integer, unable to parse string as an integer; "
            "received 'x'; see --help",
        ),
    ],
)
def test_read_list_that_is_empty_or_wrong_has_one_line_each(given: str, fault: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(Toy, [f"--sizes={given}"])
    assert str(caught.value) == fault


def test_read_list_is_split_at_commas_in_flag_and_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert read(Toy, ["--names=a,b"]).names == ("a", "b")
    assert read(Toy, ["--names="]).names == ()
    monkeypatch.setenv("INKWELL_NAMES", "c,d")
    assert read(Toy, []).names == ("c", "d")


def test_read_setting_without_a_default_that_is_not_given_is_named() -> None:
    class Needy(Toy):
        """Toys that need a place."""

        place: Path = Field(description="where they are")

    with pytest.raises(SettingsError, match="place: expected a value; received none; give it with"):
        read(Needy, [])


def test_read_value_out_of_bounds_names_field_expected_and_received() -> None:
    with pytest.raises(
        SettingsError, match="rounds: expected less than or equal to 10; received '11'"
    ):
        read(Toy, ["--rounds=11"])


def test_read_several_faults_has_a_line_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKWELL_LOUD", "perhaps")
    with pytest.raises(SettingsError) as caught:
        read(Toy, ["--rounds=many"])
    assert len(str(caught.value).splitlines()) == 2


def test_read_unknown_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKWELL_ROUND", "3")
    with pytest.raises(SettingsError, match="INKWELL_ROUND: expected a known setting"):
        read(Toy, [])


def test_read_variable_of_another_program_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKWELL_SERVER_PORT", "8500")
    assert read(Toy, []) == Toy()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("round = 3", "round: expected a known setting"),
        ("rounds = 3\nrounds = 4", "expected TOML"),
        ("rounds = 0", "rounds: expected greater"),
    ],
)
def test_read_bad_file_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "toy.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=complaint):
        read(Toy, ["--config", str(file)])


def test_read_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="config: expected a readable TOML file"):
        read(Toy, ["--config", str(tmp_path / "none.toml")])


def test_load_fault_ends_with_two_and_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        load(Toy, ["--rounds=0"])
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("python -m toy: rounds: expected")


def test_load_unknown_flag_ends_with_two(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        load(Toy, ["--round=3"])
    assert caught.value.code == 2
    assert "unrecognized arguments: --round=3" in capsys.readouterr().err


def test_load_help_explains_every_field_with_its_default(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as caught:
        load(Toy, ["--help"])
    assert caught.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "Toys with settings." in text
    for words in (
        "number of rounds (default: 3)",
        "names, separated by commas",
        "make noise (default: False)",
    ):
        assert words in text


def test_settings_are_frozen_and_refuse_unknown_names() -> None:
    with pytest.raises(ValidationError):
        Toy().rounds = 4  # type: ignore[misc]
    with pytest.raises(ValidationError):
        Toy(round=4)  # type: ignore[call-arg]
