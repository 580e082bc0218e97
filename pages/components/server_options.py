"""What stands behind ``streamlit run app.py --``, passed on to whoever computes."""

from __future__ import annotations

import argparse
import hashlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path

# Options that name a file, and the variable by which this process and its workers hear of it;
# another one, ending in SHA256, says what was in it when the server started.
FILES = {"--methods-from": "XAI_METHODS_FROM", "--models-from": "XAI_MODELS_FROM"}

log = logging.getLogger(__name__)


def take(words: Sequence[str]) -> None:
    """Put what the words say into the environment, which workers inherit.

    Args:
        words: the script and what stands behind it, as in ``sys.argv``.
    """
    if not words or Path(words[0]).name != "app.py":  # another server's words
        return
    parser = argparse.ArgumentParser(prog="streamlit run app.py --", add_help=False)
    for option in FILES:
        parser.add_argument(option)
    given, unknown = parser.parse_known_args(words[1:])
    for option, variable in FILES.items():
        file = getattr(given, option.removeprefix("--").replace("-", "_"))
        if file is not None:
            path = Path(file).absolute()
            os.environ[variable] = str(path)
            if path.is_file():  # else whoever reads it says so
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                os.environ[variable.replace("_FROM", "_SHA256")] = digest
    if unknown:
        log.warning("Unknown options behind app.py: %s", " ".join(unknown))
