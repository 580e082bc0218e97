"""A participant that is a program, and what it can do on whatever screen it is."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from urllib.parse import urlencode

from bots.fetching import Fetcher
from bots.journal import Journal, Sent
from bots.sending import gone_on, send, shown_trial
from bots.tab import DisconnectedError, Tab

PAGE = "take-part"
PATIENCE_S = 60.0
RETRY_S = 0.5
RETRIES = 120  # so many times half a second a server may be away


@dataclass(frozen=True)
class Manner:
    """How bots behave.

    Attributes:
        url: the server.
        study: its name in the address.
        think: mean seconds between a trial and its answer.
        interruptions: whether now and then something goes wrong at the bot's end.
        restarts: whether the server may be away for a while.
        until: clock (``time.monotonic``) after which no further answer is given.
    """

    url: str
    study: str
    think: float = 2.0
    interruptions: bool = False
    restarts: bool = False
    until: float = float("inf")


class Bot:
    """One participant with its tab.

    Args:
        manner: how it behaves.
        seed: decides its answers, its pace and what goes wrong.
        platform_id: comes with this id instead of by the shared link.

    Attributes:
        pending: an answer that the page has not acknowledged yet.
    """

    def __init__(self, manner: Manner, seed: int, platform_id: str = "") -> None:
        self.manner = manner
        self.journal = Journal(seed, platform_id)
        self.fetcher = Fetcher(manner.url)
        self.pending: Sent | None = None
        self._random = random.Random(seed)
        address = {"study": manner.study}
        if platform_id:
            address |= {"PROLIFIC_PID": platform_id, "STUDY_ID": "bots", "SESSION_ID": str(seed)}
        self.tab = self._new_tab(urlencode(address))

    async def answer(self, sent: Sent) -> None:
        """Send an answer until the page goes on, and measure how long that takes."""
        began = time.perf_counter()
        await send(self.tab, sent, self.manner.think)
        await self.gone_on(self.tab, sent)
        shown = shown_trial(self.tab)
        if shown is not None:
            await asyncio.gather(*map(self.fetcher.picture, shown.pictures))
        self.journal.steps.append(time.perf_counter() - began)

    async def gone_on(self, tab: Tab, sent: Sent) -> None:
        """Wait until a tab has gone on, and count how often the answer had to be sent again."""
        again = await gone_on(tab, sent, self.manner.think)
        self.journal.counted["answers sent again"] += again

    async def another(self) -> Tab:
        """A further tab at the same address."""
        tab = self._new_tab(self.tab.query)
        await tab.open()
        await tab.settled(PATIENCE_S)
        return tab

    async def load(self) -> None:
        """Load the page anew, as soon as there is a server."""
        for attempt in range(RETRIES):
            await self.tab.close()
            self.tab = self._new_tab(self.tab.query)
            try:
                await self.tab.open()
            except DisconnectedError:
                if not self.manner.restarts or attempt == RETRIES - 1:
                    raise
                await asyncio.sleep(RETRY_S)
            else:
                return

    async def think(self) -> None:
        """Wait as long as a participant would."""
        if self.manner.think:
            await asyncio.sleep(self.manner.think * self._random.uniform(0.5, 1.5))

    async def close(self) -> None:
        """Close the browser."""
        await self.tab.close()
        await self.fetcher.close()

    def _new_tab(self, query: str) -> Tab:
        return Tab(self.manner.url, PAGE, query, self.fetcher)
