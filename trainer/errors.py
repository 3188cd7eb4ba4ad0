"""Errors of the trainer, each with the exit code of the program it ends.

    TrainerError        1
    ├── OutputError     3   a folder to write to is missing, full or read-only
    ├── DataError       4   the data set is absent, unreadable or not what it should be
    ├── DeviceError     5   a GPU or other workers were asked for and are not there
    ├── ResumeError     6   the run folder belongs to another run
    └── ExportError     7   the exported model does not answer as the trained one does

Exit code 2 is for settings, see `digits.settings`; 130 and 143 are for signals, see
`trainer.training.signals`.
"""


class TrainerError(Exception):
    """Anything the trainer refuses; the text says what was expected, received, and what to do."""

    exit_code = 1


class OutputError(TrainerError):
    """A folder to write to is missing, full or read-only."""

    exit_code = 3


class DataError(TrainerError):
    """The data set is absent, unreadable or not what it should be."""

    exit_code = 4


class DeviceError(TrainerError):
    """A GPU, or other workers, were asked for and are not there."""

    exit_code = 5


class ResumeError(TrainerError):
    """The run folder belongs to a run with other settings or other data."""

    exit_code = 6


class ExportError(TrainerError):
    """The exported model does not answer as the trained one does."""

    exit_code = 7
