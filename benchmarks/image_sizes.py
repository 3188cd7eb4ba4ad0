"""Build the images and record their sizes in `results/images.json`: `make bench
NAME=image_sizes`."""

import datetime
import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from digits.settings import CommaSeparated, Settings, load

ROOT: Final = Path(__file__).parent.parent
RESULTS: Final = ROOT / "results" / "images.json"
ImageName = Literal["trainer", "server", "ui", "trainer-gpu"]
IMAGES: Final[dict[ImageName, tuple[str, str]]] = {
    "trainer": ("Dockerfile.cpu", "trainer"),
    "server": ("Dockerfile.cpu", "server"),
    "ui": ("Dockerfile.cpu", "ui"),
    "trainer-gpu": ("Dockerfile.gpu", "trainer"),
}
"""Dockerfile and target of each image."""


class ImageSizesSettings(Settings):
    """Build the images and record their sizes."""

    program: ClassVar[str] = "make bench NAME=image_sizes"
    env_prefix: ClassVar[str] = "INKWELL_BENCH_"

    engine: str = Field(default="docker", description="docker, podman, or a path to either")
    base: str = Field(
        default="docker.io/library/python:3.11-slim-bookworm",
        description="base image, as for BASE in the Dockerfiles",
    )
    images: Annotated[
        tuple[Literal["trainer", "server", "ui", "trainer-gpu"], ...], CommaSeparated
    ] = Field(
        default=("trainer", "server", "ui"),
        description=f"names, separated by commas: {', '.join(IMAGES)}",
    )
    build_options: str = Field(
        default="", description="more options of `build`, as one text, such as --network=host"
    )
    about_base: str = Field(default="", description="a remark on the base image, for a stand-in")


def main(arguments: Sequence[str]) -> None:
    """Measure what the arguments name; entries of other images stay as they are."""
    chosen = load(ImageSizesSettings, arguments)
    engine, names = [chosen.engine], chosen.images
    for name in names:
        build(engine, name, [f"--build-arg=BASE={chosen.base}", *shlex.split(chosen.build_options)])
    base = size(engine, chosen.base)
    entries = (
        {entry["image"]: entry for entry in json.loads(RESULTS.read_text(encoding="utf-8"))}
        if RESULTS.exists()
        else {}
    )
    for name in names:
        whole = size(engine, tag(name))
        entries[name] = {
            "image": name,
            "bytes": whole,
            "bytes_above_base": whole - base,
            "base": chosen.about_base or chosen.base,
            "engine": ask(engine, "--version").strip(),
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "command": "make bench NAME=image_sizes",
        }
    RESULTS.write_text(
        json.dumps([entries[name] for name in IMAGES if name in entries], indent=2) + "\n",
        encoding="utf-8",
    )


def tag(name: str) -> str:
    """The image's name in the engine's storage."""
    return f"inkwell-{name}"


def build(engine: Sequence[str], name: ImageName, options: Sequence[str]) -> None:
    """Build one image; raises `CalledProcessError` where that fails, after the engine has said
    why."""
    dockerfile, target = IMAGES[name]
    subprocess.run(
        [
            *engine,
            "build",
            "--file",
            dockerfile,
            "--target",
            target,
            "--tag",
            tag(name),
            *options,
            ".",
        ],
        cwd=ROOT,
        check=True,
    )


def size(engine: Sequence[str], image: str) -> int:
    """Bytes of all layers of an image together, unpacked."""
    return int(ask(engine, "image", "inspect", "--format={{.Size}}", image))


def ask(engine: Sequence[str], *arguments: str) -> str:
    """What the engine prints."""
    return subprocess.run([*engine, *arguments], capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    main(sys.argv[1:])
