"""``patterns``: estimate a model's patterns for PatternAttribution from its training pictures."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
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
        "--data",
        required=True,
        type=Path,
        metavar="DIR",
        help="training pictures in Tiny-ImageNet's layout, in a folder for each class, or alone",
    )
    parser.add_argument(
        "--per-class",
        type=int,
        default=20,
        metavar="N",
        help="pictures of every class, the first of each (default: %(default)s); all where nothing "
        "tells the classes",
    )
    parser.add_argument(
        "--mirrored", action="store_true", help="the mirror image of every picture too"
    )
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="the file to write")


def run(arguments: argparse.Namespace) -> int:
    """Estimate in float64 and write the file."""
    import torch

    from xai_core.cli.asked import load_model
    from xai_core.device import CPU
    from xai_core.explainers.pattern_estimation import estimate_by_layer
    from xai_core.explainers.pattern_files import save_patterns
    from xai_core.images import read_image
    from xai_core.progress import listening

    _check_out(arguments.out)
    clf = load_model(arguments).on(CPU)  # all pictures at once, in float64
    files = _training_pictures(arguments.data, arguments.per_class)
    mirrored = " and their mirror images" if arguments.mirrored else ""
    count = len(files) * (2 if mirrored else 1)
    if count < LEAST:
        raise DataError(f"These are {count} pictures; patterns need at least {LEAST}.")
    clf.module.double()
    # One by one: only at the model's size is there room for all.
    seen = [clf.preprocess([read_image(file.read_bytes(), file.name)]) for file in files]
    pictures = torch.cat(seen).double()
    if mirrored:
        pictures = torch.cat([pictures, pictures.flip(3)])
    print(f"{len(pictures)} pictures.", file=sys.stderr)
    with listening(lambda share: print(f"\r{share:.0%}", end="", file=sys.stderr)):
        patterns = estimate_by_layer(clf, pictures)
    print(file=sys.stderr)
    note = f"{len(files)} pictures of {arguments.data.name}{mirrored}."
    save_patterns(arguments.out, patterns, clf.module, note)
    print(arguments.out)
    return 0


def _training_pictures(folder: Path, per_class: int) -> list[Path]:
    """The first of every class; all pictures whose class nothing tells."""
    from xai_core.datasets import listed, training_pictures

    found = training_pictures(folder) if (folder / "wnids.txt").is_file() else listed(folder)
    taken: Counter[str] = Counter()
    files = []
    for file, name in found:
        if name is not None:
            taken[name] += 1
        if name is None or taken[name] <= per_class:
            files.append(file)
    return files


def _check_out(path: Path) -> None:
    """Refuse a file that cannot be written, before the patterns are estimated.

    Raises:
        DataError: its folder does not exist, or it is a folder itself.
    """
    if not path.parent.is_dir():
        raise DataError(f"There is no folder {path.parent} for --out; make it first.")
    if path.is_dir():
        raise DataError(f"{path} is a folder; --out needs the name of a file.")
