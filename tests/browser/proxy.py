"""A reverse proxy: it changes the head of a request, then passes bytes on."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from urllib.parse import urlsplit

VISITOR = "203.0.113.7"  # an address for documentation, RFC 5737


@contextmanager
def proxy(server: str, taken_off: str = "", tells: bool = True) -> Iterator[str]:
    """A proxy in front of a server; the address of the same pages through it.

    Args:
        server: address of the server's pages.
        taken_off: what it takes off the path before it asks the server, as "/tools/xai".
        tells: whether it tells the server for whom it asks.
    """
    there = urlsplit(server)

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            head = b"".join(iter(self.rfile.readline, b"\r\n")).decode("latin-1")
            with (
                suppress(OSError),
                socket.create_connection((there.hostname or "", there.port or 80)) as back,
            ):
                back.sendall(f"{_changed(head, taken_off, tells)}\r\n".encode("latin-1"))
                Thread(target=_pass_on, args=(self.rfile.read1, back.sendall), daemon=True).start()
                _pass_on(back.recv, self.wfile.write)

    class Server(ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False  # a websocket stays open as long as its page

    with Server(("127.0.0.1", 0), Handler) as listening:
        Thread(target=listening.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://localhost:{listening.server_address[1]}{taken_off}{there.path}"
        listening.shutdown()


def _changed(head: str, taken_off: str, tells: bool) -> str:
    line, _, fields = head.partition("\r\n")
    method, path, version = line.split(" ")
    if path.startswith(taken_off):
        path = path.removeprefix(taken_off) or "/"
    else:
        path = "/of/another/program"
    if "upgrade:" not in fields.lower():
        # One request a connection, so that this reads the head of every one.
        fields = re.sub(r"(?im)^connection:.*\n", "", fields) + "Connection: close\r\n"
    if tells:
        host = re.search(r"(?im)^host: *(.*?)\r$", fields)
        fields += f"X-Forwarded-For: {VISITOR}\r\nX-Forwarded-Proto: http\r\n"
        fields += f"X-Forwarded-Host: {host[1] if host else ''}\r\n"
    return f"{method} {path} {version}\r\n{fields}"


def _pass_on(read: Callable[[int], bytes], write: Callable[[bytes], object]) -> None:
    with suppress(OSError, ValueError):  # either end may leave at any moment
        while content := read(2**16):
            write(content)
