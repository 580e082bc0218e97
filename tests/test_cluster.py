"""A Dask cluster that somebody else has started, as docs/cluster.md says."""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests import worker_functions
from xai_core.cache import Cache, Result
from xai_core.jobs import Engine, Task
from xai_core.jobs.cluster import NO_PACKAGE

pytestmark = pytest.mark.worker

ROOT = Path(__file__).parents[1]
PATIENCE_S = 120
WORKER = (
    "--nthreads 1 --nworkers 1 --nanny --memory-limit 2GiB --no-dashboard --host 127.0.0.1"
    " --preload xai_core.jobs.worker"
)


@contextmanager
def running(folder, words, path):
    """A command of Dask, ended with the processes that it has started."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with (folder / "log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *words.split()],
            cwd=folder,
            env=env | ({"PYTHONPATH": str(path)} if path else {}),
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.terminate()  # a nanny ends its worker then
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE_S)
        process.kill()
        process.wait()


@contextmanager
def scheduler(folder, path=ROOT):
    """A scheduler's address."""
    file = folder / "scheduler.json"
    words = f"scheduler --host 127.0.0.1 --port 0 --no-dashboard --scheduler-file {file}"
    with running(folder, words, path):
        deadline, address = time.monotonic() + PATIENCE_S, None
        while address is None:
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.05)
            with suppress(FileNotFoundError, json.JSONDecodeError):
                address = json.loads(file.read_text())["address"]
        yield address


def outcome(address, monkeypatch, folder):
    """What becomes of a task on the cluster."""
    monkeypatch.setenv("XAI_SCHEDULER", address)
    engine = Engine(cache=Cache(folder / "cache"))
    try:
        asked = engine.submit([Task("key", worker_functions.echo, {"value": 1.5})], "ann")
        assert asked.wait(PATIENCE_S), (folder / "log").read_text()
        return {**asked.results, **asked.errors}["key"]
    finally:
        engine.close()


def test_a_task_runs_on_a_cluster_that_somebody_has_started(tmp_path, monkeypatch):
    with (
        scheduler(tmp_path) as address,
        running(tmp_path, f"worker {address} {WORKER} --local-directory {tmp_path}", ROOT),
    ):
        found = outcome(address, monkeypatch, tmp_path)
        assert isinstance(found, Result), found
        assert found.arrays["value"].tolist() == [1.5, 1.5]


def test_a_scheduler_that_cannot_import_the_package_is_told(tmp_path, monkeypatch):
    with scheduler(tmp_path, path=None) as address:
        found = outcome(address, monkeypatch, tmp_path)
        assert found == NO_PACKAGE.format(f"The scheduler at {address}")


def test_a_worker_that_cannot_import_the_package_is_told(tmp_path, monkeypatch):
    words = WORKER.partition(" --preload")[0]
    with scheduler(tmp_path) as address, running(tmp_path, f"worker {address} {words}", None):
        found = outcome(address, monkeypatch, tmp_path)
        assert found.startswith("The worker at tcp://127.0.0.1:")
        assert found.endswith(NO_PACKAGE.partition("{}")[2])
