"""How processes share the tests."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support import by_file

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("place", [*by_file.LONGEST, *by_file.TOGETHER])
def test_tests_that_are_named_are_there(place: str) -> None:
    assert (ROOT / place).exists()


def test_longest_are_begun_first_and_the_others_keep_their_order() -> None:
    ids = ["tests/a.py::x", "tests/trainer/test_pipeline.py::y", "tests/b.py::z", "tests/a.py::w"]
    ids += ["tests/containers/test_chain.py::v"]
    items = [SimpleNamespace(nodeid=one) for one in ids]
    by_file.pytest_collection_modifyitems(items)  # type: ignore[arg-type]
    assert [item.nodeid for item in items] == [ids[4], ids[1], ids[0], ids[2], ids[3]]
