"""The pages' links, and what docs/tensorflow-serving.md says of flags."""

import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import pytest
import yaml  # type: ignore[import-untyped]  # it ships no types

from digits.settings import read
from serving.server.flags import REFUSED, drop_idle_flags
from serving.server.settings import ServerSettings
from tests.conformance.recordings import HERE, read_exchanges

ROOT: Final = Path(__file__).parents[2]
DECISIONS: Final = ROOT / "docs" / "decisions"
PAGES: Final = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "serving").rglob("*.md"),
        *(ROOT / "tests").rglob("*.md"),
    ]
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", without_code(page)):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = page.parent / unquote(file) if file else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize(
    ("page", "most"),
    [
        ("README.md", 900),
        *((str(page.relative_to(ROOT)), 200) for page in sorted(DECISIONS.glob("*.md"))),
    ],
)
def test_page_to_read_at_once_is_short(page: str, most: int) -> None:
    assert len((ROOT / page).read_text(encoding="utf-8").split()) <= most


def without_code(page: Path) -> str:
    return re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The names that a heading gets: small letters, dashes for blanks, nothing else but letters and
    digits."""
    headings = re.findall(r"^#+ (.*)$", without_code(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


BOTH: Final = (ROOT / "docs/tensorflow-serving.md").read_text(encoding="utf-8")


def test_tensorflow_serving_page_names_only_flags_that_there_are() -> None:
    named = set(re.findall(r"--([a-z]+_[a-z_]+)", BOTH))
    assert len(named) > 10
    assert named <= set(ServerSettings.model_fields) | set(REFUSED)


@pytest.mark.parametrize("file", ["compose.yaml", "compose.embedded.yaml", "Makefile"])
def test_tensorflow_serving_page_table_has_the_flags_of_each_start(file: str) -> None:
    (row,) = re.findall(
        rf"^\| [^|]*\({re.escape(f'../{file}')}\)[^|]* \|([^|]*)\|$", BOTH, flags=re.MULTILINE
    )
    assert re.findall(r"--(\w+)", row) == names(flags_of(file))


def flags_of(file: str) -> list[str]:
    text = (ROOT / file).read_text(encoding="utf-8")
    if file == "Makefile":
        (recipe,) = re.findall(r"-m serving\.server (.*?) \$\(ARGS\)", text, flags=re.DOTALL)
        return re.findall(r"--\S+", recipe)
    command: list[str] = yaml.safe_load(text)["services"]["serving"]["command"]
    return command


def names(flags: list[str]) -> list[str]:
    return [flag.removeprefix("--").partition("=")[0] for flag in flags]


def test_tensorflow_serving_page_counts_the_recorded_requests() -> None:
    setups = [exchange.request["setup"] for exchange in read_exchanges(HERE / "recordings")]
    assert f"\n{len(setups)} answers recorded" in BOTH
    assert f"sends the {setups.count('main')} requests of the setup `main`" in BOTH


def test_embedded_server_takes_the_flags_of_tensorflow_serving_in_compose() -> None:
    read(ServerSettings, drop_idle_flags(flags_of("compose.yaml")))
