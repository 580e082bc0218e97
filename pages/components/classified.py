"""Pictures in front of a model: what it sees of each, what it says, the class explained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from pages.components.class_choice import choose_target, top_classes
from pages.components.live import finished
from pages.components.picture_choice import Picture, Pictures
from pages.components.text import plain
from pages.components.work import Work, gather
from xai_core import tasks
from xai_core.classes import class_titles
from xai_core.explainers.choices import Choice, completed
from xai_core.images import crop_box, model_input
from xai_core.jobs import Task
from xai_core.models import brought_models
from xai_core.provenance import ModelFacts

# Of 300 photographs of what efficientnet-lite0 knows, 9 % have less, and of those 38 % are rightly
# classified (of all: 89 %).
UNSURE = 0.3
_BEFORE = "_before"  # in the session: model, its facts, and what the page was about


@dataclass(frozen=True)
class ClassifiedImage:
    """A picture in front of the model.

    Attributes:
        picture: the picture.
        box: the part that the model sees: left, top, right and bottom in the picture's pixels.
        pixels: the same as the model gets it, float32 [3, H, W] in [0, 1].
        probabilities: float32 [K].
        target: index of the explained class.
        maps: maps computed elsewhere, as in ``tasks.Subject``.
    """

    picture: Picture
    box: tuple[int, int, int, int]
    pixels: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    target: int
    maps: Mapping[str, NDArray[np.float32] | str] = field(default_factory=dict)

    @property
    def subject(self) -> tasks.Subject:
        """What is asked of the engine about it."""
        return tasks.Subject(self.picture.hash, self.pixels, self.target, self.maps)

    @property
    def key(self) -> str:
        """Names the crop: the picture's hash and the part that is seen."""
        return f"{self.picture.hash} {self.box}"

    @property
    def aspect(self) -> float:
        """Height of the part that is seen by its width."""
        left, top, right, bottom = self.box
        return (bottom - top) / (right - left)

    def crop(self) -> Image.Image:
        """The part that the model sees, at the original's resolution."""
        return _crop(self.key, self.picture, self.box)


@dataclass(frozen=True)
class Classified:
    """A model with its facts (``tasks.describe``) and the pictures in front of it."""

    model: Mapping[str, Any]
    facts: Mapping[str, Any]
    images: Sequence[ClassifiedImage]

    @property
    def class_names(self) -> Sequence[str]:
        """Names of the model's classes."""
        names: Sequence[str] = self.facts["class_names"]
        return names

    @property
    def class_titles(self) -> Sequence[str]:
        """What people read of each class: names, with more where several classes share one."""
        return class_titles(self.class_names)

    def named(self, image: ClassifiedImage) -> str:
        """The explained class with its probability, and the predicted one where that is another."""
        best = int(image.probabilities.argmax())
        said = [
            f"{self.class_titles[place]} {image.probabilities[place]:.1%}"
            for place in dict.fromkeys((image.target, best))
        ]
        return " · predicted: ".join(said)

    @property
    def fingerprint(self) -> str:
        """The model's."""
        name: str = self.facts["fingerprint"]
        return name

    @property
    def loaded(self) -> tuple[Mapping[str, Any], str]:
        """The model as tasks want it: its keywords and its fingerprint."""
        return self.model, self.fingerprint

    @property
    def model_facts(self) -> ModelFacts:
        """What ``run.json`` says of the model."""
        facts = self.facts
        return ModelFacts(
            str(self.model["source"]),
            self.fingerprint,
            self.class_names,
            options=brought_models.options(str(self.model["source"])),
            outputs=facts.get("outputs", "softmax"),
            notes=facts.get("notes", ()),
        )

    @property
    def subjects(self) -> list[tasks.Subject]:
        """What is asked of the engine about the pictures."""
        return [image.subject for image in self.images]

    def completed(self, choices: Sequence[Choice]) -> list[Choice]:
        """The methods with all their settings."""
        return [Choice(one.method, completed(one, self.by_source)) for one in choices]

    @property
    def by_source(self) -> dict[str, tasks.Subject]:
        """The same by the words that settings use for the pictures."""
        return {image.picture.source: image.subject for image in self.images}


Known = Sequence[tuple[Picture, NDArray[np.float32]]]  # with what the model says, [K]


def classify(
    model: Mapping[str, Any], pictures: Pictures, status: Any, one_class: bool = True
) -> Classified:
    """Load the model, predict, and let the class be chosen in the sidebar.

    While the model is loaded, the page goes on with what it was about before; while some pictures
    are predicted, with the others. Where there is nothing to go on with, the run ends here.

    Args:
        model: keywords of ``load_classifier``.
        pictures: what can be chosen; its gallery is drawn.
        status: a container, for what is awaited.
        one_class: whether the sidebar offers the class; else each picture's predicted one counts.
    """
    described = tasks.describe(model)
    loading = gather("model", [described], patience=1.5, aside=True)
    with status:
        loaded = finished(loading, [described], "Loading the model", _until_then())
    if not loaded:
        return _meanwhile(pictures, loading, one_class)
    facts = loading.results[described.key].facts
    asked = _predictions_of(pictures.chosen, model, facts)
    work = gather("prediction", list(asked.values()), patience=1.5, aside=True)
    with status:
        finished(work, list(asked.values()), "Predicting")
    known = _known(pictures.chosen, asked, work)
    if not known and (work.running or pictures.reading.running):
        return _meanwhile(pictures, work if work.running else pictures.reading, one_class)
    more = _predictions_of(pictures.others, model, facts)
    aside = gather("gallery", list(more.values()), patience=0, aside=True)
    st.session_state[_BEFORE] = model, facts, known

    def others() -> Known:
        return _known(pictures.others, more, aside)

    return _about_classes(model, facts, known, pictures, others, aside, one_class)


def _until_then() -> str:
    """What the page is about while another model is loaded."""
    _, facts, known = st.session_state.get(_BEFORE, ({}, {}, ()))
    return f"Until then the page is about {plain(facts['title'])}." if known else ""


def _meanwhile(pictures: Pictures, work: Work, one_class: bool) -> Classified:
    """What the page was about before, while a work goes on."""
    model, facts, known = st.session_state.get(_BEFORE, (None, None, ()))
    if not known or not work.running:
        pictures.draw(lambda: ({}, {}))
        st.stop()
    return _about_classes(model, facts, known, pictures, tuple, work, one_class)


def _predictions_of(
    pictures: Sequence[Picture], model: Mapping[str, Any], facts: Mapping[str, Any]
) -> dict[str, Task]:
    files = {picture.hash: picture.file for picture in pictures}
    return tasks.predictions(model, facts["fingerprint"], files)


def _known(pictures: Sequence[Picture], asked: Mapping[str, Task], work: Work) -> Known:
    """The pictures of which it is known what the model says."""
    found = ((picture, work.results.get(asked[picture.hash].key)) for picture in pictures)
    return [(one, result.arrays["probabilities"]) for one, result in found if result is not None]


def _about_classes(
    model: Mapping[str, Any],
    facts: Mapping[str, Any],
    known: Known,
    pictures: Pictures,
    more: Callable[[], Known],
    work: Work,
    one_class: bool,
) -> Classified:
    """Draw everything about classes; the pictures with those that are explained.

    Args:
        model: keywords of ``load_classifier``.
        facts: the model's.
        known: the pictures that the page is about.
        pictures: what can be chosen.
        more: gives others of the gallery of which it is known by then what the model says.
        work: what makes more of these.
        one_class: as in ``classify``.
    """
    names = facts["class_names"]
    titles = class_titles(names)
    targets: list[int] = []
    with st.sidebar:
        _about(facts)
        if known:
            probabilities = np.stack([row for _, row in known])
            targets = [int(index) for index in probabilities.argmax(1)]
            if one_class:
                targets = choose_target(
                    names,
                    probabilities,
                    {picture.hash: picture.name for picture, _ in known},
                    {picture.hash: picture.true for picture, _ in known if picture.true},
                )
            _predictions([picture for picture, _ in known], titles, probabilities)
    notes = {
        picture.hash: f"explained: {titles[target]}"
        for (picture, row), target in zip(known, targets, strict=True)
        if target != row.argmax()
    }

    def said() -> tuple[dict[str, str], dict[str, str]]:
        best = ((one.hash, int(row.argmax()), row.max()) for one, row in (*known, *more()))
        return {key: f"{share:.0%} {titles[index]}" for key, index, share in best}, notes

    pictures.draw(said, work)
    size, crop, _, squash = seen(facts)
    images = [
        ClassifiedImage(
            picture,
            crop_box(picture.size, size, crop, squash),
            _input(picture.hash, picture, *seen(facts)),
            row,
            target,
        )
        for (picture, row), target in zip(known, targets, strict=True)
    ]
    return Classified(model, facts, images)


def seen(facts: Mapping[str, Any]) -> tuple[tuple[int, int], float, str, bool]:
    """What a model sees of a picture, as ``model_input`` takes it behind the picture."""
    height, width = facts["input_size"]
    return (height, width), facts["crop"], facts["resample"], facts["squash"]


def _about(facts: Mapping[str, Any]) -> None:
    """What the model's scores mean where that is not the usual, and what else was found."""
    sentences = list(facts.get("notes", ()))
    if facts.get("outputs") == "sigmoid":
        sentences.append("Every class has a probability of its own (sigmoid).")
    if sentences:
        st.caption(plain(" ".join(sentences)))


def _predictions(
    pictures: Sequence[Picture], titles: Sequence[str], probabilities: NDArray[np.float32]
) -> None:
    """Every picture's five most probable classes."""
    unsure = (probabilities.max(1) < UNSURE).any()
    with st.expander("Most probable classes", expanded=len(pictures) == 1 or bool(unsure)):
        for picture, row in zip(pictures, probabilities, strict=True):
            lines = "  \n".join(
                f"{plain(name)} · {share:.1%}" for name, share in top_classes(titles, row)
            )
            st.caption(f"**{plain(picture.name)}**  \n{lines}")
            if row.max() < UNSURE:
                st.warning(
                    f"{plain(picture.name)}: the model may not know what this is. It knows "
                    f"{len(titles)} classes, and its most probable one has {row.max():.0%}.",
                    icon=":material/question_mark:",
                )


@st.cache_resource(max_entries=200, show_spinner=False)
def _input(
    key: str,
    _picture: Picture,
    size: tuple[int, int],
    crop: float,
    resample: str,
    squash: bool,
) -> NDArray[np.float32]:
    return model_input(_picture.read(), size, crop, resample, squash)


# A file of figures asks for the same one once for every method.
@st.cache_resource(max_entries=4, show_spinner=False)
def _crop(key: str, _picture: Picture, box: tuple[int, int, int, int]) -> Image.Image:
    return _picture.read().crop(box)
