"""Who is next, by hand, and what travels to a worker and back."""

import numpy as np
import pytest

from xai_core.cache import Cache, Result
from xai_core.jobs import Job, Task, exchange
from xai_core.jobs.exchange import Answer, ElsewhereError, Sender, Stored, answer, keep, unpacked
from xai_core.jobs.queue import Queue

NOBODY = ({}, (), ())


def job(owner, *keys):
    return Job([Task(key, Result) for key in keys], owner)


def names(queue, count, **asked):
    """Keys of the tasks that are handed out one after the other."""
    found = []
    for _ in range(count):
        who, task = queue.next(*NOBODY)
        assert who.begin(task)
        queue.charge(who.owner, 1.0)
        found.append(task.key)
    return found


def test_owners_take_turns_and_each_one_s_jobs_come_in_order():
    queue = Queue()
    for one in (job("ann", "a1", "a2"), job("ann", "a3"), job("bob", "b1", "b2")):
        queue.add(one)
    assert names(queue, 5) == ["a1", "b1", "a2", "b2", "a3"]
    assert queue.next(*NOBODY) is None


def test_what_is_under_way_counts_and_the_full_are_passed_over():
    queue = Queue()
    queue.add(job("ann", "a"))
    queue.add(job("bob", "b"))
    assert queue.next({"ann": 0.5}, (), ())[1].key == "b"
    assert queue.next({"ann": 0.5}, ("bob",), ())[1].key == "a"
    assert queue.next({}, ("ann", "bob"), ()) is None


def test_what_is_computed_for_somebody_else_waits_and_the_next_goes_first():
    queue = Queue()
    queue.add(job("ann", "same"))
    queue.add(job("ann", "other"))
    assert queue.next({}, (), {"same"})[1].key == "other"
    assert queue.next({}, (), {"same", "other"}) is None
    assert queue.next(*NOBODY)[1].key == "same"


def test_a_newcomer_is_not_owed_the_past_of_those_who_are_there():
    queue = Queue()
    queue.add(job("ann", "a1", "a2", "a3"))
    queue.charge("ann", 100)
    queue.add(job("bob", "b1", "b2"))
    assert names(queue, 4) == ["a1", "b1", "a2", "b2"]


def test_an_owner_who_has_gone_is_forgotten_when_nobody_there_has_had_less():
    def order(had, holding=()):
        queue, ended = Queue(), job("ann", "a")
        queue.add(ended)
        queue.add(job("bob", "b1", "b2", "b3"))
        queue.charge("ann", 100)
        queue.charge("bob", had)
        ended.cancel()
        queue.forget(holding)
        queue.charge("bob", 50 - had)
        queue.add(job("ann", "a"))
        assert {one.owner for one in queue.jobs()} == {"bob", "ann"}
        assert ended not in queue.jobs()
        return names(queue, 3)

    assert order(99) == ["b1", "b2", "b3"], "she has had 50 s more"
    assert order(100, {"ann"}) == ["b1", "b2", "b3"], "a worker still has something of hers"
    assert order(100) == ["b1", "a", "b2"], "she comes anew"


def test_all_who_have_gone_are_forgotten_when_nobody_is_there():
    queue, ended = Queue(), job("ann", "a")
    queue.add(ended)
    queue.charge("ann", 100)
    ended.cancel()
    queue.forget({"bob"})
    assert list(queue.lines()) == []


def test_what_is_put_first_comes_before_the_owner_s_others_and_no_one_else_s():
    queue, second = Queue(), job("ann", "a2", "a3")
    for one in (job("ann", "a1"), second, job("bob", "b1", "b2")):
        queue.add(one)
    queue.first(second)
    queue.add(job("ann", "a4"))
    queue.first(job("cid", "unknown"))
    assert names(queue, 6) == ["a2", "b1", "a3", "b2", "a4", "a1"]


class Counted(Job):
    """A job that counts how often it is asked anything."""

    asked = 0

    @property
    def done(self):
        type(self).asked += 1
        return super().done

    def next(self, without):
        type(self).asked += 1
        return super().next(without)


def test_a_task_is_handed_out_without_looking_at_all_that_wait_or_have_ended():
    queue, many = Queue(), 300
    jobs = [Counted([Task(f"{i}", Result)], "ann") for i in range(many)]
    for one in jobs:
        queue.add(one)
    Counted.asked = 0
    for one in jobs:
        who, task = queue.next(*NOBODY)
        assert who is one
        assert who.begin(task)
        who.finish(task, Result())
        assert bool(queue) is (one is not jobs[-1])
        queue.forget({"ann"})
    assert Counted.asked < 10 * many  # a search through all that have ended would ask 45,000 times


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path)


@pytest.fixture
def sender(cache):
    made = Sender(cache, "topic")
    yield made
    made.close()


@pytest.fixture(autouse=True)
def nothing_remembered():
    exchange._arrays.clear()


LARGE = np.arange(exchange.LARGE, dtype=np.uint8).reshape(4, -1)


def parcel(sender, apart=False, kept=True, **arguments):
    return sender.parcel(Task("key", Result, arguments, kept=kept), "ticket", apart)


def test_large_arrays_are_written_once_and_arrive_wherever_they_are(sender, cache):
    small = np.ones(3)
    sent = parcel(sender, one=LARGE, deep={"list": [LARGE, (LARGE, 1)]}, small=small)
    (stored,) = {sent.arguments["one"], sent.arguments["deep"]["list"][0]}
    assert isinstance(stored, Stored)
    assert sent.arguments["small"] is small
    assert len(list(cache.folder.glob("*.npz"))) == 1
    for _ in range(2):  # from the folder, and from memory
        found = unpacked(sent)
        np.testing.assert_array_equal(found["one"], LARGE)
        np.testing.assert_array_equal(found["deep"]["list"][1][0], LARGE)
        assert found["deep"]["list"][1][1] == 1
        found["one"][:] = 0  # a task may write into what it was given
        for file in cache.folder.glob("*.npz"):
            file.unlink()
    again = parcel(sender, one=LARGE.copy())
    assert again.arguments["one"] == stored, "the content counts"
    assert cache.on_disk(stored.key), "what was dropped is written again"


def test_a_worker_elsewhere_says_so_and_gets_and_returns_everything(sender, cache, tmp_path):
    sent = parcel(sender, one=LARGE)
    for file in cache.folder.glob("*.npz"):
        file.unlink()
    with pytest.raises(ElsewhereError):
        unpacked(sent)
    sender.close()
    with pytest.raises(ElsewhereError):
        unpacked(parcel(sender, number=1))
    whole = parcel(sender, apart=True, one=LARGE)
    assert unpacked(whole)["one"] is LARGE
    result = Result({"value": LARGE})
    assert answer(whole, result) == Answer(result, kept=False)
    assert "key" not in cache


def test_a_folder_that_cannot_be_written_is_not_used(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    sent = parcel(Sender(Cache(blocked), "topic"), one=LARGE)
    assert (sent.place, sent.arguments["one"] is LARGE) == (None, True)


def test_what_a_worker_keeps_it_does_not_return(sender, cache):
    result = Result({"value": LARGE}, {"number": 1})
    assert answer(parcel(sender), result) == Answer(None, kept=True)
    np.testing.assert_array_equal(cache.get("key").arrays["value"], LARGE)
    assert cache.facts("key") == {"number": 1}


def test_of_parts_a_worker_returns_the_facts(sender, cache):
    result = Result(facts={"count": 1}, parts={"part": Result({"value": LARGE}, {"number": 1})})
    told = Result(facts={"count": 1, "parts": {"part": {"number": 1}}})
    assert answer(parcel(sender), result) == Answer(told, kept=True)
    assert cache.facts("part") == {"number": 1}
    assert "key" not in cache


@pytest.mark.parametrize(
    ("kept", "result"), [(False, Result(facts={"number": 1})), (True, Result())]
)
def test_what_is_not_to_be_kept_is_returned(sender, cache, kept, result):
    assert answer(parcel(sender, kept=kept), result) == Answer(result, kept=True)
    assert "key" not in cache


def test_what_finds_no_place_in_the_folder_is_returned(sender, monkeypatch):
    monkeypatch.setattr(Cache, "put", lambda *_: False)
    result = Result(facts={"number": 1})
    assert answer(parcel(sender), result) == Answer(result, kept=False)
    assert not keep(Cache(), "key", Result(parts={"a": result, "b": result}))


def test_results_of_a_job_are_read_when_they_are_asked_for():
    cache = {"kept": Result(facts={"number": 1})}
    tasks = [Task(key, Result) for key in ("kept", "own", "dropped", "missing")]
    asked = Job(tasks, "ann", find=cache.get)
    results = asked.results
    for task, outcome in zip(tasks, (None, Result(), None), strict=False):
        asked.finish(task, outcome)
    assert list(results) == ["kept", "own", "dropped"]
    assert (len(results), "missing" in results) == (3, False)
    assert (results["kept"], results["own"]) == (cache["kept"], Result())
    assert results.get("dropped") is None
    with pytest.raises(KeyError):
        results["missing"]
