"""What is known about the methods shown: meaning, formula, settings, failures, source."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import streamlit as st

from pages.components.text import plain
from xai_core.explainers import Method, foreign, method
from xai_core.explainers.choices import Choice, signed
from xai_core.own_maps import is_own
from xai_core.params import Param

SIGNED = "Signed: positive speaks for the class, negative against it."
UNSIGNED = "Unsigned: how much, not in which direction."
ADDRESSES = (
    (re.compile(r"arXiv:(\d{4}\.\d{4,5})"), "https://arxiv.org/abs/"),
    (re.compile(r"doi:(10\.\d{4,}/[^\s,;)]*[^\s,;).])"), "https://doi.org/"),
)


def show(choices: Sequence[Choice], refusals: Mapping[str, str]) -> None:
    """One entry per method, in the order of the grid, with why it does not work, by its id."""
    by_method = {choice.method: choice for choice in reversed(choices)}
    st.markdown("**What these heatmaps show**")
    for name in dict.fromkeys(choice.method for choice in choices):
        title = method(name).title
        with st.expander(plain(title) if is_own(name) else title):
            if is_own(name):
                sign = SIGNED if signed(by_method[name]) else UNSIGNED
                st.markdown(f"{plain(method(name).shows)} {sign}")
            else:
                _entry(method(name), refusals.get(name, ""))
    for sentence in foreign.problems():
        st.warning(plain(sentence), icon=":material/extension_off:")


def how_to_read(subjects: Mapping[str, Sequence[str]]) -> None:
    """What stands below results: by its title a text, as markdown, and sources of what it says."""
    st.markdown("**How to read this**")
    for title, (text, *sources) in subjects.items():
        with st.expander(title):
            st.markdown(text)
            for source in sources:
                st.caption(linked(source))


def linked(citation: str) -> str:
    """A citation as markdown, its arXiv numbers and DOIs as links."""
    text = plain(citation)
    for pattern, address in ADDRESSES:
        for found in pattern.finditer(citation):
            link = f"[{plain(found[0])}]({address}{found[1]})"
            text = text.replace(plain(found[0]), link)
    return text


def settings_table(params: Sequence[Param]) -> str:
    """Settings with their meaning, default and range, as a markdown table."""
    head = ["| setting | meaning | default | values |", "|---|---|---|---|"]
    rows = [
        f"| {plain(param.name)} | {plain(param.help)} | {plain(param.usual)} "
        f"| {plain(param.values)} |"
        for param in params
    ]
    return "\n".join([*head, *rows])


def _entry(row: Method, refusal: str) -> None:
    if refusal:
        st.error(f"Not defined on this model: {plain(refusal)}", icon=":material/block:")
    st.markdown(f"{plain(row.shows)} {SIGNED if row.signed else UNSIGNED}")
    if row.formula:
        st.latex(row.formula)
    if row.warning:
        st.warning(linked(row.warning), icon=":material/warning:")
    if row.params:
        st.markdown(settings_table(row.params))
    if row.citation:
        st.caption(linked(row.citation))
