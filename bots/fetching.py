"""Fetching over HTTP as a browser does: connections that stay open, several at a time."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import ssl
from types import TracebackType
from urllib.parse import urljoin, urlsplit

CONNECTIONS = 6  # to one server, as many as browsers open
LONGEST_S = 30.0
LARGEST = 64 * 1024 * 1024


class FetchError(Exception):
    """Something could not be fetched."""


class Fetcher:
    """Fetches addresses of one server; they are relative to where its pages are, as the page's own.

    Args:
        url: the server, as ``http://localhost:8501`` or ``https://host/base/path``.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or "localhost"
        self._port = parts.port or (443 if self._secure else 80)
        self._named = parts.netloc
        self._pages = f"{parts.path.rstrip('/')}/"
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._places = asyncio.Semaphore(CONNECTIONS)
        self._pictures: dict[str, asyncio.Task[str]] = {}
        self.fetched = 0

    async def __aenter__(self) -> Fetcher:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        for task in self._pictures.values():
            task.cancel()
        for _, writer in self._idle:
            writer.close()
        self._idle.clear()

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
        async with self._places:
            try:
                return await asyncio.wait_for(self._get(path), LONGEST_S)
            except (OSError, EOFError, ValueError, TimeoutError) as error:
                raise FetchError(f"{path}: {error or type(error).__name__}") from error

    async def _get(self, path: str) -> bytes:
        used_before = bool(self._idle)
        pair = self._idle.pop() if used_before else await self._connected()
        try:
            status, body, stays = await self._exchange(*pair, path)
        except (OSError, EOFError):
            pair[1].close()
            if not used_before:
                raise
            # The server may have closed a connection that was not used for a while.
            pair = await self._connected()
            status, body, stays = await self._exchange(*pair, path)
        if stays:
            self._idle.append(pair)
        else:
            pair[1].close()
        if status != 200:
            raise FetchError(f"{path}: the server answered with {status}")
        self.fetched += 1
        return body

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        context = ssl.create_default_context() if self._secure else None
        return await asyncio.open_connection(self._host, self._port, ssl=context)

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str
    ) -> tuple[int, bytes, bool]:
        """Status, body, and whether the connection can be used again."""
        writer.write(
            f"GET {urljoin(self._pages, path)} HTTP/1.1\r\nHost: {self._named}\r\n"
            "Accept: */*\r\nAccept-Encoding: gzip\r\nConnection: keep-alive\r\n\r\n".encode("ascii")
        )
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(head[0].split()[1])
        fields = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head[1:] if line)
        }
        if fields.get("transfer-encoding", "").lower() == "chunked":
            body = await _chunks(reader)
        else:
            size = int(fields.get("content-length", "0"))
            if size > LARGEST:
                raise ValueError("more than can be a picture")
            body = await reader.readexactly(size)
        if fields.get("content-encoding", "").lower() == "gzip":
            body = gzip.decompress(body)
        return status, body, fields.get("connection", "").lower() != "close"


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while size := int((await reader.readline()).split(b";")[0], 16):
        if len(body) + size > LARGEST:
            raise ValueError("more than can be a picture")
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return bytes(body)
