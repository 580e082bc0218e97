"""Own pictures in a real Chromium: on every page, after a reload, in another browser, deleted."""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image
from playwright.sync_api import BrowserContext, FilePayload, Page, expect
from skimage import data

from tests.browser.test_compare import wait_drawn

NAMES = ("coffee.png", "astronaut.png", "cat.png")


def photographs() -> list[FilePayload]:
    found: list[FilePayload] = []
    for name, pixels in zip(NAMES, (data.coffee(), data.astronaut(), data.chelsea()), strict=True):
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "PNG")
        found.append({"name": name, "mimeType": "image/png", "buffer": stream.getvalue()})
    return found


def sees_all(page: Page) -> None:
    for name in NAMES:
        expect(page.get_by_role("button", name=name)).to_have_attribute("aria-pressed", "true")


def test_brought_once_seen_everywhere(
    page: Page, server: str, new_context: Callable[..., BrowserContext]
) -> None:
    page.goto(f"{server}/?methods=saliency")
    wait_drawn(page, "drawn.ready >= 1")
    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(photographs())
    wait_drawn(page, "drawn.ready === 3")
    sees_all(page)
    for title in ("Sanity checks", "Reliability", "Compare"):
        page.get_by_role("link", name=title).click()
        expect(page.get_by_role("heading", name=title)).to_be_visible()
        sees_all(page)
    page.reload()
    sees_all(page)

    page.get_by_role("button", name="astronaut.png").click()
    page.get_by_role("button", name="Methods").first.wait_for()
    other = new_context().new_page()
    other.goto(page.url)
    expect(other.get_by_role("button", name="coffee.png")).to_be_visible()
    expect(other.get_by_role("button", name="astronaut.png")).to_have_attribute(
        "aria-pressed", "false"
    )
    other.get_by_role("button", name="Delete pictures").click()
    other.get_by_role("button", name="Delete all").click()
    expect(other.get_by_role("button", name="coffee.png")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("button", name="Cat", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="coffee.png")).to_have_count(0)
