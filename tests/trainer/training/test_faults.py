"""Death and refusal at every file operation: what was there stays whole, and doing it again
succeeds."""

from pathlib import Path

import pytest

from tests.support.every_call import REFUSED, at_every_call
from tests.support.saved_values import IDENTITY, progress, values
from trainer.errors import OutputError
from trainer.training import checkpoint

pytestmark = pytest.mark.faults


class Checkpointing:
    """The third checkpoint of a training, which also removes the first."""

    refusals = (OutputError,)

    def prepare(self, folder: Path) -> None:
        for epochs in (1, 2):
            checkpoint.save(folder, values(epochs), progress(epochs), IDENTITY)

    def act(self, folder: Path) -> None:
        checkpoint.save(folder, values(3), progress(3), IDENTITY)

    def check(self, folder: Path) -> None:
        assert self._restored(folder) in {2, 3}

    def check_after(self, folder: Path) -> None:
        assert self._restored(folder) == 3
        assert len(list(folder.iterdir())) == checkpoint.KEPT

    def _restored(self, folder: Path) -> int:
        variables = values(0)
        done = len(checkpoint.restore(folder, variables, IDENTITY).history)
        assert variables["network"][0].numpy() == variables["optimizer"][0].numpy() == done
        return done


def test_killed_at_every_call_leaves_the_old_or_the_new_and_goes_on(tmp_path: Path) -> None:
    cases = at_every_call(f"{__name__}:Checkpointing", tmp_path, "KILL")
    assert {case.call for case in cases} >= {"openat", "write", "fsync", "rename"}
    assert {case.ended for case in cases} == {-9}


@pytest.mark.parametrize("fault", ["ENOSPC", "EIO"])
def test_disk_that_refuses_any_call_is_refused_in_words_and_goes_on_later(
    tmp_path: Path, fault: str
) -> None:
    cases = at_every_call(f"{__name__}:Checkpointing", tmp_path, fault)
    refused = {case.call for case in cases if case.ended == REFUSED}
    assert refused >= {"openat", "write", "fsync", "rename"}
    assert all(case.ended in {0, REFUSED} for case in cases)
