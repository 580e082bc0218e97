"""A PostgreSQL cluster of one's own, for as long as it is needed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bots.server import free_port
from xai_core.errors import StudyError

DEBIAN = Path("/usr/lib/postgresql")
USER = "postgres"


@contextmanager
def cluster() -> Iterator[str]:
    """Address of a fresh database ``studies``; the cluster is gone afterwards.

    Its settings are PostgreSQL's own: every commit is on the disk before it is acknowledged.

    Raises:
        StudyError: if PostgreSQL is not installed.
    """
    programs = _programs()
    # PostgreSQL refuses to run as root; Debian's package makes a user for it.
    user = USER if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="studies-"))
    try:
        if user:
            shutil.chown(folder, user)
        data, port = folder / "data", free_port()
        _run(user, programs / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder}"
        control = (programs / "pg_ctl", "-D", data, "-w")
        _run(user, *control, "-l", folder / "log", "-o", options, "start")
        try:
            address = ("-h", "127.0.0.1", "-p", str(port), "-U", USER)
            _run(user, programs / "createdb", *address, "studies")
            yield f"postgresql://{USER}@127.0.0.1:{port}/studies"
        finally:
            _run(user, *control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    """Folder of the newest installed version's programs."""
    found = sorted(
        (path.parent for path in DEBIAN.glob("*/bin/initdb")),
        key=lambda path: float(path.parent.name),
    )
    if found:
        return found[-1]
    program = shutil.which("initdb")
    if program is None:
        raise StudyError("PostgreSQL is not installed (Debian: apt-get install postgresql).")
    return Path(program).resolve().parent


def _run(user: str | None, *command: object) -> None:
    done = subprocess.run(
        [str(part) for part in command],
        cwd="/",
        user=user,
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StudyError(f"{Path(str(command[0])).name}: {done.stderr or done.returncode}")
