"""One participation: from the link to the last screen."""

from __future__ import annotations

import time
from urllib.parse import parse_qs

from bots.bot import PATIENCE_S, RETRIES, Bot
from bots.fetching import FetchError
from bots.journal import Journal
from bots.sending import LATE_S, RefusedError, shown_trial
from bots.steps import Step, step_of
from bots.tab import DisconnectedError, StuckError


async def take_part(bot: Bot) -> Journal:
    """Go through the study; whatever goes wrong is in the journal."""
    try:
        await bot.load()
        while await _screen(bot):
            pass
    except (DisconnectedError, StuckError, RefusedError, FetchError, ValueError) as error:
        bot.journal.problems.append(f"{type(error).__name__}: {error}")
    finally:
        await bot.close()
    return bot.journal


async def _screen(bot: Bot) -> bool:
    """Do what the present screen asks for; whether another one may follow."""
    try:
        step = await _settled(bot)
        _remember(bot)
        if step is None:
            _end(bot)
            return False
        if time.monotonic() > bot.manner.until:
            return False
        await step(bot)
    except (DisconnectedError, FetchError):
        if not bot.manner.restarts or bot.journal.counted["reconnections"] >= RETRIES:
            raise
        bot.journal.counted["reconnections"] += 1
        await bot.load()
    return True


async def _settled(bot: Bot) -> Step | None:
    """Wait for the whole page; where connections are lost, load it anew if it stays away."""
    try:
        await bot.tab.settled(2 * LATE_S if bot.manner.interruptions else PATIENCE_S)
    except StuckError:
        if not bot.manner.interruptions:
            raise
        bot.journal.counted["reloads of a page that stays away"] += 1
        await bot.load()
        await bot.tab.settled(PATIENCE_S)
    step = step_of(bot)
    if step is None and (bot.manner.interruptions or bot.manner.restarts):
        # A connection that was lost may have taken the rest of a page with it.
        await bot.load()
        await bot.tab.settled(PATIENCE_S)
        step = step_of(bot)
    return step


def _remember(bot: Bot) -> None:
    """Keep the token, and the pending answer if the page has gone on."""
    bot.journal.me = parse_qs(bot.tab.query).get("me", [bot.journal.me])[0]
    shown = shown_trial(bot.tab)
    away = bot.tab.find("retry") is not None
    if bot.pending and not away and (shown is None or shown.id != bot.pending.trial.id):
        bot.journal.answers.append(bot.pending)
        bot.pending = None


def _end(bot: Bot) -> None:
    bot.journal.texts, bot.journal.ended = bot.tab.texts(), bot.journal.began
    if not bot.journal.began:
        bot.journal.problems.append(f"There is no study; the page shows {bot.tab.summary()}")
