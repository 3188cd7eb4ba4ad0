"""Words that the field does not use for these things, kept out of code and documents."""

import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]

BANNED: Final = {
    "doors?": "protocol, servicer, handler, endpoint",
    "bend|bends|bent|bending": "augment, augmentation",
    "taught|teach|teaches": "distilled, distil",
    "lessons?": "targets",
    "re.?estimates?": "recompute batch-norm statistics",
    "guards?": "validation, admission control",
    "heard": "received, requested",
    "surest": "most confident",
    "mend|mends|mended": "fix",
    "step size": "learning rate",
}
"""Each with what to say instead: standard terms, one word for one thing."""

ALLOWED: Final = frozenset(
    {
        "tests/project/test_vocabulary.py",  # lists them
        "CHANGELOG.md",  # names what was renamed
        "docs/licences.md",  # other people's names
    }
)
KINDS: Final = (".py", ".md", ".js", ".css", ".html", ".toml", ".yaml")


def _documents() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [
        name
        for name in listed
        if name.endswith(KINDS)
        and name not in ALLOWED
        and not name.startswith(("models/", "tests/conformance/"))
        and (ROOT / name).is_file()
    ]


@pytest.mark.parametrize("words", BANNED)
def test_words_that_are_not_the_fields_are_nowhere(words: str) -> None:
    pattern = re.compile(rf"(?<![a-z])({words})(?![a-z])", re.IGNORECASE)
    found = [
        f"{name}:{number}: {line.strip()[:80]}"
        for name in _documents()
        for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == [], f"say instead: {BANNED[words]}"
