"""``patterns``: estimate a model's patterns for PatternAttribution from its training pictures."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from xai_core.cli.options import Commands, add_command, add_model
from xai_core.errors import DataError

LEAST = 512


def add_to(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "patterns",
        run,
        "estimate a model's patterns from its training pictures",
        ". A file NAME.patterns.safetensors beside "
        "NAME.safetensors is found by itself; it serves these very weights only.",
    )
    add_model(parser)
    parser.add_argument(
        "--data", required=True, type=Path, metavar="DIR", help="data in Tiny-ImageNet's layout"
    )
    parser.add_argument(
        "--per-class",
        type=int,
        default=20,
        metavar="N",
        help="training pictures of every class, the first of each (default: %(default)s)",
    )
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="the file to write")


def run(arguments: argparse.Namespace) -> int:
    """Estimate in float64 and write the file."""
    from xai_core.cli.asked import load_model
    from xai_core.datasets import tiny_imagenet
    from xai_core.device import CPU
    from xai_core.explainers.pattern_estimation import estimate_by_layer
    from xai_core.explainers.pattern_files import save_patterns
    from xai_core.progress import listening

    _check_out(arguments.out)
    clf = load_model(arguments).on(CPU)  # all pictures at once, in float64
    data = tiny_imagenet(arguments.data, "train").first_of_each(arguments.per_class)
    if len(data.labels) < LEAST:
        raise DataError(f"These are {len(data.labels)} pictures; patterns need at least {LEAST}.")
    clf.module.double()
    pictures = clf.preprocess(list(data.images)).double()
    print(f"{len(pictures)} pictures.", file=sys.stderr)
    with listening(lambda share: print(f"\r{share:.0%}", end="", file=sys.stderr)):
        patterns = estimate_by_layer(clf, pictures)
    print(file=sys.stderr)
    note = (
        f"{len(pictures)} training pictures, the first {arguments.per_class} of every class "
        f"of {arguments.data.name}."
    )
    save_patterns(arguments.out, patterns, clf.module, note)
    print(arguments.out)
    return 0


def _check_out(path: Path) -> None:
    """Refuse a file that cannot be written, before the patterns are estimated.

    Raises:
        DataError: its folder does not exist, or it is a folder itself.
    """
    if not path.parent.is_dir():
        raise DataError(f"There is no folder {path.parent} for --out; make it first.")
    if path.is_dir():
        raise DataError(f"{path} is a folder; --out needs the name of a file.")
