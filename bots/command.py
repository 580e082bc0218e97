"""What ``python -m xai_core study bots`` does: bots take part, and nothing may be lost or added."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from bots.bot import Manner
from bots.comparing import Comparison, compare, participants_of
from bots.crowd import Crowd, drive
from bots.journal import Journal
from bots.server import Server
from xai_core.cli.tables import aligned
from xai_core.study import open_store
from xai_core.study.storage.pulse import pulse

LISTED = 20  # differences; the rest is counted
LOOK_S = 0.1  # between two looks at how far they are


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
        version = store.versions(arguments.study)[-1].id
        answered = pulse(store, version).answers

        def under_way() -> bool:
            return bool(pulse(store, version).answers >= answered + arguments.participants)

        journals, restarts = asyncio.run(_driven(crowd, server, under_way))
        found = compare(store, arguments.study, journals, before)
    _print_outcome(found, journals, {"restarts of the server": restarts})
    return 1 if found.differences else 0


async def _driven(
    crowd: Crowd, server: Server | None, under_way: Callable[[], bool]
) -> tuple[list[Journal], int]:
    """The journals, and how often the server was killed meanwhile.

    Args:
        crowd: who takes part.
        server: to kill once, if the crowd's manner has it so.
        under_way: whether there are as many answers as bots, so that few can have ended.
    """
    done = 0

    def count(_: Journal) -> None:
        nonlocal done
        done += 1
        if sys.stderr.isatty():
            print(f"\r{done} of {crowd.participants} have ended", end="", file=sys.stderr)

    if server is None or not crowd.manner.restarts:
        return await drive(crowd, count), 0
    taking_part = asyncio.create_task(drive(crowd, count))
    while not taking_part.done() and not await asyncio.to_thread(under_way):
        await asyncio.sleep(LOOK_S)
    if not taking_part.done():
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
    return await taking_part, 1


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
