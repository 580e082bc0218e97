"""Which pictures a participant sees, in which order, with which heatmap in which place.

Balanced over participants, random within: a picture that was shown least comes first; and for
each picture the participants who see it go through a list of arrangements in which, of every M in
a row (M conditions), each puts every condition in another place. The list is made of blocks of M:
the rotations of a random order in random sequence, and in the block after it the rotations of the
same order backwards, so that over two blocks each condition stands before each other one equally
often.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from xai_core.study.design import ESCAPES, Design, StudyPicture

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
Arrangement = tuple[str, ...]


@dataclass(frozen=True)
class Use:
    """How a picture was used so far: by how many, and the first free place of its list."""

    count: int = 0
    slot: int = 0


@dataclass(frozen=True)
class PlannedTrial:
    """One screen of a participant's plan.

    Attributes:
        kind: "trial", "practice", "catch" or "instructed".
        image: id of the picture.
        slot: place in the picture's list of arrangements.
        arrangement: ids of conditions in the order shown; a catch trial repeats one.
        expected: right choices of a check; none for other trials.
    """

    kind: str
    image: str
    slot: int
    arrangement: Arrangement
    expected: tuple[str, ...] = ()


def plan(
    design: Design, seed: int, uses: Mapping[str, Use] | None = None, key: str = ""
) -> tuple[PlannedTrial, ...]:
    """A participant's trials, practice first.

    Args:
        design: of the study; it has no ``problems``.
        seed: of the participant.
        uses: of each picture by the participants before; a picture that is missing had none.
        key: of the version; the same for all its participants, it decides the lists.

    Returns:
        The trials in the order in which they are shown.
    """
    uses = uses or {}
    rng = random.Random(f"{key}/{seed}")
    chosen = _least_used(design.of_kind("trial"), design.trials, uses, rng)
    if design.random_order:
        rng.shuffle(chosen)
    listed = partial(_listed, design, uses, key)
    plain = [listed("trial", picture) for picture in chosen]
    caught = _least_used(design.of_kind("catch"), design.catch_trials, uses, rng)
    instructed = _for_instructions(design, caught, chosen, rng)
    checks = [_catch(listed("catch", picture)) for picture in caught]
    checks += [_instructed(listed("instructed", picture), rng) for picture in instructed]
    if design.random_order:
        rng.shuffle(checks)
    practice = [listed("practice", picture) for picture in design.of_kind("practice")]
    return (*practice, *_spread(plain, checks, rng, jitter=design.random_order))


def passed(expected: str | None, choice: str) -> bool:
    """Whether a check was answered as it should be; a trial that is no check always passes.

    Args:
        expected: right choices of a check with a space between them; None for other trials.
        choice: that was made.
    """
    return expected is None or choice in expected.split()


def arrangement(design: Design, image: str, slot: int, key: str = "") -> Arrangement:
    """The arrangement at a place of a picture's list."""
    ids = [condition.id for condition in design.conditions]
    if not design.random_positions:
        return tuple(ids)
    block, row = divmod(slot, len(ids))
    pair, backwards = divmod(block, 2)
    rng = random.Random(f"{key}/{image}/{pair}")
    rng.shuffle(ids)
    if backwards:
        ids.reverse()
        rng = random.Random(f"{key}/{image}/{pair}/backwards")
    turn = rng.sample(range(len(ids)), len(ids))[row]
    return tuple(ids[turn:] + ids[:turn])


def _least_used(
    pictures: Sequence[StudyPicture], number: int, uses: Mapping[str, Use], rng: random.Random
) -> list[StudyPicture]:
    """Those used least, ties by lot, in the design's order."""
    lots = {picture.id: rng.random() for picture in pictures}
    ranked = sorted(pictures, key=lambda p: (uses.get(p.id, Use()).count, lots[p.id]))
    kept = {picture.id for picture in ranked[:number]}
    return [picture for picture in pictures if picture.id in kept]


def _listed(
    design: Design, uses: Mapping[str, Use], key: str, kind: str, picture: StudyPicture
) -> PlannedTrial:
    """A trial with the arrangement that comes next in its picture's list."""
    slot = uses.get(picture.id, Use()).slot
    return PlannedTrial(kind, picture.id, slot, arrangement(design, picture.id, slot, key))


def _catch(trial: PlannedTrial) -> PlannedTrial:
    # The first of each arrangement: over a block of the list, every condition in turn.
    repeated = (trial.arrangement[0],) * len(trial.arrangement)
    return replace(trial, arrangement=repeated, expected=tuple(sorted(ESCAPES)))


def _instructed(trial: PlannedTrial, rng: random.Random) -> PlannedTrial:
    return replace(trial, expected=(rng.choice([*trial.arrangement, *sorted(ESCAPES)]),))


def _for_instructions(
    design: Design,
    caught: Sequence[StudyPicture],
    chosen: Sequence[StudyPicture],
    rng: random.Random,
) -> list[StudyPicture]:
    """Pictures for instructed trials: best those that the participant sees nowhere else."""
    spare = [picture for picture in design.of_kind("catch") if picture not in caught]
    others = [picture for picture in design.of_kind("trial") if picture not in chosen]
    again = list(chosen)
    for pictures in (spare, others, again):
        rng.shuffle(pictures)
    return [*spare, *others, *again][: design.instructed_trials]


def _spread(
    plain: Sequence[PlannedTrial],
    checks: Sequence[PlannedTrial],
    rng: random.Random,
    *,
    jitter: bool,
) -> list[PlannedTrial]:
    """One check in each of as many equal stretches, never the very first trial."""
    length = len(plain) + len(checks)
    places = set()
    for index in range(len(checks)):
        first = max(1, -(-index * length // len(checks)))
        end = -(-(index + 1) * length // len(checks))
        places.add(rng.randrange(first, end) if jitter else (first + end - 1) // 2)
    waiting, others = iter(checks), iter(plain)
    return [next(waiting if place in places else others) for place in range(length)]
