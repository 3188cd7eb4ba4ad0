"""Write serving/server/DEVIATIONS.md from its data: `python -m tests.conformance.deviations`."""

from pathlib import Path
from typing import Final

from serving.server.flags import REFUSED
from tests.conformance.recordings import DEVIATIONS_FILE, Json, read_deviations

PAGE: Final = DEVIATIONS_FILE.with_name("DEVIATIONS.md")
_HEAD: Final = """# Where the embedded server differs from TensorFlow Serving, and why

Everything else is meant to be alike: same paths, flags, codes and key words. A difference that is
not on this list is a fault. Written from [deviations.toml](deviations.toml), which names for each
row the recorded requests it covers and what is answered instead;
[tests/conformance](../../tests/conformance) holds the server against both.

| what | TensorFlow Serving 2.20 | here | why |
|---|---|---|---|
"""
_FLAGS_HEAD: Final = """
Flags that are refused, unless they ask for what is so anyway:

| flag | why |
|---|---|
"""


def render(deviations: list[Json], refused: dict[str, tuple[str, str]]) -> str:
    """The page."""
    rows = [
        f"| {entry['what']} | {entry['theirs']} | {entry['here']} | {entry['why']} |\n"
        for entry in deviations
    ]
    flags = [f"| `--{name}` | {reason} |\n" for name, (_, reason) in refused.items()]
    return _HEAD + "".join(rows) + _FLAGS_HEAD + "".join(flags)


def main(page: Path = PAGE) -> None:
    """Write the page."""
    page.write_text(render(read_deviations(), REFUSED), encoding="utf-8")


if __name__ == "__main__":
    main()
