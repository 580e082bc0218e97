"""What lies before a job, and how long it takes, in the order in which owners get workers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Need:
    """What a job still needs of the workers, in seconds.

    Attributes:
        running: of its tasks that workers have.
        waiting: of its tasks that nobody has begun.
        longest: of that of its tasks that a worker will have longest.
        ahead: of each of the first that wait.
        last: of the last that waits.
        sure: whether all of it has been measured, and nothing is guessed from other kinds.
    """

    running: float = 0.0
    waiting: float = 0.0
    longest: float = 0.0
    ahead: tuple[float, ...] = ()
    last: float = 0.0
    sure: bool = True

    @property
    def seconds(self) -> float:
        """All together."""
        return self.running + self.waiting


@dataclass(frozen=True)
class Line:
    """What one owner still asks for.

    Attributes:
        had: seconds of the workers' time that it has had.
        needs: of its open jobs, in their order; None where nobody can say.
    """

    had: float
    needs: Sequence[Need | None]


@dataclass(frozen=True)
class Outlook:
    """What can be said of an open job.

    Attributes:
        left: seconds until its end; None if unknown.
        sure: whether ``left`` rests on what has been measured of each kind, and on no guess.
        waits: whether workers have none of its tasks.
        place: which it is among the jobs that have something to be done before it goes on; 1 if
            there is no other.
        before: seconds of that work; None if unknown.
        own: the seconds of it that the same owner has asked for; None if unknown.
        others: whether some of it is that of other owners.
    """

    left: float | None = None
    sure: bool = True
    waits: bool = False
    place: int = 1
    before: float | None = None
    own: float | None = None
    others: bool = False


def outlook(lines: Mapping[str, Line], owner: str, number: int, workers: int) -> Outlook:
    """What is to be said of one job.

    Whoever has had the least time is next. So an owner who still asks for more is given, until a
    task of ours begins, what takes it past what we shall have had by then, in whole tasks; and
    what a worker has is finished in any case.

    Args:
        lines: by owner, all who ask for something.
        owner: whose job it is.
        number: which of the owner's jobs.
        workers: how many there are.
    """
    line = lines[owner]
    older, need = line.needs[:number], line.needs[number]
    rest = [one for who, one in lines.items() if who != owner]
    if need is None:
        return Outlook(place=1 + len(older) + sum(map(_begun, rest)))
    waits = need.running == 0
    own = _sum(older)
    if own is None:
        place = 1 + len(older) + sum(map(_begun, rest))
        return Outlook(None, need.sure, waits, place, others=any(map(_begun, rest)))
    until_begin = [_taken(one, line.had + own) for one in rest]
    until_end = [_taken(one, line.had + own + need.seconds - need.last) for one in rest]
    jobs = sum(_jobs(one, taken) for one, taken in zip(rest, until_begin, strict=True))
    before = _total([own, *until_begin])
    if need.waiting == 0:
        left: float | None = need.longest
    else:
        everything = _total([own + need.seconds, *until_end])
        most = max(1, workers - 1)  # no owner holds the last of several
        least = max((own + need.seconds) / most, need.longest, need.last)
        left = None if everything is None else max(everything / max(1, workers), least)
    return Outlook(
        left,
        need.sure and all(one.sure for one in older if one is not None),
        waits,
        1 + len(older) + jobs,
        None if before is None else before / max(1, workers),
        own / max(1, workers),
        jobs > 0,
    )


def _taken(line: Line, level: float) -> float | None:
    """Seconds of a line that come before a task of somebody who will have had ``level``."""
    if any(need is None for need in line.needs):
        return None
    needs = [need for need in line.needs if need is not None]
    running = sum(need.running for need in needs)
    owed, taken = level - line.had - running, 0.0
    for need in needs:
        for seconds in need.ahead:
            if taken >= owed:
                return running + taken
            taken += seconds
        # Of what is not looked at one by one, all are taken to be as long as the last.
        more = need.waiting - sum(need.ahead)
        if taken < owed and more > 0:
            step = need.last or more
            taken += min(more, math.ceil((owed - taken) / step) * step)
    return running + taken


def _jobs(line: Line, seconds: float | None) -> int:
    """How many jobs of a line are begun within its next seconds."""
    if seconds is None:
        return _begun(line)
    count, passed = 0, 0.0
    for need in line.needs:
        if passed >= seconds or need is None:
            break
        count += 1
        passed += need.seconds
    return count


def _begun(line: Line) -> bool:
    """Whether a worker may have something of it."""
    return any(need is None or need.running > 0 for need in line.needs)


def _sum(needs: Sequence[Need | None]) -> float | None:
    return _total([None if need is None else need.seconds for need in needs])


def _total(seconds: Sequence[float | None]) -> float | None:
    known = [one for one in seconds if one is not None]
    return sum(known) if len(known) == len(seconds) else None
