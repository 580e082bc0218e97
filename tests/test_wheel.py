"""What ``pip install .`` installs, and that it works from any folder."""

import os
import subprocess
import sys
from importlib import import_module

import pytest
from packaging.requirements import Requirement

from tests.unpacked import ROOT, unpack, wheel, wheel_files
from tests.worker_functions import LIGHT
from xai_core import __main__, __version__, places
from xai_core.__main__ import main
from xai_core.jobs import starting

# Names of Python's own modules that take part in starting anything.
PYTHONS = ("queue", "random", "select", "token")


def files(folder):
    """Paths below the repository's root of all files in a folder, without what Python leaves."""
    found = (path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*.*"))
    return {path for path in found if (ROOT / path).is_file() and "__pycache__" not in path}


def test_one_list_of_dependencies():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = [Requirement(line) for line in lines if not line.startswith("#")]
    assert [Requirement(text) for text in wheel().metadata.core.dependencies] == wanted


def test_facts():
    facts = wheel().metadata
    assert facts.version == __version__
    assert facts.core.name == "xai-workbench"
    assert facts.core.license_expression == "Apache-2.0"
    assert facts.core.requires_python == ">=3.11"


def test_the_command_is_there():
    ((name, place),) = wheel().metadata.core.scripts.items()
    module, _, function = place.partition(":")
    assert name == "xai-workbench"
    assert getattr(import_module(module), function) is __main__.installed


def test_the_wheel_has_the_package_and_the_application_in_a_folder_of_its_own():
    beside = {"app.py", ".streamlit/config.toml", *files("pages"), *files("assets")}
    assert set(wheel_files()) == files("xai_core") | {f"xai_workbench/{path}" for path in beside}


@pytest.mark.worker
def test_it_works_from_any_folder(tmp_path):
    """A worker starts beside files that are called like Python's own; what it needs is found."""
    site, elsewhere = unpack(tmp_path / "site"), tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in PYTHONS:
        (elsewhere / f"{name}.py").write_text("raise SystemExit('This is not Python\\'s.')\n")
    told = """
from xai_core import places
from xai_core.jobs import starting
local = starting.Local(1, 2**30)
print(local.address.partition("//")[0], places.APPLICATION)
local.close()
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", told],
        cwd=elsewhere,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(site), LIGHT])},
        capture_output=True,
        text=True,
    )
    assert done.stdout == f"tcp: {site / 'xai_workbench'}\n", done.stderr


def test_installed_packages_do_not_come_before_pythons_own(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "mine")
    monkeypatch.setattr(places.site, "getsitepackages", list)
    assert starting._environment()["PYTHONPATH"] == f"{ROOT}{os.pathsep}mine"
    monkeypatch.setattr(places.site, "getsitepackages", lambda: [str(ROOT)])
    assert starting._environment()["PYTHONPATH"] == "mine"


def test_help_calls_the_command_by_its_name(monkeypatch, capsys):
    monkeypatch.setattr(__main__, "keep_freed_memory", lambda: None)
    monkeypatch.setattr(sys, "argv", ["xai-workbench", "app", "--help"])
    with pytest.raises(SystemExit):
        __main__.installed()
    assert capsys.readouterr().out.startswith("usage: xai-workbench app ")
    with pytest.raises(SystemExit):
        main(["app", "--help"])
    assert capsys.readouterr().out.startswith("usage: python -m xai_core app ")


def test_the_application_gets_streamlits_options(monkeypatch, capsys):
    started = []
    monkeypatch.setattr(os, "execv", lambda program, words: started.append((program, words)))
    main(["app", "--", "--server.port", "8080"])
    streamlit = [sys.executable, "-P", "-m", "streamlit", "run", str(ROOT / "app.py")]
    assert started == [(sys.executable, [*streamlit, "--server.port", "8080"])]
    assert main(["app", "8080"]) == 2
    assert capsys.readouterr().err.startswith("'8080' is no option; write for example: app -- --")
    assert len(started) == 1
