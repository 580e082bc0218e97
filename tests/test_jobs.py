"""The engine with real worker processes; what the workers run is in worker_functions.py."""

import gc
import math
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from distributed.core import Status

from tests import worker_functions
from xai_core.allocation import WORKER
from xai_core.cache import Cache, Result
from xai_core.errors import JobError
from xai_core.jobs import (
    Engine,
    Job,
    Task,
    cluster,
    engine,
    exchange,
    failures,
    job,
    local,
    pace,
    shared_engine,
    worker,
)
from xai_core.jobs.outlook import Need
from xai_core.jobs.pace import Rate, Rates, kind
from xai_core.jobs.starting import memory_bytes, worker_count

ROOT = Path(__file__).parents[1]
GENEROUS_S = 60
MEMORY = "The computation ran out of memory (limit 1.0 GiB). "


@pytest.fixture(scope="module", autouse=True)
def surroundings():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("PYTHONPATH", worker_functions.LIGHT)
        patch.delenv("XAI_SCHEDULER", raising=False)
        patch.delenv("XAI_WORKER_MEMORY", raising=False)
        yield


@pytest.fixture(scope="module")
def workers(surroundings, tmp_path_factory):
    cache = Cache(tmp_path_factory.mktemp("cache"))
    with closing(Engine(memory_limit="1 GiB", cache=cache)) as made:
        until(lambda: made._cluster is not None)
        yield made


@pytest.fixture
def go(tmp_path):
    """The file for which a task waits; it comes at the latest when the test has ended."""
    file = tmp_path / "go"
    yield file
    file.touch()


def task(key, function="echo", cost=1.0, title="", **arguments):
    return Task(key, getattr(worker_functions, function), arguments, cost, title)


def until(condition):
    """Wait until the condition holds."""
    deadline = time.monotonic() + GENEROUS_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"This did not happen within {GENEROUS_S} s.")
        time.sleep(0.005)


def results(asked):
    """All results of a job; a sentence instead of one is what the failing test says."""
    until(lambda: asked.done or asked.errors)
    assert asked.errors == {}
    return dict(asked.results)


def outcome(engine, asked):
    """The result or the sentence of one task."""
    asked_job = engine.submit([asked], "asker")
    assert asked_job.wait(GENEROUS_S), f"{asked.key} is {asked_job.state}"
    return {**asked_job.results, **asked_job.errors}[asked.key]


def worker_pid(engine):
    found = outcome(engine, task(f"pid {time.time()}", value=0))
    assert isinstance(found, Result), found
    return found.facts["pid"]


def test_results_arrive_one_by_one(workers, tmp_path):
    files = [tmp_path / str(number) for number in range(3)]
    tasks = [task(f"step {file.name}", "busy_until", file=str(file)) for file in files]
    steps = workers.submit(tasks, "ann")
    for done, file in enumerate(files):
        until(lambda so_many=done: len(steps.results) == so_many)
        assert not steps.done
        file.touch()
    assert set(results(steps)) == {"step 0", "step 1", "step 2"}
    assert steps.state == "done"
    assert steps.fraction == 1.0


def test_arrays_travel_and_are_kept(workers):
    result = outcome(workers, task("kept", value=1.5))
    np.testing.assert_array_equal(result.arrays["value"], np.float32([1.5, 1.5]))
    np.testing.assert_array_equal(
        Cache(workers.cache.folder).get("kept").arrays["value"], np.float32([1.5, 1.5])
    )


def test_cached_result_reaches_no_worker(workers):
    workers.cache.put("known", Result(facts={"answer": 42}))
    known = workers.submit([task("known", "die")], "ann")
    assert known.done
    assert known.results["known"].facts == {"answer": 42}


def test_progress_of_running_task_is_seen(workers, go):
    slow = workers.submit([task("slow", "busy_until", title="Slowly", file=str(go))], "ann")
    until(lambda: slow.fraction == 0.5)
    assert slow.state == "running"
    assert slow.current == "Slowly"
    go.touch()
    results(slow)
    assert slow.outlook.left == 0


def test_a_worker_that_becomes_slow_is_believed_soon(workers):
    """From half on each step takes twenty times as long, and never less than ``pause``.

    A share s after the change, 1 - 0.95·exp(-s/RECENT) of the pace is told at least. That is two
    thirds from s = RECENT·ln 2.85 on, a sixth of the task; twice of it leaves room for showing it.
    """
    steps, pause = 100, 0.2
    asked = task("slowing", "slowing", quick=pause / 20, slow=pause, steps=steps)
    slowing = workers.submit([asked], "ann")
    told = []

    def corrected():
        share, left = slowing.fraction, slowing.outlook.left
        told.append((share, left))
        return share > 0.5 and left is not None and left >= 2 / 3 * (1 - share) * steps * pause

    until(lambda: corrected() or slowing.done)
    slowing.cancel()
    assert told[-1][0] < 0.5 + 2 * pace.RECENT * math.log(2.85)
    assert told[0][1] is None


def test_what_waits_tells_its_place_and_can_go_first(workers, go):
    results(workers.submit([task(f"measured {i}", "pause", seconds=1.0) for i in range(2)], "ann"))
    file = {"file": str(go)}
    workers.submit([task("in the way", "busy_until", **file)], "ann")
    long = workers.submit([task(f"much {i}", "pause", seconds=0.2) for i in range(30)], "ann")
    until(lambda: bool(workers._running))
    short = workers.submit([task("short of ann", "pause", seconds=0.1)], "ann")
    other = workers.submit([task("short of bob", "pause", seconds=0.1)], "bob")
    until(lambda: short.outlook.before is not None)
    # By hand: what the worker has, then Bob's, who has had nothing, then Ann's in their order.
    assert (other.outlook.place, other.outlook.others) == (2, True)
    assert (short.outlook.place, short.outlook.waits, short.outlook.others) == (4, True, True)
    workers.first(short)
    go.touch()
    results(other)
    results(short)
    assert not long.done
    long.cancel()


def test_owners_take_turns(workers, go):
    tasks = [task(f"many {i}", "busy_until", file=str(go)) for i in range(4)]
    many = workers.submit(tasks, "ann")
    until(lambda: many.state == "running")
    one = workers.submit([task("one", "pause", seconds=0.1)], "bob")
    go.touch()
    order = sorted(r.facts["ended"] for r in (results(many) | results(one)).values())
    # By hand: the running one, then Bob's.
    assert order.index(one.results["one"].facts["ended"]) == 1


def test_owners_get_equal_time(workers, monkeypatch, go):
    of_ann = property(lambda running: 10.0 if running.job.owner == "ann" else 1.0)
    monkeypatch.setattr(engine._Running, "seconds", of_ann)
    first = task("long 0", "busy_until", file=str(go))
    long = workers.submit([first, *(task(f"long {i}", "pause", seconds=0) for i in (1, 2))], "ann")
    until(lambda: long.state == "running")
    short = workers.submit([task(f"short {i}", "pause", seconds=0) for i in range(5)], "bob")
    go.touch()
    ended = {name: r.facts["ended"] for name, r in (results(long) | results(short)).items()}
    # By hand: after Ann's first, 10 s, all five of Bob's, 5 s.
    assert [name.split()[0] for name in sorted(ended, key=ended.get)] == (
        ["long"] + 5 * ["short"] + 2 * ["long"]
    )


def test_same_task_is_computed_once(workers):
    jobs = [workers.submit([task("both", "pause", seconds=0.3)], who) for who in ("ann", "bob")]
    first, second = (results(each)["both"].facts["ended"] for each in jobs)
    assert first == second


def test_parts_are_in_the_cache_when_the_job_is_done_and_nowhere_else(workers):
    asked = task("parts", "several", values={"one": 1.5, "two": 2.5}, whole=True)
    result = outcome(workers, asked)
    fresh = Cache(workers.cache.folder)
    for key, value in (("one", 1.5), ("two", 2.5)):
        np.testing.assert_array_equal(workers.cache.get(key).arrays["value"], [value] * 2)
        np.testing.assert_array_equal(fresh.get(key).arrays["value"], [value] * 2)
    assert "parts" not in workers.cache, "the whole is not kept"
    facts = {key: fresh.get(key).facts for key in ("one", "two")}
    assert result == Result(facts={"count": 2, "parts": facts}), "the job holds no arrays"


def test_parts_are_there_before_the_job_is_done(workers):
    tasks = [task(f"at once {i}", "several", values={f"part {i}": i}) for i in range(2)]
    both = workers.submit(tasks, "ann")
    until(lambda: both.results)
    assert all(f"part {key[-1]}" in workers.cache for key in both.results)
    results(both)


def test_parts_that_two_ask_for_at_once_are_computed_once(workers):
    asked = task("both parts", "several", values={"shared": 1}, whole=True)
    first = workers.submit([asked], "ann")
    second = workers.submit([task("before", "pause", seconds=0.1), asked], "bob")
    third = workers.submit([asked], "cid")
    third.cancel()
    results(first)
    ended = workers.cache.get("shared").facts["ended"]
    results(second)
    assert workers.cache.get("shared").facts["ended"] == ended
    facts = {"count": 1, "parts": {"shared": {"ended": ended}}}
    assert second.results["both parts"] == first.results["both parts"] == Result(facts=facts)
    assert (third.state, third.results) == ("cancelled", {})


def test_parts_asked_for_later_are_computed_again(workers):
    """Only who asks knows the parts' keys, and leaves out what is in the cache."""
    asked = task("later parts", "several", values={"again": 1})
    first = outcome(workers, asked).facts["parts"]
    ended = workers.cache.get("again").facts["ended"]
    assert outcome(workers, asked).facts["parts"] != first == {"again": {"ended": ended}}
    assert workers.cache.get("again").facts["ended"] > ended


def test_cancel_frees_the_core(workers):
    pid = worker_pid(workers)
    busy = workers.submit(
        [task("busy", "busy", seconds=9999, steps=10**5), task("later", value=1)], "ann"
    )
    same = workers.submit([task("later", value=1)], "bob")
    until(lambda: busy.fraction > 0)
    busy.cancel()
    assert busy.state == "cancelled"
    assert busy.done
    until(lambda: not psutil.pid_exists(pid))
    assert results(same)["later"].facts["pid"] != pid
    assert busy.results == {}


def test_cancel_of_waiting_job_leaves_the_worker(workers, go):
    pid = worker_pid(workers)
    first = workers.submit([task("first", "busy_until", file=str(go))], "ann")
    second = workers.submit([task("second", "die")], "ann")
    until(lambda: first.state == "running")
    assert second.state == "waiting"
    second.cancel()
    go.touch()
    results(first)
    assert worker_pid(workers) == pid


def looked_around(released):
    """Whether the engine has had the time to give up what was released."""
    return released.released_s > engine.GRACE_S + 3 * engine.TICK_S


def test_what_nobody_wants_any_longer_gives_way(workers, monkeypatch):
    monkeypatch.setattr(engine, "GRACE_S", 0.1)
    pid = worker_pid(workers)
    left = workers.submit([task("left", "busy", seconds=60)], "ann")
    until(lambda: left.fraction > 0)
    left.release()
    # Nobody waits: it may finish, for the cache's sake.
    until(lambda: looked_around(left))
    assert left.state == "running"
    assert worker_pid(workers) != pid
    assert left.state == "cancelled"


def test_what_somebody_else_wants_is_finished(workers, monkeypatch, go):
    monkeypatch.setattr(engine, "GRACE_S", 0.1)
    pid = worker_pid(workers)
    wanted = task("wanted", "busy_until", file=str(go))
    left = workers.submit([wanted], "ann")
    until(lambda: left.fraction > 0)
    same = workers.submit([wanted, task("more", value=1)], "bob")
    left.release()
    until(lambda: looked_around(left))
    go.touch()
    results(same)
    assert left.state == "done"
    assert same.results["more"].facts["pid"] == pid
    assert same.results["wanted"].facts == left.results["wanted"].facts


def test_of_several_workers_no_owner_holds_the_last(tmp_path):
    with closing(Engine(workers=2, memory_limit="1 GiB", cache=Cache(tmp_path))) as both:
        long = both.submit([task(f"long {i}", "busy", seconds=60) for i in range(2)], "ann")
        until(lambda: long.fraction > 0)
        short = both.submit([task("short", value=1)], "bob")
        results(short)
        # By its number a worker knows which graphics card is its own.
        numbers = both._cluster._client.run(os.getenv, WORKER)
        assert sorted(numbers.values()) == ["0", "1"]
        assert long.state == "running"
        assert len(long.waiting()) == 1


def test_the_number_of_workers_is_read(monkeypatch):
    monkeypatch.delenv("XAI_WORKERS", raising=False)
    assert worker_count() is None
    monkeypatch.setenv("XAI_WORKERS", "3")
    assert worker_count() == 3
    for words in ("0", "-1", "two", "1.5"):
        monkeypatch.setenv("XAI_WORKERS", words)
        with pytest.raises(JobError, match="XAI_WORKERS must be a whole number above 0"):
            worker_count()


def kill_when_running(asked, engine):
    """Kill the worker that computes the job's only running task, when it tells progress."""
    until(lambda: asked.fraction > 0)
    (running,) = engine._running.values()
    pid = workers_of(engine)[running.worker]
    os.kill(pid, signal.SIGKILL)
    until(lambda: running not in engine._running.values())


def workers_of(engine):
    """Processes of the workers that are there, by address."""
    return engine._cluster._client.run(os.getpid)


def test_killed_worker_costs_nothing_but_time(workers, go):
    tasks = [task("victim", "busy_until", file=str(go)), task("spared", value=2)]
    victim = workers.submit(tasks, "ann")
    kill_when_running(victim, workers)
    go.touch()
    assert set(results(victim)) == {"victim", "spared"}
    assert victim.fraction == 1


def test_worker_killed_twice_costs_its_job_one_sentence(workers):
    victim = workers.submit([task("killed", "busy", seconds=60), task("unhurt", value=2)], "ann")
    other = workers.submit([task("other", value=3)], "bob")
    for _ in range(2):
        kill_when_running(victim, workers)
    assert victim.wait(GENEROUS_S)
    assert victim.errors == {"killed": failures.DIED}
    assert set(victim.results) == {"unhurt"}
    results(other)
    assert "killed" not in workers.cache


def test_worker_that_grows_too_large_is_ended(workers, tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "YOUNG_S", 0)
    pid = worker_pid(workers)
    tries = tmp_path / "tries"
    assert outcome(workers, task("grow", "grow", tries=str(tries))).startswith(MEMORY)
    assert tries.read_text() == "*", "its own fault is no reason to do it again"
    until(lambda: not psutil.pid_exists(pid))
    assert outcome(workers, task("after", value=4)).facts["pid"] != pid


def test_memory_that_was_full_before_is_not_the_fault_of_a_task(workers, tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "YOUNG_S", GENEROUS_S)
    tries = tmp_path / "tries"
    asked = workers.submit([task("young", "grow", tries=str(tries), times=1)], "ann")
    results(asked)
    assert tries.read_text() == "**"


def kill_workers(of):
    """Kill the workers of a cluster; returns when it knows."""
    for address, pid in of._client.run(os.getpid).items():
        os.kill(pid, signal.SIGKILL)
        until(lambda gone=address: gone not in of.workers())


def test_result_that_died_with_its_worker_is_computed_again(workers, monkeypatch):
    fetch = cluster.Cluster.outcome

    def too_late(self, future):
        assert future.status == "finished"
        monkeypatch.setattr(cluster.Cluster, "outcome", fetch)
        kill_workers(self)
        return fetch(self, future)

    monkeypatch.setattr(cluster.Cluster, "outcome", too_late)
    asked = workers.submit([task("held", value=1.5)], "ann")
    np.testing.assert_array_equal(results(asked)["held"].arrays["value"], [1.5, 1.5])


def test_what_the_client_believes_of_its_workers_does_not_count(workers, monkeypatch):
    """Every two seconds Dask's client replaces what it knows by an answer without workers."""
    pid = worker_pid(workers)
    client = workers._cluster._client
    update = client._update_scheduler_info

    async def update_then_forget(**named):
        await update(**named)
        await update(n_workers=0)

    monkeypatch.setattr(client, "_update_scheduler_info", update_then_forget)
    assert not client.scheduler_info(n_workers=-1)["workers"]
    results(workers.submit([task("believed", "pause", seconds=0.5)], "ann"))
    assert worker_pid(workers) == pid


def test_cancel_of_a_task_whose_worker_has_just_gone(workers, monkeypatch):
    before = workers._cluster
    doomed = workers.submit([task("doomed", "busy", seconds=60)], "ann")
    until(lambda: doomed.fraction > 0)
    run = before._client.run

    def late(*arguments, **named):
        monkeypatch.setattr(before._client, "run", run)
        kill_workers(before)
        return run(*arguments, **named)

    monkeypatch.setattr(before._client, "run", late)
    doomed.cancel()
    until(lambda: not workers._running)
    assert isinstance(outcome(workers, task("after it", value=1)), Result)
    assert workers._cluster is before, "the engine need not start anew"


def test_task_that_never_began_has_no_part_in_its_worker_s_death(workers, monkeypatch, go):
    asked = workers.submit([task("unlucky", "busy_until", file=str(go))], "ann")
    until(lambda: asked.fraction > 0)
    start = cluster.Cluster.start

    def to_the_dying(self, *arguments):
        monkeypatch.setattr(cluster.Cluster, "start", start)
        kill_workers(self)
        return start(self, *arguments)

    monkeypatch.setattr(cluster.Cluster, "start", to_the_dying)
    kill_when_running(asked, workers)  # the one time that counts
    until(lambda: cluster.Cluster.start is start)
    until(lambda: asked.fraction > 0)
    go.touch()
    results(asked)


def test_only_the_worker_that_is_meant_is_stopped(monkeypatch):
    killed, told = [], []
    monkeypatch.setattr(worker.os, "kill", lambda pid, signal: killed.append(pid))
    process = SimpleNamespace(status=Status.running, worker_address="tcp://a", pid=7)
    nanny = SimpleNamespace(process=process, log_event=lambda *event: told.append(event))
    worker.kill("tcp://b", "topic", dask_worker=nanny)
    process.status = Status.starting  # the address is still the earlier process's
    worker.kill("tcp://a", "topic", dask_worker=nanny)
    assert (killed, told) == ([], [])
    process.status = Status.running
    worker.kill("tcp://a", "topic", dask_worker=nanny)
    assert (killed, told) == ([7], [("topic", {"worker": "tcp://a"})])


def test_what_cannot_travel_costs_only_itself(workers, caplog):
    pid = worker_pid(workers)
    assert outcome(workers, task("lock", value=threading.Lock())) == failures.FAILED
    assert outcome(workers, task("objects", "objects")) == failures.FAILED
    assert worker_pid(workers) == pid
    assert "Python objects" in caplog.text


def test_the_engine_outlives_what_nobody_expected(workers, monkeypatch, caplog, go):
    look = cluster.Cluster.workers
    asked = workers.submit([task("unmoved", "busy_until", file=str(go))], "ann")
    until(lambda: asked.fraction > 0)

    def fail(self, age):
        monkeypatch.setattr(cluster.Cluster, "workers", look)
        raise AssertionError("nobody expected this")

    monkeypatch.setattr(cluster.Cluster, "workers", fail)
    until(lambda: cluster.Cluster.workers is look)
    go.touch()
    results(asked)
    assert "nobody expected this" in caplog.text


def test_workers_keep_the_memory_that_tensors_gave_back(workers):
    # By hand: 5 times 64 MiB in pages of 4 KiB are 81920 of them.
    assert outcome(workers, task("faults", "faults")).facts["faults"] < 8192


def test_refused_memory_is_told_like_used_up_memory(workers):
    pid = worker_pid(workers)
    assert outcome(workers, task("claim", "claim")).startswith(MEMORY)
    assert worker_pid(workers) == pid


def test_errors_for_users_keep_their_sentence(workers):
    assert outcome(workers, task("told", "told")) == "This method cannot explain this model."


def test_a_worker_with_another_program_computes_nothing(workers, monkeypatch):
    monkeypatch.setattr(exchange, "SOURCES", "of another program")
    assert outcome(workers, task("stale", value=1)) == worker.OTHER_PROGRAM
    assert "stale" not in workers.cache


def test_other_errors_go_to_the_log_only(workers, caplog):
    sentence = outcome(workers, task("bug", "bug"))
    assert sentence == failures.FAILED
    assert "secret detail" in caplog.text


def test_existing_cluster_is_used_and_left_alone(workers, monkeypatch, tmp_path):
    pid = worker_pid(workers)
    monkeypatch.setenv("XAI_SCHEDULER", workers._cluster.address)
    guest = Engine(cache=Cache(tmp_path))
    assert worker_pid(guest) == pid
    guest.close()
    assert worker_pid(workers) == pid
    with pytest.raises(JobError, match="closed"):
        guest.submit([], "ann")


def test_task_that_another_engine_s_cancel_ends_is_blameless(workers, monkeypatch, tmp_path, go):
    monkeypatch.setenv("XAI_SCHEDULER", workers._cluster.address)
    with closing(Engine(cache=Cache(tmp_path / "cache"))) as guest:
        asked = guest.submit([task("guest", "busy_until", file=str(go))], "bob")
        for _ in range(2):  # more often than what counts may happen
            until(lambda: asked.fraction > 0)
            (before,) = guest._running.values()
            beside = workers.submit([task("beside", "busy", seconds=60)], "ann")
            until(lambda: workers._running)
            beside.cancel()
            until(lambda gone=before: gone not in guest._running.values())
        go.touch()
        results(asked)


def test_unreachable_cluster_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(cluster, "CONNECT_S", 0.5)
    monkeypatch.setenv("XAI_SCHEDULER", "tcp://127.0.0.1:1")
    with closing(Engine(cache=Cache(tmp_path))) as alone:
        sentence = outcome(alone, task("nowhere", value=1))
    assert sentence == "The compute cluster at tcp://127.0.0.1:1 cannot be reached."


def engine_processes():
    """Processes of this test run's engines, and of nothing else that it has started."""
    found = set()
    for child in psutil.process_iter(["ppid", "cmdline"]):
        ours = child.info["ppid"] == os.getpid()
        if ours and "xai_core.jobs.local" in (child.info["cmdline"] or []):
            found |= {child, *child.children(recursive=True)}
    return found


def lose_connection(asked, before):
    """Kill the new process with which the engine speaks, when the job tells progress."""
    until(lambda: asked.fraction > 0)
    for process in engine_processes() - before:
        if process.ppid() == os.getpid():
            process.kill()
    until(lambda: asked.fraction == 0 or asked.done)


def test_engine_survives_its_cluster_and_closes_all(tmp_path, monkeypatch):
    monkeypatch.setenv("XAI_CACHE", str(tmp_path))
    monkeypatch.setenv("XAI_WORKER_MEMORY", "1 GiB")
    before = engine_processes()
    shared = shared_engine()
    assert shared_engine() is shared
    pid = worker_pid(shared)
    lost = shared.submit([task("lost", "busy", seconds=60)], "ann")
    for _ in range(2):
        lose_connection(lost, before)
    assert lost.wait(GENEROUS_S)
    assert lost.errors == {"lost": failures.LOST}
    until(lambda: not psutil.pid_exists(pid))
    assert outcome(shared, task("again", value=5)).facts["pid"] != pid
    open_job = shared.submit([task("open", "busy", seconds=60)], "ann")
    until(lambda: open_job.fraction > 0)
    shared.close()
    assert open_job.state == "cancelled"
    assert shared.closed
    assert engine_processes() == before


@pytest.mark.parametrize("part", ["worker", "pattern"])
def test_what_is_killed_while_it_starts_is_started_again(tmp_path, part):
    before = engine_processes()
    with closing(Engine(memory_limit="1 GiB", cache=Cache(tmp_path))) as starting:
        until(lambda: victim_of(engine_processes() - before, part) is not None)
        victim_of(engine_processes() - before, part).kill()
        assert isinstance(outcome(starting, task("late", value=1)), Result)


def test_killed_pattern_of_the_workers_costs_nothing_but_time(workers, go):
    ours = psutil.Process(workers._cluster._local._process.pid).children(recursive=True)
    asked = workers.submit([task("without pattern", "busy_until", file=str(go))], "ann")
    until(lambda: asked.fraction > 0)
    victim_of(ours, "pattern").kill()
    go.touch()
    results(asked)


def victim_of(processes, part):
    """The worker among an engine's processes, or the process of which it is a copy."""
    if local.START == "spawn":
        return next((p for p in processes if "spawn_main" in " ".join(p.cmdline())), None)
    patterns = {p for p in processes if "multiprocessing.forkserver" in " ".join(p.cmdline())}
    copies = {p for p in patterns if p.parent() in patterns}
    return next(iter(copies if part == "worker" else patterns - copies), None)


def test_nothing_listens_beyond_this_machine(workers):
    worker_pid(workers)
    family = psutil.Process().children(recursive=True)
    sockets = [s for process in family for s in process.net_connections(kind="inet")]
    listening = {s.laddr.ip for s in sockets if s.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}


def test_worker_gives_way_and_there_is_no_web_page(workers):
    pid = worker_pid(workers)
    assert psutil.Process(pid).nice() == worker.NICE > 0
    (port,) = workers._cluster._client.scheduler_info()["services"].values()
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/json/identity.json", timeout=5)


def statistics():
    """Objects in the scheduler's process that keep something of every task for ever."""
    names = (type(one).__name__ for one in gc.get_objects())
    return [name for name in names if name in ("Span", "WorkStealing")]


def test_the_scheduler_keeps_nothing_of_what_has_ended(workers):
    results(workers.submit([task(f"{i}", value=i) for i in range(5)], "ann"))
    assert workers._cluster._client.run_on_scheduler(statistics) == []


def test_killed_parent_leaves_no_process(tmp_path):
    script = """
import time
from xai_core.cache import Cache
from tests.worker_functions import busy
from xai_core.jobs import Engine, Task
engine = Engine(memory_limit="1 GiB", cache=Cache("cache"))
asked = engine.submit([Task("busy", busy, {"seconds": 60})], "ann")
while asked.fraction == 0:
    time.sleep(0.01)
print("busy", flush=True)
time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ["PYTHONPATH"]])},
    ) as parent:
        assert parent.stdout.readline() == b"busy\n"
        family = psutil.Process(parent.pid).children(recursive=True)
        assert len(family) >= 2
        parent.kill()
    until(lambda: not any(process.is_running() for process in family))


class Clock:
    now = 100.0

    def monotonic(self):
        return self.now


def test_fraction_by_hand():
    tasks = [Task("a", Result, cost=1), Task("b", Result, cost=2), Task("c", Result, cost=7)]
    asked = Job(tasks, "ann")
    assert (asked.state, asked.fraction, asked.outlook.left) == ("waiting", 0, None)
    asked.finish(tasks[0], Result())
    assert asked.begin(tasks[1])
    assert asked.fraction == pytest.approx(0.1)
    asked.progress(tasks[1], 0.5)
    assert asked.fraction == pytest.approx(0.2)
    asked.finish(tasks[1], "It failed.")
    assert asked.fraction == pytest.approx(0.3)
    assert asked.state == "running"
    assert asked.begin(tasks[2])
    asked.finish(tasks[2], Result())
    assert (asked.state, asked.fraction, asked.outlook.left) == ("done", 1, 0)
    assert asked.errors == {"b": "It failed."}


def test_what_a_job_needs_by_hand(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(job, "time", clock)
    tasks = [Task("a", Result, cost=4), Task("b", Result, cost=2), Task("c", print, cost=3)]
    asked = Job(tasks, "ann")
    half = Rate(0.5, 4)  # seconds per unit
    known = {kind(tasks[0]): half, kind(tasks[2]): Rate(10, 3)}
    guessed = Need(0, 4.5, 0, (2, 1, 1.5), 1.5, sure=False)
    assert asked.need(Rates({kind(tasks[0]): half})) == guessed
    assert asked.need(Rates(known)) == Need(0, 33, 0, (2, 1, 30), 30)
    assert asked.begin(tasks[0])
    clock.now += 0.5  # of 4 · 0.5 s
    assert asked.need(Rates(known)) == Need(1.5, 31, 1.5, (1, 30), 30)
    assert asked.need(Rates({})) is None, "nothing is known"
    assert asked.again(tasks[0])
    assert asked.need(Rates(known)) == Need(0, 33, 0, (2, 1, 30), 30)
    asked.finish(tasks[2], Result())
    assert asked.need(Rates(known)) == Need(0, 3, 0, (2, 1), 1)
    asked.cancel()
    assert asked.need(Rates({})) == Need()


def test_job_without_tasks_is_done():
    empty = Job([], "ann")
    assert (empty.state, empty.fraction, empty.done) == ("done", 1, True)


def test_cancelled_job_takes_nothing_more():
    asked = Job([Task("a", Result), Task("b", Result)], "ann")
    first, second = asked.waiting()
    assert asked.begin(first)
    asked.cancel()
    asked.finish(first, Result())
    assert not asked.begin(second)
    assert (asked.state, asked.results, asked.current) == ("cancelled", {}, "")


def test_released_job_takes_only_what_is_running():
    first, second = tasks = [Task("a", Result), Task("b", Result)]
    asked = Job(tasks, "ann")
    assert asked.begin(first)
    asked.release()
    assert not asked.begin(second)
    asked.finish(second, Result())
    assert (asked.done, asked.fraction) == (False, 0)
    asked.finish(first, Result())
    assert (asked.done, asked.fraction, set(asked.results)) == (True, 1, {"a"})


def test_lost_task_is_the_next_once_by_hand():
    first, second = tasks = [Task("a", Result), Task("b", Result)]
    asked = Job(tasks, "ann")
    assert asked.begin(first)
    asked.progress(first, 0.5)
    assert asked.running() == [first]
    assert asked.again(first)
    assert (asked.waiting(), asked.running(), asked.fraction) == ([first, second], [], 0)
    for _ in range(job.FORGIVEN):
        assert asked.begin(first)
        assert asked.again(first, blameless=True)
    assert asked.begin(first)
    assert not asked.again(first, blameless=True)
    assert not asked.again(first)
    asked.finish(first, "It was lost.")
    assert asked.errors == {"a": "It was lost."}


def test_lost_task_that_nobody_wants_any_longer_is_dropped():
    only = Task("a", Result)
    released, cancelled = Job([only], "ann"), Job([only], "bob")
    assert released.begin(only)
    assert cancelled.begin(only)
    released.release()
    cancelled.cancel()
    for asked in (released, cancelled):
        assert asked.again(only)
        assert (asked.done, asked.waiting(), asked.errors) == (True, [], {})


def test_memory_limits_in_words(monkeypatch):
    monkeypatch.delenv("XAI_WORKER_MEMORY", raising=False)
    assert memory_bytes("4 GiB", 1) == 4 * 1024**3
    assert memory_bytes(None, 1) == memory_bytes("auto", 1)
    monkeypatch.setenv("XAI_WORKER_MEMORY", "2 GiB")
    assert memory_bytes(None, 1) == 2 * 1024**3
    with pytest.raises(JobError, match="not a size"):
        memory_bytes("plenty", 1)
    with pytest.raises(JobError, match="too small"):
        memory_bytes("100 MiB", 1)
