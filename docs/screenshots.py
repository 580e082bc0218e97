"""The screenshots of this documentation: ``python -m docs.screenshots [NAME ...]``.

Starts the application with a cache of its own, opens every page of ``SHOTS`` in Chromium, waits
until everything on it has been computed, and writes ``docs/NAME.png``.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from bots import Server

WIDTH, HEIGHT = 1440, 900
NARROW = (360, 780)
PATIENCE_MS = 600_000
LAST = re.compile(r"run\.json|Filter this map")  # what comes when all is there
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
SHOTS = {
    "compare-light": (f"?methods={COMPARED}", "light", (WIDTH, HEIGHT)),
    "compare-dark": (f"?methods={COMPARED}", "dark", (WIDTH, HEIGHT)),
    "compare-narrow": (f"?methods={COMPARED}", "light", NARROW),
    "compare-groups": (f"?{SMALL}&methods=group-1,group-2,group-3,group-4", "light", (WIDTH, 1250)),
    "sanity-light": (f"sanity?{SWEPT}", "light", (WIDTH, HEIGHT)),
    "sanity-dark": (f"sanity?{SWEPT}", "dark", (WIDTH, HEIGHT)),
    "sanity-imagenet": ("sanity?seeds=1", "light", (WIDTH, 1000)),
    "class-sensitivity": (f"class-sensitivity?{JOINED}", "light", (WIDTH, 2090)),
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


def main(names: list[str]) -> None:
    """Take the screenshots with these names, or all."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as started:
        own = {"XAI_CACHE": f"{folder}/cache", "XAI_STUDIES": f"{folder}/studies"}
        browser = started.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        with Server(own) as server:
            for name in names or SHOTS:
                address, colours, (width, height) = SHOTS[name]
                page = browser.new_page(
                    viewport={"width": width, "height": height or HEIGHT},
                    color_scheme="dark" if colours == "dark" else "light",
                )
                page.set_default_timeout(PATIENCE_MS)
                page.goto(f"{server.url}/{address}")
                last = page.get_by_role("button", name=LAST).first
                expect(last).to_be_enabled(timeout=PATIENCE_MS)
                expect(page.get_by_role("button", name="Cancel")).to_have_count(
                    0, timeout=PATIENCE_MS
                )
                page.wait_for_timeout(SETTLE_MS)
                if not height:
                    page.set_viewport_size({"width": width, "height": page.evaluate(HEIGHT_OF_ALL)})
                    page.wait_for_timeout(SETTLE_MS)
                page.screenshot(path=str(Path(__file__).with_name(f"{name}.png")))
                page.close()
                print(name)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
