"""What a participant gets to see, and what comes back: nothing here names a model or method."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from xai_core.study.public_design import PublicDesign

ScreenKind = Literal[
    "unknown",
    "not_open",
    "closed",
    "full",
    "expired",
    "consent",
    "background",
    "instructions",
    "trial",
    "ended",
]
MOST_MS = 2**31 - 1  # what a column of whole numbers holds, 24 days


@dataclass(frozen=True)
class Ticket:
    """Everything that a participant's address says.

    Attributes:
        slug: of the study.
        me: the participant's own token, from ``Screen.me``.
        invite: token of a personal invitation.
        platform: name of the recruiting platform, such as "prolific".
        platform_id: the participant's id there.
        platform_study: the study's id there.
        platform_session: the session's id there.
        preview: whether a researcher looks at the study before it is published. The page that
            sets this checks that it is one.
    """

    slug: str
    me: str = ""
    invite: str = ""
    platform: str = ""
    platform_id: str = ""
    platform_study: str = ""
    platform_session: str = ""
    preview: bool = False


@dataclass(frozen=True)
class ClientTimes:
    """What the participant's browser measured; not to be trusted, only recorded.

    Attributes:
        shown_at: when the trial was on the screen, milliseconds since 1970, or None.
        answered_at: when it was answered, likewise.
        duration_ms: between the two by the browser's steady clock.
        focus_losses: how often the window was left meanwhile.
        hidden_ms: for how long.
    """

    shown_at: float | None = None
    answered_at: float | None = None
    duration_ms: int | None = None
    focus_losses: int = 0
    hidden_ms: int = 0

    def bounded(self) -> ClientTimes:
        """The same with every value that no column can hold put right or left out."""
        return ClientTimes(
            _finite(self.shown_at),
            _finite(self.answered_at),
            None if self.duration_ms is None else _count(self.duration_ms),
            _count(self.focus_losses) or 0,
            _count(self.hidden_ms) or 0,
        )


@dataclass(frozen=True)
class ShownTrial:
    """One trial.

    Attributes:
        id: to answer it by.
        number: which one it is, from 1; practice is counted apart.
        total: of how many.
        practice: whether it does not count.
        instruction: a sentence that says what to choose, or "".
        question: with the class filled in.
        original: name of the original's stimulus.
        options: letter and stimulus of each heatmap, in the order shown.
        next_pictures: stimuli of the trial after it, for the browser to fetch early.
    """

    id: int
    number: int
    total: int
    practice: bool
    instruction: str
    question: str
    original: str
    options: tuple[tuple[str, str], ...]
    next_pictures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Screen:
    """What is shown next.

    Attributes:
        kind: of screen; "unknown" for an address that leads nowhere.
        design: what the participant may see of it; None for "unknown".
        me: a new participant's token, given once.
        withdrawal: the participant's withdrawal code, or "" where the address does not tell it.
        trial: for the kind "trial".
        ending: for the kind "ended": "completed", "screened_out", "failed"; None after declining.
        code: for the kind "ended": what to enter at the recruiting platform, or "".
        url: for the kind "ended": where to go, with the code filled in, or "".
        elsewhere: whether the answer just sent was not taken, because the trial had one already.
    """

    kind: ScreenKind
    design: PublicDesign | None = None
    me: str = ""
    withdrawal: str = ""
    trial: ShownTrial | None = None
    ending: str | None = None
    code: str = ""
    url: str = ""
    elsewhere: bool = False


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _count(value: float) -> int | None:
    return min(max(0, int(value)), MOST_MS) if math.isfinite(value) else None
