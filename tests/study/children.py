"""What child processes run. They are forked from a server that has imported this already."""

import multiprocessing

from tests.study.small import TIMES, begin
from xai_core.study import TakingPart, Ticket, open_store

FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(["tests.study.children"])


def start_together(targets):
    """Run functions with their arguments, each in a process; their exit codes."""
    started = [FORKED.Process(target=run, args=args) for run, *args in targets]
    for process in started:
        process.start()
    for process in started:
        process.join()
    return [process.exitcode for process in started]


def take_part_many(url, slug, names):
    """Another server on the same database, with some participants."""
    store = open_store(url)
    part = TakingPart(store)
    for name in names:
        me, screen = begin(part, Ticket(slug, platform="p", platform_id=name))
        while screen.kind == "trial":
            screen = part.answer(me, screen.trial.id, "A", f"{name} {screen.trial.id}", TIMES)
    store.close_all()


def open_and_close(url, together):
    """Open a store at the same moment as others."""
    together.wait()
    open_store(url).close_all()
