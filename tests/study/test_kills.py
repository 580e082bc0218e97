"""A server killed between an answer and its acknowledgement loses nothing and doubles nothing."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.study.answering import choice
from tests.study.small import begin, design, publish
from xai_core.study import TakingPart, Ticket
from xai_core.study.storage.schema import answer, trial

TRIALS = 60
MOST = 200  # kills until some have come before the commit and some after it
ROOT = Path(__file__).resolve().parents[2]


class Server:
    """The children's parent, which is never killed itself."""

    def __init__(self, url):
        command = [sys.executable, "-m", "tests.study.answering", url]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen(command, cwd=ROOT, text=True, bufsize=1, **pipes)

    def fork(self, **work):
        self.process.stdin.write(json.dumps(work) + "\n")
        word, number = self.line()
        assert word == "child"
        return int(number)

    def line(self):
        return self.process.stdout.readline().split()

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait() == 0


def killed(server, work, rng, pause):
    """Keys a child acknowledged before it was killed, the one it did not, and how long it took."""
    child = server.fork(**work)
    acknowledged, open_key, waited = [], None, []
    kill_at = rng.randint(1, 3)
    alive = True
    while (line := server.line()) != ["over"]:
        word, key = line
        if word == "sent":
            open_key, since = key, time.perf_counter()
            if alive and len(acknowledged) >= kill_at:
                time.sleep(rng.uniform(0, pause))
                os.kill(child, signal.SIGKILL)
                alive = False
        else:
            acknowledged.append(key)
            if open_key == key and alive:
                waited.append(time.perf_counter() - since)
            open_key = None
    return acknowledged, open_key, waited


@pytest.mark.parametrize("kills", [20, pytest.param(200, marks=pytest.mark.long)])
def test_nothing_acknowledged_is_lost_and_nothing_is_there_twice(store, store_url, kills):
    slug = publish(store, design(TRIALS, practice=0, catches=0, background=()))
    part = TakingPart(store)
    people = [begin(part, Ticket(slug))[0].me for _ in range(20)]
    server, rng = Server(store_url), random.Random(1)
    acknowledged, between, survived, pause, unacknowledged = [], 0, 0, 0.02, None
    while between < kills or (survived in (0, between) and between < MOST):
        while part.look(Ticket(slug, me=people[0])).kind == "ended":
            people.pop(0)
        work = {"slug": slug, "people": people, "unacknowledged": unacknowledged}
        keys, open_key, waited = killed(server, work, rng, pause)
        acknowledged += keys
        unacknowledged = None
        if open_key is not None:
            between += 1
            survived += is_stored(store, open_key)
            me, number = open_key.split(":")
            unacknowledged = (me, int(number), open_key)
        # As long as an answer takes, so that kills come before its commit and after it.
        pause = sorted(waited)[len(waited) // 2] if waited else pause
    server.close()
    assert 0 < survived < between, "kills came before the commit, and after it"
    compare(store, acknowledged, unacknowledged)


def is_stored(store, key):
    with store.database.reading() as connection:
        wanted = select(answer.c.id).where(answer.c.idempotency_key == key)
        return connection.execute(wanted).first() is not None


def compare(store, acknowledged, unacknowledged):
    with store.database.reading() as connection:
        rows = connection.execute(
            select(answer.c.idempotency_key, answer.c.shown_position, trial.c.id).join(
                trial, trial.c.id == answer.c.trial_id
            )
        ).all()
    stored = {key: "AB"[position] for key, position, _ in rows}
    assert len(stored) == len(rows)
    assert len({number for _, _, number in rows}) == len(rows)
    assert set(acknowledged) <= set(stored)
    # What is stored beyond that was sent, and its sender was killed before hearing of it.
    assert set(stored) - set(acknowledged) <= ({unacknowledged[2]} if unacknowledged else set())
    assert len(acknowledged) == len(set(acknowledged)), "each was acknowledged by one child"
    assert all(letter == choice(key) for key, letter in stored.items())
