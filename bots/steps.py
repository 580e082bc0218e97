"""What a bot does on each screen."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from bots import rule
from bots.bot import PATIENCE_S, RETRIES, RETRY_S, Bot
from bots.interruptions import INTERRUPTIONS
from bots.journal import Sent
from bots.sending import shown_trial
from bots.tab import DisconnectedError, StuckError
from bots.wire import Element

BACKGROUND = "background:"

Step = Callable[[Bot], Awaitable[None]]


def step_of(bot: Bot) -> Step | None:
    """What the present screen asks for; None if it asks for nothing."""
    return next((step for key, step in STEPS.items() if bot.tab.find(key) is not None), None)


async def retry(bot: Bot) -> None:
    """The database is away: ask again."""
    bot.journal.counted["database away"] += 1
    if bot.journal.counted["database away"] > RETRIES:
        raise StuckError(f"the database stays away; the page shows {bot.tab.summary()}")
    await asyncio.sleep(RETRY_S)
    await bot.tab.press(bot.tab.need("retry"))


async def consent(bot: Bot) -> None:
    """Agree."""
    try:
        await _go_on(bot, "agree")
    except DisconnectedError:
        bot.journal.lost_consents += 1
        raise


async def background(bot: Bot) -> None:
    """Answer the questions about oneself."""
    for question in list(bot.tab.elements()):
        if question.key.startswith(BACKGROUND):
            name = question.key.removeprefix(BACKGROUND)
            value, bot.journal.background[name] = _answer_to(question, name, bot.journal.seed)
            bot.tab.fill(question, value)
    await _go_on(bot, "background_submit")


async def begin(bot: Bot) -> None:
    """Leave the instructions."""
    await _go_on(bot, "begin")


async def trial(bot: Bot) -> None:
    """Look at the pictures and answer, unless something comes in between."""
    shown = shown_trial(bot.tab)
    if shown is None:
        raise StuckError("the page shows a trial without data")
    seed = bot.journal.seed
    digests = {path: await bot.fetcher.picture(path) for path in shown.pictures}
    for path in shown.coming:
        bot.fetcher.want(path)
    if bot.pending is None:
        await bot.think()
        options = [(letter, digests[path]) for letter, path in shown.options]
        choice = rule.choose(seed, digests[shown.original], options, shown.instruction)
        bot.pending = Sent(shown, choice, str(uuid.uuid4()))
    drawn = rule.draw(seed, f"interruption {shown.id}", len(INTERRUPTIONS))
    interrupt = INTERRUPTIONS[drawn] if bot.manner.interruptions else None
    await (interrupt or Bot.answer)(bot, bot.pending)


STEPS: dict[str, Step] = {
    "retry": retry,
    "agree": consent,
    "background_submit": background,
    "begin": begin,
    "trial": trial,
}


async def _go_on(bot: Bot, key: str) -> None:
    """Think, press a button, and wait until it is gone."""
    await bot.think()
    await bot.tab.press(bot.tab.need(key))
    await bot.tab.until(lambda tab: tab.find(key) is None, PATIENCE_S)


def _answer_to(question: Element, name: str, seed: int) -> tuple[Any, int | str]:
    """Value of the widget, and what is to be stored: the number of a choice, or a text."""
    if question.options:
        place = rule.draw(seed, name, len(question.options))
        return question.options[place], place
    if question.kind == "number_input":
        number = rule.draw(seed, name, 100)
        return float(number), str(number)
    text = f"=1+{seed}"
    return text, text
