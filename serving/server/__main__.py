"""Start the server: `python -m serving.server --model_name=digits
--model_base_path=models/digits`."""

import os
import sys
from importlib.metadata import version

from digits.errors import SettingsError
from digits.settings import EXIT_BAD_SETTINGS, load
from serving.server.flags import drop_idle_flags
from serving.server.settings import ServerSettings


def main() -> int:
    """Read the settings, then serve until a signal says stop."""
    try:
        arguments = drop_idle_flags(sys.argv[1:])
    except SettingsError as error:
        print(f"{ServerSettings.program}: {error}", file=sys.stderr)
        return EXIT_BAD_SETTINGS
    settings = load(ServerSettings, arguments)
    if settings.version:
        print("\n".join(f"{name} {version(name)}" for name in ("tensorflow-serving-api", "grpcio")))
        return 0
    # TensorFlow's advice about its build is no news of ours.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.modules["keras"] = None  # type: ignore[assignment] # TensorFlow would import it: a third of the start, for finished graphs
    from serving.server.server import serve  # noqa: PLC0415 - brings TensorFlow; --help and a bad flag need not wait for it

    return serve(settings)


if __name__ == "__main__":
    sys.exit(main())
