"""Orders about user studies: pictures, what a published one is made of, and results."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xai_core import tasks
from xai_core.cache import Result, content_key
from xai_core.classes import class_named, class_titles
from xai_core.display import Display
from xai_core.errors import ModelError
from xai_core.explainers.choices import Choice, completed
from xai_core.explainers.registry import method
from xai_core.images import model_input
from xai_core.jobs import Task
from xai_core.orders.maps import OVERHEAD, Model
from xai_core.study.analysis.results import Settings
from xai_core.study.design import Condition, Design, StudyPicture
from xai_core.study.pictures import field_of_view, plain_png, shown
from xai_core.study.storage.publishing import Prediction, Rendered
from xai_core.study.storage.records import Records

Facts = Mapping[str, Any]  # of ``tasks.describe_model``
MIME = "image/png"
MOST_NAMED = 5  # pictures in a sentence


def study_pictures(
    design: Design, facts: Mapping[str, Facts], original: Callable[[str], bytes]
) -> dict[tuple[str, str], Task]:
    """Every picture under every condition, in the order in which they are best computed.

    Args:
        design: the study.
        facts: of each condition's model, by the condition's id.
        original: gives the stored file of a picture's ``asset``.

    Returns:
        Tasks by the picture's and the condition's id; conditions of one model are neighbours,
        because they share passes.

    Raises:
        ModelError: a model's input is not square, or true classes are to be explained that a
            model does not know.
        MethodError: a method, a setting or the look is none.
    """
    _check(design, facts)
    share = share_seen(facts[condition.id] for condition in design.conditions)
    found: dict[tuple[str, str], Task] = {}
    for picture in design.pictures:
        square = field_of_view(Image.open(io.BytesIO(original(picture.asset))), share)
        seen = np.asarray(shown(square, design.look.side))
        inputs: dict[str, NDArray[np.float32]] = {}
        for condition in _neighbours(design.conditions, facts):
            about = facts[condition.id]
            fit = f"{about['input_size']} {about['resample']}"
            if fit not in inputs:
                side = tuple(about["input_size"])
                inputs[fit] = model_input(square, side, 1.0, about["resample"])
            found[picture.id, condition.id] = _order(
                design, picture, condition, about, inputs[fit], seen
            )
    return found


def study_rendered(
    design: Design,
    facts: Mapping[str, Facts],
    tasks: Mapping[tuple[str, str], Task],
    results: Mapping[str, Result],
) -> tuple[list[Rendered], list[Prediction]]:
    """What publishing stores: every picture, every heatmap, every prediction.

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
        name, share = result.facts["predicted_class"], result.facts["probability"]
        place = true_index(facts[condition], true[picture])
        right = place is not None and class_titles(facts[condition]["class_names"])[place] == name
        predictions.append(Prediction(picture, condition, name, share, right))
    return list(rendered.values()), predictions


def share_seen(facts: Iterable[Facts]) -> float:
    """Share of a picture's shorter side that every one of the models sees."""
    return min((float(about["crop"]) for about in facts), default=1.0)


def unknown_classes(design: Design, facts: Mapping[str, Facts]) -> list[str]:
    """For each model one sentence about pictures whose true class it does not know."""
    sentences: dict[str, str] = {}
    for condition in design.conditions:
        about = facts[condition.id]
        lost = [
            p for p in design.pictures if p.true_class and true_index(about, p.true_class) is None
        ]
        if lost:
            named = ", ".join(f"“{p.true_class}” ({p.name})" for p in lost[:MOST_NAMED])
            more = f" and {len(lost) - MOST_NAMED} more" if len(lost) > MOST_NAMED else ""
            sentences[about["fingerprint"]] = (
                f"The model {about['title']} does not know the true class of "
                f"{len(lost)} of the pictures, or knows several of that name: {named}{more}."
            )
    return list(sentences.values())


def true_index(about: Facts, name: str) -> int | None:
    """Index of a picture's true class among a model's; None if none, or several, have that name."""
    try:
        return class_named(name, about["class_names"])
    except ModelError:
        return None


def study_draw(
    model: Model, fingerprint: str, folder: str, right: int, wrong: int, seed: int
) -> Task:
    """Pictures of a data set by chance.

    Args:
        model: keywords of ``load_classifier``.
        fingerprint: the model's.
        folder: of the data set.
        right: at most so many that the model classifies rightly.
        wrong: at most so many that it classifies wrongly.
        seed: of the choice.
    """
    stamp = Path(folder).stat().st_mtime_ns if Path(folder).is_dir() else 0
    key = content_key("study-draw", fingerprint, folder, stamp, right, wrong, seed)
    arguments = {
        "model": dict(model),
        "folder": folder,
        "right": right,
        "wrong": wrong,
        "seed": seed,
    }
    return Task(key, tasks.study_draw, arguments, float(right + wrong), "Choosing pictures")


def study_results(study: str, records: Records, as_of: Sequence[int], settings: Settings) -> Task:
    """The results of a version of a study.

    They are never kept on the disk, where a participant who withdraws would stay.

    Args:
        study: its name in addresses.
        records: of the version.
        as_of: numbers that change whenever the records do (``study.pulse``).
        settings: what the researcher decides.
    """
    key = content_key("study-results", study, records.version, list(as_of), settings.to_json())
    arguments = {"records": records, "settings": settings.to_json()}
    cost = 1.0 + len(records.answers)
    return Task(key, tasks.study_results, arguments, cost, "Analysing the answers", kept=False)


def _order(
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
        "study-picture", about["fingerprint"], pixels, seen, explained, condition.method, settings,
        look,
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
            for other in reversed(design.conditions)
            if other.model == condition.model
        },
    }
    cost = OVERHEAD + method(condition.method).cost(settings)
    number = design.pictures.index(picture) + 1
    title = f"Drawing picture {number} of {len(design.pictures)}"
    return Task(key, tasks.study_picture, arguments, cost, title)


def _check(design: Design, facts: Mapping[str, Facts]) -> None:
    for condition in design.conditions:
        about = facts[condition.id]
        height, width = about["input_size"]
        if height != width:
            raise ModelError(
                f"The model {about['title']} takes pictures of {height} × {width} pixels; a study "
                "shows squares, which it would have to see distorted or cut off."
            )
    if design.look.explained == "true":
        sentences = unknown_classes(design, facts)
        sentences += [
            f"The true class of the picture “{picture.name}” is not chosen."
            for picture in design.pictures
            if not picture.true_class
        ][:1]
        if sentences:
            raise ModelError(
                f"{' '.join(sentences)} Explain the predicted class, or choose other pictures."
            )


def _neighbours(conditions: Sequence[Condition], facts: Mapping[str, Facts]) -> Sequence[Condition]:
    """Conditions with those of one model side by side, the cheap ones of each first."""
    return sorted(
        conditions,
        key=lambda one: (facts[one.id]["fingerprint"], method(one.method).cost(_settings(one))),
    )


def _settings(condition: Condition) -> dict[str, Any]:
    return completed(Choice(condition.method, condition.settings))


def _look(design: Design) -> dict[str, Any]:
    """Keywords of ``Display``; made once, so that what it refuses is refused here."""
    look = design.look
    given: dict[str, Any] = {
        "show": look.show,
        "clip": look.clip,
        "colormap": look.colormap,
        "opacity": look.opacity,
        "mode": look.mode,
        "stage": look.stage,
    }
    return {**given, "colormap": Display(**given).colormap}
