"""Controls that the page itself sets, while messages of the browser may be under way.

Every message of a browser carries the state of all its controls, and a page that polls sends
many: one that left before the browser heard of the new state would bring the old one back. So a
control gets another key whenever the page sets it, and what is told of the old key is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

_TURN = "_turn"  # in the session: how often the controls were set


def key(name: str) -> str:
    """The present key of a control, by its name."""
    return f"{name}{_suffix()}"


def assign(state: Mapping[str, Any], keep_others: bool = False) -> None:
    """Set the state of controls.

    Args:
        state: of controls, by their names.
        keep_others: whether the other controls keep theirs; they begin anew otherwise.
    """
    session, old = st.session_state, _suffix()
    before = {
        str(k).removesuffix(old): session.pop(k) for k in list(session) if str(k).endswith(old)
    }
    session[_TURN] = session.get(_TURN, 0) + 1
    others = before if keep_others else {}
    session.update({key(name): value for name, value in {**others, **state}.items()})


def _suffix() -> str:
    return f"_v{st.session_state.get(_TURN, 0)}"
