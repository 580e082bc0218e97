"""Speed of the Compare page and of its methods: ``python -m benchmarks.compare``.

Four parts, each alone by ``--only``: all methods together on one picture (one by one, and
beside other libraries: ``python -m benchmarks.panel``); the page in a real Chromium on a
running server; the time from starting the app to the first heatmap; and a page of 20
photographs and 8 methods, its memory in the server and the smoothness of its zoom. Medians of
``--repeat`` runs after one warm-up. The pages show the model that they begin with
(``XAI_MODEL``).
"""

from __future__ import annotations

import argparse
import io
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from statistics import median
from typing import Any

import psutil
import torch

from benchmarks.timing import alternating, verdict
from benchmarks.together import in_one_panel
from bots import Server
from xai_core.explainers import METHODS
from xai_core.explainers.support import supported
from xai_core.images import sample_image, sample_images
from xai_core.models import load_classifier

SETTINGS: dict[str, dict[str, Any]] = {"integrated_gradients": {"steps": 50}}
FIRST_HEATMAP_S = 3.0
COLD_START_S = 15.0
DISPLAY_S = 0.3
PANEL_S = 3.0
IDLE_S = 10
PICTURES = 20
EIGHT = (
    *("saliency", "input_x_gradient", "deconvnet", "guided_backprop"),
    *("gradcam", "gradcam_pp", "guided_gradcam", "deeplift"),
)
FRAME_S = 1 / 60
WEB_BYTES = 2**30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parts = {"methods": methods, "page": page, "start": start, "many": many}
    parser.add_argument("--only", choices=parts)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    for part in [options.only] if options.only else parts:
        parts[part](options.repeat)


# ------------------------------------------------------------------ methods


def methods(repeat: int) -> None:
    """Every method that works, on the sample photograph and vgg-tiny, as one panel."""
    clf = load_classifier("vgg-tiny")
    x = clf.preprocess([sample_image("cat")])
    target = clf.logits(x).argmax(1)
    refused = supported(clf)
    requests = {name: SETTINGS.get(name, {}) for name in METHODS if not refused[name]}

    print(f"\nOne {x.shape[2]}-pixel picture, vgg-tiny, {torch.get_num_threads()} threads, float32")
    calls = {"panel": partial(in_one_panel, clf, x, target, requests)}
    seconds = alternating(calls, repeat)["panel"]
    print(verdict(f"all {len(requests)} methods together", seconds, PANEL_S))


# ------------------------------------------------------------------ browser


def page(repeat: int) -> None:
    """First heatmap on a running server, and a change of display until it is on screen."""
    print("\nThe page in Chromium")
    with server() as address, browser() as chromium:
        time.sleep(IDLE_S)
        first = [first_heatmap(chromium, address) for _ in range(repeat + 1)]
        print(f"very first visitor, {IDLE_S} s after the server's start: {first[0]:.2f} s")
        print(verdict("first heatmap, running server", median(first[1:]), FIRST_HEATMAP_S))
        tab = chromium.new_page(viewport={"width": 1440, "height": 900})
        tab.goto(f"{address}/?overlay=true")
        wait_drawn(tab, "drawn.ready >= 6")
        tab.wait_for_timeout(1500)
        times = [opacity_change(tab) for _ in range(repeat + 1)][1:]
        print(verdict("change of opacity on screen", median(times), DISPLAY_S))
        times = [colour_change(tab) for _ in range(repeat + 1)][1:]
        print(verdict("change of shown sign and colours", median(times), DISPLAY_S))


def start(repeat: int) -> None:
    """From starting the app on an installed clone to the first heatmap on screen."""
    print("\nFrom starting the app")
    times = []
    with browser() as chromium:
        for _ in range(min(repeat, 3)):
            began = time.perf_counter()
            with server() as address:
                first_heatmap(chromium, address)
                times.append(time.perf_counter() - began)
    print(verdict("first heatmap after the start", median(times), COLD_START_S))


def many(repeat: int) -> None:
    """A page of many photographs: what the web process takes, and how it zooms."""
    print(f"\n{PICTURES} photographs, {len(EIGHT)} methods")
    with server() as address, browser() as chromium:
        (web,) = (one for one in psutil.Process().children() if "streamlit" in one.cmdline())
        tab = chromium.new_page(viewport={"width": 1440, "height": 900})
        tab.goto(f"{address}/?methods={','.join(EIGHT)}")
        wait_drawn(tab, "drawn.ready >= 1")
        before, began = web.memory_info().rss, time.perf_counter()
        tab.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(photographs())
        wait_drawn(tab, f"drawn.ready === {PICTURES * len(EIGHT)}", 600_000)
        print(f"all heatmaps: {time.perf_counter() - began:.0f} s")
        tab.wait_for_timeout(5000)
        after = web.memory_info().rss
        word = "within" if after <= WEB_BYTES else "ABOVE"
        print(f"web process: {before >> 20} MiB before, {after >> 20} MiB, {word} the aim of 1 GiB")
        frames = [frame for _ in range(repeat) for frame in tab.evaluate(ZOOM)]
        print(
            f"a frame while zooming: {median(frames):.1f} ms; slowest of {len(frames)}: "
            f"{max(frames):.0f} ms; the screen is refreshed every {1000 * FRAME_S:.1f} ms"
        )


def photographs() -> list[dict[str, Any]]:
    """Different photographs as a camera writes them: quarters of the samples."""
    found: list[dict[str, Any]] = []
    for sample in sample_images():
        image = sample_image(sample.id)
        half = [side // 2 for side in image.size]
        for x, y in ((0, 0), (half[0], 0), (0, half[1]), (half[0], half[1])):
            buffer = io.BytesIO()
            part = image.crop((x, y, x + half[0], y + half[1]))
            part.resize((1600, 1200)).save(buffer, "JPEG", quality=90)
            name = f"{sample.id}-{x}-{y}.jpg"
            found.append({"name": name, "mimeType": "image/jpeg", "buffer": buffer.getvalue()})
    return found[:PICTURES]


def first_heatmap(chromium: Any, address: str) -> float:
    """Seconds from opening the page in a fresh profile to the first heatmap drawn."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    tab = context.new_page()
    began = time.perf_counter()
    tab.goto(address)
    wait_drawn(tab, "drawn.ready >= 1")
    seconds = time.perf_counter() - began
    context.close()
    return seconds


def opacity_change(tab: Any) -> float:
    """Seconds from a key press on the opacity slider to all maps redrawn with it."""
    before = drawn(tab)["opacity"]
    slider = tab.get_by_role("slider", name="Opacity")
    slider.focus()
    began = time.perf_counter()
    slider.press("ArrowRight" if before < 0.9 else "Home")
    wait_drawn(tab, f"drawn.opacity !== {before}")
    return time.perf_counter() - began


def colour_change(tab: Any) -> float:
    """Seconds from a click on another sign to all maps redrawn in its colours."""
    before = drawn(tab)["colours"]
    other = "Positive" if before == "blue-red" else "All"
    button = tab.get_by_role("radio", name=other)
    began = time.perf_counter()
    button.click()
    wait_drawn(tab, f"drawn.colours !== '{before}'")
    return time.perf_counter() - began


GRID = (
    "[...document.querySelectorAll('*')].map(e => e.shadowRoot).filter(Boolean)"
    ".map(r => r.querySelector('.root[data-drawn]')).find(Boolean)"
)


def drawn(tab: Any) -> Any:
    """What the grid says it has drawn."""
    return tab.evaluate(f"() => JSON.parse({GRID}.dataset.drawn)")


# Turns of the wheel over a heatmap, one a frame; the times between frames in ms.
ZOOM = f"""async () => {{
  const canvas = {GRID}.querySelectorAll('canvas')[2];
  const box = canvas.getBoundingClientRect();
  const at = {{ clientX: box.x + box.width / 3, clientY: box.y + box.height / 3 }};
  const options = {{ ...at, bubbles: true, cancelable: true, ctrlKey: true }};
  const frame = () => new Promise(requestAnimationFrame);
  const times = [];
  let last = await frame();
  for (let turn = 0; turn < 40; turn += 1) {{
    const deltaY = turn % 20 < 10 ? -100 : 100;
    canvas.dispatchEvent(new WheelEvent('wheel', {{ ...options, deltaY }}));
    const now = await frame();
    times.push(now - last);
    last = now;
  }}
  return times;
}}"""


def wait_drawn(tab: Any, condition: str, patience_ms: int = 120_000) -> None:
    tab.wait_for_function(
        f"() => {{ const root = {GRID}; if (!root) return false;"
        f" const drawn = JSON.parse(root.dataset.drawn); return {condition}; }}",
        polling="raf",
        timeout=patience_ms,
    )


@contextmanager
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as tools:
        chromium = tools.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        yield chromium
        chromium.close()


@contextmanager
def server() -> Iterator[str]:
    """Address of the app on a free port, with an empty cache."""
    with tempfile.TemporaryDirectory() as cache, Server({"XAI_CACHE": cache}) as running:
        yield running.url


if __name__ == "__main__":
    main()
