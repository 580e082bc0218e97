"""The page about localisation through app.py, without a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from pages.components.localisation import averages, tables
from pages.components.localisation.cases import SHOWN, best_and_worst
from pages.components.localisation.sample_objects import known
from pages.components.text import DASH
from tests.annotated_samples import SAMPLES, XML, annotated_samples
from tests.pages.opening import page, words
from tests.pages.waiting import arrived, ended, until
from xai_core.annotations import Box, Region
from xai_core.explainers import explain
from xai_core.images import sample_image
from xai_core.localization.objects import seen_objects
from xai_core.localization.pooling import Pooled
from xai_core.localization.scoring import Asked, Scores, object_measures, score_map
from xai_core.localization.tables import as_runs, as_table, rows_of
from xai_core.models import load_classifier

pytestmark = pytest.mark.usefixtures("engine")
METHODS = ("saliency", "gradcam")
QUICK = {"samples": "Rocket", "methods": ",".join(METHODS)}


def opened(**query: Any) -> AppTest:
    return page("app.py", {**QUICK, **query}).switch_page("pages/localisation.py")


def scored(app: AppTest) -> AppTest:
    """The page with one picture when all its numbers are there."""
    both = ended("localisation-maps", "localisation-scores")
    return until(app, lambda works: both(works) and arrived("localisation-maps")(works))


def table(app: AppTest, method: str) -> Any:
    """The scores that are shown, by method."""
    (found,) = [one.value for one in app.dataframe if method in one.value.columns]
    return found.set_index("Method")


def measured(app: AppTest) -> AppTest:
    """The page with a data set when all its numbers are there."""
    done = ended("localisation-set")
    return until(app, lambda works: done(works) and arrived("localisation-set")(works))


def pets(folder: Path, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """A data set of one picture with an object of each name."""
    (folder / "images").mkdir(parents=True)
    (folder / "annotations").mkdir()
    for number, name in enumerate(names):
        image = sample_image("cat").crop((0, 0, 280 + number, 280))
        image.save(folder / "images" / f"{number}.png")
        text = XML.format(*image.size, name, 41, 21, 220, 240)
        (folder / "annotations" / f"{number}.xml").write_text(text)
    monkeypatch.setenv("XAI_DATA", str(folder))


def test_a_sample_begins_with_its_object_and_shows_what_python_computes() -> None:
    app = scored(opened())
    clf = load_classifier("vgg-tiny")
    image = sample_image("rocket")
    (box,) = known("sample:rocket")
    assert box["kind"] == "box"
    region = Region(None, Box(box["x0"], box["y0"], box["x1"], box["y1"]))
    objects = seen_objects([region], image.size, clf.input_size, clf.crop, clf.squash)
    x = clf.preprocess([image])
    target = int(clf.logits(x).argmax())
    found = table(app, "PxAP ↑")
    assert len(found) == len(METHODS) + 4, "the baselines are among them"
    for method, title in zip(METHODS, ("Saliency", "Grad-CAM"), strict=True):
        relevance = explain(clf, x, target, method=method)[0].numpy()
        names = list(object_measures())
        scores = score_map(relevance, objects, names, asked=Asked(clf, x, target)).values
        values = dict(zip(names, scores, strict=True))
        assert found.loc[title, "PxAP ↑"] == f"{values['pxap']:.2f}"
        assert found.loc[title, "Box IoU ↑"] == f"{values['box_iou']:.2f}"
    assert "The crop cuts off" not in words(app)


def test_a_picture_without_a_mark_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pages.components.localisation.sample_objects.known", lambda source: [])
    app = until(opened(), ended("prediction"))
    assert "Mark at least one object" in words(app)


def test_a_data_set_and_a_name_that_the_model_does_not_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pets(tmp_path / "pets", monkeypatch, "tabby", "moggy")
    app = measured(opened(view="A data set", methods="gradcam"))
    assert "1 object: The model has no class 'moggy'." in words(app).replace("\\", "")
    assert table(app, "Scores missing").Pictures.tolist() == [1] * 5
    (control,) = [one for one in app.selectbox if "moggy" in one.label]
    both = measured(control.set_value("Egyptian cat").run())
    assert table(both, "Scores missing").Pictures.tolist() == [2] * 5
    (grad,) = [row for name, row in table(both, "Scores missing").iterrows() if name == "Grad-CAM"]
    low, high = (float(word) for word in grad["PxAP ↑"].split("[")[1].rstrip("]").split(", "))
    assert 0 <= low <= float(grad["PxAP ↑"].split()[0]) <= high <= 1
    assert np.isfinite(low)


def test_a_data_set_without_any_class_of_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pets(tmp_path / "beasts", monkeypatch, "unicorn")
    app = until(opened(view="A data set"), ended("localisation-pictures"))
    assert "No picture of this data set can be measured with this model." in words(app)
    assert [one.label for one in app.selectbox if "unicorn" in one.label] == ["“unicorn” means"]


def test_no_data_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XAI_DATA", raising=False)
    app = until(opened(view="A data set"), ended("prediction"))
    assert "XAI_DATA" in words(app)


def ranked(measure: str, *values: float) -> tuple[list[str], list[str]]:
    names = [f"p{number}" for number in range(len(values))]
    table = pd.DataFrame({"image": names, "image_hash": names, "value": values})
    return best_and_worst(table.assign(measure=measure))


def test_means_while_only_composites_are_scored() -> None:
    found = Scores(np.array([0.5]), np.zeros(0))
    head = {"image": "a", "image_hash": "a", "method": "gradcam", "class": "x", "size": 1, "cut": 0}
    table = as_table(rows_of(head, found, ["negative_quadrants"]))
    (row,) = tables.of_many(table, as_runs([]), Pooled()).to_dict("records")
    assert (row["Method"], row["Negative quadrants heatmap ↓"]) == ("Grad-CAM", "0.50")
    assert row["PxAP, pooled ↑"] == DASH


@pytest.mark.parametrize("measure", ["pxap", "negative_quadrants"])
def test_the_best_bar_is_on_top(measure: str) -> None:
    means = pd.DataFrame(
        {"method": ["saliency", "gradcam", "lrp_epsilon"], "mean": [0.5, 0.2, 0.9]}
    )
    (drawn,) = averages._bars(
        means.assign(low=[0.4, 0.1, np.nan], high=[0.7, 0.4, np.nan]), measure
    ).data
    order = ["Grad-CAM", "Saliency", "LRP-ε"]  # from below
    assert list(drawn.y) == (order if measure == "pxap" else order[::-1])
    sides = zip(drawn.error_x.arrayminus, drawn.error_x.array, strict=True)
    ends = dict(zip(drawn.y, sides, strict=True))
    assert ends["Saliency"] == pytest.approx((0.1, 0.2))
    assert ends["LRP-ε"] == (0, 0), "without an interval"


def test_the_best_and_the_worst() -> None:
    nan = float("nan")
    assert ranked("pxap", 0.2, nan, 0.9, 0.5) == (["p2", "p3"], ["p0"])
    assert ranked("negative_quadrants", 0.2, nan, 0.9, 0.5) == (["p0", "p3"], ["p2"])
    assert ranked("pxap", nan, nan) == ([], [])
    assert ranked("pointing_game", 1, 1, 0, 1) == (["p0", "p1"], ["p2"]), "no worst is a best"
    best, worst = ranked("pxap", *np.arange(20) / 20)
    assert best == [f"p{number}" for number in range(19, 19 - SHOWN, -1)]
    assert worst == [f"p{number}" for number in range(SHOWN)]


def test_composites_are_scored_and_a_picture_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XAI_DATA", str(annotated_samples(tmp_path / "marked")))
    query = {"view": "A data set", "methods": "gradcam", "quadrants": "true"}
    app = measured(opened(**query, object_measure="PxAP"))
    means = table(app, "Scores missing")
    assert means.loc["Whole picture (baseline)", "Negative quadrants heatmap ↓"].startswith("0.75 ")
    assert len([one for one in app.button if one.label.startswith("Open ")]) == len(SAMPLES)

    def of_one(app: AppTest) -> AppTest:
        both = ended("localisation-maps", "localisation-set")
        return until(app, lambda works: both(works) and arrived("localisation-maps")(works))

    (control,) = [one for one in app.selectbox if one.label == "Show"]
    alone = of_one(control.select_index(1).run())
    assert "Egyptian cat" in words(alone)
    assert "(explained)" in words(alone).replace("\\", "")
    found = table(alone, "Negative quadrants heatmap ↓")
    assert found.loc["Whole picture (baseline)", "Negative quadrants heatmap ↓"] == "0.75"
    (back,) = [one for one in alone.button if one.label == "Back to all"]
    assert table(measured(back.click().run()), "Scores missing").equals(means)


def test_composites_of_one_class_are_refused_and_the_rest_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cats = annotated_samples(tmp_path / "cats", ["Egyptian cat"] * len(SAMPLES))
    monkeypatch.setenv("XAI_DATA", str(cats))
    app = measured(opened(view="A data set", methods="gradcam", quadrants="true"))
    assert [one.value.replace("\\", "") for one in app.error] == [
        "A composite needs three pictures of other classes than the explained one; of 4 pictures, "
        "0 have another class than 'Egyptian cat'."
    ]
    assert table(app, "Scores missing").Pictures.tolist() == [len(SAMPLES)] * 5
