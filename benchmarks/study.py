"""``python -m benchmarks.study``: a study with many participants at the same time.

Starts the application with a database of its own, lets bots take part through the real page, and
measures each step: from sending an answer until the next trial is there with all its pictures,
which says that the answer is on the disk. Ends with 1 if anything went wrong or is not stored as
it was sent; how fast it was decides nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.load import material, watching
from benchmarks.load.postgresql import cluster
from benchmarks.load.trouble import beside
from bots import Crowd, Journal, Manner, Server, compare, drive
from xai_core.cli.tables import aligned
from xai_core.study import Store, open_store

AIM_MS = 300.0
TRIALS = 30


def main(words: Sequence[str] | None = None) -> int:
    """Measure, and print."""
    parser = _parser()
    chosen = parser.parse_args(words)
    if chosen.replicas > 1 and chosen.database == "sqlite":
        parser.error("several replicas need --database postgresql")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="load-")))
        url = f"sqlite:///{folder / 'studies.sqlite'}"
        if chosen.database == "postgresql":
            url = stack.enter_context(cluster())
        store = open_store(url)
        stack.callback(store.close_all)
        slug = material.publish(store, TRIALS)
        environment = {"XAI_DATABASE_URL": url, "XAI_CACHE": str(folder / "cache")}
        if not chosen.researchers:
            environment["XAI_SERVE"] = "participants"
        servers = [
            stack.enter_context(Server(environment, options=tuple(chosen.option)))
            for _ in range(chosen.replicas)
        ]
        busy = stack.enter_context(heatmaps(folder / "busy")) if chosen.busy else None
        print(_headline(chosen, store), flush=True)
        watching.rest([server.pid for server in servers])
        return _measured(chosen, store, slug, servers, busy)


def _measured(
    chosen: argparse.Namespace,
    store: Store,
    slug: str,
    servers: Sequence[Server],
    busy: Path | None,
) -> int:
    until = time.monotonic() + 60 * chosen.minutes
    urls = tuple(server.url for server in servers)
    manner = Manner(urls[0], slug, think=chosen.think, until=until)
    crowd = Crowd(
        manner, chosen.participants, chosen.seed, arrival=chosen.think, again=True, urls=urls
    )
    pids = [server.pid for server in servers]
    began = watching.now(store, pids)
    journals = asyncio.run(drive(crowd))
    ended = watching.now(store, pids)
    found = compare(store, slug, journals, 0)
    logged = sum(server.log().count("Traceback") for server in servers)
    _print_steps(journals, ended.clock - began.clock)
    kind = "that stored an answer" if chosen.database == "sqlite" else "reading ones too"
    _print_use(began, ended, busy, kind)
    print(f"\n{aligned(found.table())}")
    print(f"\nerrors: {len(found.differences)} of the bots, {logged} in the servers' logs")
    for sentence in found.differences[:20]:
        print(f"  {sentence}")
    if logged:
        print("\n".join(server.log()[-3000:] for server in servers))
    return 1 if found.differences or logged else 0


def _print_steps(journals: Sequence[Journal], seconds: float) -> None:
    steps = sorted(1000 * step for journal in journals for step in journal.steps)
    if not steps:
        print("no steps")
        return
    print(f"steps                 {len(steps)} in {seconds:.0f} s, {len(steps) / seconds:.1f} /s")
    shares = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0))
    at = {name: steps[min(len(steps) - 1, int(share * len(steps)))] for name, share in shares}
    print("step time             " + ", ".join(f"{name} {at[name]:.0f} ms" for name in at))
    again = sum(journal.counted["answers sent again"] for journal in journals)
    print(f"sent again            {again} answers, after 6 s without a word of the server")
    word = "within" if at["p95"] <= AIM_MS else "ABOVE"
    print(f"                      p95 {word} the aim of {AIM_MS:.0f} ms")


def _print_use(
    began: watching.Moment, ended: watching.Moment, busy: Path | None, kind: str
) -> None:
    share = 100 / (ended.clock - began.clock)
    print(f"CPU of the servers    {share * (ended.servers - began.servers):.0f} % of one core")
    print(f"CPU of the bots       {share * (ended.client - began.client):.0f} % of one core")
    print(f"memory of servers     {ended.memory / 2**20:.0f} MiB")
    print(f"{'transactions':22}{ended.commits - began.commits} {kind}")
    if busy is not None:
        done = busy.read_text() if busy.exists() else "0"
        print(f"heatmaps meanwhile    {done}")


def _headline(chosen: argparse.Namespace, store: Store) -> str:
    return (
        f"{chosen.participants} participants, {chosen.think:g} s to think, "
        f"{chosen.minutes:g} minutes, {chosen.replicas} server(s), {os.cpu_count()} cores"
        f"{', while heatmaps are computed' if chosen.busy else ''}\n"
        f"{watching.durability(store)}"
    )


@contextmanager
def heatmaps(file: Path) -> Iterator[Path]:
    """A process that computes heatmaps all the time; it counts them in the file."""
    with beside("-m", "benchmarks.load.busy", str(file)) as process:
        while not file.exists() and process.poll() is None:
            time.sleep(0.2)
        yield file


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.study",
        description="Measure a study with many participants at the same time.",
    )
    parser.add_argument("--participants", type=int, default=100, help="at the same time")
    parser.add_argument("--think", type=float, default=5.0, help="mean seconds before an answer")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--replicas", type=int, choices=(1, 2), default=1)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument(
        "--researchers", action="store_true", help="servers have the researchers' pages too"
    )
    parser.add_argument("--busy", action="store_true", help="while heatmaps are computed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--option", action="append", default=[], help="of `streamlit run`, such as --server.x=y"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
