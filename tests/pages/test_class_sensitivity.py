"""The page about class sensitivity through app.py, without a browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from streamlit.testing.v1 import AppTest

from pages.components.class_sensitivity import many_pictures
from pages.components.text import DASH, number, share
from pages.components.work import Work
from tests.pages.opening import address, page, words
from tests.pages.waiting import arrived, checked, ended, until
from xai_core.class_sensitivity import ClassScores, compare_classes
from xai_core.class_sensitivity.joined import joined, joined_parts
from xai_core.explainers import explain
from xai_core.heatmaps import SHOWS
from xai_core.images import sample_image
from xai_core.models import Classifier, load_classifier

pytestmark = pytest.mark.usefixtures("engine")
METHODS = {"saliency": True, "gradcam": False}  # with whether they give negative values
TITLES = {"saliency": "Saliency", "gradcam": "Grad-CAM"}
QUICK = {"samples": ["Cat", "Coffee"], "methods": ",".join(METHODS)}
KINDS = ["All relevance", "Positive only", "Absolute"]
CLASSES = "Classes to compare"


def opened(**query: Any) -> AppTest:
    return page("app.py", {**QUICK, **query}).switch_page("pages/class_sensitivity.py")


def settled(app: AppTest) -> AppTest:
    """The page with one picture when all its numbers are there."""
    both = ended("class-maps", "class-scores")
    return until(app, lambda works: both(works) and arrived("class-scores")(works))


def averaged(app: AppTest) -> AppTest:
    """The page with many pictures when all its numbers are there."""
    return until(app, lambda works: ended("class-many")(works) and arrived("class-many")(works))


def chosen(app: AppTest) -> Any:
    """The control of the classes."""
    (control,) = [one for one in app.multiselect if one.label == CLASSES]
    return control


def table(app: AppTest) -> Any:
    """The scores, by method; before them there may be the pictures' true classes."""
    return app.dataframe[-1].value.set_index("Method")


@pytest.fixture(scope="module")
def clf() -> Classifier:
    return load_classifier("vgg-tiny")


def seen(clf: Classifier, name: str) -> torch.Tensor:
    return clf.preprocess([sample_image(name)])


def found(
    clf: Classifier, x: torch.Tensor, classes: Sequence[int], parts: NDArray[np.bool_]
) -> dict[str, ClassScores]:
    """SSIM of the maps of some classes, by method."""
    maps = {
        name: [explain(clf, x, index, method=name)[0].numpy() for index in classes]
        for name in METHODS
    }
    return {
        name: compare_classes(own, clf.input_size, METHODS[name], ["ssim"], parts)
        for name, own in maps.items()
    }


def none(clf: Classifier) -> NDArray[np.bool_]:
    return np.zeros((0, *clf.input_size), bool)


@pytest.fixture(scope="module")
def side_by_side() -> AppTest:
    return settled(opened())


def test_two_pictures_are_put_side_by_side(side_by_side: AppTest, clf: Classifier) -> None:
    assert side_by_side.selectbox(key="of").value == "side-by-side"
    alone = [int(clf.logits(seen(clf, name)).argmax()) for name in ("cat", "coffee")]
    assert chosen(side_by_side).value == alone
    pictures = [sample_image(name) for name in ("cat", "coffee")]
    pixels = joined(pictures, "side-by-side", clf.input_size, clf.crop, clf.resample, clf.squash)
    x = clf.normalise(torch.from_numpy(pixels)[None])
    scores = found(clf, x, alone, joined_parts("side-by-side", clf.input_size))
    shown = table(side_by_side)
    for name, own in scores.items():
        row = shown.loc[TITLES[name]]
        assert row[KINDS].tolist() == [number(value) for value in own.scores[0, :, 0, 1]]
        assert row["Random maps"] == number(own.floors[0, 0, 0])
        assert row["On its own part"] == share((own.inside[0, 0] + own.inside[1, 1]) / 2)
    assert shown.loc["Saliency", "Nuzzo 2020, SSIM"] == "close to 0.5"


def test_who_is_where_is_told(side_by_side: AppTest, clf: Classifier) -> None:
    share = clf.logits(seen(clf, "coffee"))[0].softmax(0).max().item()
    (said,) = [one.value for one in side_by_side.caption if one.value.startswith("Left")]
    assert f"right\\: Coffee, espresso\\: {share:.0%} alone" in said


def test_another_measure_computes_nothing_again(side_by_side: AppTest) -> None:
    before = side_by_side.session_state["_work"]["class-scores"].job
    shown = table(side_by_side)
    side_by_side.selectbox(key="class_measure").set_value("spearman")
    checked(side_by_side.run())
    assert side_by_side.session_state["_work"]["class-scores"].job is before
    assert not table(side_by_side).equals(shown)
    side_by_side.selectbox(key="class_measure").set_value("ssim")
    checked(side_by_side.run())
    assert table(side_by_side).equals(shown)


def test_three_classes_of_the_address_in_a_matrix(clf: Classifier) -> None:
    names = ["tabby", "espresso", "school bus"]
    app = settled(opened(of="Cat", classes=names))
    indices = [clf.class_names.index(name) for name in names]
    assert chosen(app).value == indices
    assert app.selectbox(key="of").label == "Picture"
    shown, scores = table(app), found(clf, seen(clf, "cat"), indices, none(clf))
    for name, own in scores.items():
        pairs = [own.scores[0, SHOWS.index("all")][pair] for pair in ((0, 1), (0, 2), (1, 2))]
        assert shown.loc[TITLES[name], "All relevance"] == number(float(np.mean(pairs)))
    assert "On its own part" not in shown
    assert sorted(app.selectbox(key="class_matrix").options) == ["Grad-CAM", "Saliency"]
    assert address(app, "classes") == names


def test_a_class_that_the_model_lacks_is_named_and_replaced(clf: Classifier) -> None:
    app, said = opened(of="Cat", classes=["unicorn", "espresso"]), []

    def there(works: Mapping[str, Work]) -> bool:
        said.extend(one.value for one in app.toast)
        return ended("class-maps", "class-scores")(works) and arrived("class-scores")(works)

    until(app, there)
    assert said == ["The model has no class “unicorn” to compare."], "it is said once"
    best = int(clf.logits(seen(clf, "cat")).argmax())
    espresso = clf.class_names.index("espresso")
    assert chosen(app).value == [espresso, best]
    assert address(app, "classes") == [f"{k}-{clf.class_names[k]}" for k in (espresso, best)]


def test_one_class_is_too_few() -> None:
    app = settled(opened(of="Cat"))
    first, second = chosen(app).value
    checked(chosen(app).set_value([second]).run())
    assert chosen(app).value == [second], "what is taken away stays away"
    assert "Choose two classes at least." in words(app)
    checked(chosen(app).set_value([second, first]).run())
    settled(app)
    assert chosen(app).value == [second, first]
    assert [int(word.partition("-")[0]) for word in address(app, "classes")] == [second, first]


def test_many_pictures_on_average(clf: Classifier) -> None:
    app = averaged(opened(view="Many pictures"))
    scores = []
    for name in ("cat", "coffee"):
        x = seen(clf, name)
        pair = clf.logits(x)[0].argsort(descending=True)[:2].tolist()
        scores.append(found(clf, x, pair, none(clf)))
    shown = table(app)
    for method, title in TITLES.items():
        each = [one[method].scores[0, SHOWS.index("all"), 0, 1] for one in scores]
        row = shown.loc[title]
        assert row["All relevance"] == number(float(np.mean(each)))
        assert (row["Pictures"], row["Without a score"]) == (2, 0)
        # Of two pictures the interval goes from the smaller one to the larger.
        assert row["95 % interval"] == f"{number(min(each))} to {number(max(each))}"


def test_without_a_true_class_there_is_no_pair_of_it() -> None:
    rule = many_pictures.RULES["true"]
    app = until(opened(view="Many pictures", class_rule=rule), ended("class-many"))
    assert "Left out: 2 pictures, whose true class is not known." in words(app)
    assert ["Method" in one.value for one in app.dataframe] == [False], "there are no scores"


def test_the_same_two_classes_of_many_pictures(clf: Classifier) -> None:
    names = ["tabby", "espresso", "school bus"]
    rule = many_pictures.RULES["chosen"]
    app = averaged(opened(view="Many pictures", class_rule=rule, classes=names))
    # Two of those that the address names; logits are no shares.
    pair = [clf.class_names.index(name) for name in names[:2]]
    assert chosen(app).value == pair
    assert not any("%" in option for option in chosen(app).options)
    scores = [found(clf, seen(clf, name), pair, none(clf)) for name in ("cat", "coffee")]
    each = [one["gradcam"].scores[0, 0, 0, 1] for one in scores]
    assert table(app).loc["Grad-CAM", "All relevance"] == number(float(np.mean(each)))


def test_many_computations_wait_for_a_button(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many_pictures, "FEW", 1)
    app = opened(view="Many pictures", methods="input_x_gradient")
    until(app, ended("class-many"))
    assert not app.session_state["_work"]["class-many"].results
    (button,) = [one for one in app.button if one.label == "Compare 1 method on 2 pictures"]
    button.click()
    averaged(app)
    assert table(app).index.tolist() == ["Input × Gradient"]


def test_a_method_that_does_not_work_keeps_its_place() -> None:
    app = settled(opened(of="Cat", methods="saliency,cam"))
    shown = table(app)
    assert shown.index.tolist() == ["Saliency", "CAM"]
    assert shown.loc["CAM", [*KINDS, "Random maps"]].tolist() == [DASH] * 4
    assert shown.loc["Saliency", "All relevance"] != DASH
