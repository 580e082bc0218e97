"""Many bots at once."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from bots.bot import Bot, Manner
from bots.journal import Journal
from bots.participant import take_part

FROM_A_PLATFORM = 3  # one bot in so many comes with a platform's id


@dataclass(frozen=True)
class Crowd:
    """Who comes, and when.

    Attributes:
        manner: how they behave.
        participants: how many at the same time.
        seed: of everything that is drawn.
        arrival: seconds over which they come.
        again: whether another one comes when one has ended, until the manner's time is over.
        urls: servers among which they are spread; the manner's own if empty.
    """

    manner: Manner
    participants: int
    seed: int = 0
    arrival: float = 0.0
    again: bool = False
    urls: tuple[str, ...] = ()


async def drive(crowd: Crowd, ended: Callable[[Journal], None] = lambda _: None) -> list[Journal]:
    """Let all of them take part.

    Args:
        crowd: who comes.
        ended: is called with each journal as it ends.

    Returns:
        Every journal, in the order in which they came.
    """
    journals: dict[int, Journal] = {}

    async def place(number: int) -> None:
        """A place that one bot after the other takes."""
        await asyncio.sleep(crowd.arrival * number / crowd.participants)
        while True:
            journals[number] = await take_part(_bot(crowd, number))
            ended(journals[number])
            over = time.monotonic() > crowd.manner.until
            if over or not crowd.again or journals[number].problems:
                return
            number += crowd.participants

    await asyncio.gather(*map(place, range(crowd.participants)))
    return [journals[number] for number in sorted(journals)]


def _bot(crowd: Crowd, number: int) -> Bot:
    seed = random.Random(f"{crowd.seed} {number}").getrandbits(48)
    manner = crowd.manner
    if crowd.urls:
        manner = replace(manner, url=crowd.urls[number % len(crowd.urls)])
    # Never one that an earlier run has used: whoever had it would go on, or be thanked again.
    comes_by_id = number % FROM_A_PLATFORM == FROM_A_PLATFORM - 1
    return Bot(manner, seed, f"bot-{secrets.token_hex(8)}" if comes_by_id else "")
