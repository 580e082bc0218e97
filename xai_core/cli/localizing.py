"""What ``localize`` does: every picture in its turn, and what is written of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from PIL import Image

from xai_core.cache import Cache
from xai_core.classes import class_titles
from xai_core.cli.asked import Asked
from xai_core.cli.localization_plan import Localized, Placed, Plan
from xai_core.cli.localization_scores import score_data, score_photos, score_quadrants
from xai_core.cli.meter import Meter
from xai_core.cli.subjects import complain, photo_of
from xai_core.display import Display
from xai_core.errors import XaiError
from xai_core.explainers.choices import column_title
from xai_core.export import relevance_npz
from xai_core.figures import to_png, to_svg
from xai_core.localization.drawing import objects_figure
from xai_core.localization.gathering import CHUNK, Gathered, gathered
from xai_core.localization.record import localization_run
from xai_core.provenance import Run


def localized(plan: Plan, cache: Cache) -> Localized:
    """Every score.

    Raises:
        XaiError: no picture can be scored.
    """
    asked = plan.asked.working(cache)
    found = Localized(asked)
    alone = plan.data is None  # maps of photos are kept, and scored in a step of their own
    each = 2 * len(asked.choices) + len(plan.columns) if alone else 1
    before, room = len(plan.left_out.reasons), plan.possible(0)
    meter = Meter([1.0] * (each * room))
    for some in _placed(plan, asked, cache):
        left = plan.possible(len(plan.left_out.reasons) - before)
        meter.drop(each * (room - left))
        room = left
        found.pictures += [one.facts for one in some]
        score = score_photos if alone else score_data
        score(plan, found, some, cache, meter)
    if alone:
        for name, reason in plan.left_out.reasons.items():
            complain(f"{name} is left out: {reason}")
    if not found.scored:
        raise XaiError(_nothing(plan, found))
    if plan.quadrants:
        score_quadrants(plan, found, cache)
    return found


def map_files(found: Localized) -> Iterator[tuple[str, bytes]]:
    """The maps of photos, as pictures with the objects and as data."""
    if found.explanations:
        titles = {choice.id: column_title(choice.id) for choice in found.asked.choices}
        figure = objects_figure(found.explanations, found.objects, Display(), titles)
        yield "heatmaps.png", to_png(figure)
        yield "heatmaps.svg", to_svg(figure)
        yield "relevance.npz", relevance_npz(found.explanations)


def record(plan: Plan, found: Localized) -> Run:
    """What repeats it."""
    given = [("--data", plan.data), ("--most", plan.most)]
    return localization_run(
        found.asked.recorded,
        found.asked.choices,
        found.pictures,
        plan.rule,
        measures=plan.measures,
        seed=plan.seed,
        baselines=plan.baselines,
        quadrants=plan.quadrants,
        data=[(option, str(value)) for option, value in given if value is not None],
        boxes=plan.boxes,
        photos=plan.photos,
    )


def _placed(plan: Plan, asked: Asked, cache: Cache) -> Iterator[list[Placed]]:
    """The pictures, some at a time."""

    def predict(images: Sequence[Image.Image]) -> list[int]:
        photos = [photo_of("", image, asked.about) for image in images]
        return [int(said["logits"].argmax()) for said in asked.classified(photos, cache)]

    found = gathered(plan.pictures, plan.rule, predict, plan.left_out, plan.most)
    while some := list(islice(found, CHUNK)):
        yield [_in_front(asked, one) for one in some]


def _in_front(asked: Asked, one: Gathered) -> Placed:
    title = class_titles(asked.about["class_names"])[one.target]
    return Placed(photo_of(one.name, one.image, asked.about), one.target, title, one.objects)


def _nothing(plan: Plan, found: Localized) -> str:
    """Why nothing was scored."""
    name, sentence = next(iter(plan.left_out.names), ("", ""))
    if name and not found.problems:
        sentence += f" --means '{name}=CLASS' says which class it means."
    reasons = [*found.problems, sentence, *plan.left_out.reasons.values()]
    return " ".join(["Nothing could be scored.", *[why for why in reasons if why][:1]])
