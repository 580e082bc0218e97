"""Below a path of a shared host, straight and behind a reverse proxy, in a real Chromium."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import serving
from tests.browser.proxy import proxy
from tests.browser.test_compare import wait_drawn
from tests.browser.test_study import step
from tests.browser.test_take_part import at, begin, choose
from tests.pages import little_study
from xai_core.study import open_store
from xai_core.study.password import hashed, keep

BASE = "/tools/xai"
PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Shared:
    """A server below a path: its address on its own machine and through the proxy, its folder."""

    straight: str
    proxied: str
    studies: Path


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Shared]:
    folder = tmp_path_factory.mktemp("shared")
    with serving(folder, cache, BASE.strip("/")) as straight, proxy(straight) as proxied:
        assert straight.endswith(BASE)
        assert proxied.endswith(BASE)
        yield Shared(straight, proxied, folder / "studies")


@pytest.fixture
def researcher(page: Page, shared: Shared) -> Iterator[Page]:
    """Signed in through the proxy by the password, on the page that was asked for."""
    keep(shared.studies / "password", hashed(PASSWORD))
    page.goto(f"{shared.proxied}/sanity?methods=saliency&test=Permuted+labels")
    expect(page.get_by_text("For researchers")).to_be_visible()
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{shared.proxied}/sanity?methods=saliency&test=Permuted+labels")
    yield page
    (shared.studies / "password").unlink()


@pytest.fixture(autouse=True)
def refused(page: Page) -> Iterator[None]:
    """Nothing that this host is asked for is missing, but Streamlit looks where it might be."""
    found: list[str] = []
    page.on("response", lambda answer: found.append(f"{answer.status} {answer.url}"))
    yield
    bad = [line for line in found if int(line[:3]) >= 400 and "/_stcore/" not in line]
    assert not bad


def test_straight(page: Page, shared: Shared) -> None:
    page.goto(f"{shared.straight}/?methods=saliency")
    wait_drawn(page, "drawn.ready === 1")


def test_behind_a_proxy_nobody_is_local(page: Page, shared: Shared) -> None:
    """The proxy is on this machine, and keeps the host's name: all the same nobody gets in."""
    page.goto(shared.proxied)
    expect(page.get_by_text("These pages answer only to the machine")).to_be_visible()


def test_signing_in_and_out(researcher: Page, shared: Shared) -> None:
    cookies = {cookie["name"]: cookie for cookie in researcher.context.cookies()}
    assert cookies["xai_researcher"]["path"] == BASE, "others on this host do not get it"
    assert cookies["xai_researcher"]["httpOnly"]
    researcher.get_by_role("link", name="Sign out").click()
    expect(researcher.get_by_text("You are signed out.")).to_be_visible()
    assert "xai_researcher" not in {cookie["name"] for cookie in researcher.context.cookies()}
    researcher.goto(f"{shared.proxied}/?methods=saliency")
    researcher.get_by_role("link", name="Sign in").click()
    expect(researcher.get_by_label("Password")).to_be_visible()


def test_every_page_draws(researcher: Page, shared: Shared) -> None:
    """Heatmaps of the first two pages, pictures of the third; from one to the next by the menu."""
    expect(researcher.get_by_role("button", name="run.json")).to_be_enabled()
    wait_drawn(researcher, "drawn.ready >= 3")
    researcher.get_by_role("link", name="Compare").click()
    researcher.wait_for_url(f"{shared.proxied}/**")
    wait_drawn(researcher, "drawn.ready === 1")
    with researcher.expect_download() as waiting:
        researcher.get_by_role("button", name="NPZ").click()
    assert waiting.value.path().stat().st_size > 64 * 64

    query = "samples=Astronaut&methods=saliency&shuffles=0&eps_max=15"
    with researcher.expect_response(re.compile(f"{BASE}/pictures/")) as picture:
        researcher.goto(f"{shared.proxied}/reliability?{query}")
    assert picture.value.headers["content-type"] == "image/png", "a map in the table"
    expect(researcher.locator("[data-testid=stImage] img").first).to_be_visible()


def test_a_study_by_people_and_by_bots(researcher: Page, shared: Shared) -> None:
    """The link that the researcher is shown, the participant's own, and what came of both."""
    store = open_store(f"sqlite:///{shared.studies / 'studies.sqlite'}")
    slug = little_study.publish(store, little_study.design(trials=1))
    store.close_all()
    researcher.goto(f"{shared.proxied}/study_design?design={slug}&step=Publish")
    link = f"{shared.proxied}/take-part?study={slug}"
    expect(researcher.get_by_text(link, exact=True)).to_be_visible()

    begin(researcher, link)
    personal = researcher.url
    assert personal.startswith(f"{link}&me=")
    choose(researcher, "Heatmap A")
    researcher.goto(personal)
    at(researcher, "Trial 1 of 1")
    choose(researcher, "Heatmap B")
    expect(researcher.get_by_role("heading", name="Thank you!")).to_be_visible()

    command = [sys.executable, "-m", "xai_core", "study", "bots", slug, "--participants", "3"]
    done = subprocess.run(
        [*command, "--think", "0", "--url", shared.proxied],
        env=os.environ | {"XAI_STUDIES": str(shared.studies)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr

    with researcher.expect_response(re.compile(f"{BASE}/stimuli/")) as picture:
        researcher.goto(f"{shared.proxied}/study_results?part=Pictures")
        told = researcher.get_by_text("4 participants, 8 answers")
        expect(told).to_be_visible()
    assert picture.value.ok
    step(researcher, "Files")
    with researcher.expect_download() as waiting:  # made in a thread that knows no visitor
        researcher.get_by_role("button", name="Everything, ZIP").click()
    assert zipfile.is_zipfile(waiting.value.path())


def test_a_proxy_that_takes_the_path_off(page: Page, server: str) -> None:
    """The server then has no base path; what the pages tell the browser is right all the same."""
    with proxy(server, taken_off=BASE, tells=False) as address:
        page.goto(f"{address}/?methods=saliency")
        wait_drawn(page, "drawn.ready === 1")
        page.get_by_role("link", name="Reliability").click()
        page.wait_for_url(f"{address}/reliability**")
