"""Who is a researcher: checked wherever something happens, not where it is shown.

One of three rules is in force. With a log-in service (Streamlit's ``[auth]`` secrets), those
whose address ``XAI_RESEARCHERS`` names; with a password (``python -m xai_core study password``),
those who gave it; with neither, whoever sits at this machine.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from urllib.parse import quote, urlencode, urlsplit

import streamlit as st

from xai_core.study import shared_store
from xai_core.study.password import known_hash, password_file

COOKIE = "xai_researcher"
PATH = "sign-in"
SERVE = "XAI_SERVE"
LOCAL_HOSTS = {"localhost", "127.0.0.1", "::1"}
FORWARDED = ("forwarded", "via", "x-forwarded-", "x-real-ip", "x-original-")  # how they begin


def serves_researchers() -> bool:
    """Whether this server has the researchers' pages at all (``XAI_SERVE=participants``: no)."""
    return os.environ.get(SERVE, "") != "participants"


def rule() -> str:
    """One of "login", "password" and "local"."""
    if _providers() is not None:
        return "login"
    return "password" if known_hash(password_file()) else "local"


def is_researcher() -> bool:
    """Whether this visitor may use the researchers' pages now."""
    return researcher_check()()


def researcher_check() -> Callable[[], bool]:
    """Tells, whenever it is called, whether who visits now may use the researchers' pages then.

    A file is made outside of the visitor's run, where nothing is known of who asks for it.
    """
    if not serves_researchers():
        return lambda: False
    match rule():
        case "login":
            known = bool(st.user.is_logged_in) and listed(st.user)
        case "password":
            sent = tokens(st.context.headers.get_all("cookie"))
            return lambda: any(map(shared_store().researcher_session.is_valid, sent))
        case _:
            known = is_local(*_connection())
    return lambda: known


def require_researcher(page: str) -> None:
    """End the run here unless a researcher visits, with a way to sign in and back to the page."""
    if is_researcher():
        return
    st.subheader("For researchers", anchor=False)
    match rule() if serves_researchers() else "":
        case "login":
            _offer_login()
        case "password":
            st.write("These pages need the password of this server.")
            st.html(f'<a href="{PATH}?next={quote(_asked(page))}" target="_self">Sign in</a>')
        case "local":
            st.write(
                "These pages answer only to the machine that they run on. To open them to others, "
                "set a password there: `python -m xai_core study password`."
            )
        case _:
            st.write("This server is for those who take part in a study. Open the link you got.")
    st.stop()


def offer_sign_out() -> None:
    """A way out, where someone has signed in."""
    match rule():
        case "login" if st.user.is_logged_in:
            if st.sidebar.button("Sign out", key="sign out", type="tertiary"):
                st.logout()
        case "password":
            st.sidebar.html(f'<a href="{PATH}?out=1" target="_self">Sign out</a>')


def is_local(address: str | None, headers: dict[str, str]) -> bool:
    """Whether a connection comes from this machine.

    A proxy on this machine makes everyone's connection come from it, so one that was passed on
    counts as foreign; so does one by another name than this machine's own, which is how a page
    on the web would reach it through somebody's browser.

    Args:
        address: of the other end; None for this machine.
        headers: of the connection's first message; none outside a server.
    """
    names = {name.lower(): value for name, value in headers.items()}
    asked = [names["host"]] if "host" in names else []
    asked += [urlsplit(names["origin"]).netloc] if "origin" in names else []
    hosts = {urlsplit(f"//{host}").hostname for host in asked}
    passed_on = any(name.startswith(FORWARDED) for name in names)
    return address is None and not passed_on and hosts <= LOCAL_HOSTS


def tokens(headers: Iterable[str]) -> list[str]:
    """What was set as our cookie, each time: one of another path may stand beside our own.

    Args:
        headers: each "Cookie" of a request.
    """
    pairs = (part.strip().partition("=") for header in headers for part in header.split(";"))
    return [value for name, _, value in pairs if name == COOKIE and value]


def listed(user: object) -> bool:
    """Whether ``XAI_RESEARCHERS`` names the address of who has logged in, or its domain.

    The log-in service must have confirmed the address.
    """
    claims = dict(user)  # type: ignore[call-overload]
    email = str(claims.get("email") or "").lower()
    confirmed = claims.get("email_verified", True) not in (False, "false")
    words = os.environ.get("XAI_RESEARCHERS", "").lower().split(",")
    allowed = {word.strip() for word in words} - {""}
    domain = f"@{email.rpartition('@')[2]}"
    return confirmed and "@" in email and (email in allowed or domain in allowed)


def _connection() -> tuple[str | None, dict[str, str]]:
    return st.context.ip_address, dict(st.context.headers)


def _providers() -> list[str] | None:
    """Names of the log-in services; empty for a single one; None if there is none."""
    if not st.secrets.load_if_toml_exists() or "auth" not in st.secrets:
        return None
    auth = st.secrets["auth"]
    return [] if "client_id" in auth else [name for name in auth if hasattr(auth[name], "keys")]


def _offer_login() -> None:
    if st.user.is_logged_in:
        st.write(
            "You are signed in, but not named as a researcher of this server. Whoever runs it "
            "adds addresses to XAI_RESEARCHERS."
        )
        if st.button("Sign out"):
            st.logout()
        return
    st.write("These pages are for the researchers of this server.")
    for name in _providers() or [""]:
        if st.button(f"Sign in with {name}" if name else "Sign in", key=f"login {name}"):
            st.login(name or None)


def _asked(page: str) -> str:
    """The page with the query of its address."""
    query = {name: st.query_params.get_all(name) for name in st.query_params}
    return f"{page}?{urlencode(query, doseq=True)}" if query else page
