"""Who comes: the address as a ticket, and the personal address to come back by."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

from xai_core.study.participation.screens import Ticket

LONGEST = 200  # letters of a value; whatever is longer was not made here
PLATFORM = ("PROLIFIC_PID", "STUDY_ID", "SESSION_ID")


def asked() -> Ticket:
    """What the address says.

    A value that cannot be one makes the whole address unknown: somebody may otherwise take part
    as a newcomer who came to resume.
    """
    values = {name: st.query_params.get(name, "") for name in ("study", "me", "invite", *PLATFORM)}
    if any(len(value) > LONGEST or not value.isprintable() for value in values.values()):
        return Ticket(slug="")
    ticket = Ticket(
        slug=values["study"],
        me=values["me"],
        invite=values["invite"],
        preview=st.query_params.get("preview", "") == "1",
    )
    if not values["PROLIFIC_PID"]:
        return ticket
    person, study, session = (values[name] for name in PLATFORM)
    return replace(
        ticket,
        platform="prolific",
        platform_id=person,
        platform_study=study,
        platform_session=session,
    )


def keep(ticket: Ticket, asked: Ticket) -> None:
    """Write a participant's token into the address, unless that tells who comes already."""
    if not (ticket.invite or ticket.platform or asked.me):
        st.query_params["me"] = ticket.me


def personal(ticket: Ticket, token: str) -> str:
    """The whole address by which this participant goes on, on any device."""
    if ticket.invite:
        query = {"study": ticket.slug, "invite": ticket.invite}
    else:
        query = {"study": ticket.slug, "me": token}
    if ticket.preview:
        query["preview"] = "1"
    here = urlsplit(st.context.url or "")
    return urlunsplit((here.scheme, here.netloc, here.path, urlencode(query), ""))
