"""Who may open the researchers' pages: one password, kept as an Argon2id hash.

There is no default password. Without one, and without a log-in service, the pages answer to
the local machine alone (``pages.components.access``).
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from xai_core.errors import AccessError
from xai_core.study.storage.database import data_folder

SHORTEST = 12  # signs of a password
FREE_FAILURES = 3  # without a wait
LONGEST_WAIT_S = 300.0
REMEMBERED = 10_000  # askers

_hasher = PasswordHasher()


def hashed(password: str) -> str:
    """The Argon2id hash of a new password.

    Raises:
        AccessError: it is too short.
    """
    if len(password) < SHORTEST:
        raise AccessError(f"The password needs at least {SHORTEST} signs.")
    return _hasher.hash(password)


def fits(password: str, known: str) -> bool:
    """Whether a password belongs to a hash.

    Raises:
        AccessError: the hash is none.
    """
    try:
        return _hasher.verify(known, password)
    except InvalidHashError:
        raise AccessError(
            "The password's hash cannot be read; make a new one with "
            "'python -m xai_core study password'."
        ) from None
    except VerificationError:
        return False


def password_file() -> Path:
    """Where the password's hash is kept."""
    return data_folder() / "password"


def known_hash(file: Path) -> str:
    """The hash that is in force: ``XAI_PASSWORD_HASH``, or what a file holds, or ""."""
    given = os.environ.get("XAI_PASSWORD_HASH", "").strip()
    if given or not file.exists():
        return given
    return file.read_text(encoding="ascii").strip()


def keep(file: Path, known: str) -> None:
    """Write a hash to a file that its owner alone can read."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as sink:
        sink.write(f"{known}\n")
    part.replace(file)


class Backoff:
    """A growing wait after failures, for every asker apart. Forgotten when the process ends.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._lock = Lock()

    def wait_s(self, asker: str) -> float:
        """Seconds until the asker may try again; 0 if now."""
        with self._lock:
            _, until = self._failures.get(asker, (0, 0.0))
        return max(0.0, until - self._clock())

    def failed(self, asker: str) -> None:
        """Count a failure: from the fourth on each doubles the wait, up to five minutes."""
        with self._lock:
            count = self._failures.pop(asker, (0, 0.0))[0] + 1
            over = min(count - FREE_FAILURES, 20)
            wait = min(LONGEST_WAIT_S, 2.0**over) if over > 0 else 0.0
            self._failures[asker] = (count, self._clock() + wait)
            while len(self._failures) > REMEMBERED:
                self._failures.popitem(last=False)

    def succeeded(self, asker: str) -> None:
        """Forget the asker's failures."""
        with self._lock:
            self._failures.pop(asker, None)
