"""A study of drawn pictures, published like any other."""

from __future__ import annotations

import random
from collections.abc import Iterator

from PIL import Image

from xai_core.study import Design, Prediction, Rendered, Store
from xai_core.study.design import Condition, StudyPicture
from xai_core.study.field_of_view import plain_png

SIDE = 320
CONDITIONS = 3
PRACTICE, CATCHES = 1, 2


def publish(store: Store, trials: int) -> str:
    """Make and publish a study; its name in addresses.

    Args:
        store: where.
        trials: per participant, as many as there are pictures.
    """
    draw = random.Random(0)
    kinds = ["trial"] * trials + ["practice"] * PRACTICE + ["catch"] * CATCHES
    originals = {f"p{number}": _picture(draw) for number in range(1, len(kinds) + 1)}
    conditions = tuple(
        Condition(f"c{number}", f"Method {number}", {"source": "vgg-tiny"}, "gradcam")
        for number in range(1, CONDITIONS + 1)
    )
    slug = store.create("Load")
    pictures = tuple(
        StudyPicture(name, f"{name}.png", store.keep_asset(content, "image/png"), "lion", kind)
        for (name, content), kind in zip(originals.items(), kinds, strict=True)
    )
    design = Design(
        title="Which picture is best?",
        conditions=conditions,
        pictures=pictures,
        trials=trials,
        catch_trials=CATCHES,
        instructed_trials=1,
        completion_code="DONE",
        failed_code="FAILED",
    )
    store.save_draft(slug, design)
    predictions = [
        Prediction(picture.id, condition.id, "lion", 0.5, draw.random() < 0.5)
        for picture in pictures
        for condition in conditions
    ]
    store.publish(slug, design, _rendered(design, originals, draw), predictions)
    return slug


def _rendered(
    design: Design, originals: dict[str, bytes], draw: random.Random
) -> Iterator[Rendered]:
    for picture in design.pictures:
        yield Rendered(picture.id, None, originals[picture.id], "image/png")
        same = _picture(draw)
        for condition in design.conditions:
            content = same if picture.kind == "catch" else _picture(draw)
            yield Rendered(picture.id, condition.id, content, "image/png")


def _picture(draw: random.Random) -> bytes:
    """Coloured clouds with a little noise: as large a file as a photograph with a heatmap."""
    coarse = Image.frombytes("RGB", (10, 10), draw.randbytes(300))
    clouds = coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    noise = Image.frombytes("RGB", (SIDE, SIDE), draw.randbytes(3 * SIDE * SIDE))
    return plain_png(Image.blend(clouds, noise, 0.02))
