"""docs/licences.md, against the locks it tells of."""

import re

import pytest

from tests.project.test_locks import locked
from tools import licences


@pytest.mark.parametrize("lock", licences.LOCKS)
def test_licences_are_those_of_the_versions_in_the_lock(lock: str) -> None:
    rows = [
        line.strip("| \n").split(" | ")
        for line in licences.DOCUMENT.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ")
    ]
    listed = {
        re.sub(r"[-_.]+", "-", name).lower(): version
        for name, version, _, images in rows[2:]
        if lock in images.split(", ")
    }
    assert listed == locked(lock), "run: make licences"
