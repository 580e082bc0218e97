"""What goes wrong at a participant's end, on purpose."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace

from bots.bot import Bot
from bots.journal import Sent
from bots.sending import send, shown_trial
from bots.tab import Tab


async def reload(bot: Bot, sent: Sent) -> None:
    """The page is loaded anew at the same address, and then the trial is answered."""
    bot.journal.counted["reloads"] += 1
    await bot.tab.close()
    bot.tab = await bot.another()
    _same(bot, bot.tab, sent, "a reload")
    await bot.answer(sent)


async def second_tab(bot: Bot, sent: Sent) -> None:
    """The same trial in two tabs; both answer, differently; the first is what counts."""
    bot.journal.counted["second tabs"] += 1
    other = await bot.another()
    try:
        _same(bot, other, sent, "opening a second tab")
        again = other.find("trial") is not None
        await bot.answer(sent)
        if again:
            choice = "same" if sent.choice != "same" else "cannot_distinguish"
            late = replace(sent, choice=choice, key=str(uuid.uuid4()))
            await send(other, late, bot.manner.think)
            await bot.gone_on(other, late)
    finally:
        await other.close()


async def dropped(bot: Bot, sent: Sent) -> None:
    """The connection is lost with the answer on its way; it is sent again with the same key."""
    bot.journal.counted["connections dropped"] += 1
    await send(bot.tab, sent, bot.manner.think)
    bot.tab.drop()
    await bot.tab.connect()
    await bot.gone_on(bot.tab, sent)


def _same(bot: Bot, tab: Tab, sent: Sent, after: str) -> None:
    if shown_trial(tab) != sent.trial:
        bot.journal.problems.append(f"Not the same trial in the same order after {after}.")


# One in six trials each; None is a trial in which nothing goes wrong.
INTERRUPTIONS: tuple[Callable[[Bot, Sent], Awaitable[None]] | None, ...] = (
    *(reload, second_tab, dropped),
    *(None, None, None),
)
