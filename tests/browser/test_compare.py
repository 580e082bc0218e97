"""The Compare page in a real Chromium, as a researcher uses it."""

from __future__ import annotations

import io
import json
import re
from itertools import product
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import streamlit
from PIL import Image
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as PatienceEnded
from skimage import data

GRID = (
    "[...document.querySelectorAll('*')].map(e => e.shadowRoot).filter(Boolean)"
    ".map(r => r.querySelector('.root[data-drawn]')).find(Boolean)"
)
# Chromium without a graphics card draws on the processor that computes the maps: to look at
# every frame, as Playwright does by itself, would slow both.
LOOK_MS = 200
STREAMLIT = tuple(int(part) for part in streamlit.__version__.split(".")[:2])


def wait_drawn(page: Page, condition: str) -> None:
    """Until the grid says that it has drawn something for which ``condition`` holds."""
    try:
        page.wait_for_function(
            f"() => {{ const root = {GRID}; if (!root) return false;"
            f" const drawn = JSON.parse(root.dataset.drawn); return {condition}; }}",
            polling=LOOK_MS,
        )
    except PatienceEnded:
        drawn = page.evaluate(f"() => {{ const root = {GRID}; return root?.dataset.drawn; }}")
        pytest.fail(f"Waited for {condition}. The grid has drawn {drawn}.")


def photograph() -> bytes:
    """A JPEG such as a camera writes: larger than the model's input, and not square."""
    buffer = io.BytesIO()
    Image.fromarray(data.coffee()).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def choose(page: Page, *methods: str) -> None:
    """Exactly these methods, in the methods' popover."""
    page.get_by_role("button", name="Methods").first.click()
    for button in page.locator("[data-testid='stPopoverBody'] button").all():
        wanted = button.inner_text().strip() in methods
        if wanted != (button.get_attribute("aria-pressed") == "true"):
            button.click()
            expect(button).to_have_attribute("aria-pressed", str(wanted).lower())
    page.keyboard.press("Escape")


def test_upload_choose_cancel_download(page: Page, server: str, tmp_path: Path) -> None:
    page.goto(server)
    wait_drawn(page, "drawn.ready >= 6")

    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(
        {"name": "espresso.jpg", "mimeType": "image/jpeg", "buffer": photograph()}
    )
    expect(page.get_by_text("espresso.jpg").first).to_be_visible()
    choose(page, "Saliency", "Grad-CAM", "SmoothGrad")
    wait_drawn(page, "drawn.ready === 3")
    expect(page.locator("figure").first).to_contain_text("espresso.jpg")

    before = page.evaluate(f"() => JSON.parse({GRID}.dataset.drawn).maps")
    page.get_by_role("combobox", name="CAM layer").click()
    page.get_by_role("option", name="conv4", exact=True).click()
    page.wait_for_url("**layer=conv4**")
    wait_drawn(page, f"drawn.ready === 3 && drawn.maps !== '{before}'")

    page.get_by_role("button", name="Settings").click()
    samples = page.get_by_role("spinbutton", name="samples")
    samples.fill("10000")
    samples.press("Enter")
    page.keyboard.press("Escape")
    wait_drawn(page, "drawn.ready === 2")  # SmoothGrad is under way
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled. What was finished before is shown.")).to_be_visible()

    with page.expect_download() as caught:
        page.get_by_role("button", name="NPZ").click()
    arrays = np.load(caught.value.path())
    assert arrays["espresso__saliency"].shape == (3, 64, 64)
    assert arrays["espresso__gradcam"].shape == (1, 32, 32), "conv4 works at half the input's side"

    with page.expect_download() as caught:
        page.get_by_role("button", name="run.json").click()
    run = json.loads(Path(caught.value.path()).read_text())
    assert {row["method"] for row in run["results"]} == {"saliency", "gradcam"}


def test_a_preset_chooses_what_it_names(page: Page, server: str) -> None:
    page.goto(f"{server}/?methods=edges")
    wait_drawn(page, "drawn.ready === 1")
    page.get_by_role("button", name="Methods").first.click()
    page.get_by_role("button", name="Gradients and Grad-CAM (group 1)").click()
    page.wait_for_url("**methods=saliency%2Cinput_x_gradient%2Cdeconvnet**")
    page.keyboard.press("Escape")
    wait_drawn(page, "drawn.ready === 6")
    expect(page.locator("figcaption")).to_have_text(
        [
            "Cat",
            "Saliency",
            "Input × Gradient",
            "DeconvNet",
            "Guided backpropagation",
            "Grad-CAM",
            "Guided Grad-CAM",
        ]
    )


def test_settings_stand_in_the_address(page: Page, server: str) -> None:
    """The same method twice, with settings; from a link, by hand, and by the back button."""
    settings = "&".join(f"param=smoothgrad{base}.samples=2" for base in ("", "-deeplift"))
    link = f"methods=smoothgrad,smoothgrad-deeplift&{settings}&param=smoothgrad.sigma=0.7"
    page.goto(f"{server}/?{link}")
    wait_drawn(page, "drawn.ready === 2")
    titles = ["Cat", "SmoothGrad", "SmoothGrad of DeepLIFT"]
    expect(page.locator("figcaption")).to_have_text(titles)
    before = page.evaluate(f"() => JSON.parse({GRID}.dataset.drawn).maps")

    page.get_by_role("button", name="Settings").click()
    sigma = page.get_by_role("spinbutton", name="sigma").first
    expect(sigma).to_have_value("0.7")
    sigma.fill("0.5")
    sigma.press("Enter")
    page.wait_for_url("**smoothgrad.sigma%3D0.5**")
    page.keyboard.press("Escape")
    wait_drawn(page, f"drawn.ready === 2 && drawn.maps !== '{before}'")

    page.go_back()
    if STREAMLIT >= (1, 65):  # which tells the page of the back button; before, it stays as it is
        wait_drawn(page, f"drawn.maps === '{before}'")


def test_a_link_reopens_the_same_view(page: Page, server: str) -> None:
    page.goto(f"{server}/?samples=Coffee&show=Positive&overlay=true&opacity=0.3")
    wait_drawn(page, "drawn.ready >= 6 && drawn.opacity === 0.3 && drawn.colours === 'viridis'")
    expect(page.locator("figure").first).to_contain_text("Coffee")


def test_zoom_pointing_and_widths(page: Page, server: str) -> None:
    """What needs no run of the page: zoom, values, and a place for everything at every width."""
    page.goto(server)
    wait_drawn(page, "drawn.ready >= 6")
    # The original and at least five heatmaps are whole on a 1440 x 900 screen.
    boxes = [canvas.bounding_box() for canvas in page.locator("figure canvas").all()]
    assert len([box for box in boxes if box and box["y"] + box["height"] <= 900]) >= 6

    page.locator(".tools").get_by_role("button", name="Zoom in").click()
    wait_drawn(page, "drawn.scale === 1.5")
    page.get_by_role("button", name="Whole picture").click()
    wait_drawn(page, "drawn.scale === 1")

    page.locator("figure canvas").nth(1).hover()
    middle = re.compile(r"^Saliency · column 3[23], row 3[23]: -?[01]\.\d{3} \(raw .+\) · Cat · ")
    expect(page.locator(".readout")).to_have_text(middle)

    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for width, scheme in product((360, 1440, 2560), schemes):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        expect(page.get_by_test_id("stApp")).to_have_css("color-scheme", scheme)
        page.wait_for_function("() => document.documentElement.scrollWidth <= window.innerWidth")


def test_a_file_that_is_no_picture(page: Page, server: str) -> None:
    page.goto(server)
    wait_drawn(page, "drawn.ready >= 6")
    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(
        [
            {"name": "notes.jpg", "mimeType": "image/jpeg", "buffer": b"not a picture"},
            {"name": "cup.jpg", "mimeType": "image/jpeg", "buffer": photograph()},
        ]
    )
    expect(page.get_by_text("notes.jpg").last).to_be_visible()
    expect(page.locator("[data-testid='stAlert']").first).to_contain_text("notes.jpg")
    expect(page.locator("figure").first).to_contain_text("cup.jpg")
    wait_drawn(page, "drawn.ready >= 6")
