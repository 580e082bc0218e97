"""``class-sensitivity``: do the heatmaps change with the class that is explained?"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from xai_core.cli.options import Commands, add_command, add_photos, words
from xai_core.cli.photo_sets import add_data, check_least, photo_set
from xai_core.errors import MethodError, XaiError

if TYPE_CHECKING:
    import pandas as pd

    from xai_core.cli.comparing import Plan


def add_to(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "class-sensitivity",
        run,
        "find out whether heatmaps change with the class that is explained",
        ": several classes of every picture are explained, and the maps compared. Writes "
        "class_sensitivity.csv, averages.csv, class_sensitivity.png, .svg and .pdf, run.json and, "
        "of photos, heatmaps.png, heatmaps.svg and relevance.npz. What DIR already holds is not "
        "computed again.",
    )
    add_photos(parser, "*", one_class=False)
    add_data(parser.add_argument_group("pictures"))
    group = parser.add_argument_group("classes")
    group.add_argument(
        "--class",
        dest="classes",
        action="append",
        metavar="CLASS",
        help="a class to compare, as --true names it; given twice or more, for all pictures",
    )
    group.add_argument(
        "--pair",
        choices=("top", "true"),
        help="without --class: the two most probable of every picture (top, the default), or its "
        "true one and the most probable of all others (true)",
    )
    group.add_argument(
        "--join",
        choices=("side-by-side", "crosswise", "2x2"),
        help="put the photos together into one picture of several classes: two side by side, two "
        "in a square, each twice, or four in a square. Without --class those are compared that "
        "the model sees in each photo alone. It is also told how much positive relevance lies on "
        "the part of each class",
    )
    group.add_argument(
        "--measures",
        default="ssim,spearman,spearman_absolute,hog",
        metavar="NAMES",
        help="with commas between (default: %(default)s)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Compute what is missing, then write everything; 1 if a photo or a method failed."""
    from xai_core.class_sensitivity.result_files import findings
    from xai_core.cli.asked import kept_results
    from xai_core.cli.comparing import compared, map_files, record
    from xai_core.explainers.choices import column_title
    from xai_core.files import write_file

    out = arguments.out
    plan = _planned(arguments)
    out.mkdir(parents=True, exist_ok=True)
    found = compared(plan, kept_results(out))
    titles = {choice.id: column_title(choice.id) for choice in found.asked.choices}
    for name, make in findings(found.table, titles).items():
        write_file(out / name, make())
    for name, data in map_files(found):
        write_file(out / name, data)
    write_file(out / "run.json", record(plan, found).run_json(str(out)))
    for sentence in dict.fromkeys(found.problems):
        print(sentence, file=sys.stderr)
    print(_report(found.table))
    return 1 if found.problems or found.unread else 0


def _planned(arguments: argparse.Namespace) -> Plan:
    """What is asked for.

    Raises:
        XaiError: it cannot be done; nothing has been written then.
    """
    from xai_core.class_sensitivity.pairs import ALONE, CHOSEN, TOP, TRUE
    from xai_core.class_sensitivity.scores import check_measures
    from xai_core.classes import class_index
    from xai_core.cli.asked import asked_by
    from xai_core.cli.comparing import Plan

    measures = words(arguments.measures)
    check_measures(measures)
    if arguments.classes and arguments.pair:
        raise XaiError("Name classes by --class, or a rule by --pair; one of the two.")
    if arguments.join and (arguments.data or arguments.pair):
        raise XaiError("--join puts photos together, and needs neither --data nor --pair.")
    if arguments.true and arguments.pair != TRUE:
        raise XaiError("--true is for --pair true.")
    check_least(arguments)
    asked = asked_by(arguments)
    names = asked.about["class_names"]
    classes = list(dict.fromkeys(class_index(word, names) for word in arguments.classes or ()))
    if len(classes) == 1:
        raise MethodError("Comparing classes needs two classes at least.")
    photos = photo_set(arguments, asked.about)
    rule = arguments.pair or TOP
    if classes or arguments.join:
        rule = CHOSEN if classes else ALONE
    if rule == TRUE and all(true is None for _, true in photos.files):
        raise XaiError("--pair true needs true classes: see --true, or name the folders of --data.")
    return Plan(asked, photos, classes, rule, arguments.join or "", measures)


def _report(table: pd.DataFrame) -> str:
    """The averages as text, beside the published readings."""
    import pandas as pd

    from xai_core.class_sensitivity import PUBLISHED, averages
    from xai_core.cli.tables import aligned
    from xai_core.measures import MEASURES

    first = table.measure.iloc[0]
    found = averages(table[(table.measure == first) & (table["show"] == "all")])
    shown = pd.DataFrame(
        {
            "method": found.method,
            MEASURES[first].title: found["mean"].map(_number),
            "95 % interval": found.low.map(_number) + " to " + found.high.map(_number),
            "pictures": found.pictures.map(str),
            "random maps": found.noise.map(_number),
            "on its own part": found.inside.map(_number),
            "Nuzzo 2020, SSIM": found.method.map(PUBLISHED).fillna("–"),
        }
    )
    if found.pictures.max() < 2:
        shown = shown.drop(columns=["95 % interval", "pictures"])
    if found.inside.isna().all():
        shown = shown.drop(columns="on its own part")
    return aligned([list(shown.columns), *shown.to_numpy().tolist()])


def _number(value: float) -> str:
    return "–" if value != value else f"{value:.2f}"
