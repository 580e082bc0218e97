"""What a bot remembers of its participation."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Trial:
    """A trial as the page shows it.

    Attributes:
        id: the page's name of it.
        practice: whether it counts.
        instruction: sentence that says what to choose, or "".
        original: address of the original picture.
        options: letter and address of each heatmap, in the order shown.
        coming: addresses that the following trial will need.
    """

    id: int
    practice: bool
    instruction: str
    original: str
    options: tuple[tuple[str, str], ...]
    coming: tuple[str, ...]

    @staticmethod
    def of(data: dict[str, Any]) -> Trial:
        """From the page's data."""
        return Trial(
            id=int(data["trial"]),
            practice=bool(data["practice"]),
            instruction=str(data["instruction"] or ""),
            original=str(data["original"]),
            options=tuple((str(letter), str(address)) for letter, address in data["options"]),
            coming=tuple(map(str, data["next"] or ())),
        )

    @property
    def pictures(self) -> tuple[str, ...]:
        """Addresses of everything that it shows."""
        return self.original, *(address for _, address in self.options)


@dataclass(frozen=True)
class Sent:
    """An answer that the page has acknowledged by going on."""

    trial: Trial
    choice: str
    key: str


@dataclass
class Journal:
    """One participation.

    Attributes:
        seed: of the bot.
        platform_id: by which it came, "" for the shared link.
        me: the page's token for it, "" before consent or with a platform's id.
        answers: what it sent, in order.
        background: question → text that was sent, or number of the choice.
        texts: what the last screen said.
        ended: whether it came to a last screen.
        steps: seconds from each answer to the next trial with its pictures.
        counted: interruptions and reconnections by name.
        problems: what must not be, as sentences.
        lost_consents: how often the connection broke between consent and what follows.
    """

    seed: int
    platform_id: str = ""
    me: str = ""
    answers: list[Sent] = field(default_factory=list)
    background: dict[str, int | str] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    ended: bool = False
    steps: list[float] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    lost_consents: int = 0

    @property
    def began(self) -> bool:
        """Whether it has consented, as far as it knows."""
        return bool(self.me or self.background or self.answers)
