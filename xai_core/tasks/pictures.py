"""Pictures by the files they come from: what they are, and what a model says of each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from xai_core import datasets
from xai_core.cache import Result, content_key
from xai_core.errors import ImageError
from xai_core.images import (
    SAMPLE,
    image_hash,
    model_input,
    read_source,
    shown_name,
    thumbnail,
)
from xai_core.jobs import Task
from xai_core.tasks.models import Model, classifier, run_predict


def look_at(source: str, name: str = "", stamp: int = 0) -> Task:
    """What a picture is.

    Args:
        source: path of a file, or sample:NAME.
        name: what errors call the file; its own name if not given.
        stamp: another where the file's content may be another.
    """
    key = content_key("picture", source, name, stamp)
    return Task(key, run_look_at, {"source": source, "name": name}, title="Reading the pictures")


def run_look_at(source: str, name: str) -> Result:
    """Read a picture, and say what it is.

    Returns:
        Array "thumbnail" (uint8, a JPEG file); facts "hash" and "size" (width, height), and
        "problem", why the file cannot be read as a picture, or "".

    Raises:
        ImageError: there is no such file now.
    """
    if not (source.startswith(SAMPLE) or Path(source).is_file()):
        raise ImageError(f"'{shown_name(name or source)}' is not there any more.")
    try:
        image = read_source(source, name)
    except ImageError as error:
        return Result(facts={"problem": str(error)})
    small = np.frombuffer(thumbnail(image), np.uint8)
    facts = {"problem": "", "hash": image_hash(image), "size": list(image.size)}
    return Result({"thumbnail": small}, facts)


def predictions(model: Model, fingerprint: str, sources: Mapping[str, str]) -> dict[str, Task]:
    """What a model says of pictures, one task for each, under the picture's hash.

    Args:
        model: keywords of ``load_classifier``.
        fingerprint: the model's.
        sources: as for ``look_at``, by the pictures' hashes.
    """
    return {
        digest: Task(
            content_key("prediction", fingerprint, digest),
            run_prediction,
            {"model": dict(model), "source": source},
            title="Predicting",
        )
        for digest, source in sources.items()
    }


def run_prediction(model: dict[str, Any], source: str) -> Result:
    """Classify one picture: arrays "logits" and "probabilities", float32 [K].

    Raises:
        ImageError: it cannot be read.
    """
    clf = classifier(model)
    pixels = model_input(read_source(source), clf.input_size, clf.crop, clf.resample, clf.squash)
    found = run_predict(model, [pixels])
    return Result({name: values[0] for name, values in found.arrays.items()})


def listing(folder: str) -> Task:
    """Which pictures a data set on the server's disk has."""
    key = content_key("listing", folder, datasets.folder_stamp(folder))
    return Task(key, run_listing, {"folder": folder}, title="Listing the pictures")


def run_listing(folder: str) -> Result:
    """The pictures of a data set, as ``datasets.listed`` reads it.

    Returns:
        Facts "paths", within the folder, and "classes": the name of each one's class, or "".

    Raises:
        DataError: as ``datasets.listed``.
    """
    found = datasets.listed(folder)
    paths = [path.relative_to(Path(folder)).as_posix() for path, _ in found]
    return Result(facts={"paths": paths, "classes": [name or "" for _, name in found]})
