"""Controls of settings, one by one, without the page around them."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from pages.components import setting_controls
from tests.pages.waiting import PATIENCE_S
from xai_core.explainers import METHODS
from xai_core.params import BaselinesParam, LayerParam, Param

BASELINES = [
    (row.id, param, word)
    for row in METHODS.values()
    for param in row.params
    if type(param) is BaselinesParam
    for word in param.choices
]


def test_every_kind_of_setting_has_a_control_but_the_layer() -> None:
    kinds = {type(param) for row in METHODS.values() for param in row.params}
    shown = {
        kind for kind in kinds if any(issubclass(kind, own) for own in setting_controls.WIDGETS)
    }
    assert kinds - shown == {LayerParam}
    assert all(issubclass(kind, Param) for kind in setting_controls.WIDGETS)


def page(method: str, name: str, usual: object) -> None:
    from types import SimpleNamespace
    from typing import cast

    import streamlit as st

    from pages.components import control_state, setting_controls
    from pages.components.classified import Classified
    from xai_core.explainers import METHODS

    param = next(param for param in METHODS[method].params if param.name == name)
    classified = cast(
        Classified, SimpleNamespace(by_source={"sample:cat": None, "sample:coffee": None})
    )
    key = control_state.key(setting_controls.control_name(method, param))
    if key not in st.session_state:
        st.session_state[key] = setting_controls.to_control(param, usual)
    st.session_state["found"] = setting_controls.control(method, param, classified)


@pytest.mark.parametrize(
    ("method", "param", "word"), BASELINES, ids=lambda value: getattr(value, "name", value)
)
def test_every_choice_of_reference_pictures_can_be_chosen(method, param, word) -> None:  # type: ignore[no-untyped-def]
    app = AppTest.from_function(
        page, args=(method, param.name, word), default_timeout=PATIENCE_S
    ).run()
    assert not app.exception
    assert app.session_state["found"] == word
    (box,) = app.selectbox
    assert len(box.options) == len(set(box.options)) == len(param.choices) + 1
    box.select_index(len(param.choices)).run()
    assert app.session_state["found"] == ["sample:cat", "sample:coffee"]
