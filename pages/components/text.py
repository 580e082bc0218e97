"""Text from outside, shown as it is; and errors, whose sentences may hold some."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from xai_core.errors import XaiError

MARKS = "\\`*_{}[]()<>#+-.!|~$:"


def plain(text: str) -> str:
    """``text`` with every mark escaped that Streamlit would take for markdown."""
    return "".join(f"\\{letter}" if letter in MARKS else letter for letter in text)


@contextmanager
def errors_shown(kind: type[XaiError] = XaiError) -> Iterator[None]:
    """Put an error of that kind on the page, and go on after the block."""
    try:
        yield
    except kind as error:
        st.error(plain(str(error)), icon=":material/error:")
