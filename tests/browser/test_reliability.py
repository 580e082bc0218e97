"""The page about reliability in a real Chromium: step until the class flips, filter, files."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import zipfile
from itertools import pairwise
from pathlib import Path

from playwright.sync_api import Page, expect

# A picture whose class changes soon.
QUERY = "samples=Astronaut&methods=saliency,input_x_gradient&shuffles=1&eps_max=15"


def opened(page: Page, address: str) -> list[str]:
    """The page; its console's errors."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address)
    return errors


def test_step_until_the_class_flips_filter_and_download(page: Page, server: str) -> None:
    errors = opened(page, f"{server}/reliability?{QUERY}")
    slider = page.get_by_role("slider", name="Steps ε")
    expect(slider).to_be_visible()
    expect(page.get_by_text("Methods and stages")).to_be_visible()
    first = page.get_by_text(re.compile("changes for the first time at ε− = "))
    flips = int(re.findall(r"= (\d+)", first.inner_text())[0])
    assert slider.input_value() == str(flips), "it begins where the class flips"
    # Back to the picture itself: both ways have its class; then on until one has left it.
    slider.press("Home")
    expect(page.get_by_text("after 0 steps")).to_have_count(2)
    pictures = page.locator("[data-testid=stImage] img")
    expect(pictures).to_have_count(6)
    before = pictures.nth(2).get_attribute("src")
    for _ in range(flips):
        slider.press("ArrowRight")
    expect(page.get_by_text(f"after {flips} steps")).to_have_count(2)
    assert pictures.nth(2).get_attribute("src") != before

    page.get_by_text("Sum of channels", exact=True).first.click()
    expect(page.get_by_role("button", name="Filter this map")).to_be_enabled()
    page.get_by_role("button", name="Filter this map").click()
    kept = page.get_by_text(re.compile("The filter keeps"))
    expect(kept).to_be_visible()
    scrub = page.get_by_role("slider", name="Values left out")
    scrub.press("Home")
    expect(page.get_by_text("100.0%", exact=False).first).to_be_visible()

    page.get_by_text("Many pictures", exact=True).click()
    expect(page.get_by_role("button", name="run.json")).to_be_visible()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="CSV", exact=True).click()
    rows = list(csv.DictReader(io.StringIO(Path(waiting.value.path()).read_text("utf-8"))))
    assert len(rows) == 6
    saliency = next(r for r in rows if (r["method"], r["stage"]) == ("saliency", "channels"))
    assert int(saliency["eps_minus"]) == flips
    expect(page.get_by_text("Two methods, picture by picture")).to_be_visible()
    expect(page.get_by_text(re.compile("is better all the same on"))).to_be_visible()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="All tables (ZIP)").click()
    with zipfile.ZipFile(waiting.value.path()) as archive:
        tables = {"apem", "summary", "pairwise", "stages", "unexpected", "irrelevance"}
        assert set(archive.namelist()) == {
            *(f"{name}.csv" for name in (*tables, "correlations")),
            "run.json",
        }
    page.get_by_role("button", name="Figures").click()
    page.get_by_text("SVG", exact=True).click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Stages SVG").click()
    assert b"<svg" in Path(waiting.value.path()).read_bytes()
    page.keyboard.press("Escape")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="run.json").click()
    command = json.loads(Path(waiting.value.path()).read_text("utf-8"))["command"]
    # Another test carries such a command out.
    words = shlex.split(command)
    assert "sample:astronaut" in words
    given = dict(pairwise(words))
    asked = {"--methods": "saliency,input_x_gradient", "--shuffles": "1", "--eps-max": "15"}
    assert asked.items() <= given.items()
    assert not errors


def test_a_folder_with_classes(page: Page, server: str, tmp_path: Path) -> None:
    from xai_core.images import sample_image

    for name, sample in (("Egyptian cat", "cat"), ("elsewhere", "astronaut")):
        (tmp_path / "mine" / name).mkdir(parents=True)
        sample_image(sample).save(tmp_path / "mine" / name / "one.png")
    query = "methods=saliency&shuffles=0&eps_max=15&view=Many+pictures&cohort=A+folder+of+mine"
    errors = opened(page, f"{server}/reliability?{query}")
    expect(page.get_by_text("Choose a folder")).to_be_visible()
    page.locator("[data-testid=stMain] input[type=file]").set_input_files(tmp_path / "mine")
    expect(page.get_by_role("button", name="run.json")).to_be_visible()
    expect(page.get_by_text("The class of 1 of 2 pictures is not known")).to_be_visible()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="CSV", exact=True).click()
    rows = list(csv.DictReader(io.StringIO(Path(waiting.value.path()).read_text("utf-8"))))
    assert {r["true"] == "" for r in rows} == {True, False}
    assert len(rows) == 6
    assert not errors
