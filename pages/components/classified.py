"""Pictures in front of a model: what it sees of each, what it says, the class explained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from pages.components.class_choice import choose_target, top_classes
from pages.components.live import wait_for
from pages.components.picture_choice import Picture
from pages.components.text import plain
from xai_core import tasks
from xai_core.classes import class_titles
from xai_core.images import crop_box, model_input
from xai_core.models import brought_models
from xai_core.provenance import ModelFacts

# Of 300 photographs of what efficientnet-lite0 knows, 9 % have less, and of those 38 % are rightly
# classified (of all: 89 %).
UNSURE = 0.3


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

    @property
    def by_source(self) -> dict[str, tasks.Subject]:
        """The same by the words that settings use for the pictures."""
        return {image.picture.source: image.subject for image in self.images}


def classify(model: Mapping[str, Any], pictures: Sequence[Picture]) -> Classified:
    """Load the model, predict, and let the class be chosen in the sidebar.

    Where something is not there yet, or fails, the run ends here with that on the page.
    """
    facts = wait_for("model", tasks.describe(model), "Loading the model").facts
    inputs = [_input(picture.hash, picture, *seen(facts)) for picture in pictures]
    order = tasks.predict(
        model,
        facts["fingerprint"],
        [picture.hash for picture in pictures],
        inputs,
    )
    probabilities = wait_for("prediction", order, "Predicting").arrays["probabilities"]
    with st.sidebar:
        _about(facts)
        names = {picture.hash: picture.name for picture in pictures}
        targets = choose_target(facts["class_names"], probabilities, names)
        _predictions(pictures, class_titles(facts["class_names"]), probabilities)
    size, crop, _, squash = seen(facts)
    boxes = [crop_box(picture.size, size, crop, squash) for picture in pictures]
    images = [
        ClassifiedImage(*parts)
        for parts in zip(pictures, boxes, inputs, probabilities, targets, strict=True)
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
