"""``localize``: are the heatmaps where the objects are?"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xai_core.cli.options import Commands, add_command, add_maps, add_photos, words
from xai_core.errors import MethodError, ModelError

if TYPE_CHECKING:
    import pandas as pd

    from xai_core.cli.localization_plan import Localized, Plan

MEASURES = "pointing_game,stochastic_pointing_game,content_heatmap,pxap,box_iou,saliency_metric"


def add_to(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "localize",
        run,
        "find out whether heatmaps are where the objects are",
        ": the maps of pictures with boxes or masks are scored, beside those of baselines that "
        "know nothing of the model. Writes localization.csv, runs.csv, means.csv, pooled.csv, "
        "by_size.csv, differences.csv, left_out.csv, localization.png, .svg and .pdf, run.json "
        "and, of photos, heatmaps.png, heatmaps.svg and relevance.npz. What DIR already holds is "
        "not computed again.",
    )
    add_photos(parser, "*", one_class=False)
    add_maps(parser)
    _add_pictures(parser.add_argument_group("pictures and objects"))
    _add_scores(parser.add_argument_group("scores"))


def _add_pictures(group: Any) -> None:
    group.add_argument(
        "--boxes",
        action="append",
        metavar="FILE",
        help="annotations of the photos: XML of PASCAL-VOC's form, JSON of COCO's, or a mask as "
        "PNG; one that names all photos, or one for each; without it, the file beside each photo "
        "with its name and another ending",
    )
    group.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="a data set in the layout of PASCAL-VOC, COCO, ImageNet or Tiny-ImageNet (their "
        "validation pictures), or pictures with masks",
    )
    group.add_argument(
        "--most",
        type=int,
        metavar="N",
        help="at most so many pictures of --data, of all classes in turn (default: all)",
    )
    group.add_argument(
        "--explain",
        choices=("annotated", "predicted"),
        default="annotated",
        help="the class of the annotation, of several that whose objects fill most (the default); "
        "or the predicted class, where objects of it are marked",
    )
    group.add_argument(
        "--means",
        action="append",
        default=[],
        metavar="NAME=CLASS",
        help="the model's class that a name in annotations means, as in kangaroo=wallaby",
    )
    group.add_argument(
        "--class",
        dest="unnamed",
        metavar="CLASS",
        help="the class of objects that have no name, as in a mask (default: that of their "
        "folder, else the predicted one)",
    )


def _add_scores(group: Any) -> None:
    group.add_argument(
        "--measures",
        default=MEASURES,
        metavar="NAMES",
        help="with commas between (default: %(default)s)",
    )
    group.add_argument(
        "--quadrants",
        action="store_true",
        help="explain also composites of each picture and three of other classes, and tell how "
        "much positive relevance lies on those three",
    )
    group.add_argument(
        "--baselines",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="maps that know nothing of the model: centre, chance, edges, whole picture",
    )
    group.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="of points that are drawn, the baseline of chance, and the lots of --quadrants "
        "(default: %(default)s)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Compute what is missing, then write everything; 1 if a photo or a method failed."""
    from xai_core.cli.asked import kept_results
    from xai_core.cli.localizing import localized, map_files, record
    from xai_core.files import write_file
    from xai_core.localization.columns import localized_title
    from xai_core.localization.result_files import findings

    out = arguments.out
    plan = _planned(arguments)
    out.mkdir(parents=True, exist_ok=True)
    found = localized(plan, kept_results(out))
    table, left_out = found.table, plan.left_out.table()
    titles = {column: localized_title(column) for column in dict.fromkeys(table["method"])}
    for name, make in findings(table, found.runs, found.pooled, left_out, titles).items():
        write_file(out / name, make())
    for name, data in map_files(found):
        write_file(out / name, data)
    write_file(out / "run.json", record(plan, found).run_json(str(out)))
    for sentence in dict.fromkeys(found.problems):
        print(sentence, file=sys.stderr)
    print(_report(found, left_out))
    return 1 if found.problems or (plan.data is None and plan.left_out.reasons) else 0


def _planned(arguments: argparse.Namespace) -> Plan:
    """What is asked for.

    Raises:
        XaiError: it cannot be done; nothing has been written then.
    """
    from xai_core.classes import class_index
    from xai_core.cli.annotated_photos import annotated_photos
    from xai_core.cli.asked import asked_by
    from xai_core.cli.localization_plan import Plan
    from xai_core.explainers.settings import SEED
    from xai_core.localization.gathering import LeftOut, Rule
    from xai_core.localization.objects import quadrant_objects
    from xai_core.localization.scoring import check_measures

    measures = words(arguments.measures)
    check_measures(measures)
    seed = int(SEED.checked("--seed", arguments.seed))
    if arguments.most is not None and arguments.most < 1:
        raise MethodError(f"--most must be at least 1, not {arguments.most}.")
    asked = asked_by(arguments)
    about, names = asked.about, asked.about["class_names"]
    height, width = about["input_size"]
    if arguments.quadrants:
        quadrant_objects(0, (height, width))
    unnamed = None if arguments.unnamed is None else class_index(arguments.unnamed, names)
    rule = Rule(
        names, (height, width), about["crop"], about["squash"],
        arguments.explain, _meant(arguments.means, names), unnamed,
    )  # fmt: skip
    left_out = LeftOut()
    pictures = annotated_photos(arguments, left_out)
    return Plan(
        asked=asked.among([str(picture.path) for picture in pictures]),
        pictures=pictures,
        rule=rule,
        measures=measures,
        seed=seed,
        baselines=arguments.baselines,
        quadrants=arguments.quadrants,
        left_out=left_out,
        data=arguments.data,
        most=arguments.most,
        photos=list(dict.fromkeys(arguments.photos)),
        boxes=arguments.boxes or [],
    )


def _meant(given: Sequence[str], class_names: Sequence[str]) -> dict[str, int]:
    from xai_core.classes import class_index

    found = {}
    for text in given:
        name, equals, word = text.partition("=")
        if not (equals and name):
            raise ModelError(f"'--means {text}' must have the form NAME=CLASS.")
        found[name] = class_index(word, class_names)
    return found


def _report(found: Localized, left_out: pd.DataFrame) -> str:
    """The means with their intervals as text, and what is left out."""
    from xai_core.cli.tables import aligned
    from xai_core.localization.pooling import POOLED, SAID
    from xai_core.localization.summary import means
    from xai_core.measure_registry import MEASURES

    table, pooled = means(found.table), found.pooled.table()
    columns = {
        MEASURES[str(name)].short_title: _texts(own["method"], own["mean"], own["low"], own["high"])
        for name, own in table.groupby("measure", sort=False)
    }
    if len(pooled):
        columns[POOLED] = _texts(pooled["method"], pooled["pxap_pooled"])
    rows = [
        [method, *(own.get(method, "–") for own in columns.values())]
        for method in dict.fromkeys(table["method"])
    ]
    lines = [aligned([["method", *columns], *rows]), ""]
    count = len(found.pictures)
    lines.append(f"Means over {count} {'picture' if count == 1 else 'pictures'}, 95 % intervals.")
    lines += [SAID] if len(pooled) else []
    measures = [MEASURES[name] for name in dict.fromkeys(table["measure"])]
    lower = [one.short_title for one in measures if not one.higher_is_better]
    lines += [f"Lower is better: {', '.join(lower)}."] if lower else []
    return "\n".join(lines + _left_out(left_out))


def _left_out(table: pd.DataFrame) -> list[str]:
    from xai_core.localization.gathering import NO_PICTURE

    lines = []
    for (name, reason), own in table.groupby(["name", "reason"], sort=False):
        thing = "object" if name else "annotation" if reason == NO_PICTURE else "picture"
        count = int(own["count"].sum())
        lines.append(f"Left out: {count} {thing}{'' if count == 1 else 's'}. {reason}")
    return lines


def _texts(methods: Iterable[str], *numbers: Iterable[float]) -> dict[str, str]:
    """What people read of a mean, and of its interval if there is one, by method."""
    return dict(zip(methods, map(_interval, *numbers), strict=True))


def _interval(mean: float, low: float = nan, high: float = nan) -> str:
    if mean != mean:
        return "–"
    return f"{mean:.2f}" if low != low else f"{mean:.2f} ({low:.2f} to {high:.2f})"
