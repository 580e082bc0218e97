"""A published study whose pictures are drawn here, without a network.

Every name that a participant must not see is a word that stands nowhere else, so that a test can
look for it in everything that was sent.
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

from PIL import Image, ImageDraw

from xai_core.study.design import (
    BackgroundQuestion,
    Condition,
    Consent,
    Design,
    Look,
    StudyPicture,
)
from xai_core.study.storage.publishing import Prediction, Rendered
from xai_core.study.storage.store import Store

SECRETS = ("hushmodel", "hushmethod", "hushtitle", "hushfile", "hushname", "hushsetting")
SIDE = 96
DEGREE = BackgroundQuestion("degree", "Do you have a degree?", "yes_no")
CODE = "DONE-4711"
FINISH = "https://app.prolific.com/submissions/complete?cc={code}"


def design(trials: int = 3, options: int = 2, practice: int = 1, **changes: Any) -> Design:
    """A design that can be published."""
    conditions = tuple(
        Condition(
            f"cond-hush{number}",
            f"hushtitle {number}",
            {"source": f"hushmodel{number}"},
            f"hushmethod{number}",
            {"layer": "hushsetting"},
        )
        for number in range(options)
    )
    kinds = ["practice"] * practice + ["trial"] * trials
    pictures = tuple(
        StudyPicture(f"pic-hush{number}", f"hushfile{number}.jpg", "0" * 64, "goldfish", kind)
        for number, kind in enumerate(kinds)
    )
    plain = Design(
        title="What do you see?",
        instructions="Look at the picture.\nThen choose.",
        conditions=conditions,
        pictures=pictures,
        trials=trials,
        look=Look(side=SIDE),
        background=(DEGREE,),
        consent=Consent("You take part of your own free will."),
        completion_code=CODE,
        completion_url=FINISH,
    )
    return replace(plain, **changes)


def publish(store: Store, made: Design, preview: bool = False) -> str:
    """Publish a design as a new study; the slug."""
    slug = store.create("hushname")
    models = (None, *(condition.id for condition in made.conditions))
    rendered = [
        Rendered(picture.id, model, _drawn(row, column), "image/png")
        for row, picture in enumerate(made.pictures)
        for column, model in enumerate(models)
    ]
    predictions = [
        Prediction(picture.id, condition.id, "goldfish", 0.9, True)
        for picture in made.pictures
        for condition in made.conditions
    ]
    store.publish(slug, made, rendered, predictions, preview=preview)
    return slug


def _drawn(row: int, column: int) -> bytes:
    """A picture that differs from every other of its study."""
    image = Image.new("RGB", (SIDE, SIDE), ((40 * row) % 256, 70 + 45 * (column % 4), 120))
    pen = ImageDraw.Draw(image)
    reach = 12 + 6 * column
    pen.ellipse((reach, reach, SIDE - reach, SIDE - reach), fill=(230, (30 * row) % 256, 60))
    sink = io.BytesIO()
    image.save(sink, "PNG")
    return sink.getvalue()
