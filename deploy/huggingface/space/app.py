"""What the Space runs: the embedded server, for this machine alone, and the page on port 7860 of
every address. When one of them ends, the Space ends."""

import os
import sys
from typing import Final

from inkwell.demo import serve

PAGE_PORT: Final = 7860
"""`app_port` of the Space's README.md."""
GRPC_PORT: Final = 8500


def main(page_port: int = PAGE_PORT, grpc_port: int = GRPC_PORT) -> int:
    """Serve until a process ends or SIGTERM comes; returns the exit code."""
    # The names that Hugging Face serves the Space under; the page answers to no others.
    hosts = os.environ.get("SPACE_HOST")
    names = (f"--hosts={hosts}",) if hosts else ()
    return serve(grpc_port, 0, page_port, host="0.0.0.0", page=names)  # noqa: S104 - a Space is public


if __name__ == "__main__":
    sys.exit(main())
