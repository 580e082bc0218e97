"""``study bots``: starts the tool ``bots``, which stands beside the package."""

from __future__ import annotations

import argparse
from importlib import import_module

from xai_core.cli.options import Commands, add_command
from xai_core.errors import StudyError

URL = "http://localhost:8501"


def add_to(commands: Commands) -> None:
    """Add the sub-command to the parser."""
    parser = add_command(
        commands,
        "bots",
        run,
        "let programs take part, and compare what they sent with what is stored and exported",
        ". They use the page as a browser does and answer by a known rule. The study must be "
        "published, and nobody else may take part meanwhile. Their records stay; use a study made "
        "for the purpose. Ends with 1 if there is any difference.",
    )
    parser.add_argument("study", metavar="STUDY", help="the study's name in its address")
    parser.add_argument("--participants", type=_positive, default=20, help="how many (default: 20)")
    parser.add_argument(
        "--think", type=float, default=2.0, help="mean seconds before each answer (default: 2)"
    )
    parser.add_argument("--url", default=URL, help=f"of the application (default: {URL})")
    parser.add_argument(
        "--serve", action="store_true", help="start the application for it, instead of --url"
    )
    parser.add_argument(
        "--interruptions",
        action="store_true",
        help="reload, answer in two tabs, lose connections; with --serve, kill the server too",
    )
    parser.add_argument("--seed", type=int, default=0, help="of everything drawn (default: 0)")


def run(arguments: argparse.Namespace) -> int:
    """Have the tool do it; 0 if there is no difference.

    Raises:
        StudyError: if the tool is not here, or the study cannot be taken part in.
    """
    try:
        command = import_module("bots.command")
    except ModuleNotFoundError as error:
        if error.name in ("bots", "bots.command"):
            raise StudyError(
                "Bots are a tool of the repository: run 'python -m xai_core study bots' in its "
                "folder, where bots/ is."
            ) from error
        raise StudyError(
            f"Bots need {error.name}, which is not installed: pip install -r bots/requirements.txt."
        ) from error
    status: int = command.run(arguments)
    return status


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number
