"""What a participant should keep: the personal address and the withdrawal code."""

from __future__ import annotations

import streamlit as st

from pages.components.study.taking_part import visitor_address
from pages.components.study.taking_part.visit import present


def offer() -> None:
    """Both, folded up, on every screen after the consent; they are there again after a reload."""
    visit = present()
    ticket, code = visit.ticket, visit.withdrawal
    if not code:
        return
    with st.expander("To keep: your personal address and your withdrawal code"):
        if ticket.platform:
            where = "if you open the study once more from where you came"
        else:
            where = "at your personal address"
            st.write("At this address you go on where you stopped, on any device:")
            st.code(visitor_address.personal(ticket, ticket.me), language=None, wrap_lines=True)
        st.write(
            "This code deletes everything that was stored about you, at any time. It is stored "
            f"nowhere in readable form; {where} you find it again here."
        )
        st.code(code, language=None, wrap_lines=True)
