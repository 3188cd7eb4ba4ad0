"""The stage: a real model server, a real page and a real browser, each in a process of its own."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page, sync_playwright

from inkwell.demo import COMPARED
from serving.client import connect
from tests.browser.strokes import STROKES, Place, smooth
from tests.support.ports import free_port
from tests.support.released_server import serve_released

CHROMIUM: Final = shutil.which("chromium")
_CHROMIUM_FLAGS: Final = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
_START: Final = 300.0
"""Seconds that a server gets to load TensorFlow and the model on a busy machine."""


class ModelServer:
    """The embedded server on one fixed pair of ports; it can be killed and started again."""

    def __init__(self, config: Path) -> None:
        self._config = config
        self._ports = free_port(), free_port()
        self.address = f"grpc://127.0.0.1:{self._ports[0]}"
        self.rest = f"127.0.0.1:{self._ports[1]}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until the model answers."""
        command = [
            f"--model_config_file={self._config}",
            f"--port={self._ports[0]}",
            f"--rest_api_port={self._ports[1]}",
        ]
        self._process = subprocess.Popen([sys.executable, "-m", "serving.server", *command])
        with connect(self.address) as client:
            client.wait(_START)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@contextmanager
def model_server(models: Path, *others: str) -> Iterator[ModelServer]:
    """A running embedded server for the folder of one model's versions, which it hosts under other
    names too."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "models.config"
        names = ("digits", *others)
        hosted = "".join(
            f'config {{ name: "{name}" base_path: "{models.resolve()}" model_platform: '
            f'"tensorflow" }}\n'
            for name in names
        )
        config.write_text(f"model_config_list {{\n{hosted}}}\n", encoding="utf-8")
        server = ModelServer(config)
        try:
            server.start()
            yield server
        finally:
            server.kill()


@contextmanager
def page_process(server: str, *flags: str, port: int = 0) -> Iterator[str]:
    """A running page that asks `server`, with further flags; gives its address."""
    with page_program(server, *flags, port=port) as (address, _):
        yield address


@contextmanager
def page_program(server: str, *flags: str, port: int = 0) -> Iterator[tuple[str, int]]:
    """As `page_process`; gives its address and the number of its process."""
    settings = f"--port={port}", "--retry=0.3", f"--server={server}"
    command = [sys.executable, "-m", "ui", *settings, *flags]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=_own_environment()
    ) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            if "http://" not in said:
                raise RuntimeError(
                    f"expected the page to start and say where; received {said!r}; its log says why"
                )
            yield next(word for word in said.split() if word.startswith("http://")), process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def _own_environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("INKWELL_", "GRADIO_"))
    }


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_CHROMIUM_FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def released_page() -> Iterator[str]:
    """The page that `make demo` opens, answered by the released models; gives its address."""
    with (
        serve_released() as (grpc, _),
        page_process(
            f"grpc://127.0.0.1:{grpc}", f"--compare={COMPARED}", "--models=models"
        ) as address,
    ):
        yield address


def open_page(page: Page, address: str) -> None:
    """Go to the page and wait until one can draw on it."""
    page.goto(address)
    page.wait_for_selector("#pad canvas")


def draw(page: Page, digit: int, left: float = 0.0) -> None:
    """Draw a digit with the mouse, stroke by stroke, so far to the right in units of the pad's
    height. The page is scrolled up first: it may be longer than the window."""
    page.locator("#header").scroll_into_view_if_needed()
    for stroke in STROKES[digit]:
        first, *others = on_screen(page, [(x + left, y) for x, y in smooth(stroke)])
        page.mouse.move(*first)
        page.mouse.down()
        for place in others:
            page.mouse.move(*place)
        page.mouse.up()


def on_screen(page: Page, places: Sequence[Place]) -> list[Place]:
    """Places on the pad, in units of its height, in pixels of the window."""
    box = page.locator("#pad canvas").bounding_box()
    assert box is not None
    return [(box["x"] + x * box["height"], box["y"] + y * box["height"]) for x, y in places]
