"""The heatmap grid in a real Chromium: what has no room is told, and what is there can be read."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.test_compare import GRID, wait_drawn

PICTURES, METHODS = 6, 8
PICTURE = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"
TOLD = "Method 7 · Picture 5 · class 5 · 1 is 2.00 raw · signed · 0.57 s · something more"

# As many pictures as the address says, and eight methods.
SCRIPT = f"""
import base64
import numpy as np
import streamlit as st
from pages.components import media, modules
from pages.components.heatmap_grid import heatmap_grid

def one(row, column):
    if (row, column) == (0, 3):
        return {{"note": "This method cannot explain a network without convolutions; " * 5,
                "problem": True}}
    level = np.full((8, 8), 1000 * column, "<i2")
    return {{"map": media.publish(level.tobytes()), "planes": 1, "height": 8, "width": 8,
            "scale": 2.0, "note": f"0.{{row}}{{column}} s", "said": "something more"}}

def main():
    st.set_page_config(layout="wide")
    pictures = range(int(st.query_params["pictures"]))
    lut = np.repeat(np.minimum(np.arange(257), 255)[:, None], 3, axis=1).astype("uint8")
    heatmap_grid({{
        "rows": [{{"id": f"p{{r}}", "title": f"Picture {{r}}", "note": f"class {{r}}", "aspect": 1,
                  "picture": "{PICTURE}"}} for r in pictures],
        "columns": [{{"id": f"m{{c}}", "title": f"Method {{c}}", "note": "", "words": "signed"}}
                    for c in range({METHODS})],
        "shared": "All maps: of one kind.",
        "tiles": [[one(r, c) for c in range({METHODS})] for r in pictures],
        "display": {{"lut": base64.b64encode(lut.tobytes()).decode(), "colours": "grey",
                    "diverging": False, "opacity": 1.0, "bar": ["0", "1"], "bar_shown": True}},
    }}, key="grid")
    st.html("<div style='height: 1500px'>What stands below.</div>")

if __name__ == "__main__":
    main()
else:
    app = st.App(__file__, routes=[media.route(), modules.route()])
"""


def opened(page: Page, address: str, pictures: int, width: int = 1440) -> Page:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{address}/?pictures={pictures}")
    wait_drawn(page, f"drawn.ready === {pictures * METHODS - 1}")
    return page


def tile(page: Page, row: int, method: int) -> Locator:
    return page.locator("figure canvas").nth(row * (METHODS + 1) + 1 + method)


def left_of(place: Locator) -> float:
    box = place.bounding_box()
    assert box is not None
    return box["x"]


@pytest.mark.parametrize("width", [390, 1024, 1440, 1920])
def test_every_method_can_be_reached_and_what_is_hidden_is_told(
    page: Page, address: str, width: int
) -> None:
    opened(page, address, PICTURES, width)
    hidden = page.evaluate(
        f"""() => {{
            const grid = {GRID}.querySelector('.grid');
            return grid.scrollWidth - grid.clientWidth;
        }}"""
    )
    assert (hidden > 0) == (width < 1440), "eight methods and the picture have room at 1440"
    later, earlier = (page.locator(f".{name}") for name in ("later", "earlier"))
    picture = page.locator("figure.picture canvas").first
    at_first = left_of(picture)
    if hidden > 0:
        expect(page.locator(".root.after:not(.before)")).to_be_visible()
        expect(page.locator(".count")).to_contain_text(f"of {METHODS}")
        expect(earlier).to_be_disabled()
        last = page.locator(".titles > div").nth(METHODS)
        for _ in range(METHODS):
            if later.is_disabled():
                break
            later.click()
            # The count is told anew when the columns have come to rest.
            page.wait_for_function(
                f"""() => {{
                    const grid = {GRID}.querySelector('.grid'), now = grid.scrollLeft;
                    const rests = now === window.was;
                    window.was = now;
                    return rests;
                }}""",
                polling=200,
            )
        expect(later).to_be_disabled()
        expect(page.locator(".root.before:not(.after)")).to_be_visible()
        expect(page.locator(".count")).to_contain_text(f"{METHODS} of {METHODS}")
        assert left_of(last) == pytest.approx(left_of(tile(page, 0, METHODS - 1)), abs=1)
    else:
        expect(page.locator(".more")).to_be_hidden()
    assert left_of(picture) == at_first, "the pictures stay in sight"
    box = tile(page, 0, METHODS - 1).bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= width
    assert page.evaluate("() => document.documentElement.scrollWidth") == width


def test_titles_stay_in_sight_below_streamlits_header(page: Page, address: str) -> None:
    opened(page, address, PICTURES)
    tile(page, 1, 1).hover()
    page.mouse.wheel(0, 400)  # more than the place of the first row, less than that of all
    page.wait_for_function("() => document.querySelector('[data-testid=stMain]').scrollTop === 400")
    title = page.locator(".titles > div").nth(METHODS)
    expect(title).to_be_in_viewport(ratio=1)
    box, header = title.bounding_box(), page.get_by_test_id("stHeader").bounding_box()
    assert box is not None
    assert header is not None
    assert box["y"] >= header["y"] + header["height"]
    expect(title).to_have_text("Method 7signed")


def test_one_picture_wraps_and_says_below_each_map_what_is_its_own(
    page: Page, address: str
) -> None:
    opened(page, address, 1, 390)
    expect(page.locator(".titles")).to_be_hidden()
    expect(page.locator(".more")).to_be_hidden()
    expect(page.locator("figure p").nth(1)).to_have_text("0.00 s · signed")
    expect(page.locator(".readout")).to_contain_text("All maps: of one kind.")
    assert page.evaluate("() => document.documentElement.scrollWidth") == 390


def test_with_several_pictures_the_title_says_what_a_column_shares(
    page: Page, address: str
) -> None:
    opened(page, address, 2)
    expect(page.locator("figure p").nth(1)).to_have_text("0.00 s")
    expect(page.locator(".titles > div").nth(1)).to_have_text("Method 0signed")


def test_the_keyboard_reaches_a_tile_and_hears_everything_about_it(
    page: Page, address: str
) -> None:
    opened(page, address, PICTURES, 390)
    tile(page, PICTURES - 1, METHODS - 2).focus()
    page.keyboard.press("Tab")
    last = tile(page, PICTURES - 1, METHODS - 1)
    expect(last).to_be_focused()
    expect(page.locator(".readout")).to_have_text(TOLD)
    assert last.get_attribute("aria-label") == TOLD.replace(" · ", ", ")
    expect(last).to_be_in_viewport(ratio=1)
    box, head = last.bounding_box(), page.locator(".head").bounding_box()
    assert box is not None
    assert head is not None
    assert box["y"] >= head["y"] + head["height"] - 1, "not behind the titles"
    # Towards the first methods it is not behind the pictures either.
    for _ in range(METHODS - 1):
        page.keyboard.press("Shift+Tab")
    first = tile(page, PICTURES - 1, 0)
    expect(first).to_be_focused()
    picture = page.locator("figure.picture").last.bounding_box()
    assert picture is not None
    assert left_of(first) >= picture["x"] + picture["width"] - 1


def test_the_wheel_scrolls_the_page_and_zooms_with_ctrl(page: Page, address: str) -> None:
    opened(page, address, PICTURES)
    tile(page, 1, 1).hover()
    page.mouse.wheel(0, 400)
    page.wait_for_function("() => document.querySelector('[data-testid=stMain]').scrollTop > 0")
    page.mouse.wheel(0, -400)
    page.wait_for_function("() => document.querySelector('[data-testid=stMain]').scrollTop === 0")
    wait_drawn(page, "drawn.scale === 1")
    page.keyboard.down("Control")
    page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    wait_drawn(page, "drawn.scale === 1.25")


def test_what_went_wrong_stands_in_the_tile_and_takes_no_room(page: Page, address: str) -> None:
    opened(page, address, 2)
    failed = page.locator("figure .problem:not([hidden])")
    expect(failed).to_have_count(1)
    expect(failed).to_contain_text("cannot explain a network without convolutions")
    first, second = (page.locator("figure").nth(place) for place in (0, METHODS + 1))
    boxes = [first.bounding_box(), second.bounding_box()]
    heights = [box["height"] for box in boxes if box is not None]
    assert heights[0] == heights[1]
    failed.hover()
    expect(page.locator(".readout")).to_contain_text("Method 3 · Picture 0 · class 0 · signed · Th")
