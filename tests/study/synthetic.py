"""Studies whose answers are made up, as tables and in a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
from sqlalchemy import insert, select

from xai_core.study.design import Condition, Design, StudyPicture
from xai_core.study.storage.records import Records
from xai_core.study.storage.schema import answer, background, participant, trial, version

CHOICES = ("c1", "c2", "cannot_distinguish", "same")
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def design(images=4, models=2, **changes):
    conditions = tuple(
        Condition(f"c{n}", f"Model {n}", {"source": f"net-{n}"}, "gradcam")
        for n in range(1, models + 1)
    )
    pictures = tuple(
        StudyPicture(f"p{n}", f"file {n}.png", "0" * 64, "goldfish") for n in range(1, images + 1)
    )
    made = Design(conditions=conditions, pictures=pictures, trials=images, completion_code="PAID")
    return replace(made, **changes)


def answers(votes):
    """Answers from what each participant chose, picture by picture; None for no answer."""
    rows = [
        (person, f"p{place}", choice)
        for person, own in enumerate(votes, 1)
        for place, choice in enumerate(own, 1)
        if choice is not None
    ]
    return pd.DataFrame(rows, columns=["participant", "image", "choice"])


def predictions(correct):
    """Predictions from whether each model is right, picture by picture."""
    rows = [
        (f"p{place}", model, "goldfish", 0.5, right)
        for model, own in correct.items()
        for place, right in enumerate(own, 1)
    ]
    columns = ["image", "model", "predicted_class", "probability", "correct"]
    return pd.DataFrame(rows, columns=columns)


def records(participants=12, images=6, seed=0, missing=0.1, **changes):
    """Records as a store would give them."""
    rng = np.random.default_rng(seed)
    made = design(images, **changes)
    rows, people, said = [], [], []
    for person in range(1, participants + 1):
        position = 0
        for place in range(1, images + 1):
            if rng.random() < missing:
                continue
            position += 1
            rows.append(_row(rng, person, position, f"p{place}"))
        checks = [_row(rng, person, position + 1, "p1", "catch", bool(rng.random() < 0.7))]
        rows += checks
        people.append(_person(person, position, checks))
        said += [(person, q.id, str(rng.choice(["yes", "no"]))) for q in made.background]
    whole = pd.DataFrame(rows)
    whole["passed"] = whole.passed.astype("boolean")
    kinds = {"shown_position": "Int64", "duration_ms": "Int64"}
    right = {f"c{n}": rng.random(images) < 0.7 for n in range(1, len(made.conditions) + 1)}
    return Records(
        made,
        1,
        participants + 5,
        2,
        pd.DataFrame(people),
        pd.DataFrame(said, columns=["participant", "question", "value"]),
        whole.astype(kinds),
        predictions(right),
    )


def _row(rng, person, position, image, kind="trial", passed=None):
    choice = str(rng.choice(CHOICES, p=(0.45, 0.3, 0.15, 0.1)))
    order = list(rng.permutation(["c1", "c2"]))
    at = NOON + timedelta(minutes=person, seconds=10 * position)
    return {
        "participant": person,
        "position": position,
        "kind": kind,
        "image": image,
        "true_class": "goldfish",
        "choice": choice,
        "shown_position": order.index(choice) if choice in order else None,
        "arrangement": " ".join(order),
        "served_at": at,
        "answered_at": at + timedelta(seconds=4),
        "duration_ms": int(rng.integers(500, 6000)),
        "focus_losses": int(rng.integers(0, 2)),
        "hidden_ms": int(rng.integers(0, 900)),
        "passed": passed,
    }


def _person(person, answered, checks):
    at = pd.Timestamp(NOON) + pd.Timedelta(minutes=person)
    failed = sum(not row["passed"] for row in checks)
    return {
        "participant": person,
        "source": "shared",
        "ending": "completed",
        "consented_at": at,
        "background_at": at,
        "instructed_at": at,
        "practised_at": pd.NaT,
        "ended_at": at + pd.Timedelta(minutes=2),
        "consent_version": 1,
        "checks_failed": failed,
        "checks": len(checks),
        "answered": answered,
    }


def fill(store, slug, participants=10, seed=0, first=1):
    """Put participants with answers to every real trial into a published study."""
    rng = np.random.default_rng(seed)
    with store.database.writing() as connection:
        wanted = select(version).order_by(version.c.id.desc()).limit(1)
        row = connection.execute(wanted).one()
        made = Design.from_json(row.design)
        for number in range(first, first + participants):
            _take_part(connection, row.id, made, number, rng)
    return store.records(slug)


def _take_part(connection, version_id, made, number, rng):
    at = NOON + timedelta(minutes=number)
    key = f"{version_id}-{number}"
    person = connection.execute(
        insert(participant).values(
            version_id=version_id, number=number, seed=number, source="shared",
            token_hash=f"t{key}", withdrawal_hash=f"w{key}", stage="ended", consent_version=1,
            consented_at=at, background_at=at, instructed_at=at, ended_at=at, ending="completed",
        )
    ).inserted_primary_key[0]  # fmt: skip
    for question in made.background:
        value = str(rng.choice(["yes", "no"]))
        connection.execute(
            insert(background).values(participant_id=person, question_id=question.id, value=value)
        )
    ids = [condition.id for condition in made.conditions]
    for position, picture in enumerate(made.of_kind("trial"), 1):
        order = [str(one) for one in rng.permutation(ids)]
        place = int(rng.integers(len(ids))) if rng.random() < 0.8 else None
        known = connection.execute(
            insert(trial).values(
                participant_id=person, position=position, kind="trial", image=picture.id, slot=0,
                arrangement=order, served_at=at,
            )
        ).inserted_primary_key[0]  # fmt: skip
        connection.execute(
            insert(answer).values(
                participant_id=person, trial_id=known,
                choice="same" if place is None else order[place], shown_position=place,
                idempotency_key=f"{key}-{position}", served_at=at, answered_at=at,
                duration_ms=int(rng.integers(800, 9000)), focus_losses=0, hidden_ms=0,
            )
        )  # fmt: skip
