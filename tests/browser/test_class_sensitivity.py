"""The page for class sensitivity in a real Chromium: two classes, two pictures, files."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.test_compare import GRID, wait_drawn

MAPS = f"() => JSON.parse({GRID}.dataset.drawn).maps"
QUERY = "samples=Cat&samples=Coffee&methods=saliency,gradcam&of=Cat"


def downloaded(page: Page, button: str) -> str:
    """A file's text."""
    files = page.get_by_role("button", name=button, exact=True)
    expect(files).to_be_enabled()
    with page.expect_download() as waiting:
        files.click()
    return Path(waiting.value.path()).read_text("utf-8")


def test_choose_two_classes_and_put_two_pictures_side_by_side(page: Page, server: str) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{server}/class-sensitivity?{QUERY}")
    wait_drawn(page, "drawn.ready === 4")
    usual = page.evaluate(MAPS)

    classes = page.get_by_role("combobox", name="Classes to compare")
    classes.press("Backspace")
    classes.press("Backspace")
    expect(page.get_by_text("Choose two classes at least.")).to_be_visible()
    for name in ("tabby", "school bus"):
        classes.fill(name)
        page.get_by_role("option", name=name).first.click()
    page.keyboard.press("Escape")
    page.wait_for_url("**classes=*tabby*classes=*school*bus*")
    wait_drawn(page, f"drawn.ready === 4 && drawn.maps !== '{usual}'")
    alone = page.evaluate(MAPS)
    run = json.loads(downloaded(page, "run.json"))
    assert [name.partition("-")[2] for name in run["classes"]] == ["tabby", "school bus"]
    assert run["joined"] == ""

    page.get_by_role("combobox", name="Picture").click()
    page.get_by_role("option", name="Side by side: Cat | Coffee").click()
    expect(page.get_by_text("Left: Cat, ")).to_be_visible()
    wait_drawn(page, f"drawn.ready === 4 && drawn.maps !== '{alone}'")
    run = json.loads(downloaded(page, "run.json"))
    assert run["joined"] == "side-by-side"
    assert [one["name"] for one in run["images"]] == ["sample:cat", "sample:coffee"]
    rows = list(csv.DictReader(io.StringIO(downloaded(page, "CSV"))))
    assert {row["method"] for row in rows} == {"saliency", "gradcam"}
    assert not errors
