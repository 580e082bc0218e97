"""A real server and a real Chromium."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import expect

expect.set_options(timeout=20_000)  # in all these tests: a busy machine may take its time

ROOT = Path(__file__).parents[2]
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
START_S = 60


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
def serving(folder: Path, **environment: str) -> Iterator[str]:
    """A server of its own; its address. That nothing failed in it unseen is asserted at its end.

    Args:
        folder: for its cache, its studies and its log.
        environment: more variables for it.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = {
        "XAI_CACHE": str(folder / "cache"),
        "XAI_STUDIES": str(folder / "studies"),
        "STREAMLIT_SERVER_HEADLESS": "true",
    }
    log = folder / "log.txt"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}"],
            cwd=ROOT,
            env=os.environ | own | environment,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
        address = f"http://localhost:{port}"
        try:
            _wait_until_healthy(address, process, log)
            yield address
        finally:
            process.terminate()
            process.wait(timeout=20)
    written = log.read_text(encoding="utf-8", errors="replace")
    assert "Traceback" not in written, f"Something failed in the server:\n{written[-5000:]}"


@pytest.fixture(scope="session")
def serve() -> Callable[..., AbstractContextManager[str]]:
    """How to start another server."""
    return serving


def _wait_until_healthy(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    pytest.fail(f"The server did not start:\n{log.read_text()[-3000:]}")


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
