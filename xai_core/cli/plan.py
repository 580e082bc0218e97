"""What a sanity check on the command line is to compare."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xai_core import tasks
from xai_core.cache import Cache
from xai_core.cli.asked import asked_by, chosen, described, facts_of, photo_targets
from xai_core.cli.options import CHECKPOINT, model_keywords, words
from xai_core.cli.subjects import Facts, Photo, Targeted, readable
from xai_core.errors import MethodError, ModelError, XaiError
from xai_core.explainers.choices import Choice
from xai_core.heatmaps import SHOWS
from xai_core.models import available_models
from xai_core.provenance import ModelFacts
from xai_core.randomization import Layer
from xai_core.randomization.scores import check_measures
from xai_core.randomization.steps import LABELS, TESTS, Test, seeds_of
from xai_core.randomization.sweep import Smoothing
from xai_core.randomization.targets import check_target
from xai_core.randomization.verdicts import VERDICT, Thresholds
from xai_core.tasks import Inquiry, Model

CONTROLS = ("edges", "random")
CROP_SIDE = 256  # pixels that the figures need of a photo; all of many photos would be too much


@dataclass(frozen=True)
class Plan:
    """Everything that decides a sanity check.

    Attributes:
        model: what ``run.json`` says of the trained model.
        photos: the photos in front of it.
        inquiries: what is computed, one for each test.
        measures: which scores are written.
        shows: what the compared maps show.
        thresholds: of the verdicts.
    """

    model: ModelFacts
    photos: Sequence[Targeted]
    inquiries: Sequence[Inquiry]
    measures: Sequence[str]
    shows: Sequence[str]
    thresholds: Thresholds


def planned(arguments: argparse.Namespace, cache: Cache) -> Plan:
    """What is asked for; photos that cannot be read are named and left out.

    Args:
        arguments: of the command.
        cache: where predictions are looked up and kept.

    Raises:
        XaiError: it cannot be done; nothing has been computed then.
    """
    tests, smoothing = _tests(arguments), _smoothing(arguments)
    measures, shows = words(arguments.measures), _shows(arguments.show)
    check_measures(measures)
    check_target(arguments.target_class)
    thresholds = Thresholds(arguments.fails, arguments.weak)
    other_name = _other_name(arguments)
    asked = asked_by(arguments)
    about = asked.about
    layers = _layers(asked.model)
    other = _second_model(arguments, about, other_name) if other_name else ({}, "")
    targets = photo_targets(arguments, about)
    choices = asked.working(cache).choices
    if arguments.controls:
        choices = _with_controls(choices)
    photos = asked.targeted([_small(one) for one in readable(targets, about)], targets, cache)
    if not photos:
        raise XaiError("Nothing could be explained.")
    height, width = about["input_size"]
    inquiries = [
        Inquiry(
            model=asked.model,
            fingerprint=about["fingerprint"],
            size=(height, width),
            layers=layers,
            subjects=[photo.subject(photo.target) for photo in photos],
            choices=choices,
            test=test,
            measures=list(dict.fromkeys([*measures, VERDICT[0]])),
            smoothing=smoothing,
            other=other[0] if test.mode == LABELS else None,
            other_fingerprint=other[1],
            pictures=asked.pictures,
            target=arguments.target_class,
        )
        for test in tests
    ]
    return Plan(asked.recorded, photos, inquiries, measures, shows, thresholds)


def _layers(model: Model) -> list[Layer]:
    """What can be randomised in a model."""
    facts = facts_of(tasks.describe_layers(model))
    return [Layer(name, tuple(parameters)) for name, parameters in facts["layers"]]


def _shows(text: str) -> list[str]:
    shows = words(text)
    for show in shows:
        if show not in SHOWS:
            raise MethodError(f"A map cannot show '{show}'; it can show: {', '.join(SHOWS)}.")
    return shows


def _tests(arguments: argparse.Namespace) -> list[Test]:
    names, seeds = words(arguments.tests), seeds_of(arguments.seeds)
    for name in names:
        if name not in TESTS:
            raise MethodError(f"There is no test '{name}'; there are: {', '.join(TESTS)}.")
    # Without layers nothing is listed, but start and initialisation are checked.
    Test("cascading", arguments.start, arguments.init, seeds).steps([])
    return [Test(name, arguments.start, arguments.init, seeds) for name in names]


def _smoothing(arguments: argparse.Namespace) -> Smoothing | None:
    copies, sigma = arguments.smooth, arguments.smooth_sigma
    if copies < 0 or copies == 1:
        raise MethodError(f"--smooth needs at least 2 copies, or 0 for none, not {copies}.")
    if not (math.isfinite(sigma) and sigma > 0):
        raise MethodError(f"--smooth-sigma must be above 0, not {sigma:g}.")
    return Smoothing(copies, sigma) if copies else None


def _other_name(arguments: argparse.Namespace) -> str:
    """The second model as ``--other`` names it; "" if no test needs one."""
    given = str(arguments.other or "")
    if LABELS not in words(arguments.tests):
        if given:
            raise MethodError("--other is for the test 'labels', which --tests leaves out.")
        return ""
    usual = f"{arguments.model}-permuted-labels"
    if given or usual in {model.id for model in available_models()}:
        return given or usual
    raise ModelError(
        "The test 'labels' needs a second model, trained on permuted labels: name it by --other."
    )


def _second_model(
    arguments: argparse.Namespace, about: Facts, name: str
) -> tuple[dict[str, Any], str]:
    """Keywords and fingerprint of the second model."""
    facts = {} if Path(name).is_file() else dict.fromkeys(CHECKPOINT)
    told = argparse.Namespace(**{**vars(arguments), **facts, "model": name})
    model = model_keywords(told)
    other = described(model)
    if len(other["class_names"]) != len(about["class_names"]):
        raise ModelError(
            f"{name} has {len(other['class_names'])} classes and {arguments.model} has "
            f"{len(about['class_names'])}: the test 'labels' needs two models of the same kind."
        )
    if any(other[fact] != about[fact] for fact in ("input_size", "mean", "std")):
        raise ModelError(
            f"{name} takes other input than {arguments.model}: for the test 'labels' size, mean "
            "and standard deviation must be the same."
        )
    return model, str(other["fingerprint"])


def _with_controls(choices: Sequence[Choice]) -> list[Choice]:
    known = {choice.id for choice in choices}
    return [*choices, *chosen([name for name in CONTROLS if name not in known], [], None)]


def _small(photo: Photo) -> Photo:
    """The photo with no more pixels than the figures need."""
    crop = photo.crop.copy()
    crop.thumbnail((CROP_SIDE, CROP_SIDE))
    return replace(photo, crop=crop)
