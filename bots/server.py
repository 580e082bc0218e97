"""The application as a process of its own, which can be killed and started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from xai_core.errors import StudyError

ROOT = Path(__file__).parents[1]
START_S = 90.0
STOP_S = 15.0


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A server on this machine; a context manager that ends it.

    Args:
        environment: what differs from this process's.
        options: further options of ``streamlit run``.
        base_path: under which it answers, as ``tools/xai``.
        script: to run instead of the application.
        program: words of another command that runs it and takes the same options.
        folder: where it is started.
    """

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        options: tuple[str, ...] = (),
        base_path: str = "",
        script: Path = ROOT / "app.py",
        program: tuple[str, ...] = (),
        folder: Path = ROOT,
    ) -> None:
        if not script.is_file():
            raise StudyError("The application (app.py) is not beside the tool.")
        port = free_port()
        self.url = f"http://localhost:{port}/{base_path}".rstrip("/")
        self._environment = os.environ | dict(environment or {})
        self._folder = folder
        self._command = (
            *(program or (sys.executable, "-m", "streamlit", "run", str(script))),
            *(f"--server.port={port}", "--server.headless=true", "--server.address=localhost"),
            *(f"--server.baseUrlPath={base_path}", *options),
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the server

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self._log.close()

    @property
    def pid(self) -> int:
        """Of the running process; 0 if there is none."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Start, and wait until it answers.

        Raises:
            StudyError: if it does not.
        """
        # In a group of its own, so that what it starts ends with it.
        self._process = subprocess.Popen(
            self._command,
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self._process.poll() is None:
            if self._healthy():
                return
            time.sleep(0.1)
        self.stop()
        raise StudyError(f"The server did not start:\n{self.log()[-3000:]}")

    def kill(self) -> None:
        """End it as a power cut would: kill -9, the whole group."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def stop(self) -> None:
        """End it in good order, and then what is left of its group."""
        try:
            if self._process is not None:
                self._process.terminate()
                self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self.kill()

    def log(self) -> str:
        """What it has printed."""
        self._log.seek(0)
        return self._log.read().decode("utf-8", "replace")

    def _healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2):
                return True
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
