"""What must be mended in a design before it can be published."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from xai_core.errors import StudyError
from xai_core.map_files import picture_stem
from xai_core.study.design import ESCAPES, BackgroundQuestion, Design
from xai_core.study.own_conditions import lacking
from xai_core.study.texts import is_number, moment, storable

MOST_CONDITIONS = 26  # one letter each
MOST_TEXT = 20_000
SIDES = (64, 1024)  # pixels
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def problems(design: Design) -> list[str]:
    """Sentences that each name one thing to mend; none if the design can be published."""
    return [
        *_texts(design),
        *_conditions(design),
        *_pictures(design),
        *_counts(design),
        *_background(design),
        *_ending(design),
        *_dates(design),
    ]


def _texts(design: Design) -> Iterator[str]:
    named = {
        "title": design.title,
        "question": design.question,
        "instructions": design.instructions,
        "consent text": design.consent.text,
    }
    for name, text in named.items():
        if not text.strip():
            yield f"The {name} is empty."
    named |= {f"question “{each.id}”": each.text for each in design.background}
    named |= {f"class of the picture “{each.name}”": each.true_class for each in design.pictures}
    for name, text in named.items():
        if len(text) > MOST_TEXT:
            yield f"The {name} is longer than {MOST_TEXT} characters."
        if not storable(text):
            yield f"The {name} holds a character that cannot be stored."


def _repeated(ids: Iterable[str], what: str) -> Iterator[str]:
    for name, times in Counter(ids).items():
        if times > 1:
            yield f"Two {what} have the same id, {name}."
        if not _ID.fullmatch(name) or name in ESCAPES:
            yield f"“{name[:64]}” cannot be an id: it takes letters, digits, - and _."


def _conditions(design: Design) -> Iterator[str]:
    number = len(design.conditions)
    if number < 2:
        yield "Choose at least two models or methods to compare."
    if number > MOST_CONDITIONS:
        yield f"A study compares at most {MOST_CONDITIONS} models or methods."
    yield from _repeated((each.id for each in design.conditions), "conditions")
    if not SIDES[0] <= design.look.side <= SIDES[1]:
        yield f"The side of the pictures must lie from {SIDES[0]} to {SIDES[1]} pixels."
    own = [each for each in design.conditions if not each.model]
    for condition in own:
        yield from lacking(condition, design.pictures)
    stems = Counter(picture_stem(each.name) for each in design.pictures)
    for stem, times in stems.items():
        if own and times > 1:
            yield (
                f"{times} pictures are called “{stem}”; maps computed elsewhere are matched by "
                "name, so that theirs cannot be told apart."
            )


def _pictures(design: Design) -> Iterator[str]:
    yield from _repeated((each.id for each in design.pictures), "pictures")
    for picture in design.pictures:
        if "{class}" in design.question and not picture.true_class.strip():
            yield f"The picture “{picture.name}” has no class, which the question names."


def _counts(design: Design) -> Iterator[str]:
    pictures, catches = len(design.of_kind("trial")), len(design.of_kind("catch"))
    if not pictures:
        yield "Add pictures: none is there for the trials."
    elif not 1 <= design.trials <= pictures:
        yield f"The number of trials must lie from 1 to {pictures}, the number of pictures."
    if not 0 <= design.catch_trials <= catches:
        yield f"{design.catch_trials} catch trials are planned, with {catches} pictures for them."
    if design.instructed_trials < 0 or design.most_failed < 0:
        yield "The numbers of instructed trials and of failed checks cannot be negative."
    if design.instructed_trials > max(0, design.trials):
        yield "There are more instructed trials than trials."
    if design.target is not None and design.target < 1:
        yield "The target must be at least one participant."


def _background(design: Design) -> Iterator[str]:
    yield from _repeated((each.id for each in design.background), "background questions")
    for question in design.background:
        yield from _question(question)


def _question(question: BackgroundQuestion) -> Iterator[str]:
    text = question.text.strip()
    if not text:
        yield f"The background question “{question.id}” has no text."
    if question.kind == "choice" and len(set(question.choices)) < 2:
        yield f"“{text}” needs at least two different answers to choose from."
    if not all(choice.strip() and storable(choice) for choice in question.choices):
        yield f"“{text}” has an answer that is empty or cannot be stored."
    if question.offered is not None and not set(question.screens_out) <= set(question.offered):
        yield f"“{text}” screens out by an answer that it does not offer."
    if question.kind == "number" and not all(map(is_number, question.screens_out)):
        yield f"“{text}” screens out by an answer that is no number."
    if question.kind == "text" and question.screens_out:
        yield f"“{text}” is answered freely and cannot screen out."


def _ending(design: Design) -> Iterator[str]:
    for code in design.codes.values():
        if not storable(code) or len(code) > 200:
            yield "A code is too long or holds a character that cannot be stored."
    if not design.completion_url:
        return
    address = urlsplit(design.completion_url)
    if address.scheme not in ("https", "http") or not address.netloc:
        yield "The address at the end must begin with https:// or http://."


def _dates(design: Design) -> Iterator[str]:
    moments = []
    for text in (design.opens_at, design.closes_at):
        try:
            moments.append(None if text is None else moment(text))
        except StudyError as error:
            yield str(error)
            return
    if moments[0] is not None and moments[1] is not None and moments[0] >= moments[1]:
        yield "The study would close before it opens."
