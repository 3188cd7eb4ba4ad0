"""Train the networks, choose the best, publish it: `python -m trainer --help`."""

import logging
import os
import shlex
import sys
from pathlib import Path

from digits.settings import load as load_settings
from trainer.errors import TrainerError
from trainer.settings import TrainerSettings


def main() -> int:
    """Read the settings, run, and turn what was refused into one line and an exit code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")  # TensorFlow's notes on its own build are not the user's
    logging.basicConfig(format="%(message)s")
    settings = load_settings(TrainerSettings, sys.argv[1:])
    if settings.data is None and os.environ.get("DIGITS_DATA"):
        settings = settings.model_copy(update={"data": Path(os.environ["DIGITS_DATA"])})
    from trainer.pipeline import run  # noqa: PLC0415 - TensorFlow takes seconds to import; --help and refusals need none of it

    home = os.environ.get("KERAS_HOME")
    try:
        run(settings, command=shlex.join(["python", "-m", "trainer", *sys.argv[1:]]), cache=Path(home) / "datasets" if home else None)
    except TrainerError as error:
        print(f"{settings.program}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(f"\n{settings.program}: stopped; the same command goes on after the last finished epoch", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
