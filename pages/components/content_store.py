"""What visitors bring, kept on the server's disk under the name of its content."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from xai_core.cache import default_folder
from xai_core.errors import SessionError

DAY_S = 24 * 3600.0


@dataclass(frozen=True)
class ContentStore:
    """A folder of entries, files or folders; those longest unused go first.

    Attributes:
        name: of the folder, within the cache's.
        most_bytes: that all entries may take; the latest stays in any case.
        days: after so many days without use an entry goes; None for never.
    """

    name: str
    most_bytes: int
    days: int | None = None

    @property
    def folder(self) -> Path:
        """Where the entries are."""
        return default_folder() / self.name

    def put(self, path: Path, write: Callable[[Path], object], again: bool = False) -> None:
        """Make a file of an entry, unless it is there; it appears when it is complete.

        Args:
            path: of the file.
            write: writes it under the name that it is given.
            again: whether one that is there is written anew.

        Raises:
            SessionError: the disk is full, or may not be written to.
        """
        part = path.with_name(f"{uuid.uuid4().hex}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if again or not path.exists():
                write(part)
                part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise SessionError(
                f"The server cannot keep this ({error.strerror}); what was kept before is there."
            ) from error
        self.use(path)

    def use(self, path: Path) -> None:
        """Note that the entry of a file is used now.

        Raises:
            FileNotFoundError: there is none.
        """
        os.utime(self.folder / path.relative_to(self.folder).parts[0])

    def make_room(self) -> None:
        """Remove what nobody used for too long, and what was longest unused of too much."""
        if not self.folder.is_dir():
            return
        entries = sorted(self.folder.iterdir(), key=lambda entry: entry.stat().st_mtime)
        oldest = 0.0 if self.days is None else time.time() - self.days * DAY_S
        for index, entry in enumerate(entries):
            fresh = entry.stat().st_mtime >= oldest
            fits = _size(entries[index:]) <= self.most_bytes or entry is entries[-1]
            if fresh and fits:
                break
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)


def _size(entries: list[Path]) -> int:
    """Bytes on the disk: a file that lies in several entries counts once."""
    files = [file for entry in entries for file in (entry, *entry.rglob("*")) if file.is_file()]
    found = [file.stat() for file in files]
    return sum({facts.st_ino: facts.st_size for facts in found}.values())
