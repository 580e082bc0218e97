"""A small study whose pictures are single bytes, and ways through it."""

import argparse
from dataclasses import replace

from sqlalchemy import func, select

from xai_core.study import (
    BackgroundQuestion,
    ClientTimes,
    Condition,
    Design,
    Prediction,
    Rendered,
    StudyPicture,
    Ticket,
)

TIMES = ClientTimes(1000.0, 2500.5, 1500, 1, 20)
EYES = (BackgroundQuestion("eyes", "Do you see well?", "yes_no", screens_out=("no",)),)
BACKGROUND = {"degree": "yes", "saliency": "no", "vision": "no"}


def design(trials=3, conditions=2, practice=1, catches=1, pictures=None, **changes):
    """A design that can be published."""
    kinds = ["trial"] * (pictures or trials) + ["practice"] * practice + ["catch"] * catches
    plain = Design(
        title="What do you see?",
        conditions=tuple(
            Condition(f"c{n}", f"hidden {n}", {"source": "hidden"}, "hidden")
            for n in range(1, conditions + 1)
        ),
        pictures=tuple(
            StudyPicture(f"p{n}", f"hidden{n}.jpg", "0" * 64, "fish", kind)
            for n, kind in enumerate(kinds, 1)
        ),
        trials=trials,
        catch_trials=catches,
        instructed_trials=0,
        completion_code="DONE",
        screen_out_code="OUT",
        failed_code="FAILED",
        completion_url="https://example.org/?cc={code}",
    )
    return replace(plain, **changes)


def rendered(plan):
    """Its pictures, drawn."""
    return [
        Rendered(picture.id, model, f"{picture.id} {model}".encode(), "image/png")
        for picture in plan.pictures
        for model in (None, *(each.id for each in plan.conditions))
    ]


def publish(store, plan=None, slug=None, preview=False, **changes):
    """Slug of a published study."""
    plan = plan or design(**changes)
    slug = slug or store.create("small")
    predictions = [
        Prediction(picture.id, each.id, "fish", 0.5, each.id == "c1")
        for picture in plan.pictures
        for each in plan.conditions
    ]
    store.publish(slug, plan, rendered(plan), predictions, preview=preview)
    return slug


def arguments(command, *words):
    """A command's arguments, from its words on the command line."""
    parser = argparse.ArgumentParser()
    command.add_to(parser.add_subparsers())
    return parser.parse_args([str(word) for word in words])


def count(store, table):
    """How many rows a table has."""
    with store.database.reading() as connection:
        return connection.scalar(select(func.count()).select_from(table))


def begin(part, ticket, answers=BACKGROUND):
    """A new participant before the first trial: the ticket to come back by, and the screen."""
    screen = part.consent(ticket, True)
    me = Ticket(ticket.slug, me=screen.me)
    if screen.kind == "background":
        part.background(me, answers)
    return me, part.instructed(me)


def finish(part, me, screen, choose=None):
    """Answer all trials; the last screen."""
    while screen.kind == "trial":
        choice = choose(screen.trial) if choose else "A"
        screen = part.answer(me, screen.trial.id, choice, f"{me.me} {screen.trial.id}", TIMES)
    return screen
