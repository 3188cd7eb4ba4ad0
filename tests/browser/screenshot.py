"""python -m tests.browser.screenshot docs/images/page.png: the picture of the page in the README, made from the real page."""

import argparse
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.stage import chromium, draw, model_server, open_page, page_process

_DIGIT = 3
_WINDOW = {"width": 1040, "height": 700}


def main() -> None:
    """Start the server and the page, draw a digit, and keep what is seen."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshot", description="Make the picture of the page.")
    parser.add_argument("picture", type=Path, help="PNG file to write")
    parser.add_argument("--models", type=Path, default=Path("models/digits"), help="folder of the model's versions")
    take(parser.parse_args().picture, parser.parse_args().models)


def take(picture: Path, models: Path) -> None:
    """Write the picture of the page, answered by the newest version in `models`, to the file `picture`."""
    with model_server(models) as server, page_process(server.address) as address, chromium() as browser:
        page = browser.new_page(viewport=_WINDOW, device_scale_factor=2)  # type: ignore[arg-type]
        open_page(page, address)
        draw(page, _DIGIT)
        expect(page.locator(".answer .digit")).to_have_text(str(_DIGIT))
        page.wait_for_load_state("networkidle")
        page.mouse.move(0, 0)
        page.wait_for_timeout(300)  # the bars glide to their length
        picture.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=picture)


if __name__ == "__main__":
    main()
