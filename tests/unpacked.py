"""The package as ``pip install .`` leaves it, without pip: the wheel's files in a folder."""

import shutil
from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).resolve().parents[1]


def wheel():
    """The build back end's own account of the wheel."""
    return WheelBuilder(str(ROOT))


def wheel_files():
    """Path in the wheel -> file of the repository."""
    return {file.distribution_path: Path(file.path) for file in wheel().recurse_included_files()}


def unpack(folder):
    """Copy the wheel's files into a folder that can be put on Python's path."""
    for path, file in wheel_files().items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    return folder
