"""``study list``, ``links``, ``invite``, ``close``, ``backup``, ``withdraw`` and so on."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from xai_core.cli.options import Commands, add_command
from xai_core.cli.study.database import opened_store
from xai_core.cli.tables import aligned

if TYPE_CHECKING:
    from xai_core.study import Study

_URL = "http://localhost:8501"
_PAGE = "take-part"
_PROLIFIC = "PROLIFIC_PID={{%PROLIFIC_PID%}}&STUDY_ID={{%STUDY_ID%}}&SESSION_ID={{%SESSION_ID%}}"


def add_to(commands: Commands) -> None:
    """Add the sub-commands to the parser."""
    _plain(commands, "list", show, "list the studies", study=False)
    parser = _plain(commands, "links", links, "print the links for everybody and for Prolific")
    _add_url(parser)
    _add_invite(commands)
    _plain(commands, "close", close, "let nobody begin any more; who has begun may finish")
    _plain(commands, "reopen", reopen, "let newcomers begin again")
    text = "copy the whole database while it is in use"
    parser = _plain(commands, "backup", backup, text, study=False)
    parser.add_argument("--to", type=Path, metavar="FILE", help="which must not exist yet")
    _add_withdraw(commands)
    parser = _plain(commands, "delete", delete, "delete a study with all its participants' answers")
    parser.add_argument("--yes", action="store_true", help="without it, nothing is deleted")


def _plain(commands: Commands, name: str, run: Any, text: str, *, study: bool = True) -> Any:
    parser = add_command(commands, name, run, text)
    if study:
        parser.add_argument("study", metavar="STUDY", help="its name in addresses, see: study list")
    return parser


def _add_url(parser: Any) -> None:
    parser.add_argument(
        "--url", default=_URL, help="where participants reach the workbench (default: %(default)s)"
    )


def _add_invite(commands: Commands) -> None:
    text = "make personal links and print them as CSV; they cannot be printed again"
    parser = _plain(commands, "invite", invite, text)
    parser.add_argument("--count", type=int, metavar="N", help="how many (default: one a label)")
    parser.add_argument("--label", action="append", metavar="TEXT", help="your note on one link")
    parser.add_argument("--expires", metavar="DATE", help="in UTC, such as 2030-01-31T12:00")
    _add_url(parser)


def _add_withdraw(commands: Commands) -> None:
    parser = commands.add_parser(
        "withdraw",
        help="delete a participant everywhere",
        description="Delete everything about a participant: in the database, its files, and the "
        "backups in its backup folder. A SQLite copy there loses the participant; a dump of "
        "PostgreSQL cannot be changed, so those that may hold the participant are deleted. Copies "
        "and exports kept elsewhere are yours to delete.",
    )
    parser.add_argument("code", nargs="?", metavar="CODE", help="the participant's withdrawal code")
    parser.add_argument("--study", metavar="STUDY", help="instead of a code, with --participant")
    parser.add_argument("--version", type=int, default=1, metavar="N", help="default: 1")
    parser.add_argument("--participant", type=int, metavar="N", help="number in the exports")
    parser.set_defaults(run=withdraw)


def show(_arguments: argparse.Namespace) -> int:
    """Print every study, one a line."""
    head = ("study", "name", "version", "participants", "completed")
    with opened_store() as store:
        rows = [
            (each.slug, each.name, _state(each), str(each.participants), str(each.completed))
            for each in store.studies()
        ]
    print(aligned([head, *rows]))
    return 0


def links(arguments: argparse.Namespace) -> int:
    """Print a study's shared links."""
    with opened_store() as store:
        store.draft(arguments.study)  # refuses a study that there is not
    link = _link(arguments)
    print(aligned([("everybody", link), ("Prolific", f"{link}&{_PROLIFIC}")]))
    return 0


def invite(arguments: argparse.Namespace) -> int:
    """Print new personal links."""
    import pandas as pd

    from xai_core.files import csv_bytes
    from xai_core.study.texts import moment

    labels = arguments.label
    count = arguments.count if arguments.count is not None else len(labels or [""])
    expires = None if arguments.expires is None else moment(arguments.expires)
    with opened_store() as store:
        made = store.invite(arguments.study, count, labels, expires)
    link = _link(arguments)
    rows = [(label, f"{link}&invite={quote(token)}") for label, token in made]
    print(csv_bytes(pd.DataFrame(rows, columns=["label", "link"])).decode(), end="")
    return 0


def close(arguments: argparse.Namespace) -> int:
    """Close a study to newcomers."""
    with opened_store() as store:
        store.close(arguments.study)
    print("Closed: nobody can begin any more, and who has begun may finish.")
    return 0


def reopen(arguments: argparse.Namespace) -> int:
    """Open a study to newcomers again."""
    with opened_store() as store:
        store.reopen(arguments.study)
    print("Open again, within the dates and the target of its design.")
    return 0


def backup(arguments: argparse.Namespace) -> int:
    """Copy the database."""
    with opened_store() as store:
        path = store.backup(arguments.to)
        kept = path.parent == store.backup_folder
    print(path)
    if not kept:
        print("A later withdrawal cannot reach this file; delete it then.", file=sys.stderr)
    return 0


def withdraw(arguments: argparse.Namespace) -> int:
    """Delete a participant."""
    from xai_core.study import TakingPart

    numbered = arguments.study is not None and arguments.participant is not None
    if bool(arguments.code) == numbered:
        print("Give a code, or --study and --participant.", file=sys.stderr)
        return 2
    with opened_store() as store:
        before = set(store.backup_folder.glob("*"))
        if arguments.code:
            done = TakingPart(store).withdraw(arguments.code)
        else:
            who = (arguments.study, arguments.version, arguments.participant)
            done = store.withdraw_participant(*who)
        gone = sorted(before - set(store.backup_folder.glob("*")))
    if not done:
        print("There is no such participant (any more).", file=sys.stderr)
        return 2
    for path in gone:
        print(f"Deleted because it held the participant: {path}")
    print("Deleted. Copies and exports that you keep elsewhere are yours to delete.")
    return 0


def delete(arguments: argparse.Namespace) -> int:
    """Delete a study."""
    with opened_store() as store:
        found = [each for each in store.studies() if each.slug == arguments.study]
        if found and not arguments.yes:
            print(f"This would delete “{found[0].name}” with {found[0].participants} participants.")
            print("Give --yes if that is meant.", file=sys.stderr)
            return 2
        store.delete(arguments.study)
    print("Deleted. Backups made before still hold it.")
    return 0


def _state(study: Study) -> str:
    if not study.published:
        return "draft"
    return f"{study.published} ({'open' if study.is_open else 'closed'})"


def _link(arguments: argparse.Namespace) -> str:
    return f"{arguments.url.rstrip('/')}/{_PAGE}?study={quote(arguments.study)}"
