"""The studies' database, as long as a sub-command uses it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xai_core.study import Store


@contextmanager
def opened_store() -> Iterator[Store]:
    """The store, closed behind the block."""
    from xai_core.study import open_store

    store = open_store()
    try:
        yield store
    finally:
        store.close_all()
