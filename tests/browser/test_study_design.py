"""A study from its first word to the link that participants get, in a real Chromium."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

LONG_MS = 120_000
SOON_MS = 30_000
PICTURES = {"Cat": "Egyptian cat", "Coffee": "espresso", "Astronaut": "goldfish"}


def step(page: Page, name: str) -> None:
    page.get_by_test_id("stButtonGroup").get_by_text(name, exact=True).first.click()


def test_from_a_new_study_to_its_link(page: Page, server: str) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{server}/study_design")
    page.get_by_label("New study").fill("Which <i>method</i>?", timeout=LONG_MS)
    page.get_by_role("button", name="Begin").click()
    title = page.get_by_label("Title for participants")
    title.fill("<b>Seeing</b>", timeout=SOON_MS)
    title.press("Tab")
    expect(page.get_by_text(re.compile(r"Saved \d\d:\d\d:\d\d"))).to_be_visible(timeout=SOON_MS)

    step(page, "Compared")
    expect(page.get_by_role("button", name="Add this condition")).to_be_enabled(timeout=LONG_MS)
    page.get_by_role("button", name="Methods").click()
    page.get_by_role("button", name="Saliency", exact=True).first.click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Add 2 conditions").click(timeout=SOON_MS)
    expect(page.get_by_label("2. Name in your results")).to_have_value(
        "Grad-CAM · vgg-tiny", timeout=SOON_MS
    )

    step(page, "Pictures")
    page.get_by_text("Samples", exact=True).click()
    for name in PICTURES:
        page.get_by_role("button", name=name, exact=True).click()
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("without a true class: 3")).to_be_visible(timeout=SOON_MS)
    for number, true in enumerate(PICTURES.values()):
        box = page.get_by_label("True class").nth(number)
        box.click()
        box.fill(true)
        box.press("Enter")
        left = len(PICTURES) - number - 1
        counted = page.get_by_text(f"without a true class: {left}")
        expect(counted).to_have_count(1 if left else 0, timeout=SOON_MS)
    step(page, "Look")
    expect(page.get_by_text(re.compile("predicts "))).to_have_count(2, timeout=LONG_MS)

    # Somebody opens the address again: everything is there.
    page.reload()
    expect(page.get_by_text(re.compile("predicts "))).to_have_count(2, timeout=LONG_MS)
    step(page, "Question")
    expect(page.get_by_label("Title for participants")).to_have_value(
        "<b>Seeing</b>", timeout=SOON_MS
    )
    step(page, "Publish")
    expect(page.get_by_text("Nothing is missing")).to_be_visible(timeout=SOON_MS)
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_text("Version 1 is published; its links are below")).to_be_visible(
        timeout=LONG_MS
    )
    link = page.get_by_text(re.compile(r"/take-part\?study=\w+$")).inner_text()
    assert link.startswith(f"{server}/take-part?study=")
    assert not errors

    page.goto(link)
    expect(page.get_by_text("<b>Seeing</b>").first).to_be_visible(timeout=LONG_MS)
    expect(page.get_by_role("button", name="I agree and take part")).to_be_visible()
    assert not errors
