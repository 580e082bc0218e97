"""Designs: there and back through JSON, refused where they cannot be, problems named."""

import json
from dataclasses import fields, replace

import pytest

from tests.study.small import design
from xai_core.errors import StudyError
from xai_core.study import (
    BACKGROUND,
    QUESTION,
    BackgroundQuestion,
    Condition,
    Consent,
    Design,
    Look,
)
from xai_core.study.cautions import PREDICTED, TRUE, cautions
from xai_core.study.problems import problems
from xai_core.study.texts import moment


def test_there_and_back():
    chosen = design(3, 3, target=5, opens_at="2030-01-01T00:00", look=Look(clip=99.0, side=200))
    again = Design.from_json(json.loads(json.dumps(chosen.to_json())))
    assert again == chosen
    assert again.conditions[0].model == {"source": "hidden"}


def test_the_defaults_are_the_papers():
    assert QUESTION == "Which image best highlights the {class} in the original image?"
    assert [each.kind for each in BACKGROUND] == ["yes_no"] * 3
    assert Design().background == BACKGROUND
    assert (Design().random_order, Design().random_positions) == (True, True)


ONE, TWO = {"source": "one"}, {"source": "two"}


@pytest.mark.parametrize(
    ("compared", "word"),
    [
        ([(ONE, "a", {}), (ONE, "b", {})], "method"),
        ([(ONE, "a", {"steps": 1}), (ONE, "a", {"steps": 2})], "method"),
        ([(ONE, "a", {}), (TWO, "a", {})], "model"),
        ([(ONE, "a", {}), (TWO, "b", {})], "condition"),
        ([(ONE, "a", {}), (ONE, "b", {}), (TWO, "a", {})], "condition"),
        ([({}, "maps:x", {}), ({}, "maps:y", {})], "condition"),
        ([(ONE, "a", {}), ({}, "maps:y", {})], "condition"),
    ],
)
def test_what_is_compared_has_a_word(compared, word):
    conditions = tuple(Condition(f"c{n}", "", *parts) for n, parts in enumerate(compared))
    assert Design(conditions=conditions).compared == word


def test_what_is_explained_and_what_the_question_names_are_held_together():
    own = (Condition("c1", "", {}, "maps:x"), Condition("c2", "", {}, "maps:y"))
    true = Look(explained="true")
    assert cautions(design()) == [PREDICTED]
    assert cautions(design(look=true)) == []
    assert cautions(design(question="Which is best?")) == []
    assert cautions(design(question="Which is best?", look=true)) == [TRUE]
    assert cautions(replace(design(), conditions=own)) == [], "what they explain is not known"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"colour": 1}, "unknown part: colour"),
        ({"trials": "3"}, "trials must be a whole number"),
        ({"trials": True}, "trials must be a whole number"),
        ({"trials": 3.0}, "trials must be a whole number"),
        ({"random_order": 1}, "random_order must be true or false"),
        ({"title": None}, "title must be a text"),
        ({"target": "x"}, "target must be a whole number"),
        ({"pictures": {}}, "pictures must be a list"),
        ({"pictures": [{"id": "p"}]}, r"pictures\[0\].name is missing"),
        ({"pictures": ["p"]}, r"pictures\[0\] must be an object"),
        ({"look": {"opacity": "1"}}, "look.opacity must be a number"),
        ({"look": {"explained": "best"}}, "look.explained must be one of: predicted, true"),
        ({"conditions": [{"id": "c", "title": "", "model": [], "method": ""}]}, "model must be"),
        ({"consent": {"text": "x", "version": 1, "x": 1}}, "consent has an unknown part"),
    ],
)
def test_what_comes_from_outside_is_checked(change, sentence):
    with pytest.raises(StudyError, match=sentence):
        Design.from_json({**Design().to_json(), **change})


@pytest.mark.parametrize("data", [None, [], "x", 3])
def test_a_design_is_an_object(data):
    with pytest.raises(StudyError, match="must be an object"):
        Design.from_json(data)


def test_a_whole_number_is_a_number_too():
    assert Design.from_json({"look": {"opacity": 1, "clip": None}}).look == Look(opacity=1.0)


def test_a_good_design_has_no_problems():
    assert problems(design()) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"title": " "}, "title is empty"),
        ({"question": "x" * 20_001}, "longer than 20000"),
        ({"instructions": "\0"}, "cannot be stored"),
        ({"consent": Consent("\ud800")}, "cannot be stored"),
        ({"conditions": design().conditions[:1]}, "at least two"),
        ({"conditions": design().conditions * 2}, "the same id"),
        ({"conditions": design(conditions=27).conditions}, "at most 26"),
        ({"conditions": (replace(design().conditions[0], id="same"),) * 2}, "cannot be an id"),
        ({"conditions": (replace(design().conditions[0], id="a b"),) * 2}, "cannot be an id"),
        ({"pictures": ()}, "Add pictures"),
        ({"pictures": (replace(design().pictures[0], true_class=""),)}, "no class"),
        ({"trials": 0}, "from 1 to 3"),
        ({"trials": 4}, "from 1 to 3"),
        ({"catch_trials": 2}, "2 catch trials are planned, with 1 pictures"),
        ({"catch_trials": -1}, "catch trials are planned"),
        ({"instructed_trials": -1}, "cannot be negative"),
        ({"instructed_trials": 4}, "more instructed trials than trials"),
        ({"most_failed": -1}, "cannot be negative"),
        ({"target": 0}, "at least one participant"),
        ({"look": Look(side=20)}, "from 64 to 1024"),
        ({"background": (BackgroundQuestion("a", "", "text"),)}, "has no text"),
        ({"background": (BackgroundQuestion("a", "?", "choice", ("x",)),)}, "at least two"),
        ({"background": (BackgroundQuestion("a", "?", "choice", ("x", " ")),)}, "is empty"),
        ({"background": (BackgroundQuestion("a", "?", "yes_no", (), True, ("x",)),)}, "not offer"),
        ({"background": (BackgroundQuestion("a", "?", "text", (), True, ("x",)),)}, "freely"),
        ({"background": (BackgroundQuestion("a", "?", "number", (), True, ("x",)),)}, "no number"),
        ({"background": BACKGROUND * 2}, "the same id"),
        ({"completion_url": "javascript:alert(1)"}, "https://"),
        ({"completion_url": "example.org"}, "https://"),
        ({"completion_code": "x" * 201}, "too long"),
        ({"opens_at": "soon"}, "not a date"),
        ({"opens_at": "2030-01-02", "closes_at": "2030-01-01"}, "before it opens"),
    ],
)
def test_problems_are_named(change, sentence):
    found = problems(replace(design(), **change))
    assert any(sentence in each for each in found), found
    assert all(each.endswith(".") for each in found)


def test_an_empty_draft_names_what_lacks_without_failing():
    assert len(problems(Design())) == 2


def test_moments_are_in_utc():
    assert moment("2030-01-01T01:00+02:00").isoformat() == "2029-12-31T23:00:00+00:00"
    assert moment("2030-01-01").isoformat() == "2030-01-01T00:00:00+00:00"


def test_every_part_of_a_design_is_described():
    for each in fields(Design):
        assert f"        {each.name}:" in (Design.__doc__ or "")


def test_maps_computed_elsewhere_must_be_there_for_every_picture():
    files = {f"hidden{number}": "0" * 64 for number in range(1, 6)}
    own = Condition("c1", "Ours", {}, "maps:Ours", {"maps": files})
    chosen = design(conditions=1, trials=3)  # of five pictures, hidden1.jpg to hidden5.jpg
    chosen = replace(chosen, conditions=(own, replace(own, id="c2")))
    assert problems(chosen) == []
    lost = replace(own, settings={"maps": {"hidden1": "0" * 64, "hidden3": "0" * 64}})
    (said,) = problems(replace(chosen, conditions=(own, replace(lost, id="c2"))))
    assert "“Ours” have none for “hidden2.jpg”, “hidden4.jpg”, “hidden5.jpg”;" in said
    for settings in ({}, {"maps": ["x"]}, {"maps": {"hidden1": 1}}):
        nothing = replace(own, id="c2", settings=settings)
        assert len(problems(replace(chosen, conditions=(own, nothing)))) == 1
    (said,) = problems(replace(chosen, conditions=(own, replace(own, id="c2", method="gradcam"))))
    assert "has no model, and no maps computed elsewhere" in said
    twice = (*chosen.pictures[:-1], replace(chosen.pictures[-1], name="other/hidden1.png"))
    (said,) = problems(replace(chosen, pictures=twice))
    assert said.startswith("2 pictures are called “hidden1”")


def test_maps_are_kept_as_long_as_a_design_names_them(store):
    maps = {name: store.keep_asset(name.encode(), "application/x-npy") for name in ("cat", "dog")}
    picture = store.keep_asset(b"picture", "image/png")
    chosen = design()
    pictures = tuple(replace(one, asset=picture) for one in chosen.pictures)
    own = Condition("c1", "Ours", {}, "maps:Ours", {"maps": {"cat": maps["cat"]}})
    kept, gone = store.create("kept"), store.create("gone")
    store.save_draft(kept, replace(chosen, pictures=pictures, conditions=(own,)))
    store.save_draft(gone, replace(chosen, pictures=pictures))
    store.delete(gone)
    assert store.asset(maps["cat"])[0] == b"cat"
    assert store.asset(picture)[0] == b"picture"
    with pytest.raises(StudyError, match="missing"):
        store.asset(maps["dog"])
