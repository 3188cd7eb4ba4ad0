"""Start the server: `python -m serving.server --model_name=digits --model_base_path=models/digits`."""

import os
import sys

from digits.settings import load
from serving.server.settings import ServerSettings


def main() -> int:
    """Read the settings, then serve until a signal says stop."""
    settings = load(ServerSettings, sys.argv[1:])
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's advice about its build is no news of ours
    sys.modules["keras"] = None  # type: ignore[assignment] # TensorFlow would import it: a third of the start, for finished graphs
    from serving.server.lifecycle import serve  # noqa: PLC0415 - brings TensorFlow; --help and a bad flag need not wait for it

    return serve(settings)


if __name__ == "__main__":
    sys.exit(main())
