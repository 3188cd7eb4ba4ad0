"""Corrections on the page: kept with one click, marked, taken back."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.gestures import digit, settle
from tests.browser.stage import draw

pytestmark = pytest.mark.browser


def test_page_wrong_answer_is_put_right_with_one_click(page: Page, corrections: Path) -> None:
    keep = page.get_by_role("button", name="Keep this drawing as a 8")
    expect(keep).to_be_hidden()
    draw(page, 8)
    expect(digit(page)).to_have_text("8")
    keep.click()
    expect(page.locator("#kept [role=status]")).to_have_text("Kept as a 8. Thank you.")
    [image] = (corrections / "images" / "8").iterdir()
    record = json.loads(
        (corrections / "records" / f"{image.stem}.json").read_text(encoding="utf-8")
    )
    assert (record["label"], record["answer"], record["model"]) == ("8", "8", "digits")
    assert np.asarray(Image.open(image)).shape == (28, 28)
    assert (corrections / record["drawing"]).is_file()


def test_page_correction_is_marked_belongs_to_its_drawing_and_is_taken_back(
    page: Page, corrections: Path
) -> None:
    draw(page, 7)
    expect(digit(page)).to_have_text("7")
    one = page.get_by_role("button", name="Keep this drawing as a 1")
    thanks = page.locator("#kept [role=status]")
    one.click()
    expect(thanks).to_have_text("Kept as a 1. Thank you.")
    expect(one).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Clear").click()
    draw(page, 0)
    expect(digit(page)).to_have_text("0")
    settle(page)
    expect(thanks).to_be_hidden()
    expect(one).to_have_attribute("aria-pressed", "false")
    old = page.get_by_role("button", name="read as 7, corrected to 1")
    expect(old).to_have_text("7→1")
    old.click()
    expect(one).to_have_attribute("aria-pressed", "true")
    settle(page)
    one.click()
    expect(thanks).to_contain_text("Taken back.")
    expect(one).to_have_attribute("aria-pressed", "false")
    expect(page.get_by_role("button", name="read as 7")).to_have_text("7")
    assert list((corrections / "images" / "1").iterdir()) == []
