"""Mark a published version as one that comes with Inkwell: `python -m tools.mark_released
models/digits/4`.

What users train is not compared with such a version: it is where they start. Only the manifest
changes; its files, and so its answers, stay bit for bit.
"""

import sys
from pathlib import Path

from digits.errors import VersionError
from digits.manifest import verify, write_manifest


def main(arguments: list[str]) -> int:
    """Check the version, then write its manifest with the mark."""
    if len(arguments) != 1:
        print("expected the folder of one version, such as models/digits/4", file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    try:
        manifest = verify(folder)
    except VersionError as error:
        print(error, file=sys.stderr)
        return 1
    write_manifest(manifest.model_copy(update={"released": True}), folder)
    print(f"{folder} is marked as released")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
