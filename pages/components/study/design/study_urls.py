"""Addresses: of the design that is open, and those that participants get."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import quote, urlsplit

import streamlit as st

from pages.components.study.design import drafts

DESIGN = "design"  # in the address of this page; "study" is the participants'
PAGE = "take-part"
PROLIFIC = "PROLIFIC_PID={{%PROLIFIC_PID%}}&STUDY_ID={{%STUDY_ID%}}&SESSION_ID={{%SESSION_ID%}}"


def open_design(slug: str) -> None:
    """Show a study's design."""
    drafts.close()
    st.query_params[DESIGN] = slug
    st.rerun()


def close_design() -> None:
    """Show the list of studies."""
    drafts.close()
    st.query_params.pop(DESIGN, None)
    st.rerun()


def shared(slug: str) -> str:
    """The link for everybody."""
    return f"{_server()}/{PAGE}?study={quote(slug)}"


def personal(slug: str, token: str) -> str:
    """The link for one person."""
    return f"{shared(slug)}&invite={quote(token)}"


def prolific(slug: str) -> str:
    """The link for Prolific, which fills in what stands in braces."""
    return f"{shared(slug)}&{PROLIFIC}"


def preview(slug: str) -> str:
    """The link for researchers who try the study."""
    return f"{shared(slug)}&preview=1"


def only_here() -> bool:
    """Whether this page was opened by an address that leads nowhere on other machines."""
    host = urlsplit(st.context.url or "").hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host)
    except ValueError:  # a name
        return False
    return address.is_loopback or address.is_unspecified


def _server() -> str:
    """Where this server's pages are, as the visitor's browser knows it."""
    here = urlsplit(st.context.url or "")
    if not here.netloc:
        return ""
    return f"{here.scheme}://{here.netloc}{here.path.rpartition('/')[0]}"
