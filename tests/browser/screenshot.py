"""python -m tests.browser.screenshot docs/images: the pictures of the page in the README, made from
the real page."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final

from playwright.sync_api import Browser, Page, expect
from pydantic import Field

from digits.settings import CliPositionalArg, Settings, load
from tests.browser.gestures import choose, digit, settle
from tests.browser.stage import chromium, draw, open_page, released_page

_DESK: Final = {"viewport": {"width": 1040, "height": 860}, "device_scale_factor": 2}
_NARROW: Final = {"viewport": {"width": 1040, "height": 600}, "device_scale_factor": 1}
_PHONE: Final = {
    "viewport": {"width": 360, "height": 740},
    "device_scale_factor": 2,
    "color_scheme": "dark",
    "has_touch": True,
    "is_mobile": True,
}
_INSIDE: Final = {"viewport": {"width": 1040, "height": 1320}, "device_scale_factor": 1}


class ScreenshotSettings(Settings):
    """The pictures of the page."""

    program: ClassVar[str] = "python -m tests.browser.screenshot"
    env_prefix: ClassVar[str] = "INKWELL_TESTS_"

    folder: CliPositionalArg[Path] = Field(description="folder to write the PNGs into")


def take(folder: Path) -> None:
    """Write the pictures of the page, answered by the released models, to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        released_page() as address,
        chromium() as browser,
    ):
        with _window(browser, address, folder / "page.png", _DESK) as page:
            draw(page, 7)
            expect(digit(page)).to_have_text("7")
            page.get_by_role("button", name="Clear").click()
            draw(page, 3)
            expect(digit(page)).to_have_text("3")
        with _window(browser, address, folder / "number.png", _NARROW) as page:
            choose(page, "A whole number")
            for place, number in enumerate((2, 0, 2, 6)):
                draw(page, number, left=0.55 * place - 0.15)
            expect(digit(page)).to_have_text("2026")
        with _window(browser, address, folder / "compare.png", _NARROW) as page:
            choose(page, "Compare models")
            draw(page, 4)
            expect(digit(page)).to_have_text("4")
        with _window(browser, address, folder / "inside.png", _INSIDE) as page:
            draw(page, 7)
            expect(digit(page)).to_have_text("7")
            for question, figure in (
                ("What would change its mind?", ".extra.parts"),
                ("Inside the network", ".extra.layers"),
            ):
                page.get_by_role("button", name=question).click()
                expect(page.locator(figure)).to_be_visible()
        with _window(browser, address, folder / "phone.png", _PHONE) as page:
            draw(page, 5)
            expect(digit(page)).to_have_text("5")


@contextmanager
def _window(
    browser: Browser, address: str, picture: Path, options: dict[str, Any]
) -> Iterator[Page]:
    """A window on the page; what it shows in the end goes into `picture`."""
    page = browser.new_context(**options).new_page()
    open_page(page, address)
    yield page
    page.mouse.move(0, 0)
    settle(page)
    page.screenshot(path=picture)
    page.context.close()


if __name__ == "__main__":
    take(load(ScreenshotSettings, sys.argv[1:]).folder)
