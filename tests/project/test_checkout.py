"""A clone as Windows' settings make it: versions and scripts keep every byte."""

import subprocess
from pathlib import Path
from typing import Final

from digits.manifest import verify
from digits.store import served_folder

ROOT: Final = Path(__file__).parents[2]


def test_clone_that_converts_line_ends_keeps_manifests_and_scripts_whole(tmp_path: Path) -> None:
    options = ["--quiet", "--config=core.autocrlf=true", "--config=core.eol=crlf", "--depth=1"]
    subprocess.run(
        ["git", "clone", *options, ROOT.as_uri(), str(tmp_path / "clone")], check=True, timeout=120
    )
    folder = served_folder(tmp_path / "clone/models/digits")
    assert folder is not None
    verify(folder)
    for name in ("Makefile", ".ci/run", "requirements/demo.txt"):
        assert b"\r\n" not in (tmp_path / "clone" / name).read_bytes()
