"""Where maps should lie, in a real Chromium: mark, measure a set, open the worst case, files."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from playwright.sync_api import Page, expect


def downloaded(page: Page, button: str) -> str:
    """A file's text."""
    with page.expect_download() as waiting:
        page.get_by_role("button", name=button, exact=True).click()
    return Path(waiting.value.path()).read_text("utf-8")


def sizes(page: Page) -> set[float]:
    """The share that the marked objects fill, as the file of a picture's scores says."""
    expect(page.get_by_role("button", name="CSV", exact=True)).to_be_enabled()
    return {float(row["size"]) for row in csv.DictReader(io.StringIO(downloaded(page, "CSV")))}


def test_a_box_is_drawn_moved_and_deleted(page: Page, server: str) -> None:
    page.goto(f"{server}/localisation?samples=Rocket&methods=gradcam")
    files = page.get_by_role("button", name="CSV", exact=True)
    expect(files).to_be_enabled()
    (first,) = sizes(page)
    area = page.get_by_role("application", name="Objects on Rocket")
    page.get_by_role("button", name="Box 1:").focus()
    page.keyboard.press("Delete")
    expect(page.get_by_text("Mark at least one object")).to_be_visible()

    where = area.bounding_box()
    assert where is not None
    # The middle of the picture, of which the model sees a square: 427 of 640 pixels in width.
    left, top = where["x"] + where["width"] / 2, where["y"] + where["height"] / 4
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move(left + where["width"] / 8, top + where["height"] / 2, steps=5)
    page.mouse.up()
    expect(page.get_by_role("button", name="Box 1:")).to_be_focused()
    (drawn,) = sizes(page)
    # An eighth of the width by half the height, to a pixel of 64 on each side.
    wide, tall = 640 / 8 / 427, 1 / 2
    assert (wide - 1 / 64) * (tall - 1 / 64) <= drawn <= (wide + 1 / 64) * (tall + 1 / 64)
    assert drawn != first
    box = page.get_by_role("button", name="Box 1:")
    before = box.get_attribute("aria-label")
    box.focus()
    page.keyboard.press("Shift+ArrowUp")
    expect(box).not_to_have_attribute("aria-label", str(before))
    (moved,) = sizes(page)
    assert abs(moved - drawn) <= 2 * wide / 64, "a row more or less"


def test_a_set_its_worst_case_and_what_repeats_it(page: Page, server: str) -> None:
    query = "view=A+data+set&data_set=marked&methods=gradcam&quadrants=true&object_measure=PxAP"
    page.goto(f"{server}/localisation?{query}")
    expect(page.get_by_role("button", name="run.json")).to_be_enabled()
    rows = list(csv.DictReader(io.StringIO(downloaded(page, "CSV"))))
    assert {row["measure"] for row in rows} >= {"pxap", "negative_quadrants"}
    run = json.loads(downloaded(page, "run.json"))
    assert "--quadrants" in run["command"]
    own = {
        row["image"]: float(row["value"])
        for row in rows
        if (row["method"], row["measure"]) == ("gradcam", "pxap")
    }
    worst = min(own, key=own.__getitem__)

    name = Path(worst).name
    page.get_by_role("button", name=f"Open {name}").click()
    expect(page.get_by_text(f"{worst}: ")).to_be_visible()
    expect(page.get_by_text("Among three others")).to_be_visible()
    page.reload()
    expect(page.get_by_text(f"{worst}: ")).to_be_visible()
    page.get_by_role("button", name="Back to all").click()
    expect(page.get_by_text("The best and the worst")).to_be_visible()
