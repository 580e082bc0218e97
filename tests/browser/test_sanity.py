"""The page for sanity checks in a real Chromium: run, slide, play, click, download."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, expect

from tests.browser.test_compare import GRID, wait_drawn

SHOWN = f"() => JSON.parse({GRID}.dataset.drawn)"
SLIDER = "input.slider"


def opened(page: Page, server: str, query: str) -> list[str]:
    """The page when everything has been computed; its console's errors."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{server}/sanity?{query}")
    expect(page.get_by_role("button", name="run.json")).to_be_enabled()
    wait_drawn(page, "drawn.ready >= 4")
    return errors


def slide_to(page: Page, frame: int) -> None:
    """Move the slider in the browser, until the maps of that depth are drawn."""
    page.evaluate(
        f"""frame => {{
            const slider = {GRID}.querySelector("{SLIDER}");
            slider.value = frame;
            slider.dispatchEvent(new Event("input", {{ bubbles: true }}));
        }}""",
        frame,
    )
    wait_drawn(page, f"drawn.frame === {frame} && drawn.ready >= 4")


def rest(page: Page, frame: int) -> None:
    """Until the page knows the slider's place and has drawn everything anew.

    Streamlit loses a click on a file's button that a run of the page is just replacing.
    """
    expect(page).to_have_url(re.compile(f"depth={frame}(&|$)"))
    page.wait_for_function(
        f"() => document.querySelector('.js-plotly-plot')?.layout?.shapes?.[0]?.x0 === {frame}"
    )
    state = ("data-test-script-state", "notRunning")
    expect(page.get_by_test_id("stApp")).to_have_attribute(*state)


def test_run_slide_play_click_and_download(page: Page, server: str, tmp_path: Path) -> None:
    # The first thing this server is asked for: no other page has run before.
    errors = opened(page, server, "methods=saliency,guided_backprop&seeds=2")
    labels = page.evaluate(f"() => {GRID}.querySelector('{SLIDER}').max")
    assert labels == "13"

    before = page.evaluate(SHOWN)
    slide_to(page, 3)
    after = page.evaluate(SHOWN)
    assert after["label"] == "fc3 to fc1"
    assert after["maps"] != before["maps"]
    # What is drawn is what the address says: a map of 64 by 64, scaled to at most 1.
    place = after["maps"].split()[0]
    values = np.frombuffer(page.request.get(f"{server}/{place}").body(), "<i2")
    assert values.size == 64 * 64
    assert abs(values).max() == 32767

    page.locator(SLIDER).evaluate("slider => slider.dispatchEvent(new Event('change'))")
    rest(page, 3)

    page.get_by_role("button", name="Play", exact=True).click()
    wait_drawn(page, "drawn.frame >= 5 && drawn.ready >= 4")
    page.get_by_role("button", name="Pause", exact=True).click()
    rest(page, page.evaluate(SHOWN)["frame"])

    # Points lie in the chart as they are drawn; the first curve's last is the deepest.
    chart = page.locator(".js-plotly-plot")
    points = chart.locator(".scatterlayer .trace .points path")
    expect(points.first).to_be_visible()
    box = points.nth(13).bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    wait_drawn(page, "drawn.frame === 13 && drawn.ready >= 4")
    rest(page, 13)
    assert not errors

    def download(name: str) -> bytes:
        with page.expect_download() as found:
            page.get_by_role("button", name=name, exact=True).click()
        path = tmp_path / found.value.suggested_filename
        found.value.save_as(path)
        return path.read_bytes()

    rows = list(csv.DictReader(io.StringIO(download("CSV").decode())))
    edges = [row for row in rows if row["method"] == "edges" and row["measure"] == "ssim"]
    assert {float(row["value"]) for row in edges} == {1.0}
    assert {row["depth"] for row in edges} == {str(depth) for depth in range(14)}
    with zipfile.ZipFile(io.BytesIO(download("Maps NPZ"))) as archive:
        # Four methods, the trained network and thirteen depths of two seeds.
        assert len(archive.namelist()) == 4 * (1 + 13 * 2)
    run = json.loads(download("run.json"))
    assert run["seeds"] == [0, 1]
    assert "sanity-check" in run["command"]


def test_permuted_labels_and_a_link_that_opens_the_same_view(page: Page, server: str) -> None:
    errors = opened(page, server, "methods=saliency,gradcam&test=Permuted+labels&depth=1")
    drawn = page.evaluate(SHOWN)
    assert (drawn["frame"], drawn["label"]) == (1, "permuted labels")
    expect(page.get_by_text("Maps by the network with permuted labels")).to_be_visible()
    assert not errors
