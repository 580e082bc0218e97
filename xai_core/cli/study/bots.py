"""``study bots``: programs take part through the real page, and nothing may be lost or added."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xai_core.study.bots import Comparison, Crowd, Journal, Server

SHOWN = 20  # differences; the rest is counted
URL = "http://localhost:8501"


def add_to(commands: Any) -> None:
    """Add the sub-command to the parser."""
    text = "let programs take part, and compare what they sent with what is stored and exported"
    parser = commands.add_parser(
        "bots",
        help=text,
        description=f"{text.capitalize()}. They use the page as a browser does and answer by a "
        "known rule. The study must be published, and nobody else may take part meanwhile. Their "
        "records stay; use a study made for the purpose. Ends with 1 if there is any difference.",
    )
    parser.add_argument("study", metavar="STUDY", help="the study's name in its address")
    parser.add_argument("--participants", type=_positive, default=20, help="how many (default: 20)")
    parser.add_argument(
        "--think", type=float, default=2.0, help="mean seconds before each answer (default: 2)"
    )
    parser.add_argument("--url", default=URL, help=f"of the application (default: {URL})")
    parser.add_argument(
        "--serve", action="store_true", help="start the application for it, instead of --url"
    )
    parser.add_argument(
        "--interruptions",
        action="store_true",
        help="reload, answer in two tabs, lose connections; with --serve, kill the server too",
    )
    parser.add_argument("--seed", type=int, default=0, help="of everything drawn (default: 0)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Drive the bots and print the outcome; 0 if there is no difference.

    Raises:
        StudyError: if the study cannot be taken part in.
    """
    from xai_core.study import open_store
    from xai_core.study.bots import Crowd, Manner, Server, compare, participants_of

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
    print_outcome(found, journals, {"restarts of the server": restarts})
    return 1 if found.differences else 0


async def _driven(crowd: Crowd, server: Server | None) -> tuple[list[Journal], int]:
    """The journals, and how often the server was killed meanwhile."""
    from xai_core.study.bots import drive

    done = 0

    def told(_: Journal) -> None:
        nonlocal done
        done += 1
        if sys.stderr.isatty():
            print(f"\r{done} of {crowd.participants} have ended", end="", file=sys.stderr)

    if server is None or not crowd.manner.restarts:
        return await drive(crowd, told), 0
    taking_part = asyncio.create_task(drive(crowd, told))
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


def print_outcome(found: Comparison, journals: Sequence[Journal], more: dict[str, int]) -> None:
    """Print the table, what was interrupted, and the first differences."""
    from xai_core.cli.tables import aligned

    print(aligned(found.table()))
    counted = sum((journal.counted for journal in journals), Counter(more))
    shown = [(name, str(number)) for name, number in sorted(counted.items()) if number]
    if shown:
        print("\n" + aligned(shown))
    print(f"\ndifferences: {len(found.differences)}")
    for sentence in found.differences[:SHOWN]:
        print(f"  {sentence}")
    if len(found.differences) > SHOWN:
        print(f"  and {len(found.differences) - SHOWN} more")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number
