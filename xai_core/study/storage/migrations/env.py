"""Alembic runs this file for every command; ``storage.upgrade`` gives it the connection."""

from alembic import context

from xai_core.study.storage.schema import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    # SQLite cannot change most of a table in place; Alembic then copies it.
    render_as_batch=connection.dialect.name == "sqlite",
)
with context.begin_transaction():
    context.run_migrations()
