"""Which methods with which settings are selected: the state of their controls, and the address.

The address says it as the command line does: ``methods`` and ``param`` are what ``explain`` takes
as ``--methods`` and ``--param``, so a preset's name is a link too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import streamlit as st

from pages.components import control_state
from pages.components.address_bar import navigated, notice, this_page, write
from pages.components.setting_controls import control_name, to_control
from pages.components.text import plain
from xai_core.errors import MethodError
from xai_core.explainers import METHODS
from xai_core.explainers.choices import (
    Choice,
    assigned,
    assignment,
    assignments,
    base_param,
    completed,
)
from xai_core.explainers.presets import everything, expanded
from xai_core.explainers.registry import FAMILIES
from xai_core.params import LayerParam

FIRST = tuple(
    Choice(name)
    for name in (
        "saliency",
        "input_x_gradient",
        "guided_backprop",
        "gradcam",
        "guided_gradcam",
        "integrated_gradients",
    )
)
LONGEST_NOTICE = 300
_WORKING = "_only-what-works"  # in the session: methods that turn out not to work are left out
_SAID = "_address-of-methods"  # in the session: what the address says, or soon will
_WRITTEN = "_page-with-methods"  # and of which page


def rows() -> list[tuple[str, str, list[str]]]:
    """The methods in rows: name of the row's control, title, ids. Presets of LRP have their own."""
    found = []
    for family, title in FAMILIES.items():
        names = [name for name, entry in METHODS.items() if entry.family == family]
        presets = [name for name in names if name.startswith("lrp_alpha") and name[9].isdigit()]
        found.append((f"m-{family}", title, [name for name in names if name not in presets]))
        found.append((f"m-{family}-presets", "LRP αβ", presets))
    return [row for row in found if row[2]]


def choose(choices: Sequence[Choice]) -> None:
    """Select exactly these methods, with exactly these settings."""
    st.session_state[_WORKING] = False
    control_state.assign(_state(choices))


def _state(choices: Sequence[Choice]) -> dict[str, Any]:
    """The state of all controls with which these methods and settings are selected."""
    state: dict[str, Any] = {}
    chosen = {choice.method for choice in choices}
    for key, _, names in rows():
        state[key] = [name for name in names if name in chosen]
    for choice in choices:
        base = base_param(choice.method)
        if base is not None:
            state[control_name(choice.method, base)] = [
                other.settings.get(base.name, base.default)
                for other in choices
                if other.method == choice.method
            ]
        for param in METHODS[choice.method].accepted(choice.settings):
            if param is not base and not isinstance(param, LayerParam):
                value = choice.settings.get(param.name, param.default)
                state[control_name(choice.id, param)] = to_control(param, value)
    return state


def choose_working(refusals: Mapping[str, str]) -> None:
    """Select every method that works, as far as that is known; the others go when it is."""
    choose(everything(refusals))
    st.session_state[_WORKING] = True


def leave_out(refusals: Mapping[str, str]) -> None:
    """After ``choose_working``: take back what, by now, is known not to work."""
    if not st.session_state.get(_WORKING):
        return
    chosen = {name: st.session_state.get(control_state.key(name), []) for name, _, _ in rows()}
    working = {row: [n for n in names if not refusals.get(n)] for row, names in chosen.items()}
    if working != chosen:
        control_state.assign(working, keep_others=True)


def by_hand() -> None:
    """Note that the methods are now chosen one by one."""
    st.session_state[_WORKING] = False


def read_address(pictures: Collection[str], first: Sequence[Choice] = FIRST) -> None:
    """Select what the address asks for, when the page is opened or left by the back button.

    At any other time the address may lag behind the page, and is not looked at. Where the
    controls have been away, and their state with them, what they last said is selected again.

    Args:
        pictures: words that stand for pictures.
        first: what is selected where the address says nothing.
    """
    known, asked = st.session_state.get(_SAID), _asked()
    if known is not None and not navigated():
        if control_state.key(rows()[0][0]) in st.session_state:
            return
        asked = known
    st.session_state[_SAID] = asked
    methods, settings = asked
    if methods is None:
        choose(first)
        return
    found: dict[str, Choice] = {}
    for word in filter(None, methods.split(",")):
        try:
            found |= {choice.id: choice for choice in expanded(word)}
        except MethodError as error:
            _tell(error)
    for text in settings:
        try:
            column, name, word = assignment(text)
            if column in found:
                better = assigned(found[column], name, word)
                completed(better, pictures)  # raises where the setting or its value is unknown
                found[column] = better
        except MethodError as error:
            _tell(error)
    choose(list(found.values()))


def write_address(choices: Sequence[Choice], first: Sequence[Choice] = FIRST) -> None:
    """Let the address say what is selected; nothing while it is what everybody sees first."""
    usual = [choice.id for choice in first]
    settings = tuple(text for choice in choices for text in assignments(choice))
    columns = [choice.id for choice in choices]
    wanted = (None if columns == usual and not settings else ",".join(columns), settings)
    there = (this_page(), wanted)
    if st.session_state.get(_WRITTEN) == there:
        return
    st.session_state[_WRITTEN], st.session_state[_SAID] = there, wanted
    write("methods", wanted[0])
    write("param", settings or None)


def _asked() -> tuple[str | None, tuple[str, ...]]:
    return st.query_params.get("methods"), tuple(st.query_params.get_all("param"))


def _tell(error: MethodError) -> None:
    notice(f"The address asks for something unknown. {plain(str(error)[:LONGEST_NOTICE])}")
