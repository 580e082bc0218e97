"""Fetching over HTTP as a browser does: connections that stay open, several at a time."""

from __future__ import annotations

import asyncio
import hashlib
from http import HTTPStatus
from urllib.parse import urljoin

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

CONNECTIONS = 6  # to one server, as many as browsers open
UNUSED_S = 3.0  # before a connection is closed; servers do so after five
LONGEST = ClientTimeout(total=30.0)


class FetchError(Exception):
    """Something could not be fetched."""


class Fetcher:
    """Fetches addresses of one server; they are relative to where its pages are, as the page's own.

    Args:
        url: the server, as ``http://localhost:8501`` or ``https://host/base/path``.
    """

    def __init__(self, url: str) -> None:
        self._pages = f"{url.rstrip('/')}/"
        connector = TCPConnector(limit=CONNECTIONS, keepalive_timeout=UNUSED_S)
        self._session = ClientSession(connector=connector, timeout=LONGEST)
        self._pictures: dict[str, asyncio.Task[str]] = {}

    async def close(self) -> None:
        """Close every connection."""
        for task in self._pictures.values():
            task.cancel()
        await self._session.close()

    def want(self, path: str) -> None:
        """Begin to fetch a picture that will be needed."""
        known = self._pictures.get(path)
        if known is None or (known.done() and (known.cancelled() or known.exception())):
            self._pictures[path] = asyncio.create_task(self._digest(path))
            # Whoever needs the picture hears of a failure; if nobody does, nothing is wrong.
            self._pictures[path].add_done_callback(
                lambda task: task.cancelled() or task.exception()
            )

    async def picture(self, path: str) -> str:
        """SHA-256 of a picture, which is fetched once, as browsers do with what never changes.

        Raises:
            FetchError: as ``get`` does.
        """
        self.want(path)
        return await asyncio.shield(self._pictures[path])

    async def _digest(self, path: str) -> str:
        return hashlib.sha256(await self.get(path)).hexdigest()

    async def get(self, path: str) -> bytes:
        """Content behind a path.

        Raises:
            FetchError: if the server cannot be reached or answers with anything but 200.
        """
        try:
            address = urljoin(self._pages, path)
            async with self._session.get(address, allow_redirects=False) as answer:
                if answer.status != HTTPStatus.OK:
                    raise FetchError(f"{path}: the server answered with {answer.status}")
                return await answer.read()
        except (ClientError, TimeoutError) as error:
            raise FetchError(f"{path}: {error or type(error).__name__}") from error
