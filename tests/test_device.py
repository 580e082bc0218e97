"""Which device computes, what its memory allows, and what happens where that is too little.

There is no card here: ``torch.cuda`` and ``torch.backends.mps`` are stand-ins.
"""

import logging
import os
import subprocess
import sys
import threading
from contextlib import closing, contextmanager

import pytest
import torch

from tests import worker_functions
from tests.pretended import pretended
from xai_core import device
from xai_core.allocation import WORKER
from xai_core.cache import Cache
from xai_core.device import chosen, free_bytes, is_out_of_memory, memory_told, pieces
from xai_core.errors import DeviceError, DeviceMemoryError, JobError
from xai_core.explainers.memory import allowed_bytes
from xai_core.first_model import FIRST
from xai_core.jobs import engine, starting
from xai_core.jobs.failures import MEMORY_OF_CARD, sentence
from xai_core.jobs.starting import memory_bytes, one_per_card
from xai_core.jobs.task import Task

EXACTLY = device.exactly
CUDA, MPS = torch.device("cuda", 0), torch.device("mps")


@pytest.fixture(autouse=True)
def _as_if_not_set(monkeypatch):
    """No device is named, none known from before, and torch's modes are left alone."""
    for name in (device.VARIABLE, WORKER, "XAI_MEMORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(device, "exactly", lambda device: None)
    device._chosen.cache_clear()
    yield
    device._chosen.cache_clear()


def chosen_by(word, monkeypatch, worker=0):
    monkeypatch.setenv(device.VARIABLE, word)
    monkeypatch.setenv(WORKER, str(worker))
    return str(chosen())


# Which device


def test_without_a_card_the_processor_computes(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert [chosen_by(word, monkeypatch) for word in ("", "auto", "CPU", " cpu ")] == ["cpu"] * 4


def test_loading_what_tasks_need_asks_for_no_card():
    """CUDA does not work in the copy of a process that has begun with it (PyTorch's notes)."""
    script = """
import torch

def asked(*arguments):
    raise AssertionError("A card is asked for while modules load.")

torch.cuda.is_available = torch.cuda.device_count = torch.cuda._lazy_init = asked
torch._C._cuda_getDeviceCount = asked
import xai_core.tasks.first_libraries
"""
    environment = os.environ | {"XAI_MODEL": FIRST}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment)


def test_cuda_comes_first_and_then_mps(monkeypatch):
    with pretended("cuda:0"):
        words = ("auto", "cuda", "cuda:0", "cpu")
        found = [chosen_by(word, monkeypatch) for word in words]
    assert found == ["cuda:0", "cuda:0", "cuda:0", "cpu"]
    device._chosen.cache_clear()
    with pretended("mps", float64=False):
        assert [chosen_by(word, monkeypatch) for word in ("auto", "mps", "mps:0")] == ["mps"] * 3


@pytest.mark.parametrize("word", ["auto", "cuda"])
def test_each_worker_takes_its_own_card(word, monkeypatch):
    found = []
    for worker in range(5):
        with pretended(f"cuda:{worker % 3}", count=3):
            found.append(chosen_by(word, monkeypatch, worker))
    assert found == ["cuda:0", "cuda:1", "cuda:2", "cuda:0", "cuda:1"]
    with pretended("cuda:2", count=3):
        assert chosen_by("cuda:2", monkeypatch, worker=1) == "cuda:2"


@pytest.mark.parametrize("word", ["tpu", "cuda:", "cuda:x", "gpu", "cpu:1", "cuda:-1", "mps:1"])
def test_words_that_name_no_device_are_refused(word, monkeypatch):
    with pretended("cuda:1", count=2), pytest.raises(DeviceError) as told:
        chosen_by(word, monkeypatch)
    assert str(told.value) == (
        f"XAI_DEVICE is '{word}', which is no device; there is auto, cpu, cuda:0 (Card 0), "
        "cuda:1 (Card 1)."
    )


@pytest.mark.parametrize("word", ["cuda:2", "mps"])
def test_a_card_that_is_not_there_is_refused_and_those_that_are_are_named(word, monkeypatch):
    with pretended("cuda:1", count=2), pytest.raises(DeviceError) as told:
        chosen_by(word, monkeypatch)
    assert str(told.value) == (
        f"XAI_DEVICE is '{word}', which this machine does not have; there is auto, cpu, "
        "cuda:0 (Card 0), cuda:1 (Card 1)."
    )


def test_without_any_card_cuda_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(
        DeviceError, match=r"'cuda', which this machine does not have; there is auto"
    ):
        chosen_by("cuda", monkeypatch)


def test_a_card_that_cannot_compute_is_left_alone_or_told(monkeypatch, caplog):
    def broken(self, *_):
        raise RuntimeError("CUDA error: no kernel image is available for execution.\nPages of it.")

    said = "cuda:0 cannot compute (CUDA error: no kernel image is available for execution); "
    with pretended("cuda:0"):
        monkeypatch.setattr(torch.Tensor, "__matmul__", broken)
        with caplog.at_level(logging.WARNING, "xai_core.device"):
            assert chosen_by("auto", monkeypatch) == "cpu"
        assert caplog.messages == [f"{said}the processor computes instead."]
        with pytest.raises(DeviceError) as told:
            chosen_by("cuda:0", monkeypatch)
        assert str(told.value) == f"{said}there is auto, cpu, cuda:0 (Card 0)."


def test_a_card_that_computes_wrongly_is_told(monkeypatch):
    with pretended("cuda:0"):
        monkeypatch.setattr(torch.Tensor, "__matmul__", lambda self, other: self + other + 1)
        with pytest.raises(DeviceError, match=r"^cuda:0 cannot compute \(it gave \[\[3\.0, 3\.0\]"):
            chosen_by("cuda", monkeypatch)


def test_a_card_computes_in_full_float32_and_the_same_every_time(monkeypatch):
    cuda, cudnn = torch.backends.cuda, torch.backends.cudnn
    owners = {"allow_tf32": cudnn, "benchmark": cudnn, "deterministic": cudnn}
    for name, owner in owners.items():
        monkeypatch.setattr(owner, name, True)  # to be set back, too
    cuda.matmul.allow_tf32 = True
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    ways = ("flash", "mem_efficient", "cudnn")
    try:
        EXACTLY(CUDA)
        found = (cuda.matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic)
        assert found == (False, False, False, True)
        assert torch.is_deterministic_algorithms_warn_only_enabled()
        assert cuda.math_sdp_enabled()
        assert not any(getattr(cuda, f"{way}_sdp_enabled")() for way in ways)
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    finally:
        torch.use_deterministic_algorithms(False)
        torch.utils.deterministic.fill_uninitialized_memory = True
        os.environ.pop("CUBLAS_WORKSPACE_CONFIG", None)
        for way in ways:
            getattr(cuda, f"enable_{way}_sdp")(True)


def test_the_processor_is_left_as_it_is(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    EXACTLY(torch.device("cpu"))
    assert torch.backends.cudnn.benchmark
    assert not torch.are_deterministic_algorithms_enabled()


# Memory


def test_memory_is_half_of_what_is_free_and_at_most_the_limit(monkeypatch):
    with pretended("cuda:0", free=6 * 2**30):
        # What torch keeps for its next tensors is free too.
        monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 3 * 2**30)
        monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 2**30)
        assert free_bytes(CUDA) == 8 * 2**30
        assert allowed_bytes(CUDA) == 4 * 2**30
        monkeypatch.setenv("XAI_MEMORY", "3 GiB")
        assert allowed_bytes(CUDA) == allowed_bytes() == 3 * 2**30
        monkeypatch.setenv("XAI_MEMORY", "5 GiB")
        assert allowed_bytes(CUDA) == 4 * 2**30
    monkeypatch.delenv("XAI_MEMORY")
    with pretended("mps", free=6 * 2**30):
        monkeypatch.setattr(torch.mps, "current_allocated_memory", lambda: 2**30)
        assert allowed_bytes(MPS) == 5 * 2**29
    assert allowed_bytes() == 2**30


TOO_LITTLE = {
    "CUDA": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    "MPS": RuntimeError("MPS backend out of memory (MPS allocated: 5 GB, max allowed: 6 GB)."),
    "processor": RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate"),
    "NumPy": MemoryError(),
    "told": DeviceMemoryError("Saliency needs more memory than cuda:0 has."),
}


@pytest.mark.parametrize("error", TOO_LITTLE.values(), ids=TOO_LITTLE)
def test_want_of_memory_is_known_by_its_words(error):
    assert is_out_of_memory(error)
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_out_of_memory(ValueError("out of memory"))


@contextmanager
def fitting(most, error):
    """What can do so many at once, and a list of what was tried."""
    tried = []

    def run(start, end):
        tried.append((start, end))
        if end - start > most:
            raise error
        return list(range(start, end))

    yield run, tried


@pytest.mark.parametrize("error", TOO_LITTLE.values(), ids=TOO_LITTLE)
def test_what_does_not_fit_is_halved_and_goes_on_from_there(error, monkeypatch):
    released = []
    monkeypatch.setattr(device, "release", lambda: released.append(1))
    with fitting(3, error) as (run, tried):
        found = list(pieces(10, 8, run))
    # Two equal pieces of 5; then 10 in pieces of at most 2.
    assert tried == [(0, 5), (0, 2), (2, 4), (4, 6), (6, 8), (8, 10)]
    assert [one for _, _, made in found for one in made] == list(range(10))
    assert released == [1]


def test_one_that_does_not_fit_and_other_errors_are_the_callers():
    with fitting(0, TOO_LITTLE["CUDA"]) as (run, tried):
        with pytest.raises(torch.OutOfMemoryError):
            list(pieces(4, 4, run))
        assert tried == [(0, 4), (0, 2), (0, 1)]
    with fitting(2, RuntimeError("mat1 and mat2 shapes cannot be multiplied")) as (run, tried):
        with pytest.raises(RuntimeError, match="shapes"):
            list(pieces(4, 4, run))
        assert tried == [(0, 4)]


def test_nothing_to_do_is_no_piece():
    assert list(pieces(0, 5, lambda start, end: 1)) == []


def test_too_little_memory_of_a_card_is_a_sentence():
    with (
        pretended("cuda:0", free=2**29),
        pytest.raises(DeviceMemoryError) as told,
        memory_told(CUDA, "APEM"),
    ):
        raise TOO_LITTLE["CUDA"]
    assert str(told.value) == (
        "APEM needs more memory than cuda:0 has (0.5 GiB are free); take a smaller model or "
        "picture, or compute with XAI_DEVICE=cpu."
    )
    with pytest.raises(MemoryError), memory_told(torch.device("cpu"), "APEM"):
        raise MemoryError


@pytest.mark.parametrize("name", ["CUDA", "MPS"])
def test_a_worker_that_lacks_a_cards_memory_is_not_told_its_own_limit(name):
    task = Task("key", worker_functions.echo)
    assert sentence(TOO_LITTLE[name], task, 2**30) == MEMORY_OF_CARD
    assert "limit 1.0 GiB" in sentence(TOO_LITTLE["processor"], task, 2**30)


# Workers


def test_the_engine_starts_so_many_workers_and_shares_the_memory(tmp_path, monkeypatch):
    monkeypatch.delenv("XAI_WORKERS", raising=False)
    monkeypatch.delenv("XAI_SCHEDULER", raising=False)
    monkeypatch.setattr(engine, "one_per_card", lambda: 3)
    started = threading.Event()
    asked = []

    def cluster(workers, memory, *_):
        asked.append((workers, memory))
        started.set()
        raise JobError("There is no cluster here.")

    monkeypatch.setattr(engine, "Cluster", cluster)
    with closing(engine.Engine(cache=Cache(tmp_path))):
        assert started.wait(60)
    assert asked[0] == (3, memory_bytes(None, 3))


def counted(told, status=0):
    """A stand-in for the process that counts the cards, and how often it was asked."""
    asked = []

    def run(command, **_):
        asked.append(command[1:])
        if status:
            raise subprocess.CalledProcessError(status, command)
        return subprocess.CompletedProcess(command, status, stdout=told)

    return run, asked


@pytest.mark.parametrize(
    ("word", "there", "told", "status", "workers"),
    [
        ("", True, "4\n", 0, 4),
        ("auto", True, "2\n", 0, 2),
        ("CUDA", True, "3\n", 0, 3),
        ("", True, "", 1, 1),
        ("", False, None, 0, 1),
        ("cpu", True, None, 0, 1),
        ("cuda:1", True, None, 0, 1),
        ("mps", True, None, 0, 1),
    ],
)
def test_there_is_one_worker_for_each_card(word, there, told, status, workers, monkeypatch):
    monkeypatch.setenv(device.VARIABLE, word)
    monkeypatch.setattr(starting, "_may_have_cards", lambda: there)
    run, asked = counted(told, status)
    monkeypatch.setattr(subprocess, "run", run)
    assert one_per_card() == workers
    # torch is loaded by another process, and only where there may be a card.
    assert asked == ([] if told is None else [["-P", "-m", "xai_core.device"]])


def test_a_card_is_known_by_the_file_that_linux_has_of_it(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(starting, "CARDS", (f"{tmp_path}/nvidia[0-9]*", f"{tmp_path}/kfd"))
    assert not starting._may_have_cards()
    (tmp_path / "nvidiactl").touch()
    assert not starting._may_have_cards()
    (tmp_path / "nvidia0").touch()
    assert starting._may_have_cards()


def test_cards_are_counted_for_the_process_that_asks(capsys):
    for count in (0, 3):
        with pretended("cuda:0", count=count):
            device.main()
    assert capsys.readouterr().out == "1\n3\n"
