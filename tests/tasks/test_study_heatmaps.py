"""Pictures of a study: one look, one size, one part of the world, and nothing else in the files."""

from __future__ import annotations

import io
import struct
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from xai_core import tasks
from xai_core.cache import Result
from xai_core.classes import class_titles
from xai_core.display import Display
from xai_core.errors import MapError, MethodError, ModelError
from xai_core.explainers import explain
from xai_core.images import model_input, sample_image, visible_crop
from xai_core.models import load_classifier
from xai_core.study.design import Condition, Design, Look, StudyPicture
from xai_core.study.field_of_view import field_of_view, original_png, plain_png, scaled
from xai_core.tasks.models import run_describe

TINY = {"source": "vgg-tiny"}
SIDE = 96


def design(**parts):
    made = Design(
        conditions=(
            Condition("c1", "First", TINY, "saliency"),
            Condition("c2", "Second", TINY, "gradcam"),
        ),
        pictures=(StudyPicture("p1", "cat.png", "cat", "goldfish"),),
        trials=1,
        look=Look(side=SIDE),
    )
    return replace(made, **parts)


def of_class(true, name="cat.png", **look):
    """A design with one picture of that true class."""
    pictures = (StudyPicture("p1", name, "cat", true),)
    return design(pictures=pictures, look=Look(side=SIDE, **look))


@pytest.fixture(scope="module")
def originals():
    return {name: original_png(sample_image(name)) for name in ("cat", "coffee")}


@pytest.fixture(scope="module")
def facts():
    about = run_describe(TINY).facts
    return {"c1": about, "c2": about}


def drawn(plan, facts, originals):
    """Tasks, results by key, what is stored."""
    asked = tasks.study_pictures(plan, facts, originals.__getitem__)
    results = {t.key: t.run(**t.arguments) for t in asked.values()}
    return asked, results, tasks.study_rendered(plan, facts, asked, results)


def chunks(content):
    """Names of a PNG's parts."""
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    place, names = 8, []
    while place < len(content):
        (length,) = struct.unpack(">I", content[place : place + 4])
        names.append(content[place + 4 : place + 8])
        place += 12 + length
    return names


def test_every_picture_has_one_size_and_no_metadata(facts, originals):
    _, _, (rendered, _) = drawn(design(), facts, originals)
    assert [(one.image, one.model) for one in rendered] == [
        ("p1", None),
        ("p1", "c1"),
        ("p1", "c2"),
    ]
    for one in rendered:
        assert one.mime == "image/png"
        assert Image.open(io.BytesIO(one.content)).size == (SIDE, SIDE)
        assert set(chunks(one.content)) == {b"IHDR", b"IDAT", b"IEND"}


def test_the_same_study_gives_the_same_bytes(facts, originals):
    _, _, first = drawn(design(), facts, originals)
    _, _, second = drawn(design(), facts, originals)
    assert first == second


def test_a_heatmap_is_the_package_s_own_over_the_shared_square(facts, originals):
    _, _, (rendered, predictions) = drawn(design(), facts, originals)
    clf = load_classifier("vgg-tiny")
    square = field_of_view(sample_image("cat"), clf.crop)
    pixels = model_input(sample_image("cat"), clf.input_size, clf.crop, clf.resample)
    x = clf.preprocess([sample_image("cat")])
    best = int(clf.logits(x).argmax())
    relevance = explain(clf, x, best, method="gradcam")[0].numpy()
    display = Display()
    expected = display.draw(display.values(relevance, pixels), scaled(square, SIDE))
    (content,) = [one.content for one in rendered if one.model == "c2"]
    found = np.asarray(Image.open(io.BytesIO(content)))
    # The task computes in a panel of both methods: equal up to the last bit of a float.
    assert np.abs(found.astype(int) - np.asarray(expected).astype(int)).max() <= 1
    (one,) = [one for one in predictions if one.model == "c2"]
    assert one.predicted_class == clf.class_names[best]
    assert one.probability == float(clf.logits(x).softmax(1)[0, best])
    assert not one.correct


def test_a_prediction_is_right_when_its_class_has_the_true_one_s_name(facts, originals):
    _, _, (_, before) = drawn(design(), facts, originals)
    right = before[0].predicted_class.upper()
    plan = of_class(f" {right} ")
    asked, _, (_, after) = drawn(plan, facts, originals)
    assert [one.correct for one in after] == [True, True]
    again = tasks.study_pictures(design(), facts, originals.__getitem__)
    assert {t.key for t in asked.values()} == {t.key for t in again.values()}, "nothing is redrawn"


def test_the_explained_class_is_the_predicted_or_the_true_one(facts, originals):
    plan = design(look=Look(side=SIDE, explained="true"))
    asked, results, _ = drawn(plan, facts, originals)
    explained = {results[task.key].facts["explained_class"] for task in asked.values()}
    assert explained == {"goldfish"}
    other, found, (rendered, _) = drawn(design(), facts, originals)
    told = {found[task.key].facts["explained_class"] for task in other.values()}
    assert told != explained
    assert {task.key for task in other.values()}.isdisjoint(task.key for task in asked.values())
    assert len({one.content for one in rendered}) == 3


def test_a_class_that_a_model_does_not_know_is_named(facts, originals):
    plan = of_class("unicorn", "horn.png", explained="true")
    with pytest.raises(ModelError, match=r"“unicorn” \(horn\.png\)"):
        tasks.study_pictures(plan, facts, originals.__getitem__)
    (sentence,) = tasks.unknown_classes(plan, facts)
    assert "does not know the true class of 1 of the pictures" in sentence
    _, _, (_, predictions) = drawn(replace(plan, look=Look(side=SIDE)), facts, originals)
    assert not any(one.correct for one in predictions)


def test_a_class_that_is_almost_one_of_the_model_s_is_found_and_not_taken(facts):
    names = ["tabby", "Egyptian cat", "goldfish", "tiger shark", "tiger cat", "acorn"]
    about = {"c1": {**facts["c1"], "class_names": names}}
    about["c2"] = about["c1"]

    def near(true):
        return tasks.near_misses(of_class(true), about.values())

    assert near("tabby cat") == {"tabby cat": ("tabby",)}, "it has all the words of the class"
    assert set(near("tiger")["tiger"]) == {"tiger cat", "tiger shark"}, "they have its only word"
    assert near("goldfsh") == {"goldfsh": ("goldfish",)}, "7 letters of 7 and 8: 14/15"
    assert near("unicorn") == {}, "“corn”, four letters of 7 and 5: 8/12"
    for known in ("tabby", "TABBY", " Goldfish ", ""):
        assert near(known) == {}
    other = {**about["c1"], "class_names": ["tabby cat"]}
    assert tasks.near_misses(of_class("tabby cat"), [about["c1"], other]) == {}, "one model has it"
    plan = of_class("tabby cat")
    (sentence,) = tasks.unknown_classes(plan, about)
    assert "“tabby cat” (cat.png)" in sentence


def test_the_nearest_classes_come_first_and_are_few(facts):
    names = [f"{word} cat" for word in ("Persian", "wild", "big", "tame", "old")]
    about = {**facts["c1"], "class_names": names}
    (found,) = tasks.near_misses(of_class("cat"), [about]).values()
    assert found == ("big cat", "old cat", "wild cat"), "7, 7, 8 letters of which 3 are its own"


def test_models_that_crop_differently_show_and_see_the_same_square(facts, originals):
    mixed = {**facts, "c2": {**facts["c2"], "crop": 0.5, "input_size": [32, 32]}}
    asked = tasks.study_pictures(design(), mixed, originals.__getitem__)
    first, second = asked["p1", "c1"].arguments, asked["p1", "c2"].arguments
    assert np.array_equal(first["shown"], second["shown"])
    assert first["pixels"].shape == (3, 64, 64)
    assert second["pixels"].shape == (3, 32, 32)
    square = field_of_view(sample_image("cat"), 0.5)
    assert square.size == (150, 150), "half of 300 pixels"
    assert np.array_equal(first["pixels"], model_input(sample_image("cat"), (64, 64), 0.5))
    assert np.array_equal(second["pixels"], model_input(sample_image("cat"), (32, 32), 0.5))


def test_where_all_models_crop_alike_the_square_is_what_they_see_elsewhere():
    image = sample_image("coffee")
    for share in (1.0, 0.875):
        ours, theirs = field_of_view(image, share), visible_crop(image, (224, 224), share)
        assert max(abs(a - b) for a, b in zip(ours.size, theirs.size, strict=True)) <= 1


def test_a_model_whose_input_is_not_square_is_refused(facts, originals):
    odd = {**facts, "c2": {**facts["c2"], "input_size": [32, 64]}}
    with pytest.raises(ModelError, match="32 × 64"):
        tasks.study_pictures(design(), odd, originals.__getitem__)


def test_an_unknown_method_or_look_is_refused(facts, originals):
    lost = replace(design().conditions[1], method="guesswork")
    with pytest.raises(MethodError, match="guesswork"):
        tasks.study_pictures(design(conditions=(lost,)), facts, originals.__getitem__)
    plan = design(look=Look(colormap="viridis"))
    with pytest.raises(MethodError, match="colour map"):
        tasks.study_pictures(plan, facts, originals.__getitem__)


def test_the_key_has_everything_that_decides_a_picture(facts, originals):
    def key(plan):
        return tasks.study_pictures(plan, facts, originals.__getitem__)["p1", "c1"].key

    plan = design()
    first = plan.conditions[0]
    usual = key(plan)
    assert key(replace(plan, look=replace(plan.look, colormap="blue-red"))) == usual
    others = [
        replace(plan, look=replace(plan.look, opacity=0.5)),
        replace(plan, look=replace(plan.look, side=97)),
        replace(plan, look=replace(plan.look, clip=99.0)),
        replace(plan, look=replace(plan.look, mode="bilinear")),
        replace(plan, conditions=(replace(first, method="input_x_gradient"),)),
        replace(plan, pictures=(replace(plan.pictures[0], asset="coffee"),)),
    ]
    found = [key(other) for other in others]
    assert len({usual, *found}) == len(found) + 1


def test_a_large_original_is_kept_smaller_and_plain():
    rng = np.random.default_rng(0)
    large = Image.fromarray(rng.integers(0, 256, (1500, 2000, 3), dtype=np.uint8))
    kept = Image.open(io.BytesIO(original_png(large)))
    assert kept.size == (1365, 1024)
    small = sample_image("cat")
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(original_png(small)))), small)
    small.info["comment"] = "secret"
    assert b"secret" not in plain_png(small)


def test_classes_whose_names_differ_in_case_alone_are_two(facts, originals):
    names = list(facts["c1"]["class_names"])
    _, _, (_, before) = drawn(design(), facts, originals)
    best = names.index(before[0].predicted_class)
    names[(best + 1) % 100] = names[best].upper()
    twins = {name: {**about, "class_names": names} for name, about in facts.items()}
    titles = class_titles(names)
    asked = tasks.study_pictures(design(), twins, originals.__getitem__)
    results = {
        task.key: Result({"png": np.zeros(1, np.uint8)}, {"predicted_class": titles[best],
                                                          "probability": 0.5})
        for task in asked.values()
    }  # fmt: skip

    def right(word):
        _, predictions = tasks.study_rendered(of_class(word), twins, asked, results)
        return {one.correct for one in predictions}

    assert right(names[best]) == {True}
    assert right(names[best].upper()) == {False}
    assert right(titles[best]) == {True}
    assert right(names[best].title()) == {False}, "could be either"
    plan = of_class(names[best].title(), explained="true")
    with pytest.raises(ModelError, match="or knows several of that name"):
        tasks.study_pictures(plan, twins, originals.__getitem__)


def test_a_true_class_that_is_to_be_explained_must_be_chosen(facts, originals):
    plan = of_class("", explained="true")
    with pytest.raises(ModelError, match=r"true class of the picture “cat\.png” is not chosen"):
        tasks.study_pictures(plan, facts, originals.__getitem__)


def stored(values):
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


def own(name, title="Ours", **settings):
    files = {"cat": name} if name else {}
    return Condition(title, title, {}, f"maps:{title}", {"signed": True, "maps": files, **settings})


def test_maps_computed_elsewhere_need_no_model(originals):
    cat = sample_image("cat")  # 451 × 300 pixels, of which the middle 300 × 300 are shown
    ramp = np.tile(np.linspace(-1, 1, 451, dtype=np.float32), (300, 1))
    files = {**originals, "ramp": stored(ramp), "square": stored(ramp[None, :, 75:375])}
    plan = design(conditions=(own("ramp"), own("square", "Theirs")), look=Look(side=SIDE))
    asked, _, (rendered, predictions) = drawn(plan, {}, files)
    assert predictions == []
    first, second = (one.content for one in rendered if one.model)
    assert first == second, "the middle of the whole and the middle alone are the same map"
    shown = scaled(field_of_view(cat, 1.0), SIDE)
    fine = Image.fromarray(ramp[:, 75:375].copy()).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    middle = np.asarray(fine)
    expected = Display().draw((middle / np.abs(middle).max())[None].astype(float), shown)
    difference = np.asarray(Image.open(io.BytesIO(first))).astype(int) - np.asarray(expected)
    assert np.abs(difference).max() <= 1
    assert all("model" not in task.arguments for task in asked.values())


def test_own_maps_beside_a_model_lie_over_what_the_model_sees(facts, originals):
    whole = np.random.default_rng(0).normal(size=(300, 451)).astype(np.float32)
    plan = design(conditions=(design().conditions[0], own("whole")))
    asked, _, (_, predictions) = drawn(
        plan, {"c1": {**facts["c1"], "crop": 0.5}}, {**originals, "whole": stored(whole)}
    )
    # Half of the shorter side: 150 pixels, from column 150 and row 75.
    given = asked["p1", "Ours"].arguments["relevance"]
    part = np.ascontiguousarray(whole[75:225, 150:300])
    fine = Image.fromarray(part).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    np.testing.assert_allclose(given[0], np.asarray(fine), rtol=1e-6)
    assert [one.model for one in predictions] == ["c1"]


@pytest.mark.parametrize(
    ("values", "settings", "said"),
    [
        (np.zeros((7, 9), np.float32), {}, r"9 × 7 pixels and fits nothing.*451 × 300.*300 × 300"),
        (np.zeros((300, 451), np.float32), {"covers": "sky"}, "cannot cover 'sky'"),
        (None, {}, "hold none of the name 'cat'"),
    ],
)
def test_own_maps_that_do_not_fit_are_named(originals, values, settings, said):
    files = originals if values is None else {**originals, "mine": stored(values)}
    plan = design(conditions=(own("" if values is None else "mine", **settings),))
    with pytest.raises(MapError, match=said):
        tasks.study_pictures(plan, {}, files.__getitem__)
