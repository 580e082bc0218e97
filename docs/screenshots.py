"""The screenshots of this documentation: ``python -m docs.screenshots [NAME ...]``.

Starts the application with a cache of its own, opens every page of ``SHOTS`` in Chromium, waits
until everything on it has been computed, and writes ``docs/NAME.png``. The two pictures of a study
are of one that is published and answered by programs for it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, expect, sync_playwright

from bots import Server

WIDTH, HEIGHT = 1440, 900
NARROW = (360, 780)
PATIENCE_MS = 600_000
Colours = Literal["light", "dark"]
LAST = re.compile(r"run\.json|Filter this map|All tables")  # what comes when all is there
SETTLE_MS = 2_000  # charts are drawn and move into their places

COMPARED = (
    "saliency,input_x_gradient,smoothgrad,deconvnet,guided_backprop,gradcam,gradcam_pp,"
    "guided_gradcam,lrp_alpha_beta,deeplift,integrated_gradients"
)
# The network of the thesis, of which many more passes are needed here than for heatmaps.
SMALL = "model=vgg-tiny"
SWEPT = (
    f"{SMALL}&seeds=5&depth=3"
    "&methods=saliency,input_x_gradient,guided_backprop,gradcam,guided_gradcam"
)
JOINED = "samples=Cat&samples=Coffee&methods=saliency,guided_backprop,gradcam,lrp_alpha1_beta0"
MANY = (
    f"{SMALL}&samples=Cat&samples=Astronaut&samples=Motorcycle&samples=Cameraman&view=Many+pictures"
)

# name: (address, colours, width and height; a height of 0 is the whole page's)
SHOTS: dict[str, tuple[str, Colours, tuple[int, int]]] = {
    "compare-light": (f"?methods={COMPARED}", "light", (WIDTH, HEIGHT)),
    "compare-dark": (f"?methods={COMPARED}", "dark", (WIDTH, HEIGHT)),
    "compare-narrow": (f"?methods={COMPARED}", "light", NARROW),
    "compare-groups": (f"?{SMALL}&methods=group-1,group-2,group-3,group-4", "light", (WIDTH, 1250)),
    "sanity-light": (f"sanity?{SWEPT}", "light", (WIDTH, HEIGHT)),
    "sanity-dark": (f"sanity?{SWEPT}", "dark", (WIDTH, HEIGHT)),
    "sanity-imagenet": ("sanity?seeds=1", "light", (WIDTH, 1000)),
    "class-sensitivity": (f"class-sensitivity?{JOINED}", "light", (WIDTH, 2090)),
    "localisation": (
        "localisation?samples=Rocket&methods=saliency,gradcam,lrp_epsilon",
        "light",
        (WIDTH, 1100),
    ),
    "reliability-imagenet": ("reliability?methods=saliency,gradcam", "light", (WIDTH, 1500)),
    "reliability-light": (
        f"reliability?{SMALL}&samples=Astronaut&methods=saliency,gradcam",
        "light",
        (WIDTH, 0),
    ),
    "reliability-many": (
        f"reliability?{MANY}&methods=saliency,gradcam,random",
        "dark",
        (WIDTH, 0),
    ),
}
HEIGHT_OF_ALL = """() => Math.ceil(document.querySelector("[data-testid='stMainBlockContainer']")
    .getBoundingClientRect().height)"""

SHOWN = {"cat": "tabby", "coffee": "espresso", "rocket": "missile", "motorcycle": "motor scooter"}
COMPARED_IN_STUDY = {
    "Saliency": "saliency",
    "Grad-CAM": "gradcam",
    "Guided Grad-CAM": "guided_gradcam",
}
DESIGN = {
    "title": "Which heatmap shows it best?",
    "conditions": [
        {"id": method, "title": title, "model": {"source": "efficientnet-lite0"}, "method": method}
        for title, method in COMPARED_IN_STUDY.items()
    ],
    "pictures": [
        {"id": name, "name": f"sample:{name}", "true_class": shown} for name, shown in SHOWN.items()
    ],
    "trials": len(SHOWN),
    "background": [],
}
PEOPLE = 25


def main(names: list[str]) -> None:
    """Take the screenshots with these names, or all."""
    wanted = names or [*SHOTS, *STUDY_SHOTS]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as started:
        own = {"XAI_CACHE": f"{folder}/cache", "XAI_STUDIES": f"{folder}/studies"}
        browser = started.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        studied = [name for name in wanted if name in STUDY_SHOTS]
        study = answered_study(own, Path(folder, "design.json")) if studied else ""
        with Server(own) as server:
            for name in wanted:
                if name in STUDY_SHOTS:
                    STUDY_SHOTS[name](browser, server.url, study, name)
                else:
                    a_page(browser, server.url, name)
                print(name, flush=True)
        browser.close()


def a_page(browser: Browser, url: str, name: str) -> None:
    """A page of ``SHOTS``."""
    address, colours, (width, height) = SHOTS[name]
    page = opened(browser, f"{url}/{address}", (width, height or HEIGHT), colours)
    expect(page.get_by_role("button", name=LAST).first).to_be_enabled(timeout=PATIENCE_MS)
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0, timeout=PATIENCE_MS)
    page.wait_for_timeout(SETTLE_MS)
    if not height:
        page.set_viewport_size({"width": width, "height": page.evaluate(HEIGHT_OF_ALL)})
    kept(page, name)


def opened(browser: Browser, address: str, size: tuple[int, int], colours: Colours) -> Page:
    """A page of this size."""
    width, height = size
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=colours)
    page.set_default_timeout(PATIENCE_MS)
    page.goto(address)
    return page


def kept(page: Page, name: str) -> None:
    """The picture of a page that is there; the page is closed."""
    page.wait_for_timeout(SETTLE_MS)
    page.screenshot(path=str(Path(__file__).with_name(f"{name}.png")))
    page.close()


def answered_study(own: Mapping[str, str], design: Path) -> str:
    """Publish ``DESIGN``, and have programs answer it; the study's name in addresses."""

    def study(*words: str) -> str:
        command = [sys.executable, "-m", "xai_core", "study", *words]
        environment = {**os.environ, **own}
        return subprocess.run(
            command, check=True, env=environment, stdout=subprocess.PIPE, text=True
        ).stdout

    design.write_text(json.dumps(DESIGN))
    slug = study("publish", str(design)).strip().rpartition("=")[2]
    study("bots", slug, "--serve", "--think=0.1", f"--participants={PEOPLE}")
    return slug


def a_trial(browser: Browser, url: str, study: str, name: str) -> None:
    """The first trial, answered but not sent."""
    page = opened(browser, f"{url}/take-part?study={study}", (1100, 700), "light")
    for button in ("I agree and take part", "Begin"):
        page.get_by_role("button", name=button).click()
    page.get_by_role("img", name="Heatmap B").click()
    kept(page, name)


def results(browser: Browser, url: str, study: str, name: str) -> None:
    """What the programs decided."""
    page = opened(browser, f"{url}/study_results?results={study}", (WIDTH, HEIGHT), "light")
    expect(page.get_by_text("Answers that went to each choice")).to_be_visible(timeout=PATIENCE_MS)
    kept(page, name)


STUDY_SHOTS = {"study-trial": a_trial, "study-results": results}

if __name__ == "__main__":
    main(sys.argv[1:])
