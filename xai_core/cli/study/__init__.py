"""``study``: user studies from the command line, one module per sub-command or family of them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

# Imported here and not above: the modules between them take a while, --help of others need not.
MODULES = ("publish", "manage", "report", "bots", "password")


def add_to(commands: Any) -> None:
    """Add the command with all its sub-commands to the parser."""
    text = "user studies: links, results, backups, withdrawal"
    parser = commands.add_parser(
        "study",
        help=text,
        description=f"{text.capitalize()}. Studies are kept in the database that XAI_DATABASE_URL "
        "names, otherwise in the file studies.sqlite in the folder XAI_STUDIES or, without it, in "
        "the user's data folder.",
    )
    parts = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name in MODULES:
        import_module(f"{__name__}.{name}").add_to(parts)
