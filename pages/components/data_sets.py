"""Data sets on the server's disk: folders that whoever runs the server has named."""

from __future__ import annotations

import os
from pathlib import Path

DATA = "XAI_DATA"  # folders of data sets, with os.pathsep between


def data_sets() -> dict[str, str]:
    """Folders of data sets by the names that people read."""
    words = os.environ.get(DATA, "").split(os.pathsep)
    folders = list(dict.fromkeys(Path(word) for word in words if word and Path(word).is_dir()))
    names = [folder.name for folder in folders]
    # Such as "val" of two data sets.
    return {
        folder.name if names.count(folder.name) == 1 else str(folder): str(folder)
        for folder in folders
    }
