"""The page for sanity checks through app.py, without a browser."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pages.components.sanity import downloads
from pages.components.sanity.sweep_results import SweepResults
from tests import worker_functions
from tests.pages.opening import page, renewed, words
from tests.pages.waiting import LOOK_S, PATIENCE_S, checked, ended, until
from xai_core.errors import JobError
from xai_core.explainers.choices import Choice
from xai_core.images import sample_image
from xai_core.jobs import Engine, Job, Task
from xai_core.models import load_classifier
from xai_core.provenance import ModelFacts
from xai_core.randomization import sanity_check
from xai_core.randomization.verdicts import Thresholds
from xai_core.tasks.sanity import run_randomised, run_scored_again

pytestmark = pytest.mark.usefixtures("engine")
QUICK = {"methods": "saliency,gradcam", "seeds": "1"}


def opened(**query: str) -> AppTest:
    return page("app.py", {**QUICK, **query}).switch_page("pages/sanity.py")


def settled(app: AppTest) -> AppTest:
    """The page after its computations have ended."""
    return until(app, ended("sanity"))


def sweep(app: AppTest):
    return app.session_state["_ledger"][1]


@pytest.fixture(scope="module")
def computed() -> AppTest:
    return settled(opened())


def test_the_page_shows_what_sanity_check_computes(computed: AppTest) -> None:
    clf = load_classifier("vgg-tiny")
    x = clf.preprocess([sample_image("cat")])
    wanted = sanity_check(
        clf, x, int(clf.logits(x).argmax()), ["saliency", "gradcam", "edges", "random"], seeds=[0]
    )
    found = sweep(computed).table([0])
    names = ["method", "depth", "layer"]
    found = found[(found.measure == "ssim") & (found.show == "all")].set_index(names).value
    wanted = wanted.set_index(names).value
    assert len(found) == len(wanted) == 4 * 14
    assert np.allclose(found.loc[wanted.index], wanted, atol=1e-4)


def test_the_verdicts_stand_beside_those_of_others(computed: AppTest) -> None:
    table = computed.dataframe[0].value.set_index("Method")
    assert table.loc["Edges (control)", "Verdict"] == "✗ fails"
    assert table.loc["Saliency", ["Adebayo 2018", "Sixt 2020", "Nuzzo 2020"]].tolist() == [
        *["passes"] * 3
    ]
    assert "Binder et al" in words(computed)


def test_another_measure_computes_no_map_again(computed: AppTest) -> None:
    before = dict(sweep(computed).facts)
    computed.selectbox(key="measure").set_value("hog")
    settled(computed)
    assert {task.run for task in sweep(computed).tasks} == {run_scored_again}
    assert sweep(computed).facts.keys() == before.keys()
    assert not computed.session_state["_work"]["sanity"].problems
    assert all("hog" in facts["scores"] for facts in sweep(computed).facts.values())
    computed.selectbox(key="measure").set_value("ssim")
    settled(computed)
    assert not sweep(computed).tasks


def test_a_further_method_computes_its_own_maps_alone(computed: AppTest) -> None:
    known = set(sweep(computed).facts)
    again = settled(opened(methods="saliency,gradcam,guided_backprop"))
    asked = [task for task in sweep(again).tasks if task.run is run_randomised]
    assert {name for task in asked for name in task.arguments["requests"]} == {"guided_backprop"}
    assert known < set(sweep(again).facts)


def test_the_address_says_everything() -> None:
    app = settled(
        opened(test="Each layer alone", depth="2", init="He normal weights, biases 0", seeds="2")
    )
    inquiry = sweep(app).inquiry
    assert (inquiry.test.mode, inquiry.test.init) == ("independent", "he_normal")
    assert inquiry.test.seeds == (0, 1)
    assert app.session_state["_depth"] == 2
    assert app.query_params["depth"] == "2"


def test_run_json_names_the_reference_pictures_that_are_taken(computed: AppTest) -> None:
    inquiry = replace(sweep(computed).inquiry, choices=[Choice("pattern_attribution")])
    classified: Any = SimpleNamespace(model_facts=ModelFacts("vgg-tiny", "f" * 64, []), images=[])
    run = json.loads(
        downloads._run(classified, SweepResults(replace(inquiry, subjects=[])), Thresholds())
    )
    (found,) = run["methods"]
    assert found["settings"]["baselines"] == "samples"


def test_one_noisy_copy_is_refused_in_a_sentence() -> None:
    app = until(opened(methods="saliency", smooth="1"), lambda works: "sanity" in works)
    assert "Smoothing needs at least 2 copies" in words(app)
    assert sweep(app).inquiry.smoothing is None


def test_destroyed_networks_explain_what_the_page_or_its_address_says() -> None:
    def explained(**query: str) -> tuple[AppTest, dict[str, set[str]]]:
        """The page as soon as it has asked, and what it asks of destroyed networks."""
        app = until(opened(methods="saliency,rap", **query), lambda works: "sanity" in works)
        app.session_state["_work"]["sanity"].cancel()
        kinds: dict[str, set[str]] = {"saliency": set(), "rap": set()}
        for task in sweep(app).inquiry.tasks(lambda key: False):
            for name in kinds.keys() & task.arguments["requests"].keys():
                kinds[name].add(task.arguments["requests"][name]["target"])
        return app, kinds

    app, kinds = explained()
    assert kinds == {"saliency": {"fixed"}, "rap": {"predicted"}}, "as published"
    titles = app.selectbox(key="target-class").options
    assert titles[0].startswith("As published")
    for title, kind in zip(titles[1:], ("fixed", "predicted"), strict=True):
        app, kinds = explained(**{"target-class": title})
        assert kinds == {"saliency": {kind}, "rap": {kind}}
        assert app.selectbox(key="target-class").value == sweep(app).inquiry.target == kind


def test_a_depth_that_is_not_there_is_the_deepest() -> None:
    app = settled(opened(depth="99"))
    assert app.query_params["depth"] == "13"


@pytest.mark.parametrize("asked", ["²", "-1", "one", "9" * 5000])
def test_a_depth_that_is_no_number_is_the_first(asked: str) -> None:
    def script() -> None:
        import streamlit as st

        from pages.components.sanity import slider

        st.session_state["shown"] = slider.current(13)

    app = AppTest.from_function(script, default_timeout=PATIENCE_S)
    app.query_params["depth"] = asked
    assert checked(app.run()).session_state["shown"] == 0


def test_a_method_that_fails_leaves_a_gap_with_its_reason() -> None:
    app = settled(opened(methods="saliency,cam"))
    facts = sweep(app).facts
    keys = sweep(app).inquiry.trained
    problem = {column: facts[key]["problem"] for (column, _), key in keys.items()}
    assert "gradcam" in problem["cam"]
    assert not problem["saliency"]
    table = app.dataframe[0].value.set_index("Method")
    assert table.loc["CAM", "Verdict"] == "– undefined"


def archive(app: AppTest) -> dict[str, np.ndarray]:
    """Every map of the page's archive."""
    with np.load(io.BytesIO(downloads._npz(sweep(app), ["cat"], "somebody"))) as found:
        return dict(found)


def test_a_map_that_the_cache_has_dropped_is_in_the_archive(
    computed: AppTest, engine: Engine
) -> None:
    before = archive(computed)
    assert len(before) == 4 * 14
    engine.cache._memory.clear()
    engine.cache._used = 0
    for key in sweep(computed).inquiry.keys[sweep(computed).inquiry.steps[3]].values():
        engine.cache._path(key).unlink()
    after = archive(computed)
    assert after.keys() == before.keys()
    assert all(np.array_equal(after[name], before[name]) for name in before)


def test_an_archive_that_lacks_a_map_is_none(
    computed: AppTest, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine.cache, "get", lambda key: None)
    with pytest.raises(JobError, match="trained/cat__saliency could not be kept"):
        archive(computed)


def test_without_methods_the_page_says_what_to_do() -> None:
    app = settled(opened())
    app.toggle(key="controls").set_value(False)
    for name in ("m-gradient", "m-cam"):
        app.session_state[renewed(app, name)] = []
    app.run()
    assert "Choose at least one method" in words(app)


def test_thresholds_that_contradict_each_other_are_named() -> None:
    app = settled(opened(fails="0.5", weak="0.7"))
    assert "The thresholds must lie" in words(app)


def test_a_worker_that_dies_costs_a_sentence_and_can_be_asked_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    app = opened(seeds="2", methods="deconvnet")  # of which nothing is in the cache
    with monkeypatch.context() as patch:

        def submit(tasks: Sequence[Task], owner: str) -> Job:
            """With something in front that never ends, so that the sanity check is cancelled."""
            if any(task.run is run_randomised for task in tasks):
                endless = {"file": str(tmp_path / "never")}
                tasks = [Task("endless", worker_functions.busy_until, endless), *tasks]
            return Engine.submit(engine, tasks, owner)

        patch.setattr(engine, "submit", submit)
        until(app, lambda works: "sanity" in works)
        work = app.session_state["_work"]["sanity"]
        assert work.job is not None
        deadline = time.monotonic() + PATIENCE_S
        while work.job.fraction == 0 and time.monotonic() < deadline:
            time.sleep(LOOK_S)
        work.cancel()
    missing = 3 * (1 + 13 * 2) - len(sweep(app).facts)
    assert len(sweep(app).missing()) == missing > 0
    checked(app.run(timeout=PATIENCE_S))
    assert f"{missing} of 81 maps have not been computed. No file has them." in words(app)
    next(button for button in app.button if button.label == "Compute the rest").click()
    app = settled(app)
    assert not app.session_state["_work"]["sanity"].problems
    assert len(sweep(app).facts) == 3 * (1 + 13 * 2)
    assert "have not been computed" not in words(app)
