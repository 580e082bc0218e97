"""Annotated pictures of a data set on the server's disk, as a model sees them, and composites."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xai_core import datasets
from xai_core.cache import Result, content_key
from xai_core.composites import drawn_quadrants, two_by_two
from xai_core.datasets.layouts import layout_of
from xai_core.images import image_hash, model_input, read_source
from xai_core.jobs import Task
from xai_core.localization.gathering import ANNOTATED, Gathered, LeftOut, Rule, gathered, in_turn
from xai_core.localization.objects import Objects, quadrant_objects
from xai_core.models import Classifier
from xai_core.progress import advance
from xai_core.tasks.models import Model, Subject, classifier, scores

NOT_KEPT = Image.new("RGB", (1, 1))
NO_MEANINGS: Mapping[str, int] = {}


def annotated_pictures(
    model: Model,
    fingerprint: str,
    folder: str,
    most: int,
    explain: str = ANNOTATED,
    meant: Mapping[str, int] = NO_MEANINGS,
) -> Task:
    """Pictures of a data set with objects of the class that is explained.

    Args:
        model: keywords of ``load_classifier``.
        fingerprint: the model's.
        folder: of the data set.
        most: at most so many pictures, which are in memory together.
        explain: as in ``localization.gathering.Rule``.
        meant: likewise.
    """
    stamps = datasets.folder_stamp(folder), _annotation_stamp(folder)
    options = {"folder": folder, "most": most, "explain": explain, "meant": dict(meant)}
    key = content_key("annotated-pictures", fingerprint, stamps, options)
    arguments = {"model": dict(model), **options}
    return Task(key, run_annotated_pictures, arguments, float(most), "Reading the pictures")


def run_annotated_pictures(
    model: dict[str, Any], folder: str, most: int, explain: str, meant: dict[str, int]
) -> Result:
    """Read pictures of all classes in turn; the arguments are those of ``annotated_pictures``.

    Returns:
        Arrays "pixels", uint8 [N, H, W, 3] as the model gets them, "masks" bool [N, H, W],
        "boxes" [B, 4] in pixels of the model's input, and "owners" [B], the number of each box's
        picture; facts "names", "hashes", "targets", "cuts", and "left_out", rows of
        ``LeftOut.table``.

    Raises:
        DataError: as ``datasets.annotated``.
    """
    clf, left_out = classifier(model), LeftOut()
    rule = Rule(clf.class_names, clf.input_size, clf.crop, clf.squash, explain, meant)

    def predict(images: Sequence[Image.Image]) -> list[int]:
        return [int(scores(clf, _seen(clf, image)).argmax()) for image in images]

    found: list[Gathered] = []
    hashes: list[str] = []
    pixels: list[NDArray[np.uint8]] = []
    pictures = in_turn(datasets.annotated(folder), left_out)
    for one in gathered(pictures, rule, predict, left_out, most):
        pixels.append(np.rint(255 * _seen(clf, one.image)).astype(np.uint8).transpose(1, 2, 0))
        hashes.append(image_hash(one.image))
        found.append(replace(one, image=NOT_KEPT))
        advance(len(found), min(most, len(pictures)))
    height, width = clf.input_size
    boxes = [one.objects.boxes for one in found]
    arrays: dict[str, NDArray[Any]] = {
        "pixels": np.array(pixels, np.uint8).reshape(-1, height, width, 3),
        "masks": np.array([one.objects.mask for one in found], bool).reshape(-1, height, width),
        "boxes": np.concatenate([np.zeros((0, 4), np.int64), *boxes]),
        "owners": np.repeat(np.arange(len(found)), [len(own) for own in boxes]),
    }
    facts = {
        "names": [Path(one.name).relative_to(folder).as_posix() for one in found],
        "hashes": hashes,
        "targets": [one.target for one in found],
        "cuts": [one.objects.cut for one in found],
        "left_out": left_out.table().to_dict("records"),
    }
    return Result(arrays, facts)


def annotated_subjects(result: Result) -> list[tuple[Subject, Objects]]:
    """The pictures of ``run_annotated_pictures`` as ``localize_all`` takes them."""
    arrays, facts = result.arrays, result.facts
    found = []
    for k, digest in enumerate(facts["hashes"]):
        boxes = arrays["boxes"][arrays["owners"] == k]
        objects = Objects(arrays["masks"][k], boxes, facts["cuts"][k])
        found.append((Subject(digest, _pixels(arrays["pixels"][k]), facts["targets"][k]), objects))
    return found


def composites(
    model: Model,
    fingerprint: str,
    folder: str,
    names: Mapping[str, str],
    targets: Mapping[str, int],
    seed: int,
) -> Task:
    """Each picture among three of other classes, drawn by lot.

    Args:
        model: keywords of ``load_classifier``.
        fingerprint: the model's.
        folder: of the data set.
        names: the pictures' files in the folder, by hash.
        targets: the class that is explained, likewise.
        seed: of the lots.
    """
    options = {
        "folder": folder, "names": dict(names), "targets": dict(targets), "seed": seed
    }  # fmt: skip
    key = content_key("composites", fingerprint, options)
    arguments = {"model": dict(model), **options}
    return Task(key, run_composites, arguments, float(len(names)), "Putting pictures together")


def run_composites(
    model: dict[str, Any], folder: str, names: dict[str, str], targets: dict[str, int], seed: int
) -> Result:
    """Draw and make the composites; the arguments are those of ``composites``.

    Returns:
        Array "pixels", uint8 [N, H, W, 3] as the model gets them; facts "hashes" of the pictures
        that are explained, and "quadrants", where each is.

    Raises:
        DataError: a picture has fewer than three of other classes.
        ImageError: an odd side of the model's input, or a picture that cannot be read.
    """
    clf = classifier(model)
    drawn = drawn_quadrants(targets, seed)
    pixels = []
    for one, own in drawn.items():
        pictures = [read_source(str(Path(folder, names[each]))) for each in own.names(one)]
        whole = two_by_two(pictures, clf.input_size, clf.crop, clf.resample, clf.squash)
        pixels.append(np.rint(255 * whole).astype(np.uint8).transpose(1, 2, 0))
        advance(len(pixels), len(drawn))
    facts = {
        "hashes": list(drawn),
        "quadrants": [own.quadrant for own in drawn.values()],
    }
    return Result({"pixels": np.array(pixels)}, facts)


def composite_subjects(
    result: Result, targets: Mapping[str, int]
) -> dict[str, tuple[Subject, Objects]]:
    """The composites of ``run_composites`` as ``localize_all`` takes them, by picture.

    Args:
        result: of ``run_composites``.
        targets: the class of each picture that is explained.
    """
    found = {}
    for k, digest in enumerate(result.facts["hashes"]):
        whole = result.arrays["pixels"][k]
        place = quadrant_objects(result.facts["quadrants"][k], whole.shape[:2])
        found[digest] = Subject(image_hash(whole), _pixels(whole), targets[digest]), place
    return found


def _pixels(seen: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What a model gets, of its bytes [H, W, 3]."""
    return seen.transpose(2, 0, 1).astype(np.float32) / np.float32(255)


def _seen(clf: Classifier, image: Image.Image) -> Any:
    return model_input(image, clf.input_size, clf.crop, clf.resample, clf.squash)


def _annotation_stamp(folder: str) -> list[tuple[str, int]]:
    """When each file of annotations last changed, in nanoseconds."""
    place = layout_of(Path(folder)).annotations
    files = sorted(place.rglob("*")) if place.is_dir() else [place]
    return [(str(file), file.stat().st_mtime_ns) for file in files]
