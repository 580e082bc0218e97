"""A participant that is a program: from the link to the last screen."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode

from bots import rule
from bots.answering import LATE_S, RefusedError, gone_on, send, shown_trial
from bots.browser import DisconnectedError, StuckError, Tab
from bots.fetching import Fetcher, FetchError
from bots.interruptions import INTERRUPTIONS
from bots.journal import Journal, Sent, Trial
from bots.wire import Element

PAGE = "take-part"
PATIENCE_S = 60.0
RETRY_S = 0.5
RETRIES = 120  # so many times half a second a server may be away
BACKGROUND = "background:"


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
    """One participant.

    Args:
        manner: how it behaves.
        seed: decides its answers, its pace and what goes wrong.
        platform_id: comes with this id instead of by the shared link.
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
        self.tab = Tab(manner.url, PAGE, urlencode(address), self.fetcher)

    async def take_part(self) -> Journal:
        """Go through the study; whatever goes wrong is in the journal."""
        try:
            await self._back()
            while await self._screen():
                pass
        except (DisconnectedError, StuckError, RefusedError, FetchError, ValueError) as error:
            self.journal.problems.append(f"{type(error).__name__}: {error}")
        finally:
            await self.tab.close()
            self.fetcher.close()
        return self.journal

    async def _screen(self) -> bool:
        """Do what the present screen asks for; whether another one may follow."""
        try:
            await self._settle()
            step = self._present()
            if step is None and (self.manner.interruptions or self.manner.restarts):
                # A connection that was lost may have taken the rest of a page with it.
                await self._back()
                await self.tab.settled(PATIENCE_S)
                step = self._present()
            self._remember()
            if step is None:
                self._end()
                return False
            if time.monotonic() > self.manner.until:
                return False
            await step()
        except (DisconnectedError, FetchError):
            if not self.manner.restarts or self.journal.counted["reconnections"] >= RETRIES:
                raise
            self.journal.counted["reconnections"] += 1
            await self._back()
        return True

    async def _settle(self) -> None:
        """Wait for the whole page; where connections are lost, load it anew if it stays away."""
        if not self.manner.interruptions:
            await self.tab.settled(PATIENCE_S)
            return
        try:
            await self.tab.settled(2 * LATE_S)
        except StuckError:
            self.journal.counted["reloads of a page that stays away"] += 1
            await self._back()
            await self.tab.settled(PATIENCE_S)

    def _present(self) -> Callable[[], Any] | None:
        for key, step in (
            ("retry", self._retry),
            ("agree", self._consent),
            ("background_submit", self._background),
            ("begin", self._begin),
            ("trial", self._trial),
        ):
            if self.tab.find(key) is not None:
                return step
        return None

    def _remember(self) -> None:
        """Keep the token, and the pending answer if the page has gone on."""
        self.journal.me = parse_qs(self.tab.query).get("me", [self.journal.me])[0]
        shown = shown_trial(self.tab)
        away = self.tab.find("retry") is not None
        if self.pending and not away and (shown is None or shown.id != self.pending.trial.id):
            self.journal.answers.append(self.pending)
            self.pending = None

    def _end(self) -> None:
        self.journal.texts, self.journal.ended = self.tab.texts(), self.journal.began
        if not self.journal.began:
            self.journal.problems.append(f"There is no study; the page shows {self.tab.summary()}")

    # -- the screens ------------------------------------------------------------------

    async def _retry(self) -> None:
        self.journal.counted["database away"] += 1
        if self.journal.counted["database away"] > RETRIES:
            raise StuckError(f"the database stays away; the page shows {self.tab.summary()}")
        await asyncio.sleep(RETRY_S)
        await self.tab.press(self.tab.need("retry"))

    async def _consent(self) -> None:
        await self._think()
        try:
            await self.tab.press(self.tab.need("agree"))
            await self.tab.until(lambda tab: tab.find("agree") is None, PATIENCE_S)
        except DisconnectedError:
            self.journal.lost_consents += 1
            raise

    async def _background(self) -> None:
        await self._think()
        for question in list(self.tab.elements()):
            if not question.key.startswith(BACKGROUND):
                continue
            name = question.key.removeprefix(BACKGROUND)
            value, said = self._said(question, name)
            self.tab.fill(question, value)
            self.journal.background[name] = said
        await self.tab.press(self.tab.need("background_submit"))
        await self.tab.until(lambda tab: tab.find("background_submit") is None, PATIENCE_S)

    def _said(self, question: Element, name: str) -> tuple[Any, int | str]:
        """Value of the widget, and what is to be stored: the number of a choice, or a text."""
        if question.options:
            place = rule.draw(self.journal.seed, name, len(question.options))
            return question.options[place], place
        if question.kind == "number_input":
            number = rule.draw(self.journal.seed, name, 100)
            return float(number), str(number)
        text = f"=1+{self.journal.seed}"
        return text, text

    async def _begin(self) -> None:
        await self._think()
        await self.tab.press(self.tab.need("begin"))
        await self.tab.until(lambda tab: tab.find("begin") is None, PATIENCE_S)

    async def _trial(self) -> None:
        trial = shown_trial(self.tab)
        if trial is None:
            raise StuckError("the page shows a trial without data")
        digests = {path: await self.fetcher.picture(path) for path in trial.pictures}
        for path in trial.coming:
            self.fetcher.want(path)
        if self.pending is None:
            await self._think()
            options = [(letter, digests[path]) for letter, path in trial.options]
            choice = rule.choose(
                self.journal.seed, digests[trial.original], options, trial.instruction
            )
            self.pending = Sent(trial, choice, str(uuid.uuid4()))
        attempt = INTERRUPTIONS[self._drawn(trial)] if self.manner.interruptions else None
        if attempt is not None:
            await attempt(self)
        else:
            await self.answer()

    def _drawn(self, trial: Trial) -> int:
        return rule.draw(self.journal.seed, f"interruption {trial.id}", len(INTERRUPTIONS))

    # -- what interruptions use too -----------------------------------------------------

    async def answer(self) -> None:
        """Send the pending answer until the page goes on, and measure how long that takes."""
        if self.pending is None:
            return
        began = time.perf_counter()
        await send(self.tab, self.pending, self.manner.think)
        await self.gone_on(self.tab, self.pending)
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
        tab = Tab(self.manner.url, PAGE, self.tab.query, self.fetcher)
        await tab.open()
        await tab.settled(PATIENCE_S)
        return tab

    async def _back(self) -> None:
        """Load the page anew, as soon as there is a server."""
        for attempt in range(RETRIES):
            await self.tab.close()
            self.tab = Tab(self.manner.url, PAGE, self.tab.query, self.fetcher)
            try:
                await self.tab.open()
            except DisconnectedError:
                if not self.manner.restarts or attempt == RETRIES - 1:
                    raise
                await asyncio.sleep(RETRY_S)
            else:
                return

    async def _think(self) -> None:
        if self.manner.think:
            await asyncio.sleep(self.manner.think * self._random.uniform(0.5, 1.5))
