"""``study password``: the password that opens the researchers' pages."""

from __future__ import annotations

import argparse
import getpass
import sys

from xai_core.cli.options import Commands, add_command
from xai_core.errors import AccessError


def add_to(commands: Commands) -> None:
    """Add the sub-command to the parser."""
    parser = add_command(
        commands,
        "password",
        run,
        "set the password that opens the researchers' pages to other machines",
        ". Asks for it twice, or reads one line from a pipe, and keeps its Argon2id hash. There is "
        "no password before, and none by default.",
    )
    parser.add_argument(
        "--print",
        action="store_true",
        dest="shown",
        help="print the hash for XAI_PASSWORD_HASH instead of keeping it in a file",
    )
    parser.add_argument("--remove", action="store_true", help="answer to this machine alone again")


def run(arguments: argparse.Namespace) -> int:
    """Set or remove it.

    Raises:
        AccessError: too short, or not the same twice.
    """
    from xai_core.study.password import hashed, keep, password_file

    file = password_file()
    if arguments.remove:
        file.unlink(missing_ok=True)
        print("No password any more; the pages answer to this machine alone.")
        return 0
    known = hashed(_asked())
    if arguments.shown:
        print(known)
        return 0
    keep(file, known)
    print(f"Kept in {file}. The next visitor of a researchers' page is asked for it.")
    return 0


def _asked() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass("New password: ")
    if getpass.getpass("The same again: ") != first:
        raise AccessError("That was not the same twice; nothing has changed.")
    return first
