"""``explain``: heatmaps of photos, as pictures and as data."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from xai_core.cli.meter import Meter
from xai_core.cli.options import Commands, add_command, add_maps, add_photos
from xai_core.errors import XaiError

if TYPE_CHECKING:
    from xai_core.cache import Cache, Result
    from xai_core.cli.asked import Asked
    from xai_core.cli.subjects import Targeted
    from xai_core.display import Display
    from xai_core.explainers.choices import Choice
    from xai_core.export import Explanation
    from xai_core.provenance import ModelFacts


def add_to(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "explain",
        run,
        "explain photos with one or more methods",
        ". Writes heatmaps/*.png, heatmaps.png, heatmaps.svg, relevance.npz, heatmaps.csv and "
        "run.json. Maps that DIR already holds are not computed again.",
    )
    add_photos(parser)
    add_maps(parser)
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


def run(arguments: argparse.Namespace) -> int:
    """Compute what is missing, then write everything; 1 if a photo or a method failed."""
    from xai_core.cli.asked import asked_by, kept_results, photo_targets
    from xai_core.cli.subjects import readable
    from xai_core.display import Display
    from xai_core.files import write_file

    display = Display(
        arguments.show,
        arguments.clip,
        arguments.colormap,
        arguments.opacity,
        arguments.enlarge,
        arguments.stage,
    )
    asked = asked_by(arguments)
    targets = photo_targets(arguments, asked.about)
    arguments.out.mkdir(parents=True, exist_ok=True)
    cache = kept_results(arguments.out)
    asked = asked.working(cache).among(targets)
    photos = asked.targeted(readable(targets, asked.about), targets, cache)
    results, failures = _explained(asked, photos, cache)
    if not results:
        raise XaiError("Nothing could be explained.")
    for path, data in _outputs(results, display, asked.recorded, arguments.out):
        write_file(path, data)
    return 1 if failures or len(photos) < len(targets) else 0


def _explained(
    asked: Asked, photos: Sequence[Targeted], cache: Cache
) -> tuple[list[Explanation], int]:
    """Every photo by every method, and how many of these failed; they are named."""
    from xai_core import tasks
    from xai_core.jobs.here import carry_out

    wanted = {
        (photo.name, column): replace(task, title=f"{photo.name} {column}")
        for photo in photos
        for (_, column), task in tasks.explain_all(
            *asked.loaded,
            [asked.subject(photo, photo.target)],
            asked.choices,
            asked.pictures,
            known=cache.__contains__,
        ).items()
    }
    meter, failures = Meter([task.cost for task in wanted.values()]), 0
    done, found = carry_out(list(wanted.values()), cache, meter), {}
    for place, (_, outcome) in zip(wanted, done, strict=True):
        if isinstance(outcome, str):
            meter.say(f"{place[1]}: {outcome}")
            failures += 1
        else:
            found[place] = outcome
    return [
        _explanation(photo, choice, found[photo.name, choice.id])
        for photo in photos
        for choice in asked.choices
        if (photo.name, choice.id) in found
    ], failures


def _explanation(photo: Targeted, choice: Choice, result: Result) -> Explanation:
    from xai_core.export import Explanation

    return Explanation(
        image_name=photo.name,
        image=lambda: photo.crop,
        image_hash=photo.hash,
        method=choice.method,
        settings=choice.settings,
        target=photo.target,
        class_name=photo.class_name,
        probability=photo.probability,
        relevance=result.arrays["relevance"],
        seconds=result.facts["seconds"],
        pixels=photo.pixels,
    )


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
