"""The page about reliability through app.py, without a browser."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from pages.components import media
from pages.components.reliability.map_images import map_picture
from pages.components.reliability.trace import relevance_shares
from tests.pages.opening import page, words
from tests.pages.waiting import arrived, ended, until
from xai_core.apem import apem
from xai_core.apem.one_picture import picture_rows
from xai_core.explainers import explain
from xai_core.heatmaps import STAGES, relevance_map
from xai_core.images import sample_image
from xai_core.models import load_classifier

pytestmark = pytest.mark.usefixtures("engine")
# A picture whose class changes soon.
QUICK = {"samples": "Astronaut", "methods": "saliency,input_x_gradient", "shuffles": "0"}
MOST = 15
QUICK["eps_max"] = str(MOST)
PURPOSES = ("apem-maps", "apem-trace", "apem-rows")


def opened(**query: Any) -> AppTest:
    return page("app.py", {**QUICK, **query}).switch_page("pages/reliability.py")


def settled(app: AppTest) -> AppTest:
    """The page with one picture when all its numbers are there."""
    return until(app, lambda works: ended(*PURPOSES)(works) and arrived("apem-rows")(works))


def measured(app: AppTest) -> AppTest:
    """The page with many pictures when all its numbers are there."""
    return until(app, lambda works: ended("apem-many")(works) and arrived("apem-many")(works))


def measured_map(stage: str) -> tuple[Any, Any, Any, Any]:
    """Classifier, input, class and the map of the picture's gradient."""
    clf = load_classifier("vgg-tiny")
    x = clf.preprocess([sample_image("astronaut")])
    y = clf.logits(x).argmax(1)
    raw = explain(clf, x, y, method="saliency")
    return clf, x, y, relevance_map(raw, stage, clf.pixels(x).clamp(0, 1))


@pytest.fixture(scope="module")
def computed() -> AppTest:
    app = settled(opened())
    works = app.session_state["_work"]
    assert not [works[name].problems for name in PURPOSES if works[name].problems]
    return app


def test_the_table_has_the_numbers_of_the_package(computed: AppTest) -> None:
    table = computed.dataframe[0].value
    assert "Why not" not in table, table.to_string()
    assert table.Method.tolist() == ["Saliency"] * 3 + ["Input × Gradient"] * 3
    for row, stage in zip(table.iloc[:3].itertuples(), STAGES, strict=True):
        clf, x, y, r = measured_map(stage)
        found = apem(clf, x, y, r, eps_max=MOST)
        assert tuple(row[4:7]) == (
            found.eps_minus[0],
            found.eps_plus[0],
            found.apem[0],
        )


def test_every_row_has_its_map(computed: AppTest) -> None:
    addresses = computed.dataframe[0].value.Map.tolist()
    assert len(set(addresses)) == len(addresses) == 6
    found = re.fullmatch(r"pictures/(\w+)", addresses[1])
    assert found is not None
    content, mime = media._held[found[1]]
    assert mime == "image/png"
    clf, _, _, r = measured_map("map")
    drawn = np.asarray(Image.open(io.BytesIO(content)))
    assert drawn.shape == (*clf.input_size, 3)
    # The brightest place of the map, in its colours' last one.
    place = np.unravel_index(int(r[0, 0].argmax()), r.shape[2:])
    assert drawn[place].tolist() == [253, 231, 37]


def test_the_slider_begins_where_the_class_changes_first(computed: AppTest) -> None:
    clf, x, y, r = measured_map("channels")
    found = apem(clf, x, y, r, eps_max=MOST)
    slider = computed.slider(key="eps")
    assert slider.value == min(found.eps_minus[0], found.eps_plus[0])
    assert slider.max >= max(found.eps_minus[0], found.eps_plus[0])
    shown = words(computed)
    assert f"ε+ = {found.eps_plus[0]}" in shown
    assert f"APEM **{found.apem[0]}**" in shown
    assert ":red[●]" in shown, "one way has left the class"
    slider.set_value(0)
    computed.run()
    assert ":red[●]" not in words(computed), "no step, no other class"


def test_a_slider_that_the_visitor_moves_is_not_set_back(computed: AppTest) -> None:
    """What the page sets replaces what was moved in the browser since: only where it must."""
    computed.slider(key="eps").set_value(1)
    computed.run()
    assert computed.slider(key="eps").value == 1
    assert not computed.slider(key="eps").proto.set_value
    assert not computed.run().slider(key="eps").proto.set_value


def test_the_filter_shows_what_the_package_computes(computed: AppTest) -> None:
    computed.segmented_control(key="apem_stage").set_value("map")
    settled(computed)
    (stepped,) = computed.session_state["_work"]["apem-trace"].results.values()
    ends = [stepped.facts["eps_minus"] or MOST, stepped.facts["eps_plus"] or MOST]
    values = stepped.arrays["map"]
    longest = len(np.unique(values[values > 0])) * sum(ends) * stepped.facts["seconds"]
    (exact,) = (toggle for toggle in computed.toggle if toggle.label == "Exact")
    assert exact.value == (longest < 60), "exact where that takes less than a minute"
    next(button for button in computed.button if button.label == "Filter this map").click()
    until(computed, arrived("apem-filter"))
    (found,) = computed.session_state["_work"]["apem-filter"].results.values()
    path = {name: found.arrays[name] for name in ("threshold", "eps_minus", "eps_plus", "kept")}
    last = computed.slider(key="filter_step").value
    clf, x, y, r = measured_map("map")
    # What the page shows is the package's number for the map without the values left out.
    left = torch.where(r > path["threshold"][last], r, 0.0)
    after = apem(clf, x, y, left, eps_max=MOST)
    assert after.eps_minus[0] == path["eps_minus"][last]
    assert after.eps_plus[0] == path["eps_plus"][last]
    assert np.array_equal(found.arrays["filtered"], left[0])
    assert f"keeps {path['kept'][last]:.1%}; APEM" in words(computed)
    assert f"{after.apem[0]} after" in words(computed)
    assert ("Exact." if exact.value else "Approximate:") in words(computed)
    computed.segmented_control(key="apem_stage").set_value("channels")
    settled(computed)


def test_many_pictures_here(computed: AppTest) -> None:
    app = measured(opened(view="Many pictures"))
    summary = next(t.value for t in app.dataframe if "APEM, mean" in t.value)
    before = computed.dataframe[0].value
    assert summary.loc[summary.Method == "Saliency", "APEM, mean"].tolist() == [
        float(value) for value in before[before.Method == "Saliency"].APEM
    ]


def test_two_methods_picture_by_picture() -> None:
    samples = ["Astronaut", "Cameraman", "Motorcycle"]
    methods = "random,gradcam_elementwise"
    app = measured(opened(view="Many pictures", methods=methods, eps_max="25", samples=samples))
    app.segmented_control(key="apem_stage").set_value("map")
    app.selectbox(key="versus_one").set_value("gradcam_elementwise")
    until(app, arrived("apem-example"))
    assert app.selectbox(key="versus_other").options == ["Random (control)"]
    clf, numbers = load_classifier("vgg-tiny"), {}
    for name in ("astronaut", "camera", "motorcycle"):
        x = clf.preprocess([sample_image(name)])
        y = clf.logits(x).argmax(1)
        raw = {
            method: explain(clf, x, y, method=method)
            for method in ("random", "gradcam_elementwise")
        }
        rows = picture_rows(clf, x, raw, ["map"], eps_max=25)
        numbers[f"sample:{name}"] = tuple(row["apem"] for row in rows)
    means = np.mean(list(numbers.values()), axis=0)
    text = f"Random \\(control\\) has the larger mean APEM, {means[0]:.1f} to {means[1]:.1f}"
    assert text in words(app)
    (table,) = [t.value for t in app.dataframe if "APEM Element-wise Grad-CAM" in t.value]
    found = {row[0]: (row[2], row[1]) for row in table.itertuples(index=False)}
    assert found == {name: pair for name, pair in numbers.items() if pair[1] > pair[0]}
    assert len(found) == 1


def test_shuffled_maps_are_drawn_of_methods_that_have_some(computed: AppTest) -> None:
    app = opened(view="Many pictures", shuffles="1", methods="saliency,gradcam")
    # As far as it has come, each time: one method's numbers come before the other's.
    until(app, arrived("apem-many"))
    measured(app)
    assert app.selectbox(key="apem_shuffled_of").options == ["Saliency", "Grad-CAM"]
    summary = next(t.value for t in app.dataframe if "APEM, mean" in t.value)
    assert summary.Method.tolist() == ["Saliency"] * 3 + ["Grad-CAM"] * 3


def test_a_data_set_of_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clf = load_classifier("vgg-tiny")
    image = sample_image("astronaut")
    best = clf.class_names[int(clf.logits(clf.preprocess([image.crop((0, 0, 300, 300))])).argmax())]
    for name, side in ((best, 300), ("school bus", 280)):
        folder = tmp_path / "pets" / name
        folder.mkdir(parents=True)
        image.crop((0, 0, side, side)).save(folder / "one.png")
    monkeypatch.setenv("XAI_DATA", str(tmp_path / "pets"))
    app = measured(opened(view="Many pictures", cohort="A data set", methods="saliency"))
    summary = next(t.value for t in app.dataframe if "APEM, mean" in t.value)
    assert summary.Pictures.add(summary.Censored).tolist() == [2, 2, 2]
    groups = app.segmented_control(key="apem_group").options
    assert groups == ["Rightly classified", "Wrongly classified", "All pictures"]
    assert any("ρ" in table.value for table in app.dataframe), "the loss is known"
    (files,) = [b for b in app.get("download_button") if b.label == "run.json"]
    assert not files.disabled


def test_a_data_set_with_a_class_that_the_model_has_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "beasts" / "unicorn"
    folder.mkdir(parents=True)
    sample_image("cat").save(folder / "one.png")
    monkeypatch.setenv("XAI_DATA", str(tmp_path / "beasts"))
    app = until(opened(view="Many pictures", cohort="A data set"), ended("cohort-data"))
    assert "unicorn" in words(app)


def test_no_method_says_what_to_do() -> None:
    app = until(opened(), ended("prediction"))
    for pills in app.get("button_group"):
        if str(pills.key).startswith("m-"):
            pills.set_value([])
    app.run()
    assert "Choose at least one method" in words(app)


def test_shares_are_those_of_the_formula() -> None:
    r = np.array([[[1.0, 0.5], [0.0, 0.5]]], np.float32)
    along, opposite = relevance_shares(r)
    assert along.shape == opposite.shape == (3, 2, 2)
    assert along[0].tolist() == [[1 / 6, 1 / 12], [0, 1 / 12]]
    assert opposite[1].tolist() == [[0, 1 / 12], [1 / 6, 1 / 12]]


def test_a_map_of_three_channels_is_drawn_as_colours() -> None:
    r = np.zeros((3, 8, 8), np.float32)
    r[0, 0, 0] = 1
    drawn = map_picture(r)
    assert drawn.shape == (256, 256, 3)
    assert drawn[31, 31].tolist() == [255, 0, 0]
    assert drawn[32, 32].tolist() == [0, 0, 0]
