"""Where the application and the embedded files lie, in the repository and once installed."""

from __future__ import annotations

import site
from pathlib import Path

# The folder that must be on the path of whoever imports this package.
PACKAGES = Path(__file__).resolve().parents[1]
# Where pyproject.toml puts into a wheel what in the repository stands beside the package.
_IN_WHEEL = PACKAGES / "xai_workbench"
APPLICATION = _IN_WHEEL if _IN_WHEEL.is_dir() else PACKAGES
ASSETS = APPLICATION / "assets"


def found_by_itself() -> bool:
    """Whether a Python that is started anew finds this package without being told where."""
    own = [site.getusersitepackages()] if site.ENABLE_USER_SITE else []
    return PACKAGES in [Path(folder).resolve() for folder in (*site.getsitepackages(), *own)]
