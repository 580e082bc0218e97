"""How the study ends for a participant, and when and for how many it is open."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from pages.components.study.design import fields
from pages.components.study.design.drafts import Draft, begin_anew

PROLIFIC = "https://app.prolific.com/submissions/complete?cc={code}"
CODES = {
    "completion_code": ("Code at the end", "Shown to who has answered everything."),
    "screen_out_code": ("Code for who is screened out", "After an answer that screens out."),
    "failed_code": ("Code for failed checks", "Shown to who answered too many checks wrongly."),
}
MOST_PEOPLE = 100_000


def show(draft: Draft) -> None:
    """The step "Ending"."""
    left, right = st.columns(2, gap="large")
    with left:
        _codes(draft)
    with right:
        _limits(draft)


def _codes(draft: Draft) -> None:
    design = draft.design
    st.markdown("**Codes**")
    for name, (label, about) in CODES.items():
        st.text_input(label, max_chars=100, help=about, **fields.part(draft, name, str.strip))
    st.text_input(
        "Where participants go at the end",
        max_chars=500,
        placeholder="https://…{code}",
        help="{code} stands for the code. Without an address the code is shown alone.",
        **fields.part(draft, "completion_url", str.strip),
    )
    if st.button(
        "Fill in for Prolific",
        key="prolific",
        help="Prolific's address, and new codes where there is none. Enter the same codes there.",
    ):
        codes: dict[str, Any] = {
            name: getattr(design, name) or secrets.token_hex(4).upper() for name in CODES
        }
        begin_anew(draft, replace(design, completion_url=PROLIFIC, **codes))


def _limits(draft: Draft) -> None:
    design = draft.design
    st.markdown("**Open**")
    opens, closes = _parsed(design.opens_at), _parsed(design.closes_at)
    st.datetime_input(
        "From (UTC; empty: at once)",
        **fields.bound(draft, "from", opens, lambda old, when: replace(old, opens_at=_iso(when))),
    )
    st.datetime_input(
        "Until (UTC; empty: until you close it)",
        **fields.bound(draft, "till", closes, lambda old, when: replace(old, closes_at=_iso(when))),
    )
    fields.number(
        "Participants wanted (0: no limit)",
        (0, MOST_PEOPLE),
        fields.bound(
            draft, "target", design.target or 0, lambda old, n: replace(old, target=n or None)
        ),
        help="When so many have completed, nobody new can begin; who has begun finishes.",
    )


def _parsed(value: str | None) -> datetime | None:
    """The moment for the control, in UTC without a zone; None for what is none."""
    try:
        when = None if value is None else datetime.fromisoformat(value)
    except ValueError:
        return None
    return None if when is None else _utc(when).replace(tzinfo=None)


def _iso(when: Any) -> str | None:
    return None if when is None else _utc(when).isoformat(timespec="minutes")


def _utc(when: datetime) -> datetime:
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
