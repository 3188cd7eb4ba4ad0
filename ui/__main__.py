"""python -m ui: a page to draw digits on, answered live by a model server."""

import logging
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from digits.settings import load
from ui.errors import PageError
from ui.settings import PageSettings
from ui.web.address import listen

_NO_STATISTICS: Final = {
    "GRADIO_ANALYTICS_MAX_EVENTS": "1",
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": str(sys.maxsize),
}
"""For its monitoring, which is off, Gradio puts the last 10,000 questions into a table anew after
each answer: the page would grow slower with use."""


def main() -> int:
    """Read the settings, then serve the page until SIGTERM or Ctrl-C."""
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: sys.exit(0))
    settings = load(PageSettings, sys.argv[1:])
    _start_log()
    try:
        listener = listen(settings.host, settings.port)
    except PageError as error:
        print(f"{PageSettings.program}: {error}", file=sys.stderr)
        return 1
    with listener, sealed_environment():
        from ui.serve import serve  # noqa: PLC0415 - Gradio reads the environment when it is imported

        serve(settings, listener)
    return 0


def _start_log() -> None:
    """Log to stderr; what repeats, such as a server that stays away, is said once."""
    last = ""

    def is_new(record: logging.LogRecord) -> bool:
        nonlocal last
        before, last = last, record.getMessage()
        return last != before

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger().handlers[0].addFilter(is_new)


@contextmanager
def sealed_environment() -> Iterator[None]:
    """Take from Gradio every variable that could open what `ui.serve` closes, and give it an empty
    folder of its own."""
    for name in sorted(os.environ):
        if name.upper().startswith("GRADIO_"):
            del os.environ[name]
            print(
                f"{PageSettings.program}: {name} is ignored; see --help for the settings of this "
                "page",
                file=sys.stderr,
            )
    with tempfile.TemporaryDirectory(prefix="inkwell-page-") as folder:
        os.environ.update(
            GRADIO_TEMP_DIR=folder,
            GRADIO_ANALYTICS_ENABLED="False",
            **_NO_STATISTICS,
            HF_HUB_OFFLINE="1",
        )
        yield


if __name__ == "__main__":
    sys.exit(main())
