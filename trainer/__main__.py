"""Train the networks, choose the best, publish it: `python -m trainer --help`."""

import io
import logging
import os
import sys
from pathlib import Path

from digits.settings import load as load_settings
from trainer.errors import OutputError, TrainerError
from trainer.provenance import describe_command
from trainer.settings import TrainerSettings, data_or_default
from trainer.training import signals


def main() -> int:
    """Read the settings, run, and turn what was refused into one line and an exit code."""
    # TensorFlow's notes on its own build are not the user's.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    logging.basicConfig(format="%(message)s")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # each line shows at once in a pipe
    settings = load_settings(TrainerSettings, sys.argv[1:])
    settings = settings.model_copy(update={"data": data_or_default(settings.data)})
    try:
        with signals.immediate():
            from trainer.pipeline import run  # noqa: PLC0415 - TensorFlow takes seconds to import; --help and refusals need none of it

            home = os.environ.get("KERAS_HOME")
            run(
                settings,
                command=describe_command("trainer", sys.argv[1:]),
                cache=Path(home) / "datasets" if home else None,
            )
    except TrainerError as error:
        print(f"{settings.program}: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"{settings.program}: {_refusal(error)}", file=sys.stderr)
        return OutputError.exit_code
    except signals.Stopped as stopped:
        print(
            f"\n{settings.program}: stopped; {stopped or 'nothing was being trained'}; the same "
            "command goes on from there",
            file=sys.stderr,
        )
        return stopped.exit_code
    return 0


def _refusal(error: OSError) -> str:
    """The disk refused somewhere on the way: all that was finished before is still there."""
    return (
        f"expected a disk that takes what is written; received: {error.strerror or error}; "
        "fix that and start again, it goes on from there"
    )


if __name__ == "__main__":
    sys.exit(main())
