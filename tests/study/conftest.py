"""A private PostgreSQL beside SQLite: every test of the store runs on both."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from xai_core.study import open_store
from xai_core.study.storage.schema import metadata

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
        self.run("initdb", "-D", self.data, "-A", "trust", "-N", "--no-instructions", "-E", "UTF8")
        self.start()
        self.run("createdb", "-h", self.folder, "-T", "template0", "study")

    @property
    def data(self):
        return self.folder / "data"

    def command(self, program, *words):
        """The words that run a program as the right user; it ends with this process."""
        become = ["setpriv", "--pdeathsig", "QUIT"]
        if self.user:
            become += [f"--reuid={self.user}", f"--regid={self.user}", "--init-groups"]
        return [*become, self.programs / program, *words]

    def run(self, program, *words):
        command = self.command(program, *words)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self.folder)

    def start(self):
        settings = [
            f"-k{self.folder}",
            "-clisten_addresses=",
            "-cmax_connections=200",
            "-cfsync=off",
        ]
        command = self.command("postgres", "-D", self.data, *settings)
        with (self.folder / "log").open("a") as log:
            self.server = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
        ready = [self.programs / "pg_isready", "-q", "-h", self.folder]
        for _ in range(600):
            if subprocess.run(ready, check=False).returncode == 0:
                return
            time.sleep(0.05)
        raise TimeoutError((self.folder / "log").read_text())

    def stop(self):
        """At once, as if the machine had failed."""
        self.server.send_signal(signal.SIGQUIT)
        self.server.wait()

    def url(self, database):
        return f"postgresql://{self.role}@/{database}?host={quote(str(self.folder))}"

    def ask(self, statement):
        """Run a statement, without waiting for connections that a test has left open."""
        with psycopg.connect(self.url("study"), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            connection.execute(statement)

    def remove(self):
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


@pytest.fixture
def sqlite_url(tmp_path, monkeypatch):
    """Address of a file that is not there yet."""
    monkeypatch.setenv("XAI_STUDIES", str(tmp_path / "studies"))
    monkeypatch.delenv("XAI_DATABASE_URL", raising=False)
    return f"sqlite:///{tmp_path / 'studies' / 'studies.sqlite'}"


@pytest.fixture
def postgresql_url(cluster, sqlite_url):
    """Address of a database without content that keeps the tables of the test before."""
    open_store(cluster.url("study")).close_all()
    cluster.ask(f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY")
    return cluster.url("study")


@pytest.fixture(params=KINDS)
def store_url(request):
    """Address of a database without content."""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture(params=KINDS)
def empty_url(request, sqlite_url):
    """Address of a database without tables."""
    if request.param == "sqlite":
        return sqlite_url
    cluster = request.getfixturevalue("cluster")
    cluster.ask("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return cluster.url("study")


@pytest.fixture
def store(store_url):
    opened = open_store(store_url)
    yield opened
    opened.close_all()
