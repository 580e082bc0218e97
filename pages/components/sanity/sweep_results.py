"""What is known of a sanity check so far, and what is still to be computed."""

from __future__ import annotations

from dataclasses import dataclass, field

import streamlit as st

from pages.components.work import Work, gather
from xai_core import tasks
from xai_core.cache import content_key
from xai_core.jobs import Task, shared_engine
from xai_core.randomization.steps import Step
from xai_core.tasks import Inquiry

PURPOSE = "sanity"


@dataclass
class SweepResults(tasks.SweepResults):
    """What is known of an inquiry, and what is under way.

    Attributes:
        tasks: what had to be computed when it was asked.
    """

    tasks: list[Task] = field(default_factory=list)

    def update(self, work: Work) -> None:
        """Take over what has been computed."""
        for task in self.tasks:
            if task.key in work.results:
                self.add(work.results[task.key].facts.get("parts", {}))

    def problem(self, step: Step, work: Work) -> str:
        """Why there is nothing at a step, if a task of it failed as a whole; else ""."""
        if not work.problems:  # a page that polls asks often
            return ""
        keys = set(self.inquiry.keys[step].values())
        for task in self.tasks:
            asked = {key for found in task.arguments.get("keys", {}).values() for key in found}
            if task.key in work.problems and asked & keys:
                return work.problems[task.key]
        return ""


def ask(inquiry: Inquiry) -> tuple[SweepResults, Work]:
    """What is known, and the work that is under way for the rest."""
    name = content_key([list(keys.values()) for keys in inquiry.keys.values()], inquiry.measures)
    known = st.session_state.get("_ledger")
    if known is None or known[0] != name:
        known = (name, _opened(inquiry))
        st.session_state["_ledger"] = known
    sweep: SweepResults = known[1]
    work = gather(PURPOSE, sweep.tasks, patience=0.5)
    sweep.update(work)
    return sweep, work


def again(work: Work) -> None:
    """Forget what failed, so that the next run asks for it again."""
    st.session_state.pop("_ledger", None)
    work.retry()


def _opened(inquiry: Inquiry) -> SweepResults:
    """The facts that are kept from before, and tasks for what is missing."""
    cache, sweep = shared_engine().cache, SweepResults(inquiry)
    sweep.read(cache)
    sweep.tasks = inquiry.tasks(sweep.facts.__contains__)
    further = (inquiry.scoring(maps, cache) for maps in inquiry.lacking(sweep.facts))
    sweep.tasks += [task for task in further if task is not None]
    return sweep
