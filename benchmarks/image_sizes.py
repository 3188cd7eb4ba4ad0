"""Build the images and record their sizes in `results/images.json`: `make bench
NAME=image_sizes`."""

import argparse
import datetime
import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
RESULTS: Final = ROOT / "results" / "images.json"
IMAGES: Final = {
    "trainer": ("Dockerfile.cpu", "trainer"),
    "server": ("Dockerfile.cpu", "server"),
    "ui": ("Dockerfile.cpu", "ui"),
    "trainer-gpu": ("Dockerfile.gpu", "trainer"),
}
"""Dockerfile and target of each image."""


def main(arguments: Sequence[str]) -> None:
    """Measure what the arguments name; entries of other images stay as they are."""
    parser = argparse.ArgumentParser(prog="make bench NAME=image_sizes", description=__doc__)
    parser.add_argument("--engine", default="docker", help="docker, podman, or a path to either")
    parser.add_argument(
        "--base",
        default="docker.io/library/python:3.11-slim-bookworm",
        help="base image, as for BASE in the Dockerfiles",
    )
    parser.add_argument(
        "--images",
        default="trainer,server,ui",
        help=f"names, separated by commas: {', '.join(IMAGES)}",
    )
    parser.add_argument(
        "--build_options",
        default="",
        help="more options of `build`, as one text, such as --network=host",
    )
    parser.add_argument(
        "--about_base", default="", help="a remark on the base image, for a stand-in"
    )
    chosen = parser.parse_args(arguments)
    engine, names = [chosen.engine], chosen.images.split(",")
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


def build(engine: Sequence[str], name: str, options: Sequence[str]) -> None:
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
