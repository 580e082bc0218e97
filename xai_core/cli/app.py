"""``app``: the dashboard in the browser."""

from __future__ import annotations

import argparse
import os
import sys

from xai_core.cli.options import (
    Commands,
    add_command,
    add_methods_from,
    add_models_from,
    take_models_from,
)
from xai_core.errors import XaiError
from xai_core.places import APPLICATION


def add_to(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "app",
        run,
        "open the dashboard in the browser",
        ", and serve it until Ctrl-C. Only this machine can open it unless told otherwise.",
    )
    add_models_from(parser)
    add_methods_from(parser)
    parser.add_argument(
        "options",
        nargs="*",
        metavar="-- OPTION",
        help="options of `streamlit run`, such as -- --server.port 8080",
    )


def run(arguments: argparse.Namespace) -> int:
    """Become the server, as ``streamlit run app.py`` does in the repository.

    Raises:
        XaiError: what stands behind ``--`` does not begin with an option, or nothing in the file
            of ``--models-from`` can be used, or there is none of methods.
    """
    first = next(iter(arguments.options), "--")
    if not first.startswith("-"):
        raise XaiError(f"'{first}' is no option; write for example: app -- --server.port 8080.")
    take_models_from(arguments)
    if arguments.methods_from is not None:
        from xai_core.cli.asked import take_methods

        take_methods(arguments)
    # With -P no file of the current folder is taken for a module of Python's own.
    words = ["-P", "-m", "streamlit", "run", str(APPLICATION / "app.py"), *arguments.options]
    os.execv(sys.executable, [sys.executable, *words])
