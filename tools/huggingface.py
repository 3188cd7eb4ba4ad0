"""Write the model card and the Space's page, and put both repositories together below
build/huggingface: `make huggingface`.

`--check` changes nothing; exit code 1 if a page is outdated.
"""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

from pydantic import Field

from digits import store
from digits.contract import MODEL_NAME
from digits.errors import VersionError
from digits.manifest import Manifest, read_manifest, verify
from digits.settings import Settings, load
from inkwell.demo import COMPARED
from tools.model_card import model_card, space_page

ROOT: Final = Path(__file__).parent.parent
PAGES: Final = ROOT / "deploy" / "huggingface"
SOURCES: Final = (
    *("digits", "inkwell", "saved_model", "serving", "ui"),
    *("requirements/demo.txt", "LICENSE"),
)
"""What the Space needs of this repository, besides its own files and the models."""
_LEFT_OUT: Final = shutil.ignore_patterns("__pycache__")


class HuggingFaceSettings(Settings):
    """Write the model card and the Space's page, and put both repositories together."""

    program: ClassVar[str] = "python -m tools.huggingface"
    env_prefix: ClassVar[str] = "INKWELL_HUGGINGFACE_"

    folder: Path = Field(
        default=Path("build/huggingface"),
        description="folder that gets `model` and `space`, what to upload; the two are replaced",
    )
    check: bool = Field(
        default=False, description="change nothing; exit with 1 if a page is not up to date"
    )


def main(argv: Sequence[str]) -> int:
    """Write or check; returns the exit code."""
    settings = load(HuggingFaceSettings, argv)
    try:
        number = released(ROOT / "models" / MODEL_NAME)
    except VersionError as error:
        print(f"{settings.program}: {error}", file=sys.stderr)
        return 1
    pages = compose(number)
    outdated = [path for path, text in pages.items() if path.read_text(encoding="utf-8") != text]
    if settings.check:
        for path in outdated:
            print(
                f"{path.relative_to(ROOT)}: expected what the manifest and the records say; "
                "received another text; run `make huggingface`",
                file=sys.stderr,
            )
        return 1 if outdated else 0
    for path in outdated:
        path.write_text(pages[path], encoding="utf-8")
    assemble(settings.folder, number)
    print(f"{settings.folder} has the folders to upload: model, space")
    return 0


def released(base: Path) -> int:
    """The newest version that came with Inkwell.

    Raises:
        VersionError: there is none.
    """
    numbers = [
        number for number in store.versions(base) if read_manifest(base / str(number)).released
    ]
    if not numbers:
        raise VersionError(
            "expected a released version; received none; mark one: python -m tools.mark_released"
        )
    return max(numbers)


def compose(number: int) -> dict[Path, str]:
    """The text of each generated page, from version `number`."""
    manifest = _manifest(number)
    return {
        PAGES / "model/README.md": model_card(manifest, number, ROOT / "results"),
        PAGES / "space/README.md": space_page(manifest, number),
    }


def assemble(folder: Path, number: int) -> None:
    """Put what each repository on Hugging Face holds into `model` and `space` below `folder`."""
    version = ROOT / "models" / MODEL_NAME / str(number)
    others = [ROOT / "models" / name for name in COMPARED.split(",")]
    for name in ("model", "space"):
        shutil.rmtree(folder / name, ignore_errors=True)
        shutil.copytree(PAGES / name, folder / name)
    _copy(version, folder / "model" / version.name)
    _copy(ROOT / "LICENSE", folder / "model/LICENSE")
    for served in (version, *(base / str(released(base)) for base in others)):
        _copy(served, folder / "space" / served.relative_to(ROOT))
    for source in SOURCES:
        _copy(ROOT / source, folder / "space" / source)


def _manifest(number: int) -> Manifest:
    return verify(ROOT / "models" / MODEL_NAME / str(number))


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=_LEFT_OUT)
    else:
        shutil.copy(source, target)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
