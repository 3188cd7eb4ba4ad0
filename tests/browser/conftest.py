"""What the browser tests share: one model server, one page and one Chromium for all of them, a
fresh window for each."""

import io
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect

from digits.manifest import read_manifest, write_manifest
from digits.store import versions
from tests.browser.stage import CHROMIUM, ModelServer, chromium, model_server, page_process
from tests.support.released_server import draw_seven

OTHER = "again"
_TIMEOUT = 15_000
"""Milliseconds for one thing to happen on a machine that is busy with other work."""
expect.set_options(timeout=_TIMEOUT)


@pytest.fixture(
    scope="module"
)  # and no longer: Playwright's event loop would be in the way of other tests' own
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip(
            "expected chromium on the path; received none; install it, on Debian with `apt-get "
            "install chromium`"
        )
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Iterator[ModelServer]:
    """The embedded server with the released model, under a second name too."""
    models = request.config.rootpath / "models" / "digits"
    if not versions(models):
        pytest.skip(
            "expected the released model in models/digits; received none; train and publish one "
            "with `python -m trainer`"
        )
    with model_server(models, OTHER) as server:
        yield server


@pytest.fixture(scope="session")
def corrections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the page keeps corrected drawings."""
    return tmp_path_factory.mktemp("corrections")


@pytest.fixture(scope="session")
def manifests(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the page learns of the models' accuracy from: the second one is said to be worse."""
    released = request.config.rootpath / "models" / "digits"
    folder = tmp_path_factory.mktemp("models")
    (folder / "digits").symlink_to(released)
    for version in versions(released):
        manifest = read_manifest(released / str(version))
        worse = manifest.metrics | {"validation": {"accuracy": 0.9, "size": 5000.0}}
        altered = manifest.model_copy(update={"metrics": worse})
        write_manifest(altered, folder / OTHER / str(version))
    return folder


@pytest.fixture(scope="session")
def address(server: ModelServer, corrections: Path, manifests: Path) -> Iterator[str]:
    """Of a page that asks the server, with everything on that it offers."""
    with page_process(
        server.address,
        f"--compare={OTHER},absent",
        f"--corrections={corrections}",
        f"--models={manifests}",
    ) as address:
        yield address


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A window on a desktop. It fails the test if the browser complains or leaves this machine."""
    yield from window(browser, address, viewport={"width": 1100, "height": 760})


@pytest.fixture
def tab(browser: Browser, address: str) -> Iterator[Page]:
    """A window whose browser may complain: Gradio reports requests that fail on purpose, and those
    that a reload cuts off."""
    context = browser.new_context(viewport={"width": 1100, "height": 760})
    context.set_default_timeout(_TIMEOUT)
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("#pad canvas")
    yield page
    context.close()


@pytest.fixture
def dark(browser: Browser, address: str) -> Iterator[Page]:
    """A window of a person who prefers dark ones, with the same conditions."""
    yield from window(
        browser, address, viewport={"width": 1100, "height": 760}, color_scheme="dark"
    )


@pytest.fixture
def phone(browser: Browser, address: str) -> Iterator[Page]:
    """A window on a small phone, with the same conditions."""
    yield from window(
        browser,
        address,
        viewport={"width": 360, "height": 740},
        device_scale_factor=3,
        has_touch=True,
        is_mobile=True,
    )


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A JPEG of a 7 on paper in uneven light."""
    grey = np.asarray(Image.open(io.BytesIO(draw_seven())).convert("L"), np.float32)
    light = (
        0.9
        - 0.3 * np.linspace(0, 1, grey.shape[1])
        - 0.1 * np.linspace(0, 1, grey.shape[0])[:, np.newaxis]
    )
    file = io.BytesIO()
    Image.fromarray((grey * light).astype(np.uint8)).save(file, "JPEG", quality=80)
    return file.getvalue()


def window(browser: Browser, address: str, **options: object) -> Iterator[Page]:
    complaints: list[str] = []

    def note_console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(f"{message.type}: {message.text}")

    def note_request(request: Request) -> None:
        if (
            not request.url.startswith(("data:", "blob:"))
            and urlsplit(request.url).netloc != urlsplit(address).netloc
        ):
            complaints.append(f"request to {request.url}")

    context = browser.new_context(**options)  # type: ignore[arg-type]
    context.set_default_timeout(_TIMEOUT)
    page = context.new_page()
    page.on("console", note_console)
    page.on("request", note_request)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(address)
    page.wait_for_selector("#pad canvas")
    yield page
    context.close()
    assert complaints == []
