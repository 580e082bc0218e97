"""A session in a real Chromium: on every page, after a restart, elsewhere, in a file, deleted."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import (
    BrowserContext,
    FilePayload,
    Locator,
    Page,
    ViewportSize,
    expect,
)
from playwright.sync_api import TimeoutError as PatienceEnded
from skimage import data

from bots import Server
from tests.browser.test_compare import GRID, wait_drawn

NAMES = ("coffee.png", "astronaut.png", "cat.png")
CLASSES = ("king penguin", "goldfish", "bullfrog")
MAPS = f"[...{GRID}.querySelectorAll('figure canvas')].map(canvas => canvas.toDataURL())"
TRIES, OPEN_MS = 60, 5_000
ALL_IN_SIGHT: ViewportSize = {"width": 1440, "height": 2400}  # what is not is not drawn


def photographs() -> list[FilePayload]:
    found: list[FilePayload] = []
    for name, pixels in zip(NAMES, (data.coffee(), data.astronaut(), data.chelsea()), strict=True):
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "PNG")
        found.append({"name": name, "mimeType": "image/png", "buffer": stream.getvalue()})
    return found


def picture(page: Page, name: str) -> Locator:
    """A picture of the gallery, whatever is said of it."""
    return page.get_by_role("listbox", name="Pictures").get_by_role(
        "option", name=re.compile(f"^{re.escape(name)}")
    )


def sees_all(page: Page) -> None:
    """All three are chosen, each with the class that is explained."""
    for name, title in zip(NAMES, CLASSES, strict=True):
        expect(picture(page, name)).to_have_attribute("aria-selected", "true")
        expect(picture(page, name)).to_contain_text(f"explained: {title}")


def shows(page: Page, maps: list[str]) -> None:
    wait_drawn(page, f"({MAPS}).join() === {json.dumps(','.join(maps))}")


def choose(page: Page, label: str, word: str) -> None:
    """Choose from a list, which closes whenever the page runs again: then it is opened again."""
    box = page.get_by_role("combobox", name=label)
    offered = page.get_by_test_id("stSelectboxVirtualDropdown")
    option = offered.get_by_role("option", name=re.compile(f"^{word}")).first
    for _ in range(TRIES):
        box.click()
        box.fill(word)
        try:
            option.click(timeout=OPEN_MS)
            return
        except PatienceEnded:
            box.press("Escape")
    pytest.fail(f"“{word}” could not be chosen from the list “{label}”.")


def test_what_was_brought_and_set_is_there_wherever_its_address_is_opened(
    page: Page, tmp_path: Path, new_context: Callable[..., BrowserContext]
) -> None:
    with Server({"XAI_CACHE": str(tmp_path / "cache"), "XAI_STUDIES": str(tmp_path)}) as server:
        page.set_viewport_size(ALL_IN_SIGHT)
        page.goto(f"{server.url}/?methods=saliency,gradcam&show=Positive")
        page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(photographs())
        wait_drawn(page, "drawn.ready === 6")
        page.get_by_text("A picture's own class").click()
        for name, title in zip(NAMES, CLASSES, strict=True):
            choose(page, "Which picture", name)
            choose(page, f"Class of {name}", title)
            expect(page.get_by_text(re.compile(f"^{title} .* predicted"))).to_be_visible()
        sees_all(page)
        wait_drawn(page, "drawn.ready === 6")
        before = page.evaluate(MAPS)
        assert len(before) == 3 * 3
        for title in ("Sanity checks", "Reliability", "Compare"):
            page.get_by_role("link", name=title).click()
            expect(page.get_by_role("heading", name=title)).to_be_visible()
            sees_all(page)
        page.reload()
        sees_all(page)
        shows(page, before)

        address = re.sub(r"\?.*(session=[\w-]+).*", r"?\1", page.url)
        server.kill()
        server.start()
        other = new_context().new_page()
        other.set_viewport_size(ALL_IN_SIGHT)
        other.goto(address)
        sees_all(other)
        shows(other, before)

        page.reload()
        sees_all(page)
        picture(page, "astronaut.png").click()
        expect(picture(page, "astronaut.png")).to_have_attribute("aria-selected", "false")
        wait_drawn(page, "drawn.ready === 4")
        other.get_by_role("button", name="Delete", exact=True).click()
        other.get_by_role("button", name="Delete all").click()
        expect(picture(other, "coffee.png")).to_have_count(0)
        expect(picture(other, "Cat")).to_have_attribute("aria-selected", "true")
        page.reload()
        expect(picture(page, "Cat")).to_be_visible()
        expect(picture(page, "coffee.png")).to_have_count(0)


def test_pictures_are_dropped_pasted_and_chosen_by_keyboard_and_travel_in_a_file(
    page: Page, server: str, tmp_path: Path
) -> None:
    page.goto(f"{server}/?methods=saliency")
    wait_drawn(page, "drawn.ready >= 1")
    for event, name in (("paste", "pasted.png"), ("drop", "dropped.png")):
        page.evaluate(
            """async ([event, name]) => {
              const canvas = new OffscreenCanvas(70, 70);
              const pen = canvas.getContext("2d");
              pen.fillStyle = event === "drop" ? "red" : "blue";
              pen.fillRect(0, 0, 70, 70);
              const files = new DataTransfer();
              const content = await canvas.convertToBlob();
              files.items.add(new File([content], name, { type: "image/png" }));
              const options = { bubbles: true, cancelable: true };
              document.body.dispatchEvent(event === "drop"
                ? new DragEvent("drop", { ...options, dataTransfer: files })
                : new ClipboardEvent("paste", { ...options, clipboardData: files }));
            }""",
            [event, name],
        )
        expect(picture(page, name)).to_have_attribute("aria-selected", "true")
    wait_drawn(page, "drawn.ready === 2")

    page.keyboard.press("Tab")
    picture(page, "pasted.png").focus()
    page.keyboard.press("ArrowRight")
    expect(picture(page, "dropped.png")).to_be_focused()
    page.keyboard.press("Space")
    expect(picture(page, "dropped.png")).to_have_attribute("aria-selected", "false")
    wait_drawn(page, "drawn.ready === 1")
    page.keyboard.press("End")
    page.keyboard.press("Shift+Enter")
    for name in ("dropped.png", "Cat", "Cameraman"):
        expect(picture(page, name)).to_have_attribute("aria-selected", "true")
    wait_drawn(page, "drawn.ready === 7")
    page.get_by_role("button", name="Choose none").click()
    expect(page.get_by_text("Choose or upload a picture on the left")).to_be_visible()
    picture(page, "dropped.png").click()
    wait_drawn(page, "drawn.ready === 1")

    page.get_by_role("button", name="Unnamed session").click()
    page.get_by_role("textbox", name="Name").fill("Two colours")
    page.get_by_role("textbox", name="Name").press("Enter")
    expect(page.get_by_role("button", name="Two colours")).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as a file").click()
    file = tmp_path / saved.value.suggested_filename
    saved.value.save_as(file)
    assert file.name == "Two-colours.zip"
    page.get_by_role("button", name="Delete this session").click()
    expect(picture(page, "dropped.png")).to_have_count(0)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Session", exact=True).click()
    page.get_by_test_id("stPopoverBody").get_by_test_id(
        "stFileUploaderDropzoneInput"
    ).set_input_files(file)
    expect(picture(page, "dropped.png")).to_have_attribute("aria-selected", "true")
    expect(picture(page, "pasted.png")).to_have_attribute("aria-selected", "false")
    expect(page.get_by_role("button", name="Two colours")).to_be_visible()
    wait_drawn(page, "drawn.ready === 1")
