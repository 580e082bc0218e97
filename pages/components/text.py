"""Text from outside, shown as it is."""

from __future__ import annotations

MARKS = "\\`*_{}[]()<>#+-.!|~$:"


def plain(text: str) -> str:
    """``text`` with every mark escaped that Streamlit would take for markdown."""
    return "".join(f"\\{letter}" if letter in MARKS else letter for letter in text)
