"""Tasks carried out in this process, or on the workers of a Dask cluster that is named."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from xai_core.cache import Cache, Result
from xai_core.errors import XaiError
from xai_core.jobs.engine import Engine
from xai_core.jobs.exchange import keep, without_parts
from xai_core.jobs.task import Task
from xai_core.progress import Meter, advance

OWNER = "command"
LOOK_S = 0.2
SILENT = Meter()
DROPPED = "The result is no longer there; there may be too little space for what is kept."


def carry_out(
    tasks: Sequence[Task], cache: Cache, meter: Meter = SILENT
) -> Iterator[tuple[Task, Result | str]]:
    """Do every task, here or, where ``XAI_SCHEDULER`` names a Dask scheduler, on its workers.

    What the cache holds is not done again; what is done is kept at once, so that an interrupted
    sequence goes on where it stopped.

    Args:
        tasks: in the order in which they are done and given.
        cache: where results are looked up and kept.
        meter: who is told of each task.

    Yields:
        Each task with its result, or with the sentence that says why there is none. Of a result
        with parts the facts are there, as fact "parts"; the parts themselves are in the cache.

    Raises:
        JobError: the cluster cannot be used.
    """
    if os.environ.get("XAI_SCHEDULER"):
        yield from _on_workers(tasks, cache, meter)
    else:
        for task in tasks:
            yield task, _outcome(task, cache, meter)


def results_of(tasks: Sequence[Task], cache: Cache, meter: Meter = SILENT) -> dict[str, Result]:
    """The results of tasks by key, where each of them is needed; see ``carry_out``.

    Raises:
        XaiError: one of them has none.
    """
    results = {}
    for task, outcome in carry_out(tasks, cache, meter):
        if isinstance(outcome, str):
            raise XaiError(outcome)
        results[task.key] = outcome
    return results


def _outcome(task: Task, cache: Cache, meter: Meter) -> Result | str:
    known = cache.get(task.key)
    if known is not None:
        meter.skip(f"{task.title}, already there")
        return known
    with meter.step(task.title):
        try:
            result = task.run(**task.arguments)
        except XaiError as error:
            return str(error)
        if result.parts or (task.kept and (result.arrays or result.facts)):
            keep(cache, task.key, result)
        return without_parts(result)


def _on_workers(
    tasks: Sequence[Task], cache: Cache, meter: Meter
) -> Iterator[tuple[Task, Result | str]]:
    engine = Engine(cache=cache)
    try:
        job = engine.submit(tasks, OWNER)
        known = set(job.results)
        total, given = sum(task.cost for task in tasks), 0.0
        for task in tasks:
            if task.key in known:
                meter.skip(f"{task.title}, already there")
            else:
                with meter.step(task.title):
                    while not (task.key in job.results or task.key in job.errors or job.done):
                        # One of several workers' tasks is named, and all of them count.
                        advance(job.fraction * total - given, task.cost)
                        job.wait(LOOK_S)
            given += task.cost
            yield task, job.errors.get(task.key) or job.results.get(task.key) or DROPPED
    finally:
        engine.close()
