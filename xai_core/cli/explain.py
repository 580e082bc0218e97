"""``explain``: heatmaps of photos, as pictures and as data."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xai_core.cli.meter import Meter
from xai_core.cli.options import (
    add_methods,
    add_model,
    chosen,
    class_targets,
    kept_results,
    load_model,
    model_facts,
    picture_files,
    working,
)
from xai_core.cli.photos import Sitting, read_file, read_photo
from xai_core.errors import ImageError, MethodError, ModelError, XaiError

if TYPE_CHECKING:
    from xai_core.display import Display
    from xai_core.export import Explanation
    from xai_core.provenance import ModelFacts


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    text = "explain photos with one or more methods"
    parser = commands.add_parser(
        "explain",
        help=text,
        description=text.capitalize() + ". Writes heatmaps/*.png, "
        "heatmaps.png, heatmaps.svg, relevance.npz, heatmaps.csv and run.json. Maps that DIR "
        "already holds are not computed again.",
    )
    parser.add_argument("photos", nargs="+", metavar="PHOTO", help="a file, or sample:NAME")
    add_model(parser)
    add_methods(parser)
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="where to write")
    group = parser.add_argument_group("drawing")
    group.add_argument(
        "--stage",
        default="signed",
        choices=("signed", "channels", "map", "map*image"),
        help="the signed sum of channels, or a stage that the APEM metric measures",
    )
    group.add_argument("--show", default="all", choices=("all", "positive", "absolute"))
    group.add_argument("--clip", type=float, metavar="PERCENT", help="saturate from a percentile")
    group.add_argument("--colormap", default="", metavar="NAME", help="default: fits --show")
    group.add_argument("--opacity", type=float, default=0.8, help="0 to 1 (default: %(default)s)")
    group.add_argument("--enlarge", default="nearest", choices=("nearest", "bilinear"))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Compute what is missing, then write everything; 1 if a photo or a method failed."""
    from xai_core.display import Display
    from xai_core.explainers import METHODS
    from xai_core.explainers.presets import EVERYTHING
    from xai_core.files import write_file

    display = Display(
        arguments.show,
        arguments.clip,
        arguments.colormap,
        arguments.opacity,
        arguments.enlarge,
        arguments.stage,
    )
    words = [word.strip() for word in arguments.methods.split(",")]
    choices = chosen(words, arguments.param, arguments.layer)
    clf = load_model(arguments)
    if EVERYTHING in words:
        choices = working(clf, choices)
    named = {word for choice in choices for word in picture_files(choice.settings)}
    pictures = {word: read_file(word) for word in sorted(named)}
    model = model_facts(arguments, clf)
    files = list(dict.fromkeys(arguments.photos))
    targets = class_targets(clf, arguments.target or ["auto"], len(files))
    costs = [METHODS[c.method].cost(c.settings) for _ in files for c in choices]
    arguments.out.mkdir(parents=True, exist_ok=True)
    meter, failures, results = Meter(costs), 0, []
    cache = kept_results(arguments.out)
    for file, target in zip(files, targets, strict=True):
        try:
            photo = read_photo(clf, file, target)
        except ImageError as error:
            meter.say(str(error))
            meter.drop(len(choices))
            failures += 1
            continue
        sitting = Sitting(clf, photo, choices, pictures, cache)
        for choice in choices:
            try:
                results.append(sitting.explained(choice, meter))
            except (MethodError, ModelError) as error:
                meter.say(f"{choice.id}: {error}")
                failures += 1
    if not results:
        raise XaiError("Nothing could be explained.")
    for path, data in _outputs(results, display, model, arguments.out):
        write_file(path, data)
    return 1 if failures else 0


def _outputs(
    results: list[Explanation], display: Display, model: ModelFacts, out: Path
) -> Iterator[tuple[Path, bytes]]:
    """Every file with its bytes, ``run.json`` last."""
    from xai_core.explainers.choices import column_title
    from xai_core.export import explain_run, file_names, relevance_npz, table
    from xai_core.figures import grid_figure, heatmap_figure, to_png, to_svg
    from xai_core.files import csv_bytes

    for name, item in zip(file_names(results), results, strict=True):
        yield out / "heatmaps" / f"{name}.png", to_png(heatmap_figure(item, display))
    titles = {item.column: column_title(item.column) for item in results}
    figure = grid_figure(results, display, titles)
    yield out / "heatmaps.png", to_png(figure)
    yield out / "heatmaps.svg", to_svg(figure)
    yield out / "relevance.npz", relevance_npz(results)
    yield out / "heatmaps.csv", csv_bytes(table(results))
    yield out / "run.json", explain_run(model, results, display).run_json(str(out))
