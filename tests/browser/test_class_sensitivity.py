"""Two classes of one picture, in a real Chromium: put together, choose classes, files."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from playwright.sync_api import Page, expect


def test_two_pictures_side_by_side_and_a_third_class(page: Page, server: str) -> None:
    page.goto(f"{server}/class-sensitivity?samples=Cat&methods=gradcam")
    record = page.get_by_role("button", name="run.json")
    expect(record).to_be_enabled()
    page.get_by_role("option", name="Coffee").click()
    expect(page.get_by_role("combobox", name="Picture")).to_have_value("Side by side: Cat | Coffee")
    expect(page.get_by_text("Left: Cat, Egyptian cat")).to_be_visible()
    expect(record).to_be_enabled()
    classes = page.get_by_role("combobox", name="Classes to compare")
    classes.focus()
    page.keyboard.type("school bus")
    expect(page.get_by_role("option", name="school bus")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**school+bus**")
    expect(record).to_be_enabled()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="CSV", exact=True).click()
    rows = list(csv.DictReader(io.StringIO(Path(waiting.value.path()).read_text("utf-8"))))
    named = {row[name] for row in rows for name in row if "class" in name}
    assert named >= {"21", "97", "72"}, "Egyptian cat, espresso and school bus"
