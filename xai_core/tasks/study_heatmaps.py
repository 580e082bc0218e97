"""A user study's pictures: one drawn heatmap with its prediction, and all of them."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xai_core.cache import Result, content_key
from xai_core.classes import class_titles
from xai_core.display import Display
from xai_core.errors import ModelError
from xai_core.explainers.choices import Choice, completed
from xai_core.explainers.foreign import stamped
from xai_core.explainers.registry import method as find_method
from xai_core.images import model_input
from xai_core.jobs import Task
from xai_core.own_maps import View
from xai_core.study.design import Condition, Design, StudyPicture
from xai_core.study.field_of_view import field_of_view, plain_png, scaled, square_box
from xai_core.study.own_conditions import stored_maps
from xai_core.study.storage.publishing import Prediction, Rendered
from xai_core.tasks.explanations import OVERHEAD, run_explain
from xai_core.tasks.models import Settings, classifier, scores
from xai_core.tasks.study_classes import Facts, share_seen, true_index, unknown_classes

MIME = "image/png"


def study_pictures(
    design: Design, facts: Mapping[str, Facts], original: Callable[[str], bytes]
) -> dict[tuple[str, str], Task]:
    """Every picture under every condition, in the order in which they are best computed.

    Args:
        design: the study.
        facts: of each condition's model, by the condition's id; none of maps computed elsewhere.
        original: gives the stored file of a picture's ``asset``, and of a map.

    Returns:
        Tasks by the picture's and the condition's id; conditions of one model are neighbours,
        because they share passes.

    Raises:
        ModelError: a model's input is not square, or true classes are to be explained that a
            model does not know.
        MethodError: a method, a setting or the look is none.
        MapError: there is no map of a picture, or it does not fit.
    """
    _check(design, facts)
    share = share_seen(facts[condition.id] for condition in design.with_models)
    found: dict[tuple[str, str], Task] = {}
    for picture in design.pictures:
        whole = Image.open(io.BytesIO(original(picture.asset)))
        square = field_of_view(whole, share)
        seen = np.asarray(scaled(square, design.look.side))
        view = View(whole.size, square_box(whole.size, share))
        for condition in design.conditions:
            if not condition.model:
                there = stored_maps(condition, [picture], original)
                relevance = there.of(picture.name, view, seen.shape[:2])
                found[picture.id, condition.id] = _there(design, picture, relevance, seen)
        inputs: dict[str, NDArray[np.float32]] = {}
        for condition in _neighbours(design.with_models, facts):
            about = facts[condition.id]
            fit = f"{about['input_size']} {about['resample']}"
            if fit not in inputs:
                side = tuple(about["input_size"])
                inputs[fit] = model_input(whole, side, share, about["resample"])
            found[picture.id, condition.id] = _task(
                design, picture, condition, about, inputs[fit], seen
            )
    return found


def run_study_picture(
    model: dict[str, Any],
    pixels: NDArray[np.float32],
    shown: NDArray[np.uint8],
    explained: int | None,
    method: str,
    params: dict[str, Any],
    look: dict[str, Any],
    together: dict[str, Settings] | None = None,
) -> Result:
    """One heatmap over one picture, as a participant sees it, and what the model says of it.

    Args:
        model: keywords of ``load_classifier``.
        pixels: the study's part of the picture as the model gets it, [3, H, W] in [0, 1].
        shown: the same part as participants see it, uint8 [side, side, 3].
        explained: index of the explained class; None for the predicted one.
        method: id of the method.
        params: as in ``run_explain``.
        look: keywords of ``Display``.
        together: as in ``run_explain``.

    Returns:
        Array "png": the file's bytes, uint8; facts "predicted_class", its "probability" and
        "explained_class".
    """
    clf = classifier(model)
    shares = clf.probabilities(scores(clf, pixels))[0]
    best = int(shares.argmax())
    target = best if explained is None else explained
    relevance = run_explain(model, pixels, target, method, params, together).arrays["relevance"]
    display = Display(**look)
    drawn = display.draw(display.values(relevance, pixels), Image.fromarray(shown))
    facts = {
        "predicted_class": clf.class_titles[best],
        "probability": float(shares[best]),
        "explained_class": clf.class_titles[target],
    }
    return Result({"png": np.frombuffer(plain_png(drawn), np.uint8)}, facts)


def run_study_map(
    relevance: NDArray[np.float32], shown: NDArray[np.uint8], look: dict[str, Any]
) -> Result:
    """One map computed elsewhere over one picture, as a participant sees it.

    Args:
        relevance: over the study's part of the picture, [C, h, w].
        shown: that part as participants see it, uint8 [side, side, 3].
        look: keywords of ``Display``.

    Returns:
        Array "png": the file's bytes, uint8.
    """
    pixels = shown.transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    display = Display(**look)
    drawn = display.draw(display.values(relevance, pixels), Image.fromarray(shown))
    return Result({"png": np.frombuffer(plain_png(drawn), np.uint8)})


def study_rendered(
    design: Design,
    facts: Mapping[str, Facts],
    tasks: Mapping[tuple[str, str], Task],
    results: Mapping[str, Result],
) -> tuple[list[Rendered], list[Prediction]]:
    """What publishing stores: every picture, every heatmap, every model's predictions.

    Args:
        design: the study.
        facts: as in ``study_pictures``.
        tasks: of ``study_pictures``.
        results: of all tasks, by key.
    """
    rendered: dict[tuple[str, str | None], Rendered] = {}
    predictions = []
    true = {picture.id: picture.true_class for picture in design.pictures}
    for (picture, condition), task in tasks.items():
        result = results[task.key]
        if (picture, None) not in rendered:
            content = plain_png(Image.fromarray(task.arguments["shown"]))
            rendered[picture, None] = Rendered(picture, None, content, MIME)
        content = result.arrays["png"].tobytes()
        rendered[picture, condition] = Rendered(picture, condition, content, MIME)
        if condition not in facts:  # computed elsewhere
            continue
        name, share = result.facts["predicted_class"], result.facts["probability"]
        place = true_index(facts[condition], true[picture])
        right = place is not None and class_titles(facts[condition]["class_names"])[place] == name
        predictions.append(Prediction(picture, condition, name, share, right))
    return list(rendered.values()), predictions


def _task(
    design: Design,
    picture: StudyPicture,
    condition: Condition,
    about: Facts,
    pixels: NDArray[np.float32],
    seen: NDArray[np.uint8],
) -> Task:
    settings = _settings(condition)
    explained = true_index(about, picture.true_class) if design.look.explained == "true" else None
    look = _look(design)
    key = content_key(
        "study-picture", about["fingerprint"], pixels, seen, explained,
        stamped(condition.method, settings), settings, look,
    )  # fmt: skip
    arguments = {
        "model": dict(condition.model),
        "pixels": pixels,
        "shown": seen,
        "explained": explained,
        "method": condition.method,
        "params": settings,
        "look": look,
        "together": {
            other.method: _settings(other)
            for other in reversed(design.with_models)
            if other.model == condition.model
        },
    }
    cost = OVERHEAD + find_method(condition.method).cost(settings)
    return Task(key, run_study_picture, arguments, cost, _title(design, picture))


def _there(
    design: Design,
    picture: StudyPicture,
    relevance: NDArray[np.float32],
    seen: NDArray[np.uint8],
) -> Task:
    arguments = {"relevance": relevance, "shown": seen, "look": _look(design)}
    key = content_key("study-map", relevance, seen, arguments["look"])
    return Task(key, run_study_map, arguments, 1.0, _title(design, picture))


def _look(design: Design) -> dict[str, Any]:
    """Keywords of ``Display``, which was made once, so that what it refuses is refused here."""
    names = [one.name for one in fields(Display)]
    return asdict(Display(**{name: getattr(design.look, name) for name in names}))


def _title(design: Design, picture: StudyPicture) -> str:
    number = design.pictures.index(picture) + 1
    return f"Drawing picture {number} of {len(design.pictures)}"


def _check(design: Design, facts: Mapping[str, Facts]) -> None:
    for condition in design.with_models:
        about = facts[condition.id]
        height, width = about["input_size"]
        if height != width:
            raise ModelError(
                f"The model {about['title']} takes pictures of {height} × {width} pixels; a study "
                "shows squares, which it would have to see distorted or cut off."
            )
    if design.look.explained == "true" and design.with_models:
        sentences = unknown_classes(design, facts)
        sentences += [
            f"The true class of the picture “{picture.name}” is not chosen."
            for picture in design.pictures
            if not picture.true_class
        ][:1]
        if sentences:
            raise ModelError(
                f"{' '.join(sentences)} Only a class that a model has can be explained; "
                "explain the predicted class, or choose other pictures."
            )


def _neighbours(conditions: Sequence[Condition], facts: Mapping[str, Facts]) -> Sequence[Condition]:
    """Conditions with those of one model side by side, the cheap ones of each first."""
    return sorted(
        conditions,
        key=lambda one: (
            facts[one.id]["fingerprint"],
            find_method(one.method).cost(_settings(one)),
        ),
    )


def _settings(condition: Condition) -> dict[str, Any]:
    return completed(Choice(condition.method, condition.settings))
