"""An answer on its way: sent, sent again, and taken when the page goes on."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from functools import partial
from typing import Any

from bots.journal import Sent, Trial
from bots.tab import StuckError, Tab

LATE_S = 6.0  # without a word of the server the page sends an answer again, as the browser does
AGAIN_S = 0.5  # after the server has said that it cannot save now
SENT_AGAIN = 20


class RefusedError(Exception):
    """The page will not take an answer."""


async def send(tab: Tab, sent: Sent, think: float, attempt: int = 1) -> None:
    """Send an answer as the page's component does.

    Args:
        tab: that shows the trial.
        sent: the answer.
        think: seconds that it is said to have taken.
        attempt: number from 1.
    """
    now = round(1000 * time.time())
    answer = {
        "trial": sent.trial.id,
        "choice": sent.choice,
        "key": sent.key,
        "attempt": attempt,
        "shown_at": now - round(1000 * think),
        "answered_at": now,
        "duration_ms": round(1000 * think),
        "focus_losses": 0,
        "hidden_ms": 0,
    }
    await tab.change(tab.need("trial"), {"answer": answer})


async def gone_on(tab: Tab, sent: Sent, think: float) -> int:
    """Wait until a tab shows something else than the trial; send again what is not saved.

    Args:
        tab: that has sent the answer.
        sent: the answer.
        think: as for ``send``.

    Returns:
        How often it was sent again.

    Raises:
        RefusedError: if sending again is of no use.
        StuckError: if it is never saved.
    """
    for attempt in range(1, 1 + SENT_AGAIN):
        with suppress(StuckError):
            await tab.until(partial(_has_replied, sent=sent, attempt=attempt), LATE_S)
            data = _data(tab)
            if data is None or data["trial"] != sent.trial.id:
                return attempt - 1
            if data["problem"].get("final"):
                raise RefusedError(str(data["problem"].get("text")))
            await asyncio.sleep(AGAIN_S)
        await send(tab, sent, think, attempt + 1)
    raise StuckError("an answer is never saved")


def shown_trial(tab: Tab) -> Trial | None:
    """The trial on a tab's screen."""
    data = _data(tab)
    return Trial.of(data) if data else None


def _has_replied(tab: Tab, sent: Sent, attempt: int) -> bool:
    """Whether the page has gone on, or says why it has not."""
    data = _data(tab)
    if data is None:
        return not tab.running
    problem = data.get("problem") or {}
    refused = problem.get("key") == sent.key and problem.get("attempt", attempt) == attempt
    return data["trial"] != sent.trial.id or refused


def _data(tab: Tab) -> dict[str, Any] | None:
    """What the component of trials is given."""
    found = tab.find("trial")
    return json.loads(found.data) if found is not None else None
