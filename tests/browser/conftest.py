"""A real server and a real Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, expect

from xai_core.study.bots import Server

expect.set_options(timeout=20_000)  # in all these tests: a busy machine may take its time

# Alerts, and the foot of a heatmap that could not be computed or is still waited for.
TROUBLES = "[data-testid=stAlert], figure .problem, figure.waiting"
SAID_MS = 5000
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What the page says stands in the report of a test that fails, a heatmap's trouble too."""
    report = yield
    page = getattr(item, "funcargs", {}).get("page")
    if report.when == "call" and report.failed and page is not None and not page.is_closed():
        report.sections.append((f"The page says, at {page.url}", said(page)))
    return report


def said(page: Page) -> str:
    """Alerts and the troubles of heatmaps, then everything that there is to read."""
    try:
        troubles = page.locator(TROUBLES).all_inner_texts()
        words = page.locator("body").inner_text(timeout=SAID_MS)
    except PlaywrightError as error:
        return f"Nothing can be read: {error}"
    return "\n".join(filter(None, [*troubles, " ".join(words.split())]))


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    if not CHROMIUM:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium).")
    return {
        "executable_path": CHROMIUM,
        "args": ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
    }


@pytest.fixture(scope="session")
def browser_context_args() -> dict[str, Any]:
    return {"viewport": {"width": 1440, "height": 900}, "accept_downloads": True}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a fresh server with an empty cache."""
    with serving(tmp_path_factory.mktemp("server")) as address:
        yield address


@contextmanager
def serving(folder: Path, base_path: str = "", **environment: str) -> Iterator[str]:
    """A server of its own; its address. That nothing failed in it unseen is asserted at its end.

    Args:
        folder: for its cache and its studies.
        base_path: under which it answers.
        environment: more variables for it.
    """
    own = {"XAI_CACHE": str(folder / "cache"), "XAI_STUDIES": str(folder / "studies")}
    with Server(own | environment, base_path=base_path) as made:
        yield made.url
        made.stop()
        written = made.log()
    assert "Traceback" not in written, f"Something failed in the server:\n{written[-5000:]}"


@pytest.fixture(scope="session")
def serve() -> Callable[..., AbstractContextManager[str]]:
    """How to start another server."""
    return serving
