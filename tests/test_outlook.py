"""What lies before a job, and how long it takes: by hand, and in a queue that is played."""

import math

import pytest

from xai_core.cache import Result
from xai_core.jobs import Job, Task, job, pace
from xai_core.jobs.forecast import Forecast
from xai_core.jobs.outlook import Line, Need, Outlook, outlook
from xai_core.jobs.queue import Queue


def waiting(seconds, each):
    return Need(0.0, seconds, 0.0, (each,), each)


def test_alone_it_takes_what_it_needs():
    line = Line(0.0, [Need(3.0, 10.0, 3.0, (5.0, 5.0), 5.0)])
    assert outlook({"ann": line}, "ann", 0, 1) == Outlook(13.0, True, False, 1, 0.0, 0.0, False)


def test_older_work_of_the_same_owner_comes_first():
    line = Line(0.0, [Need(4.0, 20.0, 4.0, (5.0,), 5.0), waiting(6.0, 2.0)])
    assert outlook({"ann": line}, "ann", 1, 1) == Outlook(30.0, True, True, 2, 24.0, 24.0, False)


def test_whoever_shares_the_worker_gets_the_same_time():
    """Three with tasks of 1 s: what takes 10 s alone ends in 30 s less the last turn of the others.

    They have had as much as ours when our last begins, 9 s each.
    """
    lines = {who: Line(0.0, [waiting(100.0, 1.0)]) for who in ("bob", "cid")}
    found = outlook({**lines, "ann": Line(0.0, [waiting(10.0, 1.0)])}, "ann", 0, 1)
    assert found.left == pytest.approx(10 + 9 + 9)
    assert (found.place, found.before) == (1, 0.0)


def test_others_take_no_more_than_they_ask_for():
    lines = {"bob": Line(0.0, [waiting(3.0, 1.0)]), "ann": Line(0.0, [waiting(10.0, 1.0)])}
    assert outlook(lines, "ann", 0, 1).left == pytest.approx(13)


def test_who_has_had_more_waits_in_whole_tasks():
    """Bob, who has had 7 s less, is given tasks of 5 s until he has had more: two of them."""
    bob = Line(0.0, [waiting(50.0, 5.0)])
    ann = Line(7.0, [waiting(2.0, 2.0)])
    assert outlook({"bob": bob, "ann": ann}, "ann", 0, 1) == Outlook(
        12.0, True, True, 2, 10.0, 0.0, True
    )


def test_short_tasks_before_long_ones_are_taken_in_their_order():
    """Owed are 9 s: of Bob's tasks of 1, 8 and 50 s the first two do, and of Ann's end the next."""
    bob = Line(0.0, [Need(0.0, 59.0, 0.0, (1.0, 8.0, 50.0), 50.0)])
    ann = Line(9.0, [waiting(6.0, 3.0)])
    found = outlook({"bob": bob, "ann": ann}, "ann", 0, 1)
    assert (found.before, found.left) == (9.0, 6.0 + 59.0)


def test_what_a_worker_has_is_finished_in_any_case():
    bob = Line(90.0, [Need(240.0, 1000.0, 240.0, (300.0,), 300.0), waiting(5.0, 5.0)])
    found = outlook({"bob": bob, "ann": Line(0.0, [waiting(4.0, 4.0)])}, "ann", 0, 1)
    assert found == Outlook(244.0, True, True, 2, 240.0, 0.0, True)


def test_what_is_unknown_is_not_told():
    unknown = {"bob": Line(0.0, [Need(1.0, 0.0, 1.0), None]), "ann": Line(0.0, [waiting(4.0, 4.0)])}
    assert outlook(unknown, "ann", 0, 1) == Outlook(None, True, True, 2, None, 0.0, True)
    own = {"ann": Line(0.0, [None, waiting(4.0, 4.0)])}
    assert outlook(own, "ann", 1, 1) == Outlook(None, True, True, 2)
    assert outlook(own, "ann", 0, 1) == Outlook()


def test_several_workers_share_what_there_is():
    """Of three workers no owner holds the last: alone, one gets two."""
    assert outlook({"ann": Line(0.0, [waiting(60.0, 1.0)])}, "ann", 0, 3).left == 30
    running = Line(0.0, [Need(5.0, 0.0, 3.0)])
    assert outlook({"ann": running}, "ann", 0, 2).left == 3


def test_what_is_guessed_is_said():
    assert not outlook({"ann": Line(0.0, [Need(sure=False)])}, "ann", 0, 1).sure


class Clock:
    now = 0.0

    def monotonic(self):
        return self.now


class Worker:
    """One worker that is played: every task takes the seconds that its argument says."""

    worker = "one"

    def __init__(self, clock):
        self.clock, self.queue, self.held = clock, Queue(), {}
        self.forecast = Forecast(self.queue, self.held)
        self.forecast.present(["one"])

    def submit(self, owner, *seconds):
        """Tasks of one kind, all of the same cost."""
        name = f"{owner} {self.clock.now}"
        tasks = [Task(f"{name} {i}", Result, {"seconds": s}, 2.0) for i, s in enumerate(seconds)]
        made = Job(tasks, owner, look=self.forecast.outlook)
        self.queue.add(made)
        return made

    @property
    def seconds(self):
        return self.clock.now - self.began

    def pass_by(self, seconds):
        """Let time go by, and do what the engine does."""
        self.clock.now += seconds
        if self.held:
            whole = self.task.arguments["seconds"]
            self.job.progress(self.task, self.seconds / whole)
            if self.seconds >= whole - 1e-9:
                self.forecast.ended(self)
                self.job.finish(self.task, Result())
                self.queue.charge(self.job.owner, self.seconds)
                self.held.clear()
                self.queue.forget(())
        if not self.held and (chosen := self.queue.next({}, (), ())) is not None:
            self.job, self.task = chosen
            assert self.job.begin(self.task)
            self.began = self.clock.now
            self.held["ticket"] = self


@pytest.fixture
def worker(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(job, "time", clock)
    return Worker(clock)


TICK = 0.25


def watched(worker, asked):
    """Times left as they were shown until the job's end, each with how long it really took."""
    told = []
    while not asked.done:
        told.append((worker.clock.now, asked.outlook.left))
        worker.pass_by(TICK)
    return [(left, worker.clock.now - at) for at, left in told if left is not None]


def promised(told):
    """Whether no time left falls short by more than a third, nor the time for showing a change."""
    return all(left >= true * 2 / 3 - 4 for left, true in told)


def test_a_time_left_is_true_alone_and_beside_others(worker):
    measured = worker.submit("cid", 2, 2, 2)
    watched(worker, measured)
    alone = watched(worker, worker.submit("ann", *[2] * 20))
    assert all(left == pytest.approx(true, abs=TICK) for left, true in alone)
    beside = worker.submit("bob", *[2] * 100)
    shared = watched(worker, worker.submit("ann", *[2] * 20))
    assert not beside.done
    # Within one task of the other's.
    assert all(left == pytest.approx(true, abs=2 + TICK) for left, true in shared)


def test_nothing_is_told_before_something_is_known_and_the_first_task_tells(worker):
    asked = worker.submit("ann", *[20] * 4)
    assert asked.outlook.left is None
    worker.pass_by(TICK)
    assert asked.outlook.left is None
    told = watched(worker, asked)
    assert len(told) > 0.95 * 80 / TICK
    assert all(left == pytest.approx(true, rel=0.01, abs=TICK) for left, true in told)


def test_somebody_who_comes_is_counted_when_he_is_there(worker):
    watched(worker, worker.submit("cid", 2, 2))
    asked = worker.submit("ann", *[2] * 20)
    worker.pass_by(TICK)
    before = asked.outlook.left
    worker.submit("bob", *[2] * 100)
    told = watched(worker, asked)
    assert before == pytest.approx(40, abs=TICK)
    late = told[int(20 / TICK) :]
    assert promised(late)
    assert max(left for left, _ in told) <= 2 * before, "it is corrected, and not more"


def test_a_machine_that_becomes_slow_is_believed_soon(worker):
    """When tasks take three times as long, the promise holds again after n of them.

    What is told is then at least 3 - 2·KEPT^n of the first, and so two thirds of the true one.
    """
    few = math.ceil(math.log(0.5) / math.log(pace.KEPT))
    watched(worker, worker.submit("cid", 10, 10))
    told = watched(worker, worker.submit("ann", *[10] * 4, *[30] * 8))
    late = [one for one in told if one[1] < (8 - few) * 30]
    assert late
    assert promised(late)


def test_first_puts_a_job_and_what_comes_later_before_the_others(worker):
    watched(worker, worker.submit("cid", 2, 2))
    long = worker.submit("ann", *[2] * 50)
    worker.pass_by(TICK)
    short = worker.submit("ann", 2)
    found = short.outlook
    assert (found.waits, found.place, found.others) == (True, 2, False)
    assert found.before == found.own == pytest.approx(100, abs=TICK)
    worker.queue.first(short)
    next_one = worker.submit("ann", 2)
    assert short.outlook.before == 0
    assert next_one.outlook.before == pytest.approx(2)
    while not next_one.done:
        worker.pass_by(TICK)
    assert short.done
    assert len(long.results) == 1
