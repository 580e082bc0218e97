"""A real server and a real Chromium."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect
from playwright.sync_api import Error as PlaywrightError

from bots import Server
from tests.annotated_samples import annotated_samples
from xai_core.images import sample_image

ROOT = Path(__file__).parents[2]
# Matters only where something fails: generous, because a busy machine may take its time.
PATIENCE_MS = 300_000
expect.set_options(timeout=PATIENCE_MS)

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    if not CHROMIUM:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium).")
    return {
        "executable_path": CHROMIUM,
        "args": [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--process-per-site",  # see `profile`
        ],
    }


@pytest.fixture(scope="session")
def browser_context_args() -> dict[str, Any]:
    return {
        "viewport": {"width": 1440, "height": 900},
        "accept_downloads": True,
        "reduced_motion": "reduce",  # a page that moves while it waits takes a core
    }


@pytest.fixture(scope="package")
def browser(launch_browser: Callable[[], Browser]) -> Iterator[Browser]:
    """One Chromium, which ends with the last of these tests."""
    with launch_browser() as made:
        yield made


@pytest.fixture(scope="package")
def profile(browser: Browser, browser_context_args: dict[str, Any]) -> BrowserContext:
    """What the pages of all tests share: what was fetched, and the process that draws them.

    To fetch, read and compile Streamlit's scripts is most of what a page costs. A process that
    has done it ends with its last page: one that nobody sees stays open.
    """
    made = browser.new_context(**browser_context_args)
    made.set_default_timeout(PATIENCE_MS)
    page = made.new_page()
    page.route("**", lambda route: route.fulfill(body="Stays open."))
    page.goto("http://localhost/")
    return made


@pytest.fixture
def new_context(new_context: Callable[..., BrowserContext]) -> Callable[..., BrowserContext]:
    """How a visitor comes of whom the server knows nothing, and who knows nothing of it."""

    def made(**options: Any) -> BrowserContext:
        context = new_context(**options)
        context.set_default_timeout(PATIENCE_MS)
        return context

    return made


@pytest.fixture
def context(
    request: pytest.FixtureRequest,
    profile: BrowserContext,
    new_context: Callable[..., BrowserContext],
) -> Iterator[BrowserContext]:
    """Knows nothing of earlier tests but scripts and pictures; a test may ask for another kind."""
    if request.node.get_closest_marker("browser_context_args"):
        yield new_context()
        return
    before = len(profile.pages)
    yield profile
    for page in profile.pages[before:]:
        with suppress(PlaywrightError):  # nothing is kept where the page could not be opened
            page.evaluate("localStorage.clear()")
        page.close()
    profile.clear_cookies()


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server keeps its studies."""
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="package")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all servers keep what they have computed; empty at first."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="package")
def server(folder: Path, cache: Path) -> Iterator[str]:
    """Address of a server, which has a data set of one picture, and one with marked objects."""
    data = folder / "little"
    (data / "Egyptian cat").mkdir(parents=True)
    sample_image("cat").save(data / "Egyptian cat" / "one.png")
    marked = annotated_samples(folder / "marked")
    with serving(folder, cache, XAI_DATA=f"{data}{os.pathsep}{marked}") as address:
        yield address


@pytest.fixture(scope="module")
def address(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Of a server with the little page that the module's ``SCRIPT`` is."""
    script = tmp_path_factory.mktemp("little") / "little_app.py"
    script.write_text(request.module.SCRIPT, encoding="utf-8")
    with Server({"PYTHONPATH": str(ROOT)}, script=script) as made:
        yield made.url


@contextmanager
def serving(folder: Path, cache: Path, base_path: str = "", **environment: str) -> Iterator[str]:
    """A server of its own; its address. That nothing failed in it unseen is asserted at its end.

    Args:
        folder: for its studies.
        cache: for what it computes.
        base_path: under which it answers.
        environment: more variables for it.
    """
    own = {"XAI_CACHE": str(cache), "XAI_STUDIES": str(folder / "studies")}
    with Server(own | environment, base_path=base_path) as made:
        yield made.url
        made.stop()
        written = made.log()
    assert "Traceback" not in written, f"Something failed in the server:\n{written[-5000:]}"


WORDS = """() => [document.body, ...[...document.querySelectorAll('*')]
    .flatMap(e => [...(e.shadowRoot?.children ?? [])])].map(e => e.innerText).join(' ')"""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failing test says what the page says: why something could not be computed stands there."""
    report = yield
    page = getattr(item, "funcargs", {}).get("page")
    if report.when == "call" and report.failed and page is not None and not page.is_closed():
        with suppress(PlaywrightError):  # it is just going elsewhere
            report.sections.append(("The page says", " ".join(page.evaluate(WORDS).split())))
    return report
