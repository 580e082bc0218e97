"""One tab of a browser without a screen: it holds what the page shows, and uses it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, WebSocketException

from bots import wire
from bots.fetching import Fetcher, FetchError
from bots.wire import Element, Message

CACHED_RUNS = 2  # as long as a browser keeps a message that no run has used
LONGEST_MESSAGE = 256 * 1024 * 1024


class DisconnectedError(Exception):
    """The server is gone or cannot be reached; nothing is wrong with the page."""


class StuckError(Exception):
    """The page did not come to show what is waited for."""


class Tab:
    """A tab at one address.

    Args:
        url: the server.
        page: name of the page in the address.
        query: what follows the question mark.
        fetcher: of the browser that the tab belongs to.
    """

    def __init__(self, url: str, page: str, query: str, fetcher: Fetcher) -> None:
        self.url, self.page, self.query = url.rstrip("/"), page, query
        self._fetcher = fetcher
        self._socket: ClientConnection | None = None
        self._elements: dict[tuple[int, ...], tuple[Element, int]] = {}
        self._values: dict[str, Any] = {}
        self._cached: dict[str, tuple[Element, int]] = {}
        self._page_hash = self._session = ""
        self._run = 0
        self.running = False

    # -- the connection ---------------------------------------------------------------

    async def open(self) -> None:
        """Load the page: what a browser fetches first, then the websocket and the first run.

        Raises:
            DisconnectedError: if there is no server.
        """
        try:
            for path in (self.page, "_stcore/health", "_stcore/host-config"):
                await self._fetcher.get(path)
        except FetchError as error:
            raise DisconnectedError(str(error)) from error
        await self.connect()

    async def connect(self) -> None:
        """Open the websocket, to the session of before if there was one, and ask for a run."""
        scheme, _, rest = self.url.partition("://")
        address = f"{'wss' if scheme == 'https' else 'ws'}://{rest}/_stcore/stream"
        # The second place is that of a token against forged requests, which has no use here.
        protocols: Any = ["streamlit", "no-token", *([self._session] if self._session else [])]
        try:
            self._socket = await connect(
                address,
                subprotocols=protocols,
                origin=None,
                max_size=LONGEST_MESSAGE,
                max_queue=None,
                ping_interval=None,
                proxy=None,
            )
        except (OSError, InvalidHandshake, TimeoutError, EOFError) as error:
            raise DisconnectedError(str(error)) from error
        await self._ask()

    async def close(self) -> None:
        """Close the tab."""
        socket, self._socket = self._socket, None
        if socket is not None:
            await socket.close()

    def drop(self) -> None:
        """Lose the connection: nothing is said, nothing more is sent."""
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.transport.abort()

    # -- what it shows ------------------------------------------------------------------

    def elements(self) -> Iterator[Element]:
        """Everything on the page, in its order."""
        for path in sorted(self._elements):
            yield self._elements[path][0]

    def find(self, key: str) -> Element | None:
        """The widget with the page's key."""
        return next((found for found in self.elements() if found.key == key), None)

    def need(self, key: str) -> Element:
        """The same; it must be there.

        Raises:
            StuckError: if it is not.
        """
        found = self.find(key)
        if found is None:
            raise StuckError(f"the page has no {key!r}; it shows {self.summary()}")
        return found

    def texts(self) -> list[str]:
        """Every text that is shown."""
        shown = (found.text for found in self.elements() if not found.id)
        return [text for text in shown if text]

    async def until(self, condition: Callable[[Tab], bool], longest: float) -> None:
        """Read what the server sends until the page fulfils a condition.

        Raises:
            StuckError: if it does not within ``longest`` seconds.
            DisconnectedError: if the connection ends.
        """
        if condition(self):
            return
        try:
            async with asyncio.timeout(longest):
                while not condition(self):
                    self._take(wire.decode(await self._open_socket().recv(decode=False)))
        except TimeoutError as error:
            raise StuckError(
                f"nothing after {longest:g} s; the page shows {self.summary()}"
            ) from error
        except (WebSocketException, OSError, EOFError) as error:
            raise DisconnectedError(str(error)) from error

    async def settled(self, longest: float) -> None:
        """Read until the run of the page has ended."""
        await self.until(lambda tab: not tab.running, longest)

    def summary(self) -> str:
        """What is on the page, shortened."""
        parts = [found.key or found.text[:60] for found in self.elements()]
        return ", ".join(part for part in parts if part)[:400] or "nothing"

    # -- what it does -------------------------------------------------------------------

    def fill(self, widget: Element, value: Any) -> None:
        """Set a widget's value; the server learns it with the next run."""
        self._values[widget.id] = value

    async def press(self, button: Element) -> None:
        """Press a button."""
        await self._ask(button.fragment, pressed=(button.id,))

    async def change(self, widget: Element, value: Any) -> None:
        """Set a widget's value, or a component's state, and have the page run."""
        self.fill(widget, value)
        await self._ask(widget.fragment)

    async def _ask(self, fragment: str = "", pressed: Collection[str] = ()) -> None:
        request = wire.encode(
            query=self.query,
            page="" if self._page_hash else self.page,
            page_hash=self._page_hash,
            fragment=fragment,
            values=self._values,
            pressed=pressed,
            cached=self._cached,
            url=f"{self.url}/{self.page}?{self.query}",
        )
        self.running = True
        try:
            await self._open_socket().send(request)
        except (WebSocketException, OSError, EOFError) as error:
            raise DisconnectedError(str(error)) from error

    def _open_socket(self) -> ClientConnection:
        if self._socket is None:
            raise DisconnectedError("the tab has no connection")
        return self._socket

    # -- what the server says -------------------------------------------------------------

    def _take(self, message: Message) -> None:
        if message.kind == "began":
            self._run += 1
            self.running = True
            self._page_hash = message.text
            self._session = message.session or self._session
        elif message.kind == "element":
            self._place(message)
        elif message.kind == "page":
            self._page_hash = message.text
        elif message.kind == "address":
            self.query = message.text
        elif message.kind in ("finished", "part"):
            self._tidy(part=message.kind == "part")
            self.running = False

    def _place(self, message: Message) -> None:
        element = message.element
        if element is None:
            element = self._cached[message.reference][0]
            self._cached[message.reference] = (element, self._run)
        elif message.cached:
            self._cached[message.cached] = (element, self._run)
        self._elements[message.path] = (element, self._run)

    def _tidy(self, part: bool) -> None:
        """Forget what the run that ended did not show; of a part, only what belongs to it."""
        mine = {found.fragment for found, run in self._elements.values() if run == self._run}
        self._elements = {
            path: (found, run)
            for path, (found, run) in self._elements.items()
            if run == self._run or (part and found.fragment not in mine - {""})
        }
        there = {found.id for found, _ in self._elements.values() if found.id}
        self._values = {name: value for name, value in self._values.items() if name in there}
        self._cached = {
            name: cached
            for name, cached in self._cached.items()
            if cached[1] > self._run - CACHED_RUNS
        }
