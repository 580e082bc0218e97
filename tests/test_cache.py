import errno
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import numpy as np
import platformdirs
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from platformdirs.unix import Unix

from xai_core import cache as cache_module
from xai_core import sources
from xai_core.cache import Cache, Result, content_key, default_folder
from xai_core.sources import digest

KILOBYTE = np.zeros(1024, np.uint8)


def result(seed=0):
    values = np.random.default_rng(seed).standard_normal((1, 7, 5)).astype(np.float32)
    return Result({"relevance": values, "facts": np.arange(3)}, {"seconds": 0.5, "layers": ["a"]})


def check_equal(found, expected):
    assert found.facts == expected.facts
    assert found.arrays.keys() == expected.arrays.keys()
    for name, array in expected.arrays.items():
        assert found.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(found.arrays[name], array)


@pytest.mark.parametrize("memory_bytes", [0, 2**20])
def test_returns_what_was_put(tmp_path, memory_bytes):
    cache = Cache(tmp_path / "new" / "folder", memory_bytes=memory_bytes)
    assert cache.get("k") is None
    assert "k" not in cache
    cache.put("k", result())
    assert "k" in cache
    check_equal(cache.get("k"), result())
    cache.put("k", result(1))
    check_equal(cache.get("k"), result(1))


def test_neither_side_can_change_an_entry(tmp_path):
    cache = Cache(tmp_path)
    given = result()
    cache.put("k", given)
    given.arrays["relevance"][:] = 9
    found = cache.get("k")
    found.arrays["relevance"][:] = 9
    found.facts["layers"].append("b")
    check_equal(cache.get("k"), result())


def test_parts_are_neither_kept_nor_counted_nor_copied(tmp_path):
    """They are results of their own: who has them keeps them under their own keys."""
    whole = result()
    whole.parts["other"] = result(1)
    assert whole.nbytes == result().nbytes
    assert whole.copy().parts == {}
    for memory_bytes in (0, 2**20):
        cache = Cache(tmp_path, memory_bytes=memory_bytes)
        cache.put("k", whole)
        assert cache.get("k").parts == {}
        check_equal(cache.get("k"), result())
        assert "other" not in cache
    assert set(whole.parts) == {"other"}


def flipped(data):
    """The file with one bit of its array turned over."""
    at = data.index(result().arrays["relevance"].tobytes())
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


DAMAGES = {
    "cut": lambda data: data[: len(data) // 2],
    "flipped": flipped,
    "empty": lambda data: b"",
    "foreign": lambda data: b"not an archive",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_file_is_a_miss_and_goes(tmp_path, damage):
    Cache(tmp_path).put("k", result())
    (path,) = tmp_path.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    cache = Cache(tmp_path)
    assert cache.get("k") is None
    assert list(tmp_path.iterdir()) == []


def test_interrupted_write_is_never_served(tmp_path, monkeypatch):
    cache = Cache(tmp_path, memory_bytes=0)

    def full(stream, **members):
        stream.write(b"begun")
        raise OSError("disk full")

    monkeypatch.setattr(cache_module.np, "savez", full)
    cache.put("k", result())
    assert cache.get("k") is None
    assert list(tmp_path.iterdir()) == []


def test_objects_are_refused(tmp_path):
    cache = Cache(tmp_path)
    with pytest.raises(TypeError, match="'bad' holds Python objects"):
        cache.put("k", Result({"bad": np.array([{}])}))
    with pytest.raises(TypeError):
        cache.put("k", Result(facts={"bad": object()}))
    assert "k" not in cache


def test_pickled_array_in_a_file_is_not_loaded(tmp_path):
    cache = Cache(tmp_path)
    cache.put("k", result())
    (path,) = tmp_path.iterdir()
    np.savez(path, **{"facts": np.frombuffer(b"{}", np.uint8), "array.bad": np.array([{}])})
    assert Cache(tmp_path).get("k") is None


def test_disk_keeps_to_its_limit_and_drops_the_longest_unused(tmp_path):
    # A file holds 1024 bytes of array and some 500 of names and headers: six fit, not ten.
    cache = Cache(tmp_path, disk_bytes=12 * 1024, memory_bytes=0)
    for number in range(6):
        cache.put(f"{number}", Result({"a": KILOBYTE}))
        os.utime(cache._path(f"{number}"), (number, number))
    assert cache.get("0") is not None
    for number in range(6, 10):
        cache.put(f"{number}", Result({"a": KILOBYTE}))
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 12 * 1024
    assert "9" in cache
    assert "0" in cache  # used again after 1 to 5 were written
    assert "1" not in cache


def test_entry_larger_than_the_disk_limit_displaces_nothing(tmp_path):
    cache = Cache(tmp_path, disk_bytes=4096, memory_bytes=0)
    cache.put("small", Result({"a": KILOBYTE}))
    cache.put("large", Result({"a": np.zeros(5000, np.uint8)}))
    assert "small" in cache
    assert "large" not in cache


def test_memory_keeps_the_latest_used(tmp_path):
    cache = Cache(tmp_path, memory_bytes=2100)  # two results of 1024 bytes and "{}"
    for key in "abc":
        cache.put(key, Result({"a": KILOBYTE}))
        cache.get("a")
    for path in tmp_path.iterdir():
        path.unlink()
    assert {key for key in "abc" if key in cache} == {"a", "c"}


def test_files_abandoned_by_a_dead_process_go(tmp_path):
    old, fresh = tmp_path / "unfinished-old.tmp", tmp_path / "unfinished-fresh.tmp"
    for path in (old, fresh):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    Cache(tmp_path).put("k", result())
    assert not old.exists()
    assert fresh.exists()


def test_folder_that_cannot_be_written_leaves_the_memory(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    cache = Cache(blocked)
    cache.put("k", result())
    check_equal(cache.get("k"), result())
    assert Cache(blocked).get("k") is None


WRITE_AND_READ = """
import sys
import numpy as np
from xai_core.cache import Cache, Result
cache = Cache("shared", disk_bytes=64 * 1024, memory_bytes=0)
for turn in range(150):
    number = (turn * 7 + int(sys.argv[1])) % 20
    cache.put(f"{number}", Result({"a": np.full(3000, number)}, {"number": number}))
    other = (turn + int(sys.argv[1])) % 20
    found = cache.get(f"{other}")
    if found is not None and not (found.facts["number"] == other == found.arrays["a"].mean()):
        sys.exit(f"{other} was mixed up")
"""


def test_processes_share_a_folder(tmp_path):
    # 20 entries of 24 kB in 64 kB: they overwrite and drop each other's files all the time.
    command = [sys.executable, "-c", WRITE_AND_READ]
    env = os.environ | {"PYTHONPATH": str(Path(cache_module.__file__).parents[1])}
    running = [
        subprocess.Popen([*command, seed], cwd=tmp_path, env=env, stderr=subprocess.PIPE)
        for seed in ("0", "3", "11")
    ]
    told = [process.communicate(timeout=60)[1].decode() for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], told
    assert told == ["", "", ""]  # no warning of a damaged file, or of one that could not be kept


def test_file_that_cannot_be_opened_for_a_moment_stays(tmp_path, monkeypatch, caplog):
    Cache(tmp_path).put("k", result())
    cache = Cache(tmp_path)

    def refuse(*_):
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        assert cache.get("k") is None
    assert "could not be opened" in caplog.text
    check_equal(cache.get("k"), result())


def test_threads_share_a_cache(tmp_path):
    cache = Cache(tmp_path, memory_bytes=2000)
    wrong = []

    def use(number):
        expected = result(number).arrays["relevance"]
        for _ in range(20):
            cache.put(f"{number}", result(number))
            found = cache.get(f"{number}")
            if found is None or (found.arrays["relevance"] != expected).any():
                wrong.append(number)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_default_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XAI_CACHE", str(tmp_path / "mine"))
    assert default_folder() == tmp_path / "mine"
    assert Cache().folder == tmp_path / "mine"
    monkeypatch.delenv("XAI_CACHE")
    monkeypatch.setattr(platformdirs, "PlatformDirs", Unix)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "xai-workbench"


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
parts = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(parts)
def test_key_is_stable(part):
    key = content_key(part)
    assert len(key) == 64
    assert content_key(part) == key
    assert content_key(part, part) != key


def test_facts_are_read_without_the_arrays(tmp_path, monkeypatch):
    Cache(tmp_path).put("k", result())
    cache = Cache(tmp_path)
    with monkeypatch.context() as patch:
        read = np.lib.npyio.NpzFile.__getitem__
        asked = []
        patch.setattr(
            np.lib.npyio.NpzFile,
            "__getitem__",
            lambda file, name: asked.append(name) or read(file, name),
        )
        facts = cache.facts("k")
    assert (facts, len(asked)) == (result().facts, 1)
    facts["layers"].append("b")
    check_equal(cache.get("k"), result())
    assert cache.facts("k") == result().facts, "also from memory"
    assert cache.facts("nothing") is None


def test_it_says_whether_others_will_find_it(tmp_path):
    cache = Cache(tmp_path / "cache", disk_bytes=4096)
    assert cache.put("k", result())
    assert cache.on_disk("k")
    assert not cache.put("large", Result({"a": np.zeros(5000)})), "more than there may be"
    assert "large" in cache
    assert not cache.on_disk("large")
    (tmp_path / "file").write_text("in the way")
    assert not Cache(tmp_path / "file").put("k", result())


def test_key_ignores_the_order_of_a_dictionary():
    assert content_key({"a": 1, "b": 2}) == content_key({"b": 2, "a": 1})


def test_key_sees_type_shape_and_values():
    base = np.arange(6, dtype=np.float32)
    different = [
        base,
        base.reshape(2, 3),
        base.reshape(3, 2),
        base.astype(np.float64),
        base + 1,
        base.tobytes(),
        base.tolist(),
        "a",
        ["a"],
        1,
        "1",
    ]
    assert len({content_key(part) for part in different}) == len(different)
    assert content_key("a", "b") != content_key("ab")


def test_key_of_tensor_array_and_scalar_agree():
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert content_key(torch.from_numpy(array)) == content_key(array)
    assert content_key(array.T) == content_key(np.ascontiguousarray(array.T))
    assert content_key(np.int64(3)) == content_key(3)


PROGRAM = """
from xai_core.cache import Cache, Result, content_key
cache, key = Cache("cache"), content_key("explain", "cat")
print("computed" if cache.get(key) is None else "served")
cache.put(key, Result(facts={"mean": 1.5}))
"""


def test_what_another_program_has_computed_is_not_served(tmp_path):
    package = tmp_path / "xai_core"
    shutil.copytree(Path(cache_module.__file__).parent, package)

    def run():
        command = [sys.executable, "-c", PROGRAM]
        return subprocess.check_output(command, cwd=tmp_path, text=True).strip()

    def change(name):
        source = (package / name).read_text()
        (package / name).write_text(source.replace("return ", "return  ", 1))

    assert [run(), run()] == ["computed", "served"]
    change("explainers/cam.py")
    assert [run(), run()] == ["computed", "served"]
    change("cli/explain.py")
    assert run() == "served", "a command decides no result"


def test_the_program_is_known_from_an_archive_too(tmp_path):
    package = tmp_path / "package"
    for name in ("__init__.py", "inner/method.py", "inner/__pycache__/method.pyc", "cli/word.py"):
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    whole = digest(package)
    archive = shutil.make_archive(str(tmp_path / "archive"), "zip", tmp_path, "package")
    assert digest(zipfile.Path(archive, "package/")) == whole
    (package / "inner/__pycache__/method.pyc").write_text("another")
    (package / "cli/word.py").write_text("another")
    assert digest(package) == whole
    (package / "inner/method.py").rename(package / "inner/other.py")
    assert digest(package) != whole


def test_the_program_is_another_with_another_torch(tmp_path, monkeypatch):
    before = digest(tmp_path)
    monkeypatch.setattr(sources, "version", lambda library: "2" if library == "torch" else "1")
    assert digest(tmp_path) != before
    later = digest(tmp_path)
    monkeypatch.setattr(sources, "version", lambda library: "3" if library == "torch" else "1")
    assert digest(tmp_path) != later


def test_key_refuses_what_it_cannot_see_into():
    with pytest.raises(TypeError, match="A set has no place"):
        content_key({1, 2})
    with pytest.raises(TypeError, match="has no place"):
        content_key(np.array([{}]))
