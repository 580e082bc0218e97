"""The researchers' pages open to those who sign in, in a real browser."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.login_service import CLIENT, login_service
from xai_core.study.password import hashed

PASSWORD = "correct horse battery"
LONG = 60_000


def locked(page: Page) -> None:
    """Nothing of the pages is there, not even their names."""
    expect(page.get_by_text("For researchers")).to_be_visible(timeout=LONG)
    assert "Compare" not in page.inner_text("body")
    assert "Sanity checks" not in page.inner_text("body")


def test_a_password_opens_and_signing_out_closes(page: Page, serve, tmp_path) -> None:
    with serve(tmp_path, XAI_PASSWORD_HASH=hashed(PASSWORD)) as address:
        page.goto(f"{address}/sanity?mode=independent")
        locked(page)
        page.get_by_role("link", name="Sign in").click()
        page.get_by_label("Password").fill("not the password")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_have_text("That is not the password.")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Sanity checks")).to_be_visible(timeout=LONG)
        expect(page).to_have_url(re.compile("/sanity"))

        stranger = page.context.browser.new_context()
        other = stranger.new_page()
        other.goto(address)
        locked(other)
        stranger.close()

        page.get_by_role("link", name="Sign out").click()
        expect(page.get_by_text("You are signed out.")).to_be_visible()
        page.goto(address)
        locked(page)


def test_a_login_service_opens_to_listed_addresses_alone(page: Page, serve, tmp_path) -> None:
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
        with serve(tmp_path, **environment) as address:
            service.email = "somebody@else.example"
            page.goto(address)
            locked(page)
            page.get_by_role("button", name="Sign in").click()
            expect(page.get_by_text("not named as a researcher")).to_be_visible(timeout=LONG)
            page.get_by_role("button", name="Sign out").click()
            expect(page.get_by_role("button", name="Sign in")).to_be_visible(timeout=LONG)
            service.email = "ada@uni.example"
            page.get_by_role("button", name="Sign in").click()
            expect(page.get_by_role("link", name="Compare")).to_be_visible(timeout=LONG)
