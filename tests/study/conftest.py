"""A private PostgreSQL beside SQLite: every test of the store runs on both."""

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pytest

from xai_core.study import open_store

KINDS = ("sqlite", "postgresql")


class Cluster:
    """PostgreSQL from Debian's binaries, in a folder of its own, on a Unix socket alone."""

    def __init__(self, programs):
        self.programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="pg"))
        # initdb refuses to run as root.
        self.user = "postgres" if os.getuid() == 0 else None
        self.role = self.user or pwd.getpwuid(os.getuid()).pw_name
        if self.user:
            shutil.chown(self.folder, self.user)
        self.made = 0
        self.run("initdb", "-D", self.data, "-A", "trust", "-N", "--no-instructions", "-E", "UTF8")
        self.start()

    @property
    def data(self):
        return self.folder / "data"

    def run(self, program, *words):
        command = [self.programs / program, *words]
        if self.user:
            command = ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--init-groups"] + command
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self.folder)

    def start(self):
        settings = f"-k {self.folder} -c listen_addresses= -c max_connections=200 -c fsync=off"
        log = self.folder / "log"
        self.run("pg_ctl", "-D", self.data, "-w", "-l", log, "-o", settings, "start")

    def stop(self):
        self.run("pg_ctl", "-D", self.data, "-w", "-m", "immediate", "stop")

    def fresh(self):
        """Address of a new empty database."""
        self.made += 1
        name = f"study{self.made}"
        self.run("createdb", "-h", self.folder, "-T", "template0", name)
        return f"postgresql://{self.role}@/{name}?host={quote(str(self.folder))}"

    def remove(self):
        with suppress(subprocess.CalledProcessError):
            self.stop()
        shutil.rmtree(self.folder)


@pytest.fixture(scope="session")
def cluster():
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("PostgreSQL's server is not installed (Debian: apt install postgresql)")
    made = Cluster(found[-1].parent)
    yield made
    made.remove()


@pytest.fixture(params=KINDS)
def store_url(request, tmp_path, monkeypatch):
    """Address of an empty database."""
    monkeypatch.setenv("XAI_STUDIES", str(tmp_path / "studies"))
    monkeypatch.delenv("XAI_DATABASE_URL", raising=False)
    if request.param == "postgresql":
        return request.getfixturevalue("cluster").fresh()
    return f"sqlite:///{tmp_path / 'studies' / 'studies.sqlite'}"


@pytest.fixture
def store(store_url):
    opened = open_store(store_url)
    yield opened
    opened.close_all()
