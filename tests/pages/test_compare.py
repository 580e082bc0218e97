"""The Compare page through app.py, without a browser."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from xai_core import jobs
from xai_core.cache import Cache
from xai_core.explainers import explain
from xai_core.images import sample_image
from xai_core.jobs import Engine
from xai_core.models import load_classifier

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0


@pytest.fixture(scope="module", autouse=True)
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One engine with an empty cache in place of the process-wide one."""
    made = Engine(cache=Cache(tmp_path_factory.mktemp("cache")))
    patch = pytest.MonkeyPatch()
    patch.setattr(jobs.engine, "_shared", made)
    yield made
    patch.undo()
    made.close()


def settled(app: AppTest) -> AppTest:
    """The page after its computations have ended."""
    deadline = time.monotonic() + PATIENCE_S
    app.run(timeout=PATIENCE_S)
    while time.monotonic() < deadline:
        works = app.session_state["_work"].values() if "_work" in app.session_state else ()
        if len(works) > 2 and not any(work.running for work in works):
            return app.run(timeout=PATIENCE_S)
        time.sleep(0.2)
        app.run(timeout=PATIENCE_S)
    pytest.fail("The page did not settle.")


def compare(**query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=PATIENCE_S)
    for name, value in query.items():
        app.query_params[name] = value
    return app


def test_opens_with_heatmaps_of_a_sample() -> None:
    app = settled(compare())
    work = app.session_state["_work"]["compare"]
    assert not app.exception
    assert len(work.results) == 6
    assert not work.problems


def test_the_class_comes_from_the_address() -> None:
    app = settled(compare(**{"class": "0"}))
    assert app.selectbox(key="class").value == "0"
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


def test_no_picture_says_what_to_do() -> None:
    app = settled(compare())
    app.button_group(key="samples").set_value([])
    app.run()
    assert "Choose a sample or upload a picture" in app.info[0].value


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


def test_an_address_that_names_nothing_known_is_told() -> None:
    app = compare(model="nonsense", layer="conv99", **{"class": "unicorn"})
    told: set[str] = set()
    deadline = time.monotonic() + PATIENCE_S
    while len(told) < 3 and time.monotonic() < deadline:
        told |= {toast.value for toast in app.run().toast}
    assert not app.exception
    assert told == {
        "There is no model “nonsense”; the page goes on without it.",
        "There is no layer “conv99”; the page goes on without it.",
        "The model has no class “unicorn”; the predicted one is explained.",
    }
