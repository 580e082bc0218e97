"""``python -m xai_core``, installed ``xai-workbench``: the workbench from a terminal."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from xai_core import __version__
from xai_core.allocation import keep_freed_memory
from xai_core.cli import (
    apem,
    app,
    class_sensitivity,
    explain,
    localize,
    patterns,
    sanity,
    study,
    tables,
    train,
)
from xai_core.errors import XaiError

DONE, INCOMPLETE, REFUSED, STOPPED = 0, 1, 2, 130


def installed() -> int:
    """Run the command ``xai-workbench``; its status is that of ``main``."""
    keep_freed_memory()
    return main(program="xai-workbench")


def main(words: Sequence[str] | None = None, program: str = "python -m xai_core") -> int:
    """Run one command.

    Args:
        words: the command line's arguments; those of the process if not given.
        program: what help texts call it.

    Returns:
        0 when everything is done, 1 when a part failed and the rest is done, 2 when nothing
        could be done, 130 when it was interrupted.
    """
    arguments = _parser(program).parse_args(words)
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
    except XaiError as error:
        print(error, file=sys.stderr)
        return REFUSED
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough; keep Python from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except OSError as error:
        print(f"{error.filename}: {error.strerror}." if error.filename else error, file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        print("Stopped; the same command goes on from here.", file=sys.stderr)
        return STOPPED
    return status


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        description="Explain image classifiers, and find out whether to trust the explanation.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    testing = (sanity, apem, class_sensitivity, localize)
    for command in (app, tables, explain, *testing, train, patterns, study):
        command.add_to(commands)
    return parser


if __name__ == "__main__":
    keep_freed_memory()
    sys.exit(main())
