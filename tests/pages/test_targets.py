"""The class in the address, where names repeat or are numbers."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from pages.components.text import label, plain
from tests.pages.opening import address


def script(names: list[str]) -> None:
    import numpy as np
    import streamlit as st

    from pages.components.class_choice import choose_target

    shares = np.linspace(0.9, 0.1, len(names), dtype=np.float32)[None]
    st.session_state["chosen"] = choose_target(names, shares)


def opened(names: list[str], word: str | None = None) -> AppTest:
    app = AppTest.from_function(script, args=(names,))
    if word is not None:
        app.query_params["class"] = word
    return app.run()


@pytest.mark.parametrize("names", [["1", "10", "2"], ["Cardigan", "tabby", "cardigan"], ["x"] * 3])
def test_a_chosen_class_reopens_as_itself(names: list[str]) -> None:
    for index in range(3):
        app = opened(names)
        app.selectbox(key="class").set_value(str(index)).run()
        again = opened(names, *address(app, "class"))
        assert not again.toast
        assert again.session_state["chosen"] == [index]


@pytest.mark.parametrize(("word", "index"), [("cardigan", 2), ("Cardigan", 0), ("TABBY", 1)])
def test_an_old_link_with_a_name_opens_where_one_class_has_it(word: str, index: int) -> None:
    assert opened(["Cardigan", "tabby", "cardigan"], word).session_state["chosen"] == [index]


def test_an_old_link_that_could_mean_several_says_so() -> None:
    app = opened(["Cardigan", "tabby", "cardigan"], "CARDIGAN")
    assert app.session_state["chosen"] == [0], "the predicted one"
    (toast,) = app.toast
    assert plain("could be several classes: Cardigan #0, cardigan #2.") in toast.value
    assert toast.value.endswith("The predicted one is explained.")


def test_classes_of_one_name_are_told_apart_in_the_list() -> None:
    options = opened(["crane", "dog", "crane"]).selectbox(key="class").options
    assert [option.partition(" · ")[0] for option in options[1:]] == ["crane #0", "dog", "crane #2"]


def switching() -> None:
    import numpy as np
    import streamlit as st

    if st.session_state.pop("moved", False):  # as on another page
        del st.session_state["class"]
        st.query_params.clear()

    from pages.components.class_choice import choose_target

    models = {"first": ["owl", "cat", "dog"], "second": ["dog", "owl", "cow"]}
    names = models[st.selectbox("Model", list(models), key="model")]
    st.session_state["chosen"] = choose_target(names, np.full((1, 3), 1 / 3, np.float32))


@pytest.mark.parametrize(("first", "second"), [(0, 1), (2, 0)])
def test_another_model_is_asked_for_the_same_class_and_not_for_the_same_number(
    first: int, second: int
) -> None:
    app = AppTest.from_function(switching).run()
    app.selectbox(key="class").set_value(str(first)).run()
    app.selectbox(key="model").set_value("second").run()
    assert app.session_state["chosen"] == [second]
    assert not app.toast
    app.selectbox(key="class").set_value("2").run()
    assert app.session_state["chosen"] == [2]


def test_the_next_page_explains_the_same_class() -> None:
    """There the control is another one, and its address says nothing of the class."""
    app = AppTest.from_function(switching).run()
    app.selectbox(key="class").set_value("2").run()
    app.session_state["moved"] = True
    app.run()
    assert app.session_state["chosen"] == [2]
    assert address(app, "class") == ["2-dog"]
    app.selectbox(key="class").set_value("predicted").run()
    app.session_state["moved"] = True
    assert app.run().session_state["chosen"] == [0]


def test_a_class_that_another_model_has_not_is_told() -> None:
    app = AppTest.from_function(switching).run()
    app.selectbox(key="class").set_value("1").run()
    app.selectbox(key="model").set_value("second").run()
    (toast,) = app.toast
    assert toast.value == "The model has no class “1\\-cat”; the predicted one is explained."
    assert app.selectbox(key="class").value == "predicted"


def two_pictures() -> None:
    import numpy as np
    import streamlit as st

    from pages.components.class_choice import choose_target

    models = {"first": ["owl", "cat", "dog"], "second": ["dog", "owl", "cow"]}
    names = models[st.selectbox("Model", list(models), key="model")]
    shares = np.array([[0.7, 0.2, 0.1], [0.2, 0.7, 0.1]], np.float32)
    pictures = {"a" * 64: "a.png", "b" * 64: "b.png"}
    st.session_state["chosen"] = choose_target(names, shares, pictures)


def of_second(app: AppTest, option: str) -> AppTest:
    app.selectbox(key="picture with a class").set_value("b" * 64).run()
    (control,) = [one for one in app.selectbox if one.label.startswith("Class of b")]
    return control.set_value(option).run()


def test_a_picture_s_own_class_comes_before_that_of_all_and_stands_in_the_address() -> None:
    app = AppTest.from_function(two_pictures).run()
    assert app.session_state["chosen"] == [0, 1], "the predicted ones"
    of_second(app, "2")
    assert app.session_state["chosen"] == [0, 2]
    app.selectbox(key="class").set_value("1").run()
    assert app.session_state["chosen"] == [1, 2]
    (word,) = address(app, "picture_class")
    assert word == "bbbbbbbbbbbb~2-dog"

    again = AppTest.from_function(two_pictures)
    again.query_params["picture_class"] = [word]
    again.run()
    assert again.session_state["chosen"] == [0, 2]
    again.selectbox(key="model").set_value("second").run()
    assert again.session_state["chosen"] == [0, 0], "the dog of the other model"
    of_second(again, "as all")
    assert again.session_state["chosen"] == [0, 1]
    assert not address(again, "picture_class")


def test_a_picture_s_class_that_the_model_has_not_is_told() -> None:
    app = AppTest.from_function(two_pictures)
    app.query_params["picture_class"] = ["bbbbbbbbbbbb~7-unicorn"]
    app.run()
    assert app.session_state["chosen"] == [0, 1]
    assert "7\\-unicorn" in app.toast[0].value


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Class of my_cat-2 (b).png", "Class of my_cat-2 (b).png"),
        ("How old are you: in years?", "How old are you: in years?"),
        ("1. Your age", r"1\. Your age"),
        ("- a _b_ :cat: &lt; www.a.com", r"\- a \_b\_ \:cat: \&lt; www\.a.com"),
    ],
)
def test_a_label_is_escaped_only_where_it_would_be_markup(text: str, written: str) -> None:
    assert label(text) == written
