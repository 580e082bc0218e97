"""Times left and places in line, in words."""

from __future__ import annotations

from xai_core.jobs.outlook import Outlook

BRIEF_S = 3.0  # what waits no longer than that is not worth a word
ORDINALS = (
    "First",
    "Second",
    "Third",
    "Fourth",
    "Fifth",
    "Sixth",
    "Seventh",
    "Eighth",
    "Ninth",
    "Tenth",
)


def waits(outlook: Outlook) -> bool:
    """Whether something else is computed before, long enough to be told."""
    return outlook.waits and outlook.place > 1 and not _brief(outlook.before)


def may_go_first(outlook: Outlook) -> bool:
    """Whether it waits for work of the same visitor's, which can be put behind it."""
    return waits(outlook) and outlook.own != 0 and not _brief(outlook.own)


def in_line(outlook: Outlook) -> str:
    """What something waits for, such as "Third in line, behind about 27 min of other work"."""
    place = outlook.place
    ordinal = ORDINALS[place - 1] if place <= len(ORDINALS) else f"Number {place}"
    time = "" if outlook.before is None else f"about {duration(outlook.before)} of "
    work = "other work" if outlook.others else "your other work"
    return f"{ordinal} in line, behind {time}{work}"


def time_left(outlook: Outlook) -> str:
    """Time left in words."""
    if outlook.left is None:
        return "estimating the time left"
    word = "about" if outlook.sure else "roughly"
    return f"{word} {duration(outlook.left)} left"


def duration(seconds: float) -> str:
    """Seconds in words, such as "8 s", "40 s", "12 min" or "2 h 5 min"."""
    if seconds < 90:
        step = 1 if seconds < 10 else 5
        return f"{max(1, step * round(seconds / step))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _brief(seconds: float | None) -> bool:
    return seconds is not None and seconds < BRIEF_S
