"""The Compare page through app.py, without a browser."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pages.components import classified, work
from pages.components.work import Work
from tests.pages.opening import address, choose_samples, page, renewed
from tests.pages.waiting import PATIENCE_S, until
from xai_core.explainers import METHODS, explain
from xai_core.explainers.presets import EVERYTHING
from xai_core.images import sample_image
from xai_core.jobs import Job, Task
from xai_core.models import load_classifier
from xai_core.params import NumberParam

pytestmark = pytest.mark.usefixtures("engine")


def settled(app: AppTest) -> AppTest:
    """The page after its computations have ended."""
    return until(
        app, lambda works: len(works) > 2 and not any(work.running for work in works.values())
    )


def compare(**query: Any) -> AppTest:
    return page("app.py", query)


def test_opens_with_heatmaps_of_a_sample() -> None:
    app = settled(compare())
    work = app.session_state["_work"]["compare"]
    assert len(work.results) == 6
    assert not work.problems


def test_the_class_comes_from_the_address() -> None:
    app = settled(compare(**{"class": "0", "methods": "saliency,edges"}))
    assert app.selectbox(key="class").value == "0"
    assert address(app, "class") == ["0-goldfish"]
    results = app.session_state["_work"]["compare"].results.values()
    assert {result.facts["target"] for result in results} == {0}


def test_display_controls_compute_nothing() -> None:
    app = settled(compare())
    before = set(app.session_state["_work"]["compare"].results)
    app.toggle(key="overlay").set_value(True)
    app.run()
    app.slider(key="opacity").set_value(0.25)
    app.run()
    work = app.session_state["_work"]["compare"]
    assert not work.running
    assert set(work.results) == before


def endless(purpose: str) -> Callable[..., Work]:
    """``gather`` by which a work of this purpose never ends."""

    def gather(asked: str, tasks: Sequence[Task], **how: Any) -> Work:
        if asked != purpose:
            return work.gather(asked, tasks, **how)
        return Work(job=Job(tasks, "nobody"))

    return gather


@pytest.mark.parametrize(
    ("purpose", "said"), [("model", "Until then the page is about VGG-tiny"), ("prediction", "")]
)
def test_the_page_goes_on_while_something_is_awaited(
    purpose: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = settled(compare(methods="saliency"))
    before = set(app.session_state["_work"]["compare"].results)
    monkeypatch.setattr(classified, "gather", endless(purpose))
    if purpose == "model":
        app.selectbox(key="model").set_value("vgg-tiny-permuted-labels").run()
    else:
        choose_samples(app, "Coffee").run()
    assert not app.exception
    (bar,) = app.get("progress")
    assert said in bar.proto.text.replace("\\", "")
    assert any("Egyptian cat" in option for option in app.selectbox(key="class").options)
    assert set(app.session_state["_work"]["compare"].results) == before
    app.toggle(key="overlay").set_value(True).run()
    assert app.toggle(key="overlay").value, "its controls work"


def test_no_picture_says_what_to_do() -> None:
    app = settled(compare())
    choose_samples(app)
    app.run()
    assert "Choose or upload a picture" in app.info[0].value


def test_the_page_shows_what_the_package_computes() -> None:
    clf = load_classifier("vgg-tiny")
    x = clf.preprocess([sample_image("cat")])
    expected = explain(clf, x, clf.logits(x).argmax(1), method="input_x_gradient")[0]
    results = settled(compare()).session_state["_work"]["compare"].results.values()
    shown = next(r for r in results if r.facts["method"] == "input_x_gradient")
    largest = float(expected.abs().max())
    np.testing.assert_allclose(
        shown.arrays["relevance"], expected.numpy(), rtol=0, atol=1e-4 * largest
    )


def columns(app: AppTest) -> list[tuple[str, dict[str, Any]]]:
    """Method and settings of what the page has computed."""
    work = app.session_state["_work"]["compare"]
    tasks = list(work.job._tasks.values()) if work.job else []
    return [(task.arguments["method"], task.arguments["params"]) for task in tasks]


def sentences(app: AppTest) -> str:
    return "\n".join(app.session_state["_work"]["compare"].problems.values())


def test_a_message_under_way_does_not_undo_a_preset() -> None:
    app = settled(compare(methods="edges"))
    before = app._tree.get_widget_states()
    app.button(key="preset group-1").click().run()
    chosen = address(app, "methods")
    app._run(before)  # what a poll says that left before the browser heard of the preset
    assert address(app, "methods") == chosen
    assert len(columns(app)) == 6


def test_a_preset_chooses_methods_and_settings() -> None:
    app = settled(compare(methods="edges"))
    app.button(key="preset group-2").click().run()
    assert address(app, "methods") == ["smoothgrad-deeplift,deeplift,deepshap"]
    assert app.number_input(key=renewed(app, "smoothgrad-deeplift.sigma")).value == 0.7
    assert app.multiselect(key=renewed(app, "smoothgrad-deeplift.baseline")).value == ["blurred"]
    assert app.multiselect(key=renewed(app, "deeplift.baseline")).value == ["blurred"]
    assert app.multiselect(key=renewed(app, "smoothgrad.base")).value == ["deeplift"]
    asked = dict(columns(app))
    assert asked["smoothgrad"]["base"] == "deeplift"
    assert asked["deeplift"] == {"baseline": "blurred"}
    app.button(key="preset group-1").click().run()
    assert address(app, "methods") == [
        "saliency,input_x_gradient,deconvnet,guided_backprop,gradcam,guided_gradcam"
    ]
    assert not address(app, "param")


def test_a_link_brings_columns_and_settings_back() -> None:
    both = "smoothgrad,smoothgrad-deeplift"
    settings = ["smoothgrad.samples=2", "smoothgrad-deeplift.samples=3", "smoothgrad.sigma=0.5"]
    app = settled(compare(methods=both, param=settings))
    asked = {given["base"]: given for _, given in columns(app)}
    assert (asked["saliency"]["samples"], asked["saliency"]["sigma"]) == (2, 0.5)
    assert (asked["deeplift"]["samples"], asked["deeplift"]["sigma"]) == (3, 0.2)
    assert sorted(address(app, "param")) == sorted(settings)
    results = app.session_state["_work"]["compare"].results.values()
    assert len(results) == 2


def test_another_base_is_another_column() -> None:
    app = settled(compare(methods="smoothgrad", param="smoothgrad.samples=2"))
    app.multiselect(key=renewed(app, "smoothgrad.base")).set_value(
        ["saliency", "guided_backprop"]
    ).run()
    assert address(app, "methods") == ["smoothgrad,smoothgrad-guided_backprop"]
    assert app.number_input(key=renewed(app, "smoothgrad.samples")).value == 2
    assert app.number_input(key=renewed(app, "smoothgrad-guided_backprop.samples")).value == 100


def test_a_picture_of_the_page_is_a_baseline() -> None:
    app = settled(compare(methods="deeplift", samples="Coffee"))
    choose_samples(app, "Cat", "Coffee").run()
    app.multiselect(key=renewed(app, "deeplift.baseline")).set_value(["black", "sample:coffee"])
    app = settled(app)
    assert not sentences(app)
    clf = load_classifier("vgg-tiny")
    cat, coffee = (clf.preprocess([sample_image(name)]) for name in ("cat", "coffee"))
    target = clf.logits(cat).argmax(1)
    expected = explain(clf, cat, target, "deeplift", baseline=["black", coffee])[0].numpy()
    assert address(app, "param") == ["deeplift.baseline=black,sample:coffee"]
    results = app.session_state["_work"]["compare"].results.values()
    largest = np.abs(expected).max()
    close = [np.abs(r.arrays["relevance"] - expected).max() < 1e-4 * largest for r in results]
    assert sorted(close) == [False, True], "one of them is the cat's"


def test_what_does_not_work_is_told_and_left_out() -> None:
    app = settled(compare(methods="cam,saliency"))
    assert "CAM is defined for" in sentences(app)
    assert len(app.session_state["_work"]["compare"].results) == 1
    assert [box.label for box in app.expander if "Not on" in box.label] == [
        "Not on this model: CAM"
    ]
    app.button(key=f"preset {EVERYTHING}").click().run()
    chosen = address(app, "methods")[0].split(",")
    assert chosen == [name for name in METHODS if name != "cam"]


def test_everything_takes_back_what_turns_out_not_to_work() -> None:
    app = compare(methods="edges").run()
    refusals = app.session_state["_refusals"]
    known = dict(refusals)
    refusals.clear()
    app.button(key=f"preset {EVERYTHING}").click().run()
    refusals.update(known)
    app.run()
    assert "cam" not in address(app, "methods")[0].split(",")


def test_every_method_has_controls_and_an_entry() -> None:
    app = compare(methods="all").run()
    assert not app.exception
    numbers = {widget.key for widget in app.number_input}
    for name, entry in METHODS.items():
        for param in entry.params:
            if isinstance(param, NumberParam):
                assert renewed(app, f"{name}.{param.name}") in numbers
    titles = {box.label for box in app.expander}
    assert {entry.title for entry in METHODS.values()} <= titles


def test_an_address_that_names_nothing_known_is_told() -> None:
    asked = {"model": "nonsense", "layer": "conv99", "class": "unicorn"}
    app = compare(**asked, methods="saliency,gradcam,magic", param=["saliency.colour=red"])
    told: set[str] = set()
    deadline = time.monotonic() + PATIENCE_S
    while len(told) < 5 and time.monotonic() < deadline:
        told |= {toast.value for toast in app.run().toast}
    assert not app.exception
    assert told == {
        "There is no model “nonsense”; the page goes on without it.",
        "There is no layer “conv99”; the page goes on without it.",
        "The model has no class “unicorn”; the predicted one is explained.",
        *(text for text in told if "There is no method 'magic'" in text),
        *(text for text in told if "Saliency has no setting 'colour'" in text),
    }
    assert len(told) == 5
