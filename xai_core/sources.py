"""Which program computes: a digest that changes whenever a result may."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from importlib.resources.abc import Traversable

# What a map, a score or a picture is computed by.
LIBRARIES = ("numpy", "pillow", "scikit-image", "scipy", "torch", "torchvision")
# Nothing that computes imports these: the layers in pyproject.toml see to it.
NEVER_IMPORTED = ("__main__.py", "cli")


def digest(package: Traversable) -> str:
    """Hash of a package's files and of the versions of the libraries that it computes by.

    Every file counts, whatever is in it, except those of the command line: which of the others
    decide a result is not known for certain, and computing once more costs only time.

    Args:
        package: its folder, or its place in an archive.

    Returns:
        64 hexadecimal digits.
    """
    found = hashlib.sha256()
    for library in LIBRARIES:
        found.update(f"{library} {_version(library)}\n".encode())
    for name, content in sorted(_contents(package)):
        found.update(f"{name} {len(content)}\n".encode() + content)
    return found.hexdigest()


def _contents(folder: Traversable, path: str = "") -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if (not path and entry.name in NEVER_IMPORTED) or entry.name == "__pycache__":
            continue
        if entry.is_dir():
            yield from _contents(entry, f"{path}{entry.name}/")
        else:
            yield path + entry.name, entry.read_bytes()


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return ""


# Taken when the process starts, and not when it is asked for: the files may change meanwhile,
# and what the process has loaded does not change with them.
SOURCES = digest(files("xai_core"))
