"""What ``python -m xai_core study bots`` does: bots take part, and nothing may be lost or added."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, suppress

from bots.comparing import Comparison, compare, participants_of
from bots.crowd import Crowd, drive
from bots.journal import Journal
from bots.participant import Manner
from bots.server import Server
from xai_core.cli.tables import aligned
from xai_core.study import open_store

LISTED = 20  # differences; the rest is counted


def run(arguments: argparse.Namespace) -> int:
    """Drive the bots and print the outcome; 0 if there is no difference.

    Args:
        arguments: study, participants, think, url, serve, interruptions and seed.

    Raises:
        StudyError: if the study cannot be taken part in.
    """
    store = open_store()
    with ExitStack() as stack:
        stack.callback(store.close_all)
        before = participants_of(store, arguments.study)
        server = stack.enter_context(Server()) if arguments.serve else None
        manner = Manner(
            url=server.url if server else arguments.url,
            study=arguments.study,
            think=arguments.think,
            interruptions=arguments.interruptions,
            restarts=arguments.interruptions and server is not None,
        )
        crowd = Crowd(manner, arguments.participants, arguments.seed, arrival=arguments.think)
        journals, restarts = asyncio.run(_driven(crowd, server))
        found = compare(store, arguments.study, journals, before)
    _print_outcome(found, journals, {"restarts of the server": restarts})
    return 1 if found.differences else 0


async def _driven(crowd: Crowd, server: Server | None) -> tuple[list[Journal], int]:
    """The journals, and how often the server was killed meanwhile."""
    done = 0

    def count(_: Journal) -> None:
        nonlocal done
        done += 1
        if sys.stderr.isatty():
            print(f"\r{done} of {crowd.participants} have ended", end="", file=sys.stderr)

    if server is None or not crowd.manner.restarts:
        return await drive(crowd, count), 0
    taking_part = asyncio.create_task(drive(crowd, count))
    await _middle(taking_part, crowd)
    if not taking_part.done():
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
    return await taking_part, 1


async def _middle(taking_part: asyncio.Task[list[Journal]], crowd: Crowd) -> None:
    """Wait until most have begun and few can have ended."""
    with suppress(TimeoutError):
        pause = 3 + 5 * crowd.manner.think
        await asyncio.wait_for(asyncio.shield(taking_part), pause)


def _print_outcome(found: Comparison, journals: Sequence[Journal], more: dict[str, int]) -> None:
    """Print the table, what was interrupted, and the first differences."""
    print(aligned(found.table()))
    counted = sum((journal.counted for journal in journals), Counter(more))
    named = [(name, str(number)) for name, number in sorted(counted.items()) if number]
    if named:
        print("\n" + aligned(named))
    print(f"\ndifferences: {len(found.differences)}")
    for sentence in found.differences[:LISTED]:
        print(f"  {sentence}")
    if len(found.differences) > LISTED:
        print(f"  and {len(found.differences) - LISTED} more")
