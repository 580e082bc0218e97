"""The researchers' pages open to those who sign in, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import serving
from tests.browser.login_service import CLIENT, login_service
from xai_core.study.password import hashed, keep

PASSWORD = "correct horse battery"


def locked(page: Page) -> None:
    """Nothing of the pages is there, not even their names."""
    expect(page.get_by_text("For researchers")).to_be_visible()
    assert "Compare" not in page.inner_text("body")
    assert "Sanity checks" not in page.inner_text("body")


@pytest.fixture
def password(folder: Path) -> Iterator[None]:
    """The server opens to whoever knows the password."""
    keep(folder / "studies" / "password", hashed(PASSWORD))
    yield
    (folder / "studies" / "password").unlink()


@pytest.mark.usefixtures("password")
def test_a_password_opens_and_signing_out_closes(
    page: Page, new_context: Callable[[], BrowserContext], server: str
) -> None:
    page.goto(f"{server}/sanity?mode=independent")
    locked(page)
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("That is not the password.")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Sanity checks")).to_be_visible()
    expect(page).to_have_url(re.compile("/sanity"))

    other = new_context().new_page()
    other.goto(server)
    locked(other)

    page.get_by_role("link", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    page.goto(server)
    locked(page)


def test_a_login_service_opens_to_listed_addresses_alone(
    page: Page, tmp_path: Path, cache: Path
) -> None:
    with login_service() as service:
        secrets = tmp_path / "secrets.toml"
        environment = {
            "STREAMLIT_SECRETS_FILES": str(secrets),
            "XAI_RESEARCHERS": "ada@uni.example",
        }
        secrets.write_text(
            "[auth]\n"
            'redirect_uri = "http://localhost:{port}/oauth2callback"\n'
            f'cookie_secret = "{"s" * 64}"\n'
            f'client_id = "{CLIENT}"\n'
            'client_secret = "c"\n'
            f'server_metadata_url = "{service.issuer}/.well-known/openid-configuration"\n'
        )
        with serving(tmp_path, cache, **environment) as address:
            service.email = "somebody@else.example"
            page.goto(address)
            locked(page)
            page.get_by_role("button", name="Sign in").click()
            expect(page.get_by_text("not named as a researcher")).to_be_visible()
            page.get_by_role("button", name="Sign out").click()
            expect(page.get_by_role("button", name="Sign in")).to_be_visible()
            service.email = "ada@uni.example"
            page.get_by_role("button", name="Sign in").click()
            expect(page.get_by_role("link", name="Compare")).to_be_visible()
