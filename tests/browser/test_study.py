"""A study from its first word to its results, in a real Chromium."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable

import numpy as np
from PIL import Image
from playwright.sync_api import BrowserContext, FilePayload, Locator, Page, expect

PICTURES = {
    "Cat": "Egyptian cat",
    "Coffee": "espresso",
    "Rocket": "space rocket",
}  # the last is no class of the model


def step(page: Page, name: str) -> None:
    page.get_by_test_id("stButtonGroup").get_by_text(name, exact=True).first.click()


# What each of three participants answers to the three pictures, by the place on the screen.
ANSWERS = (
    ("Heatmap A", "Heatmap B", "They look the same"),
    ("Heatmap B", "Heatmap B", "Can't distinguish"),
    ("Heatmap A", "Heatmap A", "Heatmap A"),
)


def take_part(context: BrowserContext, link: str, choices: tuple[str, ...]) -> None:
    """From the link to the thanks, in a browser that knows nothing."""
    page = context.new_page()
    page.goto(link)
    page.get_by_role("button", name="I agree and take part").click()
    questions = page.get_by_role("radiogroup")
    expect(questions).to_have_count(3)
    for question in questions.all():
        question.get_by_text("No", exact=True).click()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Begin").click()
    for number, choice in enumerate(choices, 1):
        expect(page.locator(".place")).to_have_text(f"Trial {number} of {len(choices)}")
        page.get_by_role("radio", name=choice).check()
        page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("heading", name="Thank you!")).to_be_visible()
    context.close()


def test_from_a_new_study_to_its_results(
    page: Page, new_context: Callable[[], BrowserContext], server: str
) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    link = design_and_publish(page, server)
    for choices in ANSWERS:
        take_part(new_context(), link, choices)

    page.goto(f"{server}/study_results")
    expect(page.get_by_text("3 participants, 9 answers")).to_be_visible()
    expect(page.get_by_text("Pictures by case")).to_be_visible()
    step(page, "Files")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Everything, ZIP").click()
    with zipfile.ZipFile(waiting.value.path()) as archive:
        rows = list(csv.DictReader(io.TextIOWrapper(archive.open("answers.csv"), "utf-8")))
        foretold = list(csv.DictReader(io.TextIOWrapper(archive.open("predictions.csv"), "utf-8")))
        shown = list(csv.DictReader(io.TextIOWrapper(archive.open("pictures.csv"), "utf-8")))
    true = {row["image"]: row["true_class"] for row in shown}
    assert sorted(true.values()) == sorted(PICTURES.values())
    assert {row["correct"] for row in foretold if true[row["image"]] == "space rocket"} == {"False"}
    escapes = {"They look the same": "same", "Can't distinguish": "cannot_distinguish"}
    for person, choices in enumerate(ANSWERS, 1):
        own = sorted(
            (row for row in rows if row["participant"] == str(person)),
            key=lambda row: int(row["position"]),
        )
        for row, choice in zip(own, choices, strict=True):
            shown = row["arrangement"].split()
            expected = escapes.get(choice) or shown["AB".index(choice[-1])]
            assert row["choice"] == expected
    assert not errors


def design_and_publish(page: Page, server: str) -> str:
    """The link for everybody of a study with two methods and three pictures."""
    page.goto(f"{server}/study_design")
    page.get_by_label("New study").fill("Which <i>method</i>?")
    page.get_by_role("button", name="Begin").click()
    title = page.get_by_label("Title for participants")
    title.fill("<b>Seeing</b>")
    title.press("Tab")
    expect(page.get_by_text(re.compile(r"Saved \d\d:\d\d:\d\d"))).to_be_visible()

    step(page, "Compared")
    expect(page.get_by_role("button", name="Add this condition")).to_be_enabled()
    page.get_by_role("button", name="Methods").click()
    page.get_by_role("button", name="Saliency", exact=True).first.click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Add 2 conditions").click()
    expect(page.get_by_label("2. Name in your results")).to_have_value("Grad-CAM · vgg-tiny")

    step(page, "Pictures")
    page.get_by_text("Samples", exact=True).click()
    for name in PICTURES:
        page.get_by_role("button", name=name, exact=True).click()
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("without a true class: 3")).to_be_visible()
    for number, true in enumerate(PICTURES.values()):
        box = page.get_by_label("True class").nth(number)
        box.click()
        box.fill(true)
        box.press("Enter")
        left = len(PICTURES) - number - 1
        counted = page.get_by_text(f"without a true class: {left}")
        expect(counted).to_have_count(1 if left else 0)
    expect(page.get_by_text("Your own words")).to_have_count(1)
    expect(page.get_by_text("Its prediction counts as wrong there")).to_be_visible()
    step(page, "Look")
    expect(page.get_by_text(re.compile("predicts "))).to_have_count(2)

    # Somebody opens the address again: everything is there.
    page.reload()
    expect(page.get_by_text(re.compile("predicts "))).to_have_count(2)
    step(page, "Question")
    expect(page.get_by_label("Title for participants")).to_have_value("<b>Seeing</b>")
    step(page, "Publish")
    expect(page.get_by_text("Nothing is missing")).to_be_visible()
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_text("Version 1 is published; its links are below")).to_be_visible()
    expect(page.get_by_text("nobody else can open them")).to_be_visible()
    link = page.get_by_text(re.compile(r"/take-part\?study=\w+$")).inner_text()
    assert link.startswith(f"{server}/take-part?study=")
    return link


def map_file(name: str, side: int) -> FilePayload:
    """A map of a square picture, larger to the right."""
    values = np.tile(np.linspace(0, 1, side, dtype=np.float32), (side, 1))
    stream = io.BytesIO()
    np.save(stream, values)
    return {"name": name, "mimeType": "application/octet-stream", "buffer": stream.getvalue()}


def photograph(number: int) -> FilePayload:
    """A square picture of noise."""
    pixels = np.random.default_rng(number).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return {"name": f"photo-{number}.png", "mimeType": "image/png", "buffer": stream.getvalue()}


def uploader(page: Page, label: str) -> Locator:
    return page.get_by_role("region", name=label, exact=True).locator("input[type=file]")


def test_a_study_of_uploaded_maps_needs_no_model(
    page: Page, new_context: Callable[[], BrowserContext], server: str
) -> None:
    page.goto(f"{server}/study_design")
    page.get_by_label("New study").fill("Maps of ours")
    page.get_by_role("button", name="Begin").click()

    step(page, "Compared")
    page.get_by_text("Maps of mine", exact=True).click()
    for number, (name, side) in enumerate((("Fine", 96), ("Coarse", 8)), 1):
        files = [map_file(f"photo-{place}.npy", side) for place in (1, 2)]
        page.get_by_label("Name of the maps").fill(name)
        page.get_by_label("Name of the maps").press("Tab")
        uploader(page, "Maps").set_input_files(files)
        expect(page.get_by_text("photo-2.npy")).to_be_visible()
        page.get_by_role("button", name="Add these maps").click()
        field = page.get_by_label(f"{number}. Name in your results")
        expect(field).to_have_value(name)
        expect(page.get_by_text("maps of yours, without a model")).to_have_count(number)
        # Both controls begin anew; what is given to the old ones would be lost.
        expect(page.get_by_label("Name of the maps")).to_have_value("")
        expect(page.get_by_text(".npy")).to_have_count(0)

    step(page, "Pictures")
    expect(page.get_by_text("No model is compared")).to_be_visible()
    uploader(page, "Pictures").set_input_files([photograph(1), photograph(2)])
    expect(page.get_by_text("without a true class: 2")).to_be_visible()
    for number, word in enumerate(("noise", "more noise")):
        field = page.get_by_placeholder("True class?").nth(number)
        field.fill(word)
        field.press("Tab")
        left = page.get_by_text(f"without a true class: {1 - number}")
        expect(left).to_have_count(1 - number)
    step(page, "Publish")
    expect(page.get_by_text("Nothing is missing")).to_be_visible()
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_text("Version 1 is published; its links are below")).to_be_visible()
    link = page.get_by_text(re.compile(r"/take-part\?study=\w+$")).inner_text()

    take_part(new_context(), link, ("Heatmap A", "Heatmap B"))
    page.goto(f"{server}/study_results?results={link.rpartition('=')[2]}")
    expect(page.get_by_text("1 participants, 2 answers")).to_be_visible()
    expect(page.get_by_text("there are no cases")).to_be_visible()
    expect(page.get_by_text("Answers that went to each choice")).to_be_visible()
    step(page, "Pictures")
    expect(page.get_by_text("Agreement is the share of pairs")).to_be_visible()
