"""Text from outside, shown as it is; and errors, whose sentences may hold some."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import streamlit as st

from xai_core.errors import XaiError

DASH = "–"
MARKS = "\\`*_{}[]()<>#+-.!|~$:&@"
_IN_A_LINE = re.compile(
    r"[\\`*\[\]<$~@]|&(?=[#\w])|:(?=\S)|(?<=www)\.|(?<![^\W_])_|_(?![^\W_])", re.I
)
_AT_THE_START = re.compile(r"^(\d*)([-+#>.)])")


def plain(text: str) -> str:
    """``text`` with every mark escaped that Streamlit would take for markdown."""
    return "".join(f"\\{letter}" if letter in MARKS else letter for letter in text)


def label(text: str) -> str:
    """A control's label, ``text`` as it is: escaped only where a line of markdown has markup.

    Streamlit gives screen readers the label as it was written, backslashes and all.
    """
    return _AT_THE_START.sub(r"\1\\\2", _IN_A_LINE.sub(r"\\\g<0>", text))


def counted(number: int, thing: str) -> str:
    """So many things, in words: "1 method", "2 methods"."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def number(value: float) -> str:
    """A score, or a dash where there is none."""
    return DASH if math.isnan(value) else f"{value:.2f}"


def share(value: float) -> str:
    """A share, or a dash where there is none."""
    return DASH if math.isnan(value) else f"{value:.0%}"


def told_apart(names: Sequence[str]) -> list[str]:
    """The names; one that was there before gets a number: "cat.png", "cat.png (2)"."""
    seen, found = Counter[str](), []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return found


@contextmanager
def errors_shown(kind: type[XaiError] = XaiError) -> Iterator[None]:
    """Put an error of that kind on the page, and go on after the block."""
    try:
        yield
    except kind as error:
        st.error(plain(str(error)), icon=":material/error:")
