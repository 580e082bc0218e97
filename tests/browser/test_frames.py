"""Frames of the heatmap grid in a real Chromium: one slider, every tile, no round trip."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.test_compare import GRID, wait_drawn

ROOT = Path(__file__).parents[2]
LABELS = ["trained", "fc3", "fc2", "conv5", "conv4"]
SIDE = 224
LONG_MS = 5000  # of the browser's clock, which a test turns: many steps of what plays
COMPONENTS = ROOT / "pages" / "components"
PICTURE = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"
LOST = "This picture could not be loaded. Reload the page."

# A page as small as possible: two pictures, three methods, five depths. The map of a tile is
# constant, so that its colour tells the tile and the depth. Depth 3 has a tile that is still
# waiting and one that failed; depth 4 is waiting everywhere until "Finish".
SCRIPT = f"""
import base64
import numpy as np
import streamlit as st
from pages.components import media, modules
from pages.components.heatmap_grid import heatmap_grid

LABELS = {LABELS}

def grey(row, column, frame):
    return 40 * frame + 10 * column + 5 * row + 20

def one(row, column, frame, finished):
    if frame == 4 and not finished:
        return {{"note": "Waiting …", "waiting": True}}
    if frame == 3 and (row, column) == (1, 2):
        return {{"note": "Waiting …", "waiting": True}}
    if frame == 3 and (row, column) == (1, 1):
        return {{"note": "This method cannot explain a network whose convolutions are random; "
                "choose another method or fewer depths.", "problem": True}}
    level = np.full(({SIDE}, {SIDE}), round(grey(row, column, frame) / 256 * 32767), "<i2")
    return {{"map": media.publish(level.tobytes()), "planes": 1, "height": {SIDE},
            "width": {SIDE}, "scale": 1.0, "note": f"similarity {{1 - frame / 5:.2f}}"}}

def count():
    st.session_state.told = st.session_state.get("told", 0) + 1

def main():
    st.set_page_config(layout="wide")
    state = st.session_state
    state.runs = state.get("runs", 0) + 1
    with st.container(horizontal=True):
        st.button("Run again")
        if st.button("Ask for fc2"):
            state.asked = state.get("asked", 0) + 1
        finished = st.toggle("Finish")
    lut = np.repeat(np.minimum(np.arange(257), 255)[:, None], 3, axis=1).astype("uint8")
    data = {{
        "rows": [{{"id": f"p{{r}}", "title": f"Picture {{r}}", "note": f"run {{state.runs}}",
                  "aspect": 1, "picture": "{PICTURE}"}} for r in range(2)],
        "columns": [{{"id": f"m{{c}}", "title": f"Method {{c}}", "note": "", "words": ""}}
                    for c in range(3)],
        "tiles": [[{{"frames": [one(r, c, f, finished) for f in range(5)]}} for c in range(3)]
                  for r in range(2)],
        "display": {{"lut": base64.b64encode(lut.tobytes()).decode(), "colours": "grey",
                    "diverging": False, "opacity": 1.0, "bar": ["0", "1"], "bar_shown": True}},
        "frames": LABELS,
        "frame": 2 if state.get("asked") else 0,
        "frameAsked": state.get("asked", 0),
        "frameTitle": "Randomised",
    }}
    grid = heatmap_grid(data, key="grid", on_frame_change=count)
    st.text(f"run {{state.runs}}, told {{state.get('told', 0)}}, frame {{grid.frame}}")

if __name__ == "__main__":
    main()
else:
    app = st.App(__file__, routes=[media.route(), modules.route()])
"""


@pytest.fixture
def opened(page: Page, address: str) -> Iterator[Page]:
    """The little page, drawn; afterwards the browser must have had nothing to complain of."""
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    page.goto(address)
    wait_drawn(page, "drawn.ready === 6")
    yield page
    assert complaints == []


def drawn(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(page.evaluate(f"() => {GRID}.dataset.drawn"))
    return found


def greys(page: Page) -> list[int]:
    """The red value in the middle of each method's tile; 0 where nothing is drawn."""
    found: list[int] = page.evaluate(
        f"() => [...{GRID}.querySelectorAll('figure canvas')].map(canvas => canvas"
        ".getContext('2d').getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data[0])"
    )
    return [grey for place, grey in enumerate(found) if place % 4]  # the first is the picture


def expected(frame: int) -> list[int]:
    return [40 * frame + 10 * column + 5 * row + 20 for row in range(2) for column in range(3)]


def map_name(row: int, column: int, frame: int) -> str:
    """Last part of the address of that map: it is made from the content."""
    grey = expected(frame)[3 * row + column]
    content = np.full((SIDE, SIDE), round(grey / 256 * 32767), "<i2").tobytes()
    return hashlib.sha256(content).hexdigest()


def slider(page: Page) -> Locator:
    return page.get_by_role("slider", name="Randomised")


def told(page: Page) -> str:
    return page.get_by_text("told").inner_text().split(", ", 1)[1]


def test_the_arrow_keys_move_every_tile(opened: Page) -> None:
    assert greys(opened) == expected(0)
    slider(opened).focus()
    for frame in (1, 2):
        opened.keyboard.press("ArrowRight")
        wait_drawn(opened, f"drawn.frame === {frame} && drawn.ready === 6")
        assert greys(opened) == expected(frame)
        assert drawn(opened)["label"] == LABELS[frame]
        assert slider(opened).get_attribute("aria-valuetext") == LABELS[frame]
        expect(opened.locator(".label")).to_have_text(LABELS[frame])
        notes = opened.locator("figure p").all_inner_texts()
        assert notes[1:4] == [f"similarity {1 - frame / 5:.2f}"] * 3
    opened.keyboard.press("Home")
    wait_drawn(opened, "drawn.frame === 0 && drawn.ready === 6")
    assert greys(opened) == expected(0)


def test_a_loaded_depth_is_drawn_at_once(opened: Page) -> None:
    """By the next time that the browser draws the screen, with nothing asked of the server."""
    wait_for_all_maps(opened)
    asked: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    for frame in (1, 2, 1, 0):
        seen = opened.evaluate(
            f"""async (frame) => {{
                const root = {GRID}, slider = root.querySelector('.slider');
                slider.value = frame;
                slider.dispatchEvent(new Event('input', {{ bubbles: true }}));
                for (let drawn = 0; drawn < 2; drawn++) await new Promise(requestAnimationFrame);
                return JSON.parse(root.dataset.drawn);
            }}""",
            frame,
        )
        assert (seen["frame"], seen["ready"]) == (frame, 6)
        assert greys(opened) == expected(frame)
    assert not [url for url in asked if "/pictures/" in url]


def wait_for_all_maps(page: Page) -> None:
    """Until the browser has fetched every map that there is (depths 0 to 3)."""
    page.wait_for_function(
        "() => performance.getEntriesByType('resource')"
        ".filter(entry => entry.name.includes('/pictures/')).length >= 6 * 3 + 4"
    )


def test_python_hears_once_where_a_drag_ended(opened: Page) -> None:
    box = slider(opened).bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    opened.mouse.move(box["x"] + 8, y)
    opened.mouse.down()
    opened.mouse.move(box["x"] + box["width"] / 2, y, steps=20)
    opened.mouse.up()
    expect(opened.get_by_text("run 2, told 1, frame 2")).to_be_visible()
    opened.get_by_role("button", name="Run again").click()
    expect(opened.get_by_text("run 3, told 1, frame 2")).to_be_visible()


def test_only_a_new_request_of_python_moves_the_slider(opened: Page) -> None:
    slider(opened).focus()
    opened.keyboard.press("ArrowRight")
    expect(opened.get_by_text("told 1, frame 1")).to_be_visible()
    opened.get_by_role("button", name="Run again").click()
    expect(opened.locator("figure p").first).to_have_text("run 3")
    assert drawn(opened)["frame"] == 1
    opened.get_by_text("Finish").click()  # new data, same request
    expect(opened.locator("figure p").first).to_have_text("run 4")
    assert drawn(opened)["frame"] == 1
    opened.get_by_role("button", name="Ask for fc2").click()
    wait_drawn(opened, "drawn.frame === 2 && drawn.ready === 6")
    expect(slider(opened)).to_have_value("2")
    expect(opened.get_by_text("told 2, frame 2")).to_be_visible()


def test_play_loops_over_what_is_finished_and_a_touch_ends_it(opened: Page) -> None:
    opened.clock.install()
    opened.evaluate(
        f"""() => {{
            const root = {GRID};
            window.seen = [];
            new MutationObserver(() => {{
                const {{ label }} = JSON.parse(root.dataset.drawn);
                if (window.seen.at(-1) !== label) window.seen.push(label);
            }}).observe(root, {{ attributeFilter: ['data-drawn'] }});
        }}"""
    )
    opened.get_by_role("button", name="Play").click()
    expect(opened.get_by_role("button", name="Pause")).to_be_visible()
    opened.wait_for_function("() => window.seen.length >= 5")
    assert opened.evaluate("() => window.seen") == ["fc3", "fc2", "conv5", "trained", "fc3"]
    assert told(opened) == "told 0, frame None", "quiet while it plays"
    slider(opened).focus()
    opened.keyboard.press("Home")
    expect(opened.get_by_role("button", name="Play")).to_be_visible()
    expect(opened.get_by_text("told 1, frame 0")).to_be_visible()
    opened.clock.run_for(LONG_MS)
    assert drawn(opened)["frame"] == 0
    assert told(opened) == "told 1, frame 0"


def test_pause_stays_and_tells_python(opened: Page) -> None:
    opened.clock.install()
    opened.get_by_role("button", name="Play").click()
    wait_drawn(opened, "drawn.frame === 1")
    opened.get_by_role("button", name="Pause").click()
    expect(opened.get_by_text("told 1, frame 1")).to_be_visible()
    opened.clock.run_for(LONG_MS)
    assert drawn(opened)["frame"] == 1


def test_tiles_wait_or_say_what_went_wrong_and_nothing_moves(opened: Page) -> None:
    places = "() => [...%s.querySelectorAll('figure')].map(f => f.getBoundingClientRect().top)"
    before = opened.evaluate(places % GRID)
    slider(opened).fill("3")
    wait_drawn(opened, "drawn.frame === 3 && drawn.ready === 4")
    assert greys(opened)[:4] == expected(3)[:4]
    assert greys(opened)[4:] == [0, 0]
    assert opened.locator("figure").nth(6).locator(".problem").is_visible()
    expect(opened.locator("figure").nth(7)).to_have_class("waiting")
    assert opened.evaluate(places % GRID) == before

    slider(opened).fill("4")
    wait_drawn(opened, "drawn.frame === 4 && drawn.ready === 0")
    assert greys(opened) == [0] * 6
    expect(opened.locator(".waiting")).to_have_count(6)
    assert opened.evaluate(places % GRID) == before
    opened.get_by_text("Finish").click()
    wait_drawn(opened, "drawn.frame === 4 && drawn.ready === 6")
    assert greys(opened) == expected(4)


def test_a_depth_still_on_its_way_is_blank_rather_than_wrong(page: Page, address: str) -> None:
    kept: list[Route] = []
    page.route(re.compile(map_name(0, 0, 1)), lambda route: kept.append(route))
    page.goto(address)
    wait_drawn(page, "drawn.ready === 6")
    slider(page).fill("1")
    wait_drawn(page, "drawn.frame === 1 && drawn.ready === 5")
    assert greys(page) == [0, *expected(1)[1:]]
    expect(page.locator("figure").nth(1)).to_contain_text("Waiting …")
    kept[0].continue_()
    wait_drawn(page, "drawn.ready === 6")
    assert greys(page) == expected(1)
    expect(page.locator("figure p").nth(1)).to_have_text("similarity 0.80")


def test_a_connection_that_fails_for_a_moment_is_not_noticed(page: Page, address: str) -> None:
    lost: list[Route] = []

    def answer(route: Route) -> None:
        if len(lost) == 2:
            route.continue_()
        else:
            lost.append(route)
            route.abort()

    page.route(re.compile(map_name(0, 0, 0)), answer)
    page.goto(address)
    wait_drawn(page, "drawn.ready === 6")
    assert len(lost) == 2
    assert greys(page) == expected(0)


def test_maps_are_drawn_while_the_screen_is_not_refreshed(page: Page, address: str) -> None:
    page.add_init_script("window.requestAnimationFrame = () => 0")
    page.goto(address)
    wait_drawn(page, "drawn.ready === 6")
    slider(page).fill("1")
    wait_drawn(page, "drawn.frame === 1 && drawn.ready === 6")
    assert greys(page) == expected(1)


def test_a_map_that_was_lost_is_fetched_again_on_return(page: Page, address: str) -> None:
    lost = re.compile(map_name(0, 0, 1))
    page.route(lost, lambda route: route.fulfill(status=404))
    page.goto(address)
    wait_drawn(page, "drawn.ready === 6")
    slider(page).fill("1")
    wait_drawn(page, "drawn.ready === 5")
    expect(page.locator("figure .problem").nth(1)).to_have_text(LOST)
    page.unroute(lost)
    slider(page).fill("0")
    slider(page).fill("1")
    wait_drawn(page, "drawn.frame === 1 && drawn.ready === 6")
    expect(page.locator("figure p").nth(1)).to_have_text("similarity 0.80")


def test_the_value_under_the_pointer_is_that_of_the_present_depth(opened: Page) -> None:
    slider(opened).focus()
    opened.locator("figure canvas").nth(1).hover()
    expect(opened.locator(".readout")).to_contain_text(f"{20 / 256:.3f} (raw")
    opened.keyboard.press("ArrowRight")
    expect(opened.locator(".readout")).to_contain_text(f"{60 / 256:.3f} (raw")


def test_the_names_under_the_slider_stand_where_there_is_room(opened: Page) -> None:
    expect(opened.locator(".ticks span").last).to_be_visible()
    opened.locator(".ticks span").nth(2).click()
    wait_drawn(opened, "drawn.frame === 2 && drawn.ready === 6")
    opened.set_viewport_size({"width": 360, "height": 740})
    expect(opened.locator(".ticks span").last).to_be_hidden()
    assert opened.evaluate("() => document.documentElement.scrollWidth") == 360


def test_the_map_that_was_longest_unused_leaves_first(page: Page) -> None:
    """With room for 20 bytes: three maps of 8 bytes, of which the first was used again."""
    module = (COMPONENTS / "heatmap_grid" / "held.js").read_text(encoding="utf-8")
    kept = page.evaluate(
        """async (module) => {
            const { heatmap, maps } = await import(URL.createObjectURL(
                new Blob([module], { type: "text/javascript" })));
            const address = (name) => `data:text/plain;name=${name},8 bytes!`;
            for (const name of ["a", "b", "a", "c"]) await heatmap(address(name)).ready;
            return [...maps.keys()].map((key) => key.match(/name=(.)/)[1]);
        }""",
        module.replace("256 * 2 ** 20", "20"),
    )
    assert kept == ["a", "c"]


def test_what_was_sent_earlier_and_arrives_later_is_left_out(page: Page) -> None:
    """By each place and sender for itself: another server begins with 1 again."""
    shown = page.evaluate(
        """async (module) => {
            const { mounted } = await import(URL.createObjectURL(
                new Blob([module], { type: "text/javascript" })));
            const shown = [];
            const component = mounted((place) => ({ place }), (state, data) =>
                shown.push([state.place.id, ...data.sent].join(" ")));
            const [here, there] = ["here", "there"].map((id) => ({ id }));
            const send = (parentElement, ...sent) => component({ parentElement, data: { sent } });
            send(here, "first", 2); // before what was sent as its first
            send(here, "first", 1);
            send(here, "first", 2);
            send(there, "first", 1);
            send(here, "second", 1);
            return shown;
        }""",
        (COMPONENTS / "mounted.js").read_text(encoding="utf-8"),
    )
    assert shown == ["here first 2", "here first 2", "there first 1", "here second 1"]


def test_a_module_that_could_not_be_fetched_is_asked_for_again(page: Page, address: str) -> None:
    lost: list[str] = []

    def lose_the_first(route: Route) -> None:
        if lost:
            route.continue_()
        else:
            lost.append(route.request.url)
            route.abort()

    page.route("**/modules/*/*/held.js", lose_the_first)
    page.goto(address)
    wait_drawn(page, "drawn.ready === 6")
    assert "/modules/heatmap_grid/" in lost[0]
