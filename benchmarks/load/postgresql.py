"""A PostgreSQL cluster of one's own, for as long as benchmarks and tests need it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from bots.server import free_port
from xai_core.errors import StudyError

DEBIAN = Path("/usr/lib/postgresql")


class Cluster:
    """A running server with an empty database ``study``, in a folder of its own.

    Its settings are PostgreSQL's own unless others are given: every commit is on the disk before
    it is acknowledged.

    Args:
        settings: of the server, as on its command line.
        port: of its Unix socket, and of its network addresses if it listens at any.

    Raises:
        StudyError: if PostgreSQL is not installed.
    """

    def __init__(self, *settings: str, port: int = 5432) -> None:
        self._programs, self._settings, self._port = _programs(), settings, port
        self.folder = Path(tempfile.mkdtemp(prefix="pg"))
        # PostgreSQL refuses to run as root; Debian's package makes a user for it.
        self._user = "postgres" if os.getuid() == 0 else None
        self.role = self._user or pwd.getpwuid(os.getuid()).pw_name
        if self._user:
            shutil.chown(self.folder, self._user)
        self._data = self.folder / "data"
        self.run("initdb", "-D", self._data, "-A", "trust", "-N", "--no-instructions", "-E", "UTF8")
        self.start()
        self.run("createdb", "-h", self.folder, "-p", str(port), "-T", "template0", "study")

    def run(self, program: str, *words: str | Path) -> None:
        """Run one of PostgreSQL's programs to its end."""
        command = self._command(program, *words)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self.folder)

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        settings = ("-D", self._data, f"-k{self.folder}", f"-p{self._port}", *self._settings)
        log = self.folder / "log"
        with log.open("a") as sink:
            self._server = subprocess.Popen(
                self._command("postgres", *settings), stdout=sink, stderr=sink, cwd=self.folder
            )
        ready = (self._programs / "pg_isready", "-q", "-h", self.folder, "-p", str(self._port))
        for _ in range(600):
            if subprocess.run(ready, check=False).returncode == 0:
                return
            time.sleep(0.05)
        raise TimeoutError(log.read_text())

    def stop(self) -> None:
        """Stop the server at once, as if the machine had failed."""
        self._server.send_signal(signal.SIGQUIT)
        self._server.wait()

    def remove(self) -> None:
        """Stop the server and delete the folder."""
        self.stop()
        shutil.rmtree(self.folder)

    def url(self, database: str) -> str:
        """Address of a database, by the Unix socket."""
        return f"postgresql://{self.role}@/{database}?host={quote(str(self.folder))}"

    def _command(self, program: str, *words: str | Path) -> list[str | Path]:
        """The words that run a program as the right user; it ends with this process."""
        become = ["setpriv", "--pdeathsig", "QUIT"]
        if self._user:
            become += [f"--reuid={self._user}", f"--regid={self._user}", "--init-groups"]
        return [*become, self._programs / program, *words]


@contextmanager
def cluster() -> Iterator[str]:
    """Address of a fresh database, over the network; the cluster is gone afterwards."""
    port = free_port()
    made = Cluster("-clisten_addresses=127.0.0.1", port=port)
    try:
        yield f"postgresql://{made.role}@127.0.0.1:{port}/study"
    finally:
        made.remove()


def _programs() -> Path:
    """Folder of the newest installed version's programs."""
    versions = sorted(DEBIAN.glob("*/bin"), key=lambda folder: -float(folder.parent.name))
    places = [*map(str, versions), os.environ.get("PATH", "")]
    program = shutil.which("initdb", path=os.pathsep.join(places))
    if program is None:
        raise StudyError("PostgreSQL is not installed (Debian: apt-get install postgresql).")
    return Path(program).resolve().parent
