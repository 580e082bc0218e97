"""What the benchmarks of methods have in common on the command line."""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

import torch


def parser(about: str | None) -> argparse.ArgumentParser:
    """With the options that all have."""
    made = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument(
        "--threads", type=int, default=0, help="of torch; as many as it takes if not given"
    )
    made.add_argument("--json", type=Path, help="also write everything into this file")
    return made


def begin(options: argparse.Namespace) -> None:
    """Measure with so many threads, and without warnings among the numbers."""
    warnings.filterwarnings("ignore")
    if options.threads:
        torch.set_num_threads(options.threads)


def keep(options: argparse.Namespace, found: dict[str, Any]) -> None:
    """Write what was found, if it is to be written."""
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
