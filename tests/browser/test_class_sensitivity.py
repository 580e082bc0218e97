"""Two classes of one picture, in a real Chromium: put together, choose classes, files."""

from __future__ import annotations

import csv
import io
import json
import re

from playwright.sync_api import Page, expect

from tests.browser.test_localisation import downloaded


def add(page: Page, name: str) -> None:
    """Another class, by the keyboard alone."""
    page.keyboard.type(name)
    expect(page.get_by_role("option", name=name)).to_have_count(1)
    for key in ("ArrowDown", "Enter", "Escape"):
        page.keyboard.press(key)


def computed(page: Page, address: re.Pattern[str]) -> None:
    """Until everything is there of the page with such an address."""
    page.wait_for_url(address)
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.get_by_role("button", name="run.json")).to_be_enabled()


def test_two_pictures_side_by_side_and_other_classes(page: Page, server: str) -> None:
    page.goto(f"{server}/class-sensitivity?samples=Cat&methods=gradcam")
    record = page.get_by_role("button", name="run.json")
    expect(record).to_be_enabled()
    page.get_by_role("option", name="Coffee").click()
    expect(page.get_by_role("combobox", name="Picture")).to_have_value("Side by side: Cat | Coffee")
    expect(page.get_by_text("Left: Cat, Egyptian cat")).to_be_visible()
    expect(record).to_be_enabled()
    classes = page.get_by_role("combobox", name="Classes to compare")
    classes.focus()
    add(page, "school bus")
    computed(page, re.compile(r"school\+bus"))
    rows = list(csv.DictReader(io.StringIO(downloaded(page, "CSV"))))
    named = {row[name] for row in rows for name in row if "class" in name}
    assert named >= {"21", "97", "72"}, "Egyptian cat, espresso and school bus"

    # All are taken away and others chosen, while the control keeps the focus.
    classes.focus()
    for _ in range(3):
        page.keyboard.press("Backspace")
    expect(page.get_by_text("Choose two classes at least.")).to_be_visible()
    add(page, "tabby")
    add(page, "teddy")
    computed(page, re.compile("classes=[0-9]+-tabby&classes=[0-9]+-teddy"))
    run = json.loads(downloaded(page, "run.json"))
    assert [name.partition("-")[2] for name in run["classes"]] == ["tabby", "teddy"]
    assert run["joined"] == "side-by-side"
