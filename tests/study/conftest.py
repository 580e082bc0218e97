"""A private PostgreSQL beside SQLite: every test of the store runs on both."""

from contextlib import ExitStack

import psycopg
import pytest

from benchmarks.load.postgresql import Cluster
from xai_core.errors import StudyError
from xai_core.study import open_store
from xai_core.study.storage.schema import metadata

KINDS = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def cluster():
    """On a Unix socket alone."""
    try:
        made = Cluster("-clisten_addresses=", "-cmax_connections=200", "-cfsync=off")
    except StudyError as error:
        pytest.skip(str(error))
    yield made
    made.remove()


def ask(cluster, statement):
    """Run a statement, without waiting for connections that a test has left open."""
    with psycopg.connect(cluster.url("study"), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        connection.execute(statement)


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
    ask(cluster, f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY")
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
    ask(cluster, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return cluster.url("study")


@pytest.fixture
def opened():
    """Opens stores, which are closed at the end."""
    with ExitStack() as stack:

        def opened(url, **options):
            made = open_store(url, **options)
            stack.callback(made.close_all)
            return made

        yield opened


@pytest.fixture
def store(store_url, opened):
    return opened(store_url)


@pytest.fixture
def sqlite_store(sqlite_url, opened):
    return opened(sqlite_url)


@pytest.fixture
def postgresql_store(postgresql_url, opened):
    return opened(postgresql_url)
