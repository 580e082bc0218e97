"""Drawing on a picture in a real Chromium: by mouse, touch and keyboard, to the pixel."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Locator, Page, expect
from playwright.sync_api import TimeoutError as PatienceEnded

from tests.browser.test_accessibility import STOP, findings

WIDTH, HEIGHT = 120, 80
NEAR = 0.011  # pixels of the picture: coordinates are told in hundredths
LOOK_MS = 50
DRAWN = [20, 10, 60, 50]

# Two drawings. The address may say how many boxes are there at first.
SCRIPT = f"""
import json
import streamlit as st
from pages.components import media, modules, page_look
from pages.components.region_drawing import draw_regions, put_regions

SIZE = ({WIDTH}, {HEIGHT})
SVG = "<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{HEIGHT}'>"
PICTURE = f"data:image/svg+xml,{{SVG}}<rect width='60' height='80'/></svg>"
BOX = {{"kind": "box", "x0": 1, "y0": 2, "x1": 31, "y1": 42}}

def main():
    st.set_page_config(layout="wide")
    page_look.show()
    crop = (20, 0, 100, 80) if st.button("Crop") else None
    st.button("Replace", on_click=lambda: put_regions("first", [BOX], SIZE))
    many = [BOX] * int(st.query_params.get("boxes", 0))
    first = draw_regions(PICTURE, SIZE, many, label="First", key="first", crop=crop)
    second = draw_regions(PICTURE, SIZE, [BOX], label="Second", key="second")
    told = json.dumps({{"cropped": bool(crop), "First": first, "Second": second}})
    st.html(f"<pre class='told'>{{told}}</pre><div style='height: 1500px'>What stands below.</div>")

if __name__ == "__main__":
    main()
else:
    app = st.App(__file__, routes=[media.route(), modules.route()])
"""
TOLD = "() => JSON.parse(document.querySelector('pre.told').textContent)"
IS_TOLD = f"""([name, wanted]) => {{
  const near = (a, b) => {{
    if (typeof b === "number") return Math.abs(a - b) <= {NEAR};
    if (typeof b !== "object") return a === b;
    return Object.keys(a).length === Object.keys(b).length
      && Object.keys(b).every((key) => near(a[key], b[key]));
  }};
  return near(({TOLD})()[name], wanted);
}}"""


def opened(page: Page, address: str, query: str = "") -> Page:
    page.goto(f"{address}/{query}")
    expect(drawing(page, "Second").locator(".region")).to_have_count(1)
    return page


def drawing(page: Page, name: str = "First") -> Locator:
    """All of a drawing, by its label."""
    picture = page.get_by_role("application", name=name)
    return page.locator(".root").filter(has=picture)


def button(page: Page, name: str, of: str = "First") -> Locator:
    return drawing(page, of).get_by_role("button", name=name, exact=True)


def region(page: Page, name: str) -> Locator:
    return drawing(page).get_by_role("button", name=name, exact=True)


def run_meanwhile(page: Page) -> list[dict[str, Any]]:
    """Run the page for another reason; what Python has then of the first drawing."""
    page.get_by_role("button", name="Crop").evaluate("one => one.click()")
    page.wait_for_function(f"() => ({TOLD})().cropped", polling=LOOK_MS)
    return page.evaluate(TOLD)["First"]


def expect_told(page: Page, *regions: dict[str, Any], of: str = "First") -> None:
    """Until Python has these regions."""
    try:
        page.wait_for_function(IS_TOLD, arg=[of, list(regions)], polling=LOOK_MS)
    except PatienceEnded:
        pytest.fail(f"Waited for {json.dumps(regions)}. Python has {page.evaluate(TOLD)}.")


def box(x0: float, y0: float, x1: float, y1: float) -> dict[str, Any]:
    return {"kind": "box", "x0": x0, "y0": y0, "x1": x1, "y1": y1}


BEGUN = box(1, 2, 31, 42)


class Screen:
    """Where pixels of a drawing's picture lie on the screen."""

    def __init__(self, page: Page, name: str = "First") -> None:
        self.page = page
        area = page.get_by_role("application", name=name).bounding_box()
        assert area is not None
        self.area = area
        self.scale = area["width"] / WIDTH
        assert area["height"] / HEIGHT == pytest.approx(self.scale, rel=1e-3)

    def at(self, x: float, y: float) -> tuple[int, int]:
        """The screen's pixel nearest to a place of the picture."""
        return round(self.area["x"] + x * self.scale), round(self.area["y"] + y * self.scale)

    def exact(self, x: float, y: float) -> list[float]:
        """The place of the picture that is there exactly."""
        left, top = self.at(x, y)
        return [(left - self.area["x"]) / self.scale, (top - self.area["y"]) / self.scale]

    def box(self, x0: float, y0: float, x1: float, y1: float) -> dict[str, Any]:
        """What is drawn from one place to the other."""
        return box(*self.exact(x0, y0), *self.exact(x1, y1))

    def press(self, *places: tuple[float, float]) -> None:
        """Hold the mouse's button down from place to place."""
        self.page.mouse.move(*self.at(*places[0]))
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*self.at(*place), steps=5)

    def drag(self, *places: tuple[float, float]) -> None:
        self.press(*places)
        self.page.mouse.up()

    def draw(self) -> dict[str, Any]:
        """The first box of a picture; where it is."""
        x0, y0, x1, y1 = DRAWN
        self.drag((x0, y0), (x1, y1))
        made = self.box(x0, y0, x1, y1)
        expect_told(self.page, made)
        return made


@pytest.mark.parametrize("width", [390, 1440])
def test_a_box_is_where_the_mouse_was(page: Page, address: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    screen = Screen(opened(page, address))
    assert screen.area["height"] <= 0.6 * 900 + 1
    expect(drawing(page).get_by_role("status")).to_have_text("Drag over the picture to draw.")
    screen.press((20, 10), (100, 70), (60, 50))
    expect(drawing(page).locator(".region")).to_have_count(1)
    page.mouse.up()
    expect_told(page, screen.box(20, 10, 60, 50))
    expect(region(page, "Box 1: 20 to 60 across, 10 to 50 down")).to_be_focused()
    expect(drawing(page).get_by_role("status")).to_have_text(
        "Drawn. Box 1: 20 to 60 across, 10 to 50 down"
    )
    assert Screen(page).area == screen.area, "nothing jumps"
    # Backwards, and beyond the edge of the picture.
    screen.drag((110, 70), (90, -10))
    x0, _, x1, y1 = *screen.exact(90, 0), *screen.exact(110, 70)
    expect_told(page, screen.box(20, 10, 60, 50), box(x0, 0, x1, y1))


def test_an_outline_is_the_line_that_was_drawn_with_few_points(page: Page, address: str) -> None:
    screen = Screen(opened(page, address))
    button(page, "Outline").click()
    expect(button(page, "Outline")).to_have_attribute("aria-pressed", "true")
    corners = [(30, 20), (90, 20), (90, 60), (30, 60)]
    screen.drag(*corners)
    # Points on a line between two others say nothing.
    expect_told(page, {"kind": "outline", "points": [screen.exact(*one) for one in corners]})
    expect(region(page, "Outline 1: 30 to 90 across, 20 to 60 down")).to_be_focused()
    # A line that encloses nothing is no outline.
    screen.drag((10, 70), (25, 70))
    expect(drawing(page).get_by_role("status")).to_contain_text("too small")
    expect(drawing(page).locator(".region")).to_have_count(1)


def test_a_region_is_moved_and_stays_within_the_picture(page: Page, address: str) -> None:
    screen = Screen(opened(page, address))
    made = screen.draw()
    screen.drag((40, 30), (70, 25))
    (ax, ay), (bx, by) = screen.exact(40, 30), screen.exact(70, 25)
    there = {
        side: value + (bx - ax if side.startswith("x") else by - ay)
        for side, value in made.items()
        if side != "kind"
    }
    expect_told(page, {"kind": "box", **there})
    screen.drag((70, 25), (200, 200))
    width, height = made["x1"] - made["x0"], made["y1"] - made["y0"]
    expect_told(page, box(WIDTH - width, HEIGHT - height, WIDTH, HEIGHT))


def test_every_handle_moves_its_edges_and_no_other(page: Page, address: str) -> None:
    screen = Screen(opened(page, address))
    made = screen.draw()
    x0, y0, x1, y1 = DRAWN
    middle_x, middle_y = (x0 + x1) / 2, (y0 + y1) / 2
    for side_x, x in (("x0", x0), ("", middle_x), ("x1", x1)):
        for side_y, y in (("y0", y0), ("", middle_y), ("y1", y1)):
            if not side_x and not side_y:
                continue
            screen.drag((x, y), (x + 5, y + 3))
            (ax, ay), (bx, by) = screen.exact(x, y), screen.exact(x + 5, y + 3)
            moved = {side_x: bx - ax, side_y: by - ay}
            now = {side: made[side] + moved.get(side, 0) for side in ("x0", "y0", "x1", "y1")}
            expect_told(page, {"kind": "box", **now})
            page.keyboard.press("Control+z")
            expect_told(page, made)
    # An edge may cross the opposite one.
    screen.drag((x0, middle_y), (90, middle_y))
    ax, bx = screen.exact(x0, 0)[0], screen.exact(90, 0)[0]
    expect_told(page, box(made["x1"], made["y0"], made["x0"] + bx - ax, made["y1"]))


def test_a_click_selects_what_lies_there_from_above_to_nothing(page: Page, address: str) -> None:
    screen = Screen(opened(page, address, "?boxes=1"))
    screen.drag((50, 10), (110, 70))
    page.keyboard.press("Escape")
    expect(button(page, "Box")).to_be_focused()
    screen.drag((20, 30), (60, 60))
    expect(drawing(page).locator(".region")).to_have_count(3)
    chosen = drawing(page).locator(".region[aria-pressed=true]")
    page.keyboard.press("Escape")
    expect(chosen).to_have_count(0)
    at = screen.at(55, 40)  # in the second and the third
    for number in ("3", "2"):
        page.mouse.click(*at)
        expect(chosen.locator("text")).to_have_text(number)
        expect(chosen).to_be_focused()
    page.mouse.click(*at)
    expect(chosen).to_have_count(0)


def test_everything_can_be_undone_and_done_again(page: Page, address: str) -> None:
    screen = Screen(opened(page, address))
    expect(button(page, "Undo")).to_be_disabled()
    first = screen.draw()
    screen.drag((80, 10), (110, 40))
    second = screen.box(80, 10, 110, 40)
    expect_told(page, first, second)
    page.keyboard.press("Delete")
    expect_told(page, first)
    expect(drawing(page).get_by_role("status")).to_have_text("Deleted. There is 1 region.")
    page.keyboard.press("Control+z")
    expect_told(page, first, second)
    button(page, "Clear all").click()
    expect_told(page)
    expect(button(page, "Clear all")).to_be_disabled()
    for _ in range(2):
        button(page, "Undo").click()
    expect_told(page, first)
    page.keyboard.press("Control+y")
    expect_told(page, first, second)
    page.keyboard.press("Control+Shift+Z")
    expect_told(page)
    expect(button(page, "Redo")).to_be_disabled()
    for _ in range(3):
        page.keyboard.press("Control+z")
    expect_told(page)
    # Something new leaves nothing to be done again.
    screen.draw()
    expect(button(page, "Redo")).to_be_disabled()


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until that has the focus; where the focus is can be seen all the way."""
    for _ in range(20):
        page.keyboard.press("Tab")
        _, hidden = page.evaluate(STOP)
        assert not hidden, f"That this has the focus cannot be seen: {hidden}"
        if target.evaluate("one => one.getRootNode().activeElement === one"):
            return
    pytest.fail("Tab does not reach it.")


def test_by_the_keyboard_alone(page: Page, address: str) -> None:
    opened(page, address)
    tab_to(page, button(page, "New box"))
    page.keyboard.press("Enter")
    expect_told(page, box(30, 20, 90, 60))  # the middle half of 120 by 80
    expect(region(page, "Box 1: 30 to 90 across, 20 to 60 down")).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    expect_told(page, box(31, 10, 91, 50))
    page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("Shift+ArrowUp")
    expect_told(page, box(31, 0, 91, 40))
    page.keyboard.press("Alt+ArrowLeft")
    page.keyboard.press("Alt+Shift+ArrowDown")
    expect_told(page, box(31, 0, 90, 50))
    expect(drawing(page).get_by_role("status")).to_have_text(
        "Resized. Box 1: 31 to 90 across, 0 to 50 down"
    )
    # As long as a key is held, it is one gesture.
    for _ in range(3):
        page.keyboard.down("ArrowLeft")
    expect(region(page, "Box 1: 28 to 87 across, 0 to 50 down")).to_be_focused()
    assert run_meanwhile(page) == [box(31, 0, 90, 50)]
    page.keyboard.up("ArrowLeft")
    expect_told(page, box(28, 0, 87, 50))
    page.keyboard.press("Control+z")
    expect_told(page, box(31, 0, 90, 50))
    page.keyboard.press("Escape")
    expect(button(page, "Box")).to_be_focused()
    tab_to(page, button(page, "Box", of="Second"))
    page.keyboard.press("Shift+Tab")
    expect(region(page, "Box 1: 31 to 90 across, 0 to 50 down")).to_be_focused()
    page.keyboard.press("Delete")
    expect_told(page)
    page.keyboard.press("Control+z")
    expect_told(page, box(31, 0, 90, 50))


def test_what_is_being_drawn_is_told_at_its_end_and_outlives_a_run(
    page: Page, address: str
) -> None:
    screen = Screen(opened(page, address))
    screen.press((20, 10), (60, 50))
    assert run_meanwhile(page) == []
    expect(drawing(page).get_by_text("The model does not see the dimmed part.")).to_be_visible()
    expect(drawing(page, "Second").get_by_text("The model does not see")).to_be_hidden()
    page.mouse.move(*screen.at(70, 60))
    page.mouse.up()
    expect_told(page, screen.box(20, 10, 70, 60))
    # Escape takes it back.
    screen.press((80, 10), (110, 50))
    expect(drawing(page).locator(".region")).to_have_count(2)
    page.keyboard.press("Escape")
    expect(drawing(page).locator(".region")).to_have_count(1)
    page.mouse.up()
    screen.drag((80, 10), (110, 40))
    expect_told(page, screen.box(20, 10, 70, 60), screen.box(80, 10, 110, 40))


def test_two_drawings_know_nothing_of_each_other(page: Page, address: str) -> None:
    screen = Screen(opened(page, address))
    made = screen.draw()
    expect_told(page, BEGUN, of="Second")
    button(page, "Clear all", of="Second").click()
    expect_told(page, of="Second")
    expect_told(page, made)


def test_what_python_replaces_can_be_brought_back(page: Page, address: str) -> None:
    screen = Screen(opened(page, address))
    made = screen.draw()
    page.get_by_role("button", name="Replace").click()
    expect_told(page, BEGUN)
    expect(region(page, "Box 1: 1 to 31 across, 2 to 42 down")).to_be_visible()
    button(page, "Undo").click()
    expect_told(page, made)
    page.get_by_role("button", name="Replace").click()
    expect_told(page, BEGUN)


def test_a_full_picture_says_that_it_is_full(page: Page, address: str) -> None:
    screen = Screen(opened(page, address, "?boxes=100"))
    expect(button(page, "New box")).to_be_disabled()
    screen.drag((60, 50), (100, 70))
    expect(drawing(page).get_by_role("status")).to_have_text("A picture can have 100 regions.")
    expect_told(page, *[BEGUN] * 100)


def touch(session: CDPSession, kind: str, *fingers: tuple[int, int]) -> None:
    points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(fingers)]
    session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def between(first: Sequence[int], last: Sequence[int]) -> list[tuple[int, int]]:
    (xa, ya), (xb, yb) = first, last
    return [(xa + (xb - xa) * n // 4, ya + (yb - ya) * n // 4) for n in range(1, 5)]


@pytest.mark.browser_context_args(
    has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844}, device_scale_factor=2
)
def test_one_finger_draws_and_the_page_stays(page: Page, address: str) -> None:
    screen = Screen(opened(page, address))
    session = page.context.new_cdp_session(page)
    first, last = screen.at(20, 70), screen.at(80, 10)
    touch(session, "touchStart", first)
    for place in between(first, last):
        touch(session, "touchMove", place)
    touch(session, "touchEnd")
    x0, y1, x1, y0 = *screen.exact(20, 70), *screen.exact(80, 10)
    expect_told(page, box(x0, y0, x1, y1))
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop") == 0
    # A second finger ends what the first has begun.
    first, other = screen.at(90, 10), screen.at(100, 70)
    touch(session, "touchStart", first)
    touch(session, "touchMove", screen.at(110, 30))
    expect(drawing(page).locator(".region")).to_have_count(2)
    touch(session, "touchStart", screen.at(110, 30), other)
    expect(drawing(page).locator(".region")).to_have_count(1)
    touch(session, "touchEnd")
    expect_told(page, box(x0, y0, x1, y1))


def test_axe_finds_nothing_grave(page: Page, address: str) -> None:
    screen = Screen(opened(page, address))
    screen.draw()
    found = findings(page)
    page.keyboard.press("ArrowRight")
    found += findings(page)
    assert not found, "\n".join(found)
