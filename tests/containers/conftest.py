"""What the container tests share: one engine, the images of the unchanged Dockerfiles, a random
user, a published version, a server."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageDraw

from digits.contract import LABELS
from serving.client import connect
from tests.containers.engine import Container, Engine, missing, prepare
from tests.containers.stand_in import stand_in
from tests.support.toy_digits import toy_arrays
from trainer.data.dataset import load

ROOT: Final = Path(__file__).parents[2]
MODELS_INSIDE: Final = "/models"
_BUILD: Final = 2400.0
"""Seconds to install TensorFlow into an image on a busy machine."""
_TRAINING: Final = 1200.0
_START: Final = 300.0
"""Seconds for a server in a container to load TensorFlow and the model."""
_PIP_SETTINGS: Final = ("index-url", "extra-index-url", "find-links", "trusted-host", "timeout")
"""Those that say where packages are; the certificates are in the base image."""
_TRAIN_IMAGES: Final = 6000
_TEST_IMAGES: Final = 1000
"""Of MNIST, where there is a copy: enough to read a clear 7, few enough to train in a minute."""


@dataclass(frozen=True)
class BuildOptions:
    """What `podman build` needs here besides the Dockerfile: the base image, and the way to the
    machine's package index."""

    base: str
    rest: tuple[str, ...]

    def flags(self) -> list[str]:
        """As command line arguments."""
        return [f"--build-arg=BASE={self.base}", *self.rest]


Build = Callable[..., str]
"""Builds a target of a Dockerfile; gives the image's name."""


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """podman, with everything it needs."""
    if reason := missing():
        pytest.skip(reason)
    engine = prepare()
    yield engine
    engine("image", "prune", "--force", "--filter=until=336h")


@pytest.fixture(scope="session")
def build_options(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> BuildOptions:
    """The stand-in for the base image, the host's network, and pip's settings of this machine as
    the documented secret."""
    workspace = tmp_path_factory.mktemp("build")
    base = stand_in(engine, workspace)
    secret = workspace / "pip.conf"
    text, folders = pip_settings()
    secret.write_text(text, encoding="utf-8")
    volumes = [f"--volume={folder}:{folder}:ro" for folder in folders]
    return BuildOptions(
        base, ("--network=host", "--format=docker", f"--secret=id=pip,src={secret}", *volumes)
    )


def pip_settings() -> tuple[str, list[str]]:
    """A pip.conf that finds packages as pip finds them on this machine, and the folders that it
    names."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    found = dict(
        re.findall(
            r"^(?:global|:env:)\.(index-url|extra-index-url|find-links|trusted-host|timeout)='(.*)'$",
            listed,
            re.MULTILINE,
        )
    )
    paths = [
        place.removeprefix("file://")
        for name in ("extra-index-url", "find-links")
        for place in found.get(name, "").split()
    ]
    parents = sorted(
        {
            str(Path(path).parent if path.rstrip("/").endswith("/simple") else path)
            for path in paths
            if path.startswith("/")
        }
    )
    lines = [f"{name} = {value}" for name, value in found.items()]
    return "\n".join(["[global]", *lines, ""]), [
        folder for folder in parents if Path(folder).is_dir()
    ]


@pytest.fixture(scope="session")
def build(engine: Engine, build_options: BuildOptions) -> Build:
    """Builds from the project's own folder; layers of earlier runs are used where nothing
    changed."""

    def build_target(target: str, dockerfile: str = "Dockerfile.cpu", context: Path = ROOT) -> str:
        name = f"localhost/inkwell-{target}{Path(dockerfile).suffix.replace('.', '-')}:tested"
        engine(
            *(
                "build",
                f"--file={context / dockerfile}",
                f"--target={target}",
                f"--tag={name}",
                *build_options.flags(),
                str(context),
            ),
            timeout=_BUILD,
        )
        return name

    return build_target


@pytest.fixture(scope="session")
def trainer_image(build: Build) -> str:
    return build("trainer")


@pytest.fixture(scope="session")
def server_image(build: Build) -> str:
    return build("server")


@pytest.fixture(scope="session")
def ui_image(build: Build) -> str:
    return build("ui")


@pytest.fixture(scope="session")
def user() -> int:
    """Number of a user that no image knows."""
    return int(np.random.default_rng().integers(20_000, 60_000))


@pytest.fixture(scope="session")
def as_user(user: int) -> tuple[str, ...]:
    """Options that run a container as that user."""
    return (f"--user={user}:{user}",)


@pytest.fixture(scope="session")
def few_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A part of MNIST where there is a copy, real but small digits elsewhere, as one file in Keras'
    layout."""
    path = tmp_path_factory.mktemp("data") / "few.npz"
    source = os.environ.get("DIGITS_DATA")
    if not source:
        np.savez_compressed(path, **toy_arrays())  # type: ignore[arg-type]
        return path
    mnist = load(Path(source))
    np.savez_compressed(
        path,
        x_train=mnist.x_train[:_TRAIN_IMAGES],
        y_train=mnist.y_train[:_TRAIN_IMAGES],
        x_test=mnist.x_test[:_TEST_IMAGES],
        y_test=mnist.y_test[:_TEST_IMAGES],
    )
    return path


@pytest.fixture(scope="session")
def folders(user: int, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Options that mount an empty `models` and `runs`, owned by the user."""
    base = tmp_path_factory.mktemp("folders")
    for folder in ("models", "runs"):
        (base / folder).mkdir()
        os.chown(base / folder, user, user)
    return f"--volume={base / 'models'}:{MODELS_INSIDE}", f"--volume={base / 'runs'}:/runs"


@pytest.fixture(scope="session")
def trained(
    engine: Engine,
    trainer_image: str,
    as_user: tuple[str, ...],
    folders: tuple[str, ...],
    few_images: Path,
) -> tuple[Path, str]:
    """Folder of the model's versions after one training in the trainer's container, and what the
    trainer said."""
    options = [*as_user, *folders, f"--volume={few_images}:/data/few.npz:ro", "--network=none"]
    command = (
        "--data /data/few.npz --dataset few --recipe fast --epochs 3 --batch_size 32 "
        "--architectures conv3 --validation_size 300"
    )
    code, said = engine.finish(
        trainer_image, *shlex.split(command), options=options, timeout=_TRAINING
    )
    assert code == 0, said
    return Path(folders[0].removeprefix("--volume=").partition(":")[0]) / "digits", said


@pytest.fixture(scope="session")
def network(engine: Engine) -> Iterator[str]:
    with engine.network() as name:
        yield name


Serve = Callable[[], AbstractContextManager[Container]]
"""Starts one more server."""


@pytest.fixture(scope="session")
def serve(
    engine: Engine,
    server_image: str,
    as_user: tuple[str, ...],
    network: str,
    trained: tuple[Path, str],
) -> Serve:
    """Starts a server of the trained version, and waits until the model is AVAILABLE; all of them
    are `serving` on the network."""
    options = [
        *as_user,
        f"--network={network}",
        "--network-alias=serving",
        f"--volume={trained[0].parent}:{MODELS_INSIDE}:ro",
    ]

    @contextmanager
    def start() -> Iterator[Container]:
        published = ("--publish=127.0.0.1::8500", "--publish=127.0.0.1::8501")
        with engine.running(server_image, options=[*options, *published]) as container:
            with connect(f"grpc://127.0.0.1:{container.port(8500)}") as client:
                client.wait(_START)
            yield container

    return start


@pytest.fixture(scope="session")
def server(serve: Serve) -> Iterator[Container]:
    with serve() as container:
        yield container


@pytest.fixture(scope="session")
def seven(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A plain 7, drawn with a felt pen, as PNG."""
    canvas = Image.new("L", (280, 280), "white")
    ImageDraw.Draw(canvas).line(
        [(70, 70), (200, 70), (120, 230)], fill="black", width=22, joint="curve"
    )
    path = tmp_path_factory.mktemp("drawing") / "seven.png"
    canvas.save(path)
    return path.read_bytes()


@pytest.fixture(scope="session")
def read_here(trained: tuple[Path, str], seven: bytes) -> str:
    """What the version that the container trained reads in the drawing when this process loads it:
    what every protocol must say."""
    signature = tf.saved_model.load(str(trained[0] / "1")).signatures["drawings"]
    return LABELS[int(signature(png=tf.constant([seven]))["digit"][0])]
