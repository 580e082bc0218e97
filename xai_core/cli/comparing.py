"""What ``class-sensitivity`` compares: the plan, the pictures with their classes, the scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from xai_core import tasks
from xai_core.cache import Cache
from xai_core.class_sensitivity.joined import joined, joined_parts, joined_shown, parts_of
from xai_core.class_sensitivity.pairs import TRUE, class_pair, two_or_more
from xai_core.class_sensitivity.record import sensitivity_run
from xai_core.cli.asked import Asked
from xai_core.cli.class_maps import Compared, Looked, compare, compare_maps
from xai_core.cli.meter import Meter
from xai_core.cli.photo_sets import Answered, PhotoSet, answered
from xai_core.cli.subjects import complain
from xai_core.display import Display
from xai_core.errors import XaiError
from xai_core.explainers.choices import column_title
from xai_core.export import relevance_npz
from xai_core.figures import grid_figure, to_png, to_svg
from xai_core.images import image_hash, read_source
from xai_core.jobs.here import results_of
from xai_core.provenance import Run


@dataclass(frozen=True)
class Plan:
    """Everything that decides the scores.

    Attributes:
        asked: the model and the methods.
        photos: the pictures.
        classes: indices of those that are compared in all pictures; none where a rule chooses.
        rule: a word of ``pairs``.
        joined: a key of ``joined.ORDERS``, or "".
        measures: of two maps.
    """

    asked: Asked
    photos: PhotoSet
    classes: Sequence[int]
    rule: str
    joined: str
    measures: Sequence[str]


def compared(plan: Plan, cache: Cache) -> Compared:
    """Every score.

    Raises:
        XaiError: nothing can be compared, or pictures cannot be put together.
    """
    asked = plan.asked.working(cache)
    found, each = Compared(asked, plan.measures), len(asked.choices)
    meter = Meter([1.0] * (each * plan.photos.expected))
    photos: list[Answered] = []
    for some in answered(plan.photos, asked, cache, meter, each, found.unread):
        found.pictures += [(one.photo.name, one.photo.hash, one.true) for one in some]
        if plan.photos.data is None:
            photos += some
        else:
            compare(found, _looked(plan, some), cache, meter)
    if plan.joined:
        whole = _joined(plan, photos, cache)
        compare_maps(found, [whole], joined_parts(plan.joined, found.size), cache)
    elif photos:
        compare_maps(found, _looked(plan, photos), np.zeros((0, *found.size), bool), cache)
    unknown = sum(true is None for *_, true in found.pictures)
    if unknown and plan.rule == TRUE:
        complain(f"{unknown} of {len(found.pictures)} pictures, of unknown class, are left out.")
    if not found.rows:
        raise XaiError(" ".join(["Nothing could be compared.", *dict.fromkeys(found.problems)]))
    return found


def map_files(found: Compared) -> Iterator[tuple[str, bytes]]:
    """The maps of photos, as pictures and as data."""
    if found.explanations:
        titles = {choice.id: column_title(choice.id) for choice in found.asked.choices}
        figure = grid_figure(found.explanations, Display(), titles)
        yield "heatmaps.png", to_png(figure)
        yield "heatmaps.svg", to_svg(figure)
        yield "relevance.npz", relevance_npz(found.explanations)


def record(plan: Plan, found: Compared) -> Run:
    """What repeats it."""
    return sensitivity_run(
        found.asked.recorded,
        found.asked.choices,
        [(name, digest) for name, digest, _ in found.pictures],
        measures=plan.measures,
        classes=plan.classes,
        rule=plan.rule,
        joined=plan.joined,
        true=[true for *_, true in found.pictures],
        data=plan.photos.options,
    )


def _looked(plan: Plan, every: Sequence[Answered]) -> list[Looked]:
    """Pictures with their classes, but for those whose classes are not known."""
    found = []
    for one in every:
        classes = plan.classes or class_pair(one.said["logits"], plan.rule, one.true)
        if classes is not None:
            subject = one.photo.subject(classes[0])
            said = one.said["probabilities"]
            found.append(Looked(one.photo.name, subject, classes, said, one.photo.crop))
    return found


def _joined(plan: Plan, photos: Sequence[Answered], cache: Cache) -> Looked:
    """All photos put together, with the classes that the model sees in each alone.

    Raises:
        ImageError: there are more or fewer than the way needs, or the input cannot be halved.
    """
    about = plan.asked.about
    (height, width), crop, squash = about["input_size"], about["crop"], about["squash"]
    size = height, width
    pictures = [read_source(one.photo.name) for one in photos]
    pixels = joined(pictures, plan.joined, size, crop, about["resample"], squash)
    whole = joined_shown(pictures, plan.joined, size, crop, squash)
    task = tasks.predict(*plan.asked.loaded, [image_hash(whole)], [pixels])
    said = results_of([task], cache)[task.key].arrays["probabilities"][0]
    alone = [int(one.said["probabilities"].argmax()) for one in photos]
    classes = plan.classes or two_or_more(said, alone)
    name = f"{plan.joined} {' '.join(one.photo.name for one in photos)}"
    subject = tasks.Subject(image_hash(whole), pixels, classes[0])
    return Looked(name, subject, classes, said, whole, parts_of(classes, alone))
