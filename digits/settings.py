"""Settings of a program: a frozen value read once from flags, environment and a TOML file.

Order of precedence: flags, then environment, then the file named by `--config`, then defaults.
Making a settings value in code reads nothing; only `load`, called from a `__main__.py`, does.
"""

import argparse
import os
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model
from pydantic_settings import (
    BaseSettings,
    CliPositionalArg,
    CliUnknownArgs,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from digits import errors

__all__ = (
    "EXIT_BAD_SETTINGS",
    "CliPositionalArg",
    "CliUnknownArgs",
    "CommaSeparated",
    "Settings",
    "load",
    "read",
)

EXIT_BAD_SETTINGS: Final = 2
"""Exit code for flags, variables or files that cannot be used, as argparse has it."""
_PREFIXES: Final = (
    "INKWELL_SERVER_",
    "INKWELL_CLIENT_",
    "INKWELL_RELEASE_",
    "INKWELL_UI_",
    "INKWELL_LOAD_",
    "INKWELL_SWEEP_",
    "INKWELL_SCORE_",
    "INKWELL_TABLE_",
    "INKWELL_HUGGINGFACE_",
    "INKWELL_REEXPORT_",
    "INKWELL_BENCH_",
    "INKWELL_DEMO_",
    "INKWELL_TESTS_",
    "INKWELL_",
)
"""Each program's prefix, longest first: a variable belongs to the first that fits."""


def _split(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",")) if value.strip() else ()


CommaSeparated: Final = BeforeValidator(_split)
"""For `Annotated[tuple[...], CommaSeparated]`: `a,b` on the command line and in the environment;
nothing is the empty tuple."""


class Settings(BaseModel):
    """Base of every program's settings. A subclass sets `program` and `env_prefix` and documents
    each field."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, protected_namespaces=()
    )

    program: ClassVar[str]
    """What a person types to start it; shown by `--help` and before each error."""
    env_prefix: ClassVar[str]
    """Environment variables are this plus the field's name in capitals; one of `_PREFIXES`."""
    bare_switches: ClassVar[bool] = True
    """True: a switch is `--name` or `--no-name`. False: `--name=true`, as TensorFlow Serving has
    it."""
    keeps_unknown: ClassVar[bool] = False
    """True: arguments that are none of these settings go to its field of type `CliUnknownArgs`, for
    another program, and so does the file that `config` names: it is not read here."""

    config: Path | None = Field(
        default=None, description="TOML file with any of these settings, by the same names"
    )


AnySettings = TypeVar("AnySettings", bound=Settings)


def load(settings: type[AnySettings], argv: Sequence[str]) -> AnySettings:
    """Read a program's settings, or end the program with exit code 2 and one line a fault.

    Args:
        settings: the program's settings class.
        argv: the command line without the program's name.
    """
    try:
        return read(settings, argv)
    except errors.SettingsError as error:
        for line in str(error).splitlines():
            print(f"{settings.program}: {line}", file=sys.stderr)
        raise SystemExit(EXIT_BAD_SETTINGS) from None


def read(settings: type[AnySettings], argv: Sequence[str]) -> AnySettings:
    """Read settings from `argv`, the environment and the TOML file they name.

    Raises:
        SettingsError: one line for each setting that is unknown or out of bounds.
    """
    _refuse_unknown_variables(settings)
    reader: Any = create_model(
        "Reader", __base__=(_reader(settings), settings), __doc__=settings.__doc__
    )
    try:
        found = reader(_cli_parse_args=list(argv), **_read_file(settings, argv))
        return settings(**{name: getattr(found, name) for name in settings.model_fields})
    except ValidationError as error:
        raise errors.SettingsError("\n".join(_fault_lines(error))) from error
    except SettingsError as error:
        raise errors.SettingsError(f"error: {error.__cause__ or error}") from error


def _reader(settings: type[Settings]) -> type[BaseSettings]:
    """The pydantic-settings class that looks in the three places."""

    class Sources(BaseSettings):
        model_config = SettingsConfigDict(
            env_prefix=settings.env_prefix,
            cli_prog_name=settings.program,
            cli_implicit_flags=settings.bare_switches,
            cli_hide_none_type=True,
            cli_avoid_json=True,
            cli_ignore_unknown_args=settings.keeps_unknown,
            enable_decoding=False,
        )

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return env_settings, init_settings  # flags come first by themselves; the file is `init`

    return Sources


def _read_file(settings: type[Settings], argv: Sequence[str]) -> dict[str, Any]:
    if settings.keeps_unknown:
        return {}
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    finder.add_argument("--config", default=os.environ.get(f"{settings.env_prefix}CONFIG"))
    path = finder.parse_known_args(list(argv))[0].config
    if path is None:
        return {}
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise errors.SettingsError(
            f"config: expected a readable TOML file; received '{path}': {error.strerror}; check "
            "the path"
        ) from error
    except ValueError as error:
        raise errors.SettingsError(
            f"config: expected TOML; received '{path}': {error}; fix the file"
        ) from error


def _refuse_unknown_variables(settings: type[Settings]) -> None:
    known = {f"{settings.env_prefix}{name}".upper() for name in settings.model_fields}
    unknown = sorted(
        name
        for name in os.environ
        if _owner(name) == settings.env_prefix and name.upper() not in known
    )
    if unknown:
        raise errors.SettingsError(
            "\n".join(
                f"{name}: expected a known setting; received this variable; unset it or see --help"
                for name in unknown
            )
        )


def _owner(variable: str) -> str | None:
    return next((prefix for prefix in _PREFIXES if variable.upper().startswith(prefix)), None)


def _fault_lines(error: ValidationError) -> list[str]:
    lines = []
    for fault in error.errors(include_url=False):
        name = ".".join(str(part) for part in fault["loc"]) or "settings"
        if fault["type"] == "missing":
            lines.append(f"{name}: expected a value; received none; give it with --{name}")
            continue
        if fault["type"] == "too_short" and len(fault["input"]) >= fault["ctx"]["min_length"]:
            continue  # too few were left of the list, since others of it have lines of their own
        lines.append(
            f"{name}: expected {_expected(fault)}; received {fault['input']!r}; see --help"
        )
    return lines


def _expected(fault: Mapping[str, Any]) -> str:
    if fault["type"] == "extra_forbidden":
        return "a known setting"
    if fault["type"] == "too_short":
        return f"at least {fault['ctx']['min_length']} of them"
    return str(fault["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
