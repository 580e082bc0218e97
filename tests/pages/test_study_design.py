"""The page of study designs through app.py, without a browser."""

from __future__ import annotations

import functools
import io
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from pages.components import access, picture_store, session_store
from pages.components.session_store import OwnPicture
from pages.components.study.design import links, originals, publish, rendering, study_urls
from tests.pages.opening import address, page, press, words
from tests.pages.waiting import arrived, checked, ended, until
from xai_core.errors import StudyUnavailableError
from xai_core.images import sample_image
from xai_core.study import Rendered, Store, Version
from xai_core.study.design import (
    BACKGROUND,
    QUESTION,
    BackgroundQuestion,
    Condition,
    Consent,
    Design,
    Look,
    StudyPicture,
)
from xai_core.study.field_of_view import original_png

NOON = datetime(2031, 1, 1, 12, tzinfo=UTC)
TINY = {"source": "vgg-tiny"}
NASTY = "<script>alert(1)</script> =1+1 {class} **bold** $x$ [a](http://x)"
pytestmark = pytest.mark.usefixtures("engine", "store")


@functools.cache
def sample_png(name: str) -> bytes:
    """A sample as a study keeps it; it takes a third of a second to write."""
    return original_png(sample_image(name))


def full(store: Store, **parts: Any) -> Design:
    """A design that can be published, of two pictures."""
    assets = {name: store.keep_asset(sample_png(name), "image/png") for name in ("cat", "coffee")}
    made = Design(
        conditions=(
            Condition("c1", "First", TINY, "saliency"),
            Condition("c2", "Second", TINY, "gradcam"),
        ),
        pictures=(
            StudyPicture("p1", "cat", assets["cat"], "Egyptian cat"),
            StudyPicture("p2", "coffee", assets["coffee"], "espresso"),
        ),
        trials=2,
        look=Look(side=96),
    )
    return replace(made, **parts)


def begun(store: Store, design: Design | None = None, name: str = "Mine") -> str:
    slug = store.create(name)
    store.save_draft(slug, design or Design())
    return slug


def opened(slug: str = "", step: str = "") -> AppTest:
    query = {name: value for name, value in (("design", slug), ("step", step)) if value}
    return checked(page("app.py", query).switch_page("pages/study_design.py").run())


def edited(store: Store, step: str, design: Design | None = None) -> tuple[str, AppTest]:
    """A new study, and the page at a step of its design."""
    slug = begun(store, design)
    return slug, opened(slug, step)


def field(app: AppTest, kind: str, label: str, number: int = 0) -> Any:
    """One of the page's controls: of those with that label the one of that number."""
    return [one for one in getattr(app, kind) if one.label == label][number]


def enter(app: AppTest, kind: str, label: str, value: Any, number: int = 0) -> AppTest:
    field(app, kind, label, number).set_value(value)
    return checked(app.run())


def test_begin_a_study_write_and_find_it_again(store: Store) -> None:
    app = opened()
    assert "There is no study yet" in words(app)
    field(app, "text_input", "New study").set_value("Which <b>one</b>")
    checked(field(app, "button", "Begin").click().run())
    (study,) = store.studies()
    assert address(app, "design") == [study.slug]
    enter(app, "text_input", "Title for participants", NASTY)
    enter(app, "text_area", "Question of every trial", "Where is the {class}?")
    enter(app, "text_area", "Instructions before the first trial", NASTY)
    assert "Saved " in words(app)
    assert "Where is the Egyptian cat?" in words(app)
    draft = store.draft(study.slug)
    assert (draft.title, draft.instructions) == (NASTY, NASTY)
    assert draft.question == "Where is the {class}?"
    again = opened(study.slug)
    assert field(again, "text_input", "Title for participants").value == NASTY
    assert field(again, "text_area", "Question of every trial").value == "Where is the {class}?"
    assert "Which \\<b\\>one\\</b\\>" in words(again), "a name is text"
    enter(again, "text_area", "Question of every trial", " ")
    assert store.draft(study.slug).question == QUESTION
    enter(again, "text_input", "Name", "Another")
    assert store.studies()[0].name == "Another"
    press(again, "all studies")
    assert "**Another**" in words(again)
    assert ":gray-badge[draft]" in words(again)


def test_every_problem_is_named_beside_the_button(store: Store) -> None:
    app = opened(begun(store), "Publish")
    assert "Choose at least two models or methods" in words(app)
    assert "Add pictures" in words(app)
    assert app.button(key="publish").disabled
    assert app.button(key="preview").disabled
    slug = begun(store, full(store, conditions=full(store).conditions[:1]))
    assert "at least two" in words(opened(slug, "Publish"))
    good = opened(begun(store, full(store)), "Publish")
    assert "Nothing is missing" in words(good)
    assert not good.button(key="publish").disabled


def test_no_such_study_is_said() -> None:
    app = opened("nothing-here")
    assert "There is no study at this address" in words(app)


def test_a_change_is_kept_although_another_step_is_chosen_at_once(store: Store) -> None:
    slug, app = edited(store, "Question")
    field(app, "text_input", "Title for participants").set_value("Late")
    app.segmented_control(key="step").set_value("ending")
    checked(app.run())
    assert store.draft(slug).title == "Late"


@pytest.mark.parametrize("step", ["question", "look", "trials", "participants", "ending"])
def test_a_control_is_born_with_what_the_draft_says(store: Store, step: str) -> None:
    """A browser sends a new control's default if somebody clicks before its state has come."""
    design = full(store, title="T", trials=1, catch_trials=1)
    app = opened(begun(store, design), step)
    own = [
        one for kind in ("text_input", "text_area", "number_input") for one in getattr(app, kind)
    ]
    assert [one.proto.default for one in own] == [one.value for one in own]
    assert [one.proto.default for one in app.toggle] == [one.value for one in app.toggle]
    lists = [one for one in app.selectbox if one.value is not None]
    assert [one.options[one.proto.default] for one in lists] == [
        one.options[one.index] for one in lists
    ]
    assert own or lists or app.toggle
    assert not any(one.proto.set_value for one in [*own, *lists, *app.toggle])


def test_what_was_changed_elsewhere_is_not_overwritten(store: Store) -> None:
    slug = begun(store)
    one, two = opened(slug), opened(slug)
    enter(one, "text_input", "Title for participants", "One")
    enter(two, "text_input", "Title for participants", "Two")
    assert store.draft(slug).title == "One"
    assert "changed elsewhere" in words(two)
    enter(two, "text_area", "Instructions before the first trial", "More")
    assert store.draft(slug).instructions != "More"
    press(two, "reload draft")
    assert field(two, "text_input", "Title for participants").value == "One"
    enter(one, "text_input", "Title for participants", "One again")
    enter(two, "text_input", "Title for participants", "Two again")
    press(two, "overwrite draft")
    assert store.draft(slug).title == "Two again"
    assert "changed elsewhere" not in words(two)


def test_conditions_are_added_named_moved_and_removed(store: Store) -> None:
    slug, app = edited(store, "Compared")
    until(app, arrived("model"))
    next(one for one in app.get("button_group") if one.key.startswith("m-gradient_")).set_value(
        ["saliency"]
    )
    checked(app.run())
    press(app, "add conditions")
    draft = store.draft(slug)
    assert [(one.id, one.method) for one in draft.conditions] == [
        ("c1", "saliency"),
        ("c2", "gradcam"),
    ]
    assert draft.conditions[0].model == TINY
    assert draft.conditions[0].title == "Saliency · vgg-tiny"
    press(app, "add conditions")
    assert len(store.draft(slug).conditions) == 2, "what is there is not added twice"
    enter(app, "text_input", "2. Name in your results", NASTY)
    press(app, "up c2")
    moved = store.draft(slug).conditions
    assert [one.id for one in moved] == ["c2", "c1"]
    assert moved[0].title == NASTY
    press(app, "drop c2")
    assert [one.id for one in store.draft(slug).conditions] == ["c1"]


def test_samples_are_added_and_their_classes_told(store: Store) -> None:
    slug, app = edited(store, "Pictures", full(store, pictures=(), trials=0))
    until(app, lambda _: "The classes to choose from" not in words(app))
    enter(app, "segmented_control", "From", "samples")
    enter(app, "button_group", "Samples", ["cat", "rocket"])
    press(app, "add samples")
    draft = store.draft(slug)
    assert [(one.id, one.name, one.true_class) for one in draft.pictures] == [
        ("p1", "Cat", ""),
        ("p2", "Rocket", ""),
    ]
    assert draft.trials == 2, "everybody judges everything"
    assert "without a true class: 2" in words(app)
    options = field(app, "selectbox", "True class").options
    assert {"True class?", "Egyptian cat", "espresso"} <= set(options)
    enter(app, "selectbox", "True class", "Egyptian cat")
    enter(app, "selectbox", "For", "catch", -1)
    draft = store.draft(slug)
    assert draft.pictures[0].true_class == "Egyptian cat"
    assert draft.pictures[1].kind == "catch"
    assert draft.trials == 1
    until(app, ended("study-answers"))
    assert ":material/check: vgg\\-tiny\\: Egyptian cat" in words(app)
    press(app, "drop p1")
    assert [one.id for one in store.draft(slug).pictures] == ["p2"]


def test_the_pictures_of_the_session_are_added_with_their_classes(store: Store) -> None:
    slug = begun(store, full(store, pictures=(), trials=0))
    kept, lost = (picture_store.keep(sample_png(name)) for name in ("cat", "coffee"))
    token = session_store.create()
    pictures = (
        OwnPicture("mine/c.png", kept, true="Egyptian cat"),
        OwnPicture("gone.png", lost, true="espresso"),
        OwnPicture("other.png", "0" * 64, shown=False),
    )
    session_store.change(token, "", lambda now: replace(now, pictures=pictures))
    picture_store.delete(lost)
    app = opened(slug, "Pictures")
    app.query_params["session"] = token
    until(app, lambda _: "The classes to choose from" not in words(app))
    enter(app, "segmented_control", "From", "session")
    assert field(app, "multiselect", "This session's pictures").value == [kept, lost]
    press(app, "add of session")
    assert [(one.name, one.true_class) for one in store.draft(slug).pictures] == [
        ("c.png", "Egyptian cat")
    ]
    assert "'gone.png' is not kept on this server any more" in words(app).replace("\\", "")
    assert address(app, "session") == [token]


def test_files_that_are_no_pictures_are_named_and_left_out(store: Store) -> None:
    slug, app = edited(store, "Pictures", full(store, pictures=(), trials=0))
    stream = io.BytesIO()
    sample_image("coffee").save(stream, "PNG")
    app.file_uploader[0].set_value(
        [
            ("../../cup.png", stream.getvalue(), "image/png"),
            ("=cmd|' /C calc'!A0.png", b"GIF89a", "image/png"),
            ("again.png", stream.getvalue(), "image/png"),
            ("<b>big.png", b"\x89PNG\r\n\x1a\n broken", "image/png"),
        ]
    )
    checked(app.run())
    (picture,) = store.draft(slug).pictures
    assert picture.name == "cup.png"
    content, mime = store.asset(picture.asset)
    assert mime == "image/png"
    assert Image.open(io.BytesIO(content)).size == sample_image("coffee").size
    said = words(app)
    assert "is a GIF" in said
    assert "is the same picture as" in said
    assert "\\<b\\>big" in said
    assert not app.file_uploader[0].value, "the files are not read again"


def test_a_data_set_is_drawn_by_lot(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        folder = tmp_path / "pets" / ("espresso" if number % 2 else "goldfish")
        folder.mkdir(parents=True, exist_ok=True)
        side = 300 + 8 * number
        cup = sample_image("coffee").crop((100, 0, 100 + side, side))
        cup.save(folder / f"{number}.png")
    monkeypatch.setenv("XAI_DATA", str(tmp_path / "pets"))

    def data_set() -> tuple[str, AppTest]:
        slug, app = edited(store, "Pictures", full(store, pictures=(), trials=0))
        return slug, enter(app, "segmented_control", "From", "data")

    def drawn(seed: int) -> list[tuple[str, str]]:
        slug, app = data_set()
        field(app, "number_input", "Pictures").set_value(3)
        enter(app, "number_input", "Seed", seed)
        press(app, "draw")
        return [(one.name, one.true_class) for one in store.draft(slug).pictures]

    def among(right: int, wrong: int) -> list[tuple[str, str]]:
        slug, app = data_set()
        enter(app, "selectbox", "Drawn from", "c1")
        field(app, "number_input", "Rightly classified").set_value(right)
        enter(app, "number_input", "Wrongly classified", wrong)
        press(app, "draw")
        until(app, lambda _: bool(store.draft(slug).pictures))
        return [(one.name, one.true_class) for one in store.draft(slug).pictures]

    first = drawn(1)
    assert len(first) == 3
    assert all(
        true == ("espresso" if int(name.split(".")[0]) % 2 else "goldfish") for name, true in first
    )
    assert drawn(1) == first
    assert any(drawn(seed) != first for seed in (2, 3))
    # The model takes every one of them for coffee.
    assert [true for _, true in among(2, 0)] == ["espresso"] * 2
    assert sorted(true for _, true in among(1, 2)) == ["espresso", "goldfish", "goldfish"]


def test_the_look_is_tried_on_a_picture(store: Store) -> None:
    slug, app = edited(store, "Look", full(store))
    assert "scaled by its own largest absolute value" in words(app)
    until(app, arrived("study-sample"))
    until(app, ended("study-sample"))
    assert words(app).count("predicts ") == 2
    enter(app, "segmented_control", "Show", "positive")
    look = store.draft(slug).look
    assert (look.show, look.colormap) == ("positive", "")
    enter(app, "selectbox", "Colours saturate", 99.0)
    assert store.draft(slug).look.clip == 99.0
    assert "99th percentile" in words(app)
    field(app, "segmented_control", "Heatmaps explain the").set_value("true")
    enter(app, "number_input", "Side of every picture in pixels", 128)
    assert store.draft(slug).look.explained == "true"
    assert store.draft(slug).look.side == 128


def write(app: AppTest, label: str, words: str, number: int = 0) -> AppTest:
    """The page after words were typed that a list does not offer."""
    box = field(app, "selectbox", label, number)
    assert box.proto.accept_new_options
    box.options.append(words)  # the list of AppTest knows no other words
    box.set_value(words)
    return checked(app.run())


def test_a_true_class_may_be_one_that_no_model_has(store: Store) -> None:
    slug, app = edited(store, "Pictures", full(store))
    until(app, ended("study-answers"))
    write(app, "True class", "space rocket")
    assert store.draft(slug).pictures[0].true_class == "space rocket"
    assert "Your own words" in words(app)
    assert "does not know the true class of 1 of the pictures" in words(app)
    assert "Its prediction counts as wrong there" in words(app)
    assert "Do you mean" not in words(app), "no class is like it"
    until(app, ended("study-answers"))
    assert ":material/close: vgg\\-tiny\\: Egyptian cat" in words(app)
    again = opened(slug, "Pictures")
    assert field(again, "selectbox", "True class").value == "space rocket"
    app = opened(slug, "Publish")
    assert not app.button(key="publish").disabled
    assert "counts as wrong" in words(app)
    press(app, "publish")
    until(app, lambda _: bool(store.versions(slug)))
    predictions = store.records(slug).predictions
    assert not predictions[predictions.image == "p1"].correct.any()
    assert predictions[predictions.image == "p2"].correct.all()


def test_a_near_miss_is_asked_about_and_never_guessed(store: Store) -> None:
    design = full(store)
    cats = (replace(design.pictures[0], true_class="Egyptian cats"),
            replace(design.pictures[1], true_class="tabby cat"))  # fmt: skip
    slug, app = edited(store, "Pictures", replace(design, pictures=cats))
    until(app, ended("study-answers"))
    assert "No model has the class **Egyptian cats** (1 picture). Do you mean" in words(app)
    assert store.draft(slug).pictures[0].true_class == "Egyptian cats", "until somebody says so"
    step = "The step Pictures asks what is meant by “Egyptian cats”, “tabby cat”"
    assert step in words(opened(slug, "Publish")).replace("\\", "")
    press(app, "mean Egyptian cats Egyptian cat")
    assert store.draft(slug).pictures[0].true_class == "Egyptian cat"
    assert "**Egyptian cats**" not in words(app)
    press(app, "keep tabby cat")
    assert "Do you mean" not in words(app)
    assert store.draft(slug).pictures[1].true_class == "tabby cat"


def test_the_classes_of_the_models_can_be_searched(store: Store) -> None:
    _, app = edited(store, "Pictures", full(store))
    until(app, arrived("study-answers"))
    assert "100 classes" in words(app)
    assert len(app.dataframe[0].value) == 100
    enter(app, "text_input", "Words of a class", "CAT egypt")
    assert app.dataframe[0].value["Class"].tolist() == ["Egyptian cat"]
    enter(app, "text_input", "Words of a class", "unicorn")
    assert not app.dataframe
    assert "No class has these words" in words(app)


def test_a_folder_may_be_called_after_no_class() -> None:
    classes = ["goldfish", "Egyptian cat"]
    known, problems = originals.true_classes(["", "GOLDFISH", "unicorn"], classes)
    assert known == {"GOLDFISH": "goldfish", "unicorn": "unicorn"}
    assert not problems
    tiger = originals.true_classes(["n02123159"], ["tiger cat"])
    assert tiger == ({"n02123159": "tiger cat"}, []), "WordNet's id of ImageNet's class 282"
    assert originals.true_classes(["", "a"], None) == ({"a": "a"}, ())


def test_what_the_heatmaps_explain_is_compared_with_the_question(store: Store) -> None:
    slug = begun(store, full(store))
    for step in ("Publish", "Look"):
        assert "the question names the true one" in words(opened(slug, step))
    true = full(store, look=Look(side=96, explained="true"))
    assert ":material/warning:" not in words(opened(begun(store, true), "Look"))
    assert not opened(begun(store, true), "Publish").warning
    unnamed = replace(true, question="Which is best?")
    app = opened(begun(store, unnamed), "Publish")
    assert "the question does not name it" in words(app)
    assert not app.button(key="publish").disabled, "it may be meant"


def test_a_class_that_cannot_be_explained_is_said_before_publishing(store: Store) -> None:
    design = full(store, look=Look(side=96, explained="true"))
    odd = (replace(design.pictures[0], true_class="unicorn"), design.pictures[1])
    slug, app = edited(store, "Pictures", replace(design, pictures=odd))
    until(app, arrived("study-answers"))
    assert "Only a class that a model has can be explained" in words(opened(slug, "Publish"))


@pytest.mark.parametrize(
    ("here", "only"),
    [
        ("http://localhost:8501/study_design", True),
        ("http://127.0.0.1:8501/study_design", True),
        ("http://127.8.9.1/x", True),
        ("http://[::1]:8501/x", True),
        ("http://0.0.0.0:8501/x", True),
        ("http://lab.localhost/x", True),
        ("https://localhost.example.org/x", False),
        ("http://192.168.1.7:8501/x", False),
        ("https://lab.example/x", False),
        (None, False),
    ],
)
def test_a_link_to_this_machine_alone_is_known(
    monkeypatch: pytest.MonkeyPatch, here: str | None, only: bool
) -> None:
    monkeypatch.setattr(study_urls.st, "context", SimpleNamespace(url=here))
    assert study_urls.only_here() is only


def test_links_that_nobody_else_can_open_are_warned_of(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    slug = begun(store)
    published(store, slug, full(store))
    assert links.ONLY_HERE not in words(opened(slug, "Publish"))
    monkeypatch.setattr(study_urls, "only_here", lambda: True)
    assert links.ONLY_HERE in words(opened(slug, "Publish"))


def test_trials_and_checks(store: Store) -> None:
    design = full(store)
    pictures = (replace(design.pictures[0], kind="catch"), design.pictures[1])
    slug, app = edited(store, "Trials", replace(design, pictures=pictures, trials=1))
    enter(app, "number_input", "Trials with identical heatmaps", 1)
    enter(app, "number_input", "Trials that say which answer to choose", 1)
    enter(app, "number_input", "Wrong answers to checks that are allowed", 0)
    typed = app.run().number_input
    assert not any(one.proto.set_value for one in typed), "it would replace what is being typed"
    app.toggle[0].set_value(False)
    checked(app.run())
    draft = store.draft(slug)
    assert (draft.catch_trials, draft.instructed_trials, draft.most_failed) == (1, 1, 0)
    assert not draft.random_order
    assert draft.random_positions
    assert "**2** checks among them" in words(app)


def test_questions_about_the_participant(store: Store) -> None:
    slug, app = edited(store, "Participants")
    assert [one.value for one in app.text_input if one.label == "Question"] == [
        one.text for one in BACKGROUND
    ]
    press(app, "add question")
    enter(app, "text_input", "Question", NASTY, 3)
    enter(app, "selectbox", "Answer", "choice", 3)
    enter(app, "text_area", "Answers, one a line", "red\n\n green \nred\nblue")
    enter(app, "multiselect", "Answers that screen out", ["blue"], 3)
    assert store.draft(slug).background[3] == BackgroundQuestion(
        "q1", NASTY, "choice", ("red", "green", "blue"), True, ("blue",)
    )
    enter(app, "text_area", "Answers, one a line", "red\ngreen")
    assert store.draft(slug).background[3].screens_out == ()
    press(app, "up q1")
    assert [one.id for one in store.draft(slug).background] == [
        "degree",
        "saliency",
        "q1",
        "vision",
    ]
    press(app, "drop degree")
    press(app, "usual questions")
    assert [one.id for one in store.draft(slug).background] == [
        "degree",
        "saliency",
        "q1",
        "vision",
    ]
    enter(app, "selectbox", "Answer", "number")
    enter(app, "text_input", "Numbers that screen out, with commas between", "0, 1,,0")
    assert store.draft(slug).background[0].screens_out == ("0", "1")


def test_the_consent_s_version_rises_once_for_each_published_text(store: Store) -> None:
    slug, app = edited(store, "Participants")
    enter(app, "text_area", "Consent text, version 1", "First words")
    enter(app, "text_area", "Consent text, version 1", "Better words")
    assert store.draft(slug).consent == Consent("Better words", 1), "nobody has agreed yet"
    published(store, slug, full(store, consent=Consent("Better words", 1)))
    app = opened(slug, "Participants")
    enter(app, "text_area", "Consent text, version 1", "New words")
    enter(app, "text_area", "Consent text, version 2", "Newer words")
    assert store.draft(slug).consent == Consent("Newer words", 2)
    enter(app, "text_area", "Consent text, version 2", "Better words")
    assert store.draft(slug).consent == Consent("Better words", 1)


def published(store: Store, slug: str, design: Design) -> None:
    """The study with grey pictures."""
    stream = io.BytesIO()
    Image.new("RGB", (8, 8), "grey").save(stream, "PNG")
    names = [None, *(one.id for one in design.conditions)]
    rendered = [
        Rendered(picture.id, name, stream.getvalue(), "image/png")
        for picture in design.pictures
        for name in names
    ]
    store.save_draft(slug, design)
    store.publish(slug, design, rendered, [])


def test_codes_dates_and_the_platform(store: Store) -> None:
    slug, app = edited(store, "Ending")
    enter(app, "text_input", "Code at the end", " DONE-1 ")
    press(app, "prolific")
    draft = store.draft(slug)
    assert draft.completion_code == "DONE-1", "what is there stays"
    assert draft.completion_url == "https://app.prolific.com/submissions/complete?cc={code}"
    assert len({draft.completion_code, draft.screen_out_code, draft.failed_code} - {""}) == 3
    assert field(app, "text_input", "Code for failed checks").value == draft.failed_code
    enter(app, "number_input", "Participants wanted (0: no limit)", 50)
    assert store.draft(slug).target == 50
    enter(app, "number_input", "Participants wanted (0: no limit)", 0)
    assert store.draft(slug).target is None
    app.get("date_time_input")[0].set_value(datetime(2031, 5, 4, 9, 30))
    checked(app.run())
    assert store.draft(slug).opens_at == "2031-05-04T09:30+00:00"
    assert opened(slug, "Ending").get("date_time_input")[0].value == datetime(2031, 5, 4, 9, 30)


def test_preview_publish_and_a_second_version(store: Store) -> None:
    slug, app = edited(store, "Publish", full(store))
    press(app, "preview")
    until(app, ended(rendering.PURPOSE))
    (preview,) = store.versions(slug)
    assert preview.number == 0
    assert not store.studies()[0].published
    assert "The preview is ready" in words(app)
    press(app, "publish")
    until(app, ended(rendering.PURPOSE))
    checked(app)
    versions = store.versions(slug)
    assert [one.number for one in versions] == [0, 1]
    assert "Version 1 is published; its links are below" in words(app)
    assert f"/take-part?study={slug}" in words(app)
    assert "PROLIFIC_PID={{%PROLIFIC_PID%}}&STUDY_ID={{%STUDY_ID%}}" in words(app)
    predictions = store.records(slug).predictions
    assert len(predictions) == 4
    assert predictions[predictions.image == "p1"].correct.all(), "it is an Egyptian cat"
    assert app.button(key="publish").disabled, "nothing has changed"
    enter(app, "segmented_control", "Step", "question")
    enter(app, "text_input", "Title for participants", "Other")
    enter(app, "segmented_control", "Step", "publish")
    assert "Version 2 will be for everybody who begins after" in words(app)
    assert "the participants of version 1" in words(app)
    press(app, "publish")
    until(app, lambda _: len(store.versions(slug)) == 3)
    assert store.versions(slug)[1].closed_at is not None
    press(app, "close or reopen")
    assert not store.studies()[0].is_open
    press(app, "close or reopen")
    assert store.studies()[0].is_open


@pytest.mark.parametrize(
    ("parts", "closed", "word"),
    [
        ({}, None, "open"),
        ({}, NOON, "closed"),
        ({"opens_at": "2031-01-02T00:00"}, None, "opens 2031-01-02 00:00 UTC"),
        ({"opens_at": "2031-01-01T12:00"}, None, "open"),
        ({"closes_at": "2031-01-01T12:00"}, None, "closed since 2031-01-01 12:00 UTC"),
        ({"closes_at": "2031-01-01T12:01"}, None, "open"),
        ({"target": 3}, None, "target reached"),
        ({"target": 4}, None, "open"),
    ],
)
def test_the_state_says_whether_somebody_can_begin(
    parts: dict[str, Any], closed: datetime | None, word: str
) -> None:
    version = Version(1, 1, Design(**parts), NOON, closed, 0, 0, {"completed": 3, "trials": 2})
    assert publish.state(version, NOON)[0] == word


def test_a_draft_can_be_deleted_and_a_published_study_cannot(store: Store) -> None:
    draft, study = begun(store, name="Draft"), begun(store, name="Study")
    published(store, study, full(store))
    app = opened()
    assert [one.key for one in app.button if str(one.key).startswith("delete ")] == [
        f"delete {draft}"
    ]
    press(app, f"delete {draft}")
    assert [one.name for one in store.studies()] == ["Study"]


def test_what_cannot_be_drawn_is_said_and_nothing_is_published(store: Store) -> None:
    design = full(store)
    broken = replace(design.conditions[1], settings={"layer": "nowhere"})
    slug, app = edited(store, "Publish", replace(design, conditions=(design.conditions[0], broken)))
    press(app, "publish")
    until(app, ended(rendering.PURPOSE))
    assert "nowhere" in words(app)
    assert "cat, Second" in words(app)
    assert store.versions(slug) == []
    press(app, "leave drawing")
    assert "Nothing is missing" in words(app)


def test_a_class_that_the_model_has_not_cannot_be_explained(store: Store) -> None:
    design = full(store, look=Look(side=96, explained="true"))
    odd = (replace(design.pictures[0], true_class="unicorn"), design.pictures[1])
    slug, app = edited(store, "Publish", replace(design, pictures=odd))
    press(app, "publish")
    until(app, lambda _: "_study_rendering" not in app.session_state)
    assert store.versions(slug) == []
    press(app, "publish")
    assert "unicorn" in words(app)


def test_drawing_can_be_cancelled_and_nothing_is_published(store: Store) -> None:
    design = full(store)
    slow = replace(design.conditions[1], method="smoothgrad", settings={"samples": 10_000})
    slug, app = edited(store, "Publish", replace(design, conditions=(design.conditions[0], slow)))
    press(app, "publish")
    until(app, lambda works: rendering.PURPOSE in works)
    app.session_state["_work"][rendering.PURPOSE].cancel()
    checked(app.run())
    assert "Cancelled. Nothing was published" in words(app)
    press(app, "leave drawing")
    assert store.versions(slug) == []
    assert "Nothing is missing" in words(app)


def test_a_change_that_cannot_be_saved_stays_on_the_page(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    slug, app = edited(store, "Question")

    def away(*_: Any, **__: Any) -> None:
        raise StudyUnavailableError("The database cannot be reached now.")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "save_draft", away)
        enter(app, "text_input", "Title for participants", "Mine")
        assert "not saved yet" in words(app)
        assert "cannot be reached now" in words(app)
    press(app, "save again")
    assert store.draft(slug).title == "Mine"
    assert "not saved yet" not in words(app)


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("https://lab.example/study_design", "https://lab.example/take-part?study=abc"),
        (
            "http://localhost:8501/lab/study_design?x=/",
            "http://localhost:8501/lab/take-part?study=abc",
        ),
        (None, "/take-part?study=abc"),
    ],
)
def test_links_begin_where_this_server_is(
    monkeypatch: pytest.MonkeyPatch, here: str | None, there: str
) -> None:
    monkeypatch.setattr(study_urls.st, "context", SimpleNamespace(url=here))
    assert study_urls.shared("abc") == there
    assert study_urls.personal("abc", "t-_1") == f"{there}&invite=t-_1"
    assert study_urls.preview("abc") == f"{there}&preview=1"
    assert study_urls.prolific("abc").startswith(f"{there}&PROLIFIC_PID={{{{%PROLIFIC_PID%}}}}&")


def test_personal_links_are_shown_once_as_a_file(store: Store) -> None:
    slug = begun(store)
    published(store, slug, full(store))
    app = opened(slug, "Publish")
    field(app, "text_area", "For whom, one a line").set_value("=HYPERLINK(1)\n\n Ada ")
    checked(field(app, "button", "Make links").click().run())
    labels = [one.label for one in store.invitations(slug)]
    assert labels == ["=HYPERLINK(1)", "Ada"]
    table = app.dataframe[0].value
    assert table["for"].tolist() == labels
    assert all(f"study={slug}&invite=" in link for link in table["link"])
    assert table["link"].nunique() == 2
    again = opened(slug, "Publish")
    assert not any("invite=" in str(frame.value) for frame in again.dataframe)


def test_nobody_but_a_researcher_sees_or_changes_anything(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    slug = begun(store, name="Secret name")
    app = opened(slug)
    field(app, "text_input", "Title for participants").set_value("Changed")
    monkeypatch.setattr(access, "is_local", lambda *_: False)
    checked(app.run())
    assert store.draft(slug).title != "Changed", "not by a session that is no longer one either"
    assert "Secret name" not in words(app)
    assert not app.text_input


def test_pictures_beyond_the_most_are_left_out(store: Store, monkeypatch: Any) -> None:
    monkeypatch.setattr(originals, "MOST", 1)
    files = [(f"{side}.png", _png(side), "") for side in (20, 30)]
    found = originals.stored(files)
    design, refused = originals.joined(Design(), found)
    assert [one.name for one in design.pictures] == ["20.png"]
    assert "at most 1" in refused[0]


def _png(side: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (side, side), (side, 0, 0)).save(stream, "PNG")
    return stream.getvalue()
