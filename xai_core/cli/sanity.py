"""``sanity-check``: do the heatmaps notice when the model loses what it learnt?"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xai_core.cli.meter import duration
from xai_core.cli.options import (
    CHECKPOINT,
    add_methods,
    add_model,
    chosen,
    class_targets,
    kept_results,
    load_model,
    model_facts,
    model_keywords,
    picture_files,
    working,
)
from xai_core.cli.photos import Photo, read_file, read_photo
from xai_core.errors import ImageError, MethodError, ModelError, XaiError

if TYPE_CHECKING:
    from xai_core.cli.plan import Plan
    from xai_core.explainers.choices import Choice
    from xai_core.models import Classifier
    from xai_core.randomization.steps import Test
    from xai_core.randomization.sweep import Smoothing

LABELS = "labels"
CONTROLS = ("edges", "random")
CROP_SIDE = 256  # pixels that the figures need of a photo; all of many photos would be too much


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    text = "find out whether heatmaps notice that the model's weights are lost"
    parser = commands.add_parser(
        "sanity-check",
        help=text,
        description=text.capitalize() + ", layer by layer. Writes sanity.csv, curves.csv, "
        "verdicts.csv, curves.png, .svg and .pdf, heatmaps/*/*.png, maps.npz and run.json. Maps "
        "and scores that DIR already holds are not computed again.",
    )
    parser.add_argument("photos", nargs="+", metavar="PHOTO", help="a file, or sample:NAME")
    add_model(parser)
    add_methods(parser)
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="where to write")
    _add_networks(parser.add_argument_group("networks"))
    _add_comparison(parser.add_argument_group("comparison"))
    parser.set_defaults(run=run)


def _add_networks(group: Any) -> None:
    group.add_argument(
        "--tests",
        default="cascading",
        metavar="NAMES",
        help="with commas between: cascading (one layer after the other), independent (one layer "
        "alone), labels (another model, trained on permuted labels) (default: %(default)s)",
    )
    group.add_argument(
        "--start",
        default="output",
        metavar="END",
        help="count layers from the output or the input (default: %(default)s)",
    )
    group.add_argument(
        "--init",
        default="default",
        metavar="NAME",
        help="new weights: default (as the layer begins its training), he_normal, or permute "
        "(the trained values, shuffled) (default: %(default)s)",
    )
    group.add_argument(
        "--seeds", type=int, default=5, metavar="N", help="how many (default: %(default)s)"
    )
    group.add_argument(
        "--target-class",
        default="published",
        metavar="NAME",
        help="the class that a destroyed network explains: fixed (the trained network's, which "
        "--target names), predicted (its own prediction), or published (predicted for LRP-αβ and "
        "RAP, as in the code that Nuzzo 2020 used for them, else fixed) (default: %(default)s)",
    )
    group.add_argument(
        "--other",
        metavar="ID|FILE",
        help="the second model for labels, whose facts, if it does not hold them itself, are "
        "those of --model (default: MODEL-permuted-labels, if there is one)",
    )


def _add_comparison(group: Any) -> None:
    group.add_argument(
        "--measures",
        default="ssim,spearman,spearman_absolute",
        metavar="NAMES",
        help="with commas between; also hog and complexity (default: %(default)s)",
    )
    group.add_argument(
        "--show",
        default="all,positive,absolute",
        metavar="NAMES",
        help="relevance that is compared, with commas between (default: %(default)s)",
    )
    group.add_argument(
        "--smooth",
        type=int,
        default=0,
        metavar="COPIES",
        help="average every map over noisy copies of the photo, the last without noise; 50 in "
        "Hedström et al. 2024, at least 2 (default: 0, off)",
    )
    group.add_argument(
        "--smooth-sigma",
        type=float,
        default=0.1,
        metavar="SHARE",
        help="their noise, in shares of the photo's range (default: %(default)s)",
    )
    group.add_argument(
        "--fails",
        type=float,
        default=0.95,
        metavar="SSIM",
        help="similarity from which a method fails when the layer at the output alone is new; "
        "for labels likewise (default: %(default)s)",
    )
    group.add_argument(
        "--weak", type=float, default=0.80, metavar="SSIM", help="(default: %(default)s)"
    )
    group.add_argument(
        "--controls",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="add an edge detector and random maps to the methods (default: yes)",
    )
    group.add_argument(
        "--maps",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="write all maps to maps.npz (default: yes)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Compute what is missing, then write everything; 1 if a photo or a method failed."""
    from xai_core.cli.findings import Findings
    from xai_core.cli.plan import recorded
    from xai_core.cli.sweep import KeptSweep
    from xai_core.files import write_file

    began = time.perf_counter()
    plan, other = _planned(arguments)
    named = {word for choice in plan.choices for word in picture_files(choice.settings)}
    pictures = {word: read_file(word) for word in sorted(named)}
    out = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    cache = kept_results(out)
    kept = KeptSweep(
        *(plan.clf, plan.photos, plan.choices, pictures, plan.networks, plan.scored, cache),
        smoothing=plan.smoothing,
        other=other,
        target=plan.target,
    )
    earlier = kept.seconds
    kept.complete()
    findings = Findings(plan, kept)
    for name, data in findings.files():
        write_file(out / name, data)
    if arguments.maps:
        findings.write_maps(out / "maps.npz")
    for sentence in findings.problems:
        print(sentence, file=sys.stderr)
    now = time.perf_counter() - began
    seconds = {"all": earlier + now, "now": now}
    rounded = {name: round(value, 1) for name, value in seconds.items()}
    run = recorded(plan, arguments.maps)
    write_file(out / "run.json", run.run_json(str(out), seconds=rounded))
    print(findings.report())
    parts = f", {duration(now)} of them now" if earlier else ""
    print(f"Took {duration(earlier + now)}{parts}.")
    unread = len(set(arguments.photos)) - len(plan.photos)
    return 1 if unread or findings.problems else 0


def _planned(arguments: argparse.Namespace) -> tuple[Plan, Classifier | None]:
    """What is asked for, and the second model.

    Raises:
        XaiError: it cannot be done; nothing has been written then.
    """
    from xai_core.cache import Cache
    from xai_core.cli.plan import Plan
    from xai_core.explainers.presets import EVERYTHING
    from xai_core.randomization import randomizable_layers
    from xai_core.randomization.scores import check_measures
    from xai_core.randomization.sweep import alike
    from xai_core.randomization.targets import check_target
    from xai_core.randomization.verdicts import Thresholds
    from xai_core.tasks.models import run_describe

    tests, smoothing = _tests(arguments), _smoothing(arguments)
    measures, shows = _words(arguments.measures), _shows(arguments.show)
    check_measures(measures)
    check_target(arguments.target_class)
    thresholds = Thresholds(arguments.fails, arguments.weak)
    methods = _words(arguments.methods)
    choices = [
        replace(choice, settings=alike(choice.settings))
        for choice in chosen(methods, arguments.param, arguments.layer)
    ]
    other_name = _other_name(arguments)
    model = model_keywords(arguments)
    clf = load_model(arguments)
    layers = randomizable_layers(clf)
    other = _second_model(arguments, clf, other_name) if other_name else None
    if EVERYTHING in methods:
        choices = working(model, clf.fingerprint, choices, Cache(disk_bytes=0))
    if arguments.controls:
        choices = _with_controls(choices)
    return Plan(
        clf=clf,
        model=model_facts(arguments, run_describe(model).facts),
        photos=_photos(clf, arguments),
        choices=choices,
        layers=layers,
        tests=tests,
        measures=measures,
        shows=shows,
        smoothing=smoothing,
        thresholds=thresholds,
        other=other_name,
        other_fingerprint="" if other is None else other.fingerprint,
        target=arguments.target_class,
    ), other


def _words(text: str) -> list[str]:
    return list(dict.fromkeys(word.strip() for word in text.split(",")))


def _shows(text: str) -> list[str]:
    from xai_core.heatmaps import SHOWS

    shows = _words(text)
    for show in shows:
        if show not in SHOWS:
            raise MethodError(f"A map cannot show '{show}'; it can show: {', '.join(SHOWS)}.")
    return shows


def _tests(arguments: argparse.Namespace) -> list[Test]:
    from xai_core.randomization.steps import TESTS, Test, seeds_of

    names, seeds = _words(arguments.tests), seeds_of(arguments.seeds)
    for name in names:
        if name not in TESTS:
            raise MethodError(f"There is no test '{name}'; there are: {', '.join(TESTS)}.")
    # Without layers nothing is listed, but start and initialisation are checked.
    Test("cascading", arguments.start, arguments.init, seeds).steps([])
    return [Test(name, arguments.start, arguments.init, seeds) for name in names]


def _smoothing(arguments: argparse.Namespace) -> Smoothing | None:
    from xai_core.randomization.sweep import Smoothing

    copies, sigma = arguments.smooth, arguments.smooth_sigma
    if copies < 0 or copies == 1:
        raise MethodError(f"--smooth needs at least 2 copies, or 0 for none, not {copies}.")
    if not (math.isfinite(sigma) and sigma > 0):
        raise MethodError(f"--smooth-sigma must be above 0, not {sigma:g}.")
    return Smoothing(copies, sigma) if copies else None


def _other_name(arguments: argparse.Namespace) -> str:
    """The second model as ``--other`` names it; "" if no test needs one."""
    from xai_core.models import available_models

    given = str(arguments.other or "")
    if LABELS not in _words(arguments.tests):
        if given:
            raise MethodError("--other is for the test 'labels', which --tests leaves out.")
        return ""
    usual = f"{arguments.model}-permuted-labels"
    if given or usual in {model.id for model in available_models()}:
        return given or usual
    raise ModelError(
        "The test 'labels' needs a second model, trained on permuted labels: name it by --other."
    )


def _second_model(arguments: argparse.Namespace, clf: Classifier, name: str) -> Classifier:
    facts = {} if Path(name).is_file() else dict.fromkeys(CHECKPOINT)
    other = load_model(argparse.Namespace(**{**vars(arguments), **facts, "model": name}))
    if len(other.class_names) != len(clf.class_names):
        raise ModelError(
            f"{name} has {len(other.class_names)} classes and {arguments.model} has "
            f"{len(clf.class_names)}: the test 'labels' needs two models of the same kind."
        )
    if (other.input_size, other.mean, other.std) != (clf.input_size, clf.mean, clf.std):
        raise ModelError(
            f"{name} takes other input than {arguments.model}: for the test 'labels' size, mean "
            "and standard deviation must be the same."
        )
    return other


def _with_controls(choices: Sequence[Choice]) -> list[Choice]:
    known = {choice.id for choice in choices}
    return [*choices, *chosen([name for name in CONTROLS if name not in known], [], None)]


def _photos(clf: Classifier, arguments: argparse.Namespace) -> list[Photo]:
    """Photos that can be read; the others are named.

    Raises:
        XaiError: there is none.
    """
    files = list(dict.fromkeys(arguments.photos))
    targets = class_targets(clf.class_names, arguments.target or ["auto"], len(files))
    photos = []
    for file, target in zip(files, targets, strict=True):
        try:
            photo = read_photo(clf, file, target)
        except ImageError as error:
            print(error, file=sys.stderr)
            continue
        small = photo.crop.copy()
        small.thumbnail((CROP_SIDE, CROP_SIDE))
        photos.append(replace(photo, crop=small))
    if not photos:
        raise XaiError("Nothing could be explained.")
    return photos
