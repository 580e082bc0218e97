"""ImageNet classifiers of torchvision and timm, with weights from the disk or the web."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from functools import cache
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import urlopen

import torch

from xai_core.errors import ModelError
from xai_core.models.architectures import timm_architecture
from xai_core.models.checkpoints import read_network
from xai_core.models.classifier import Classifier
from xai_core.models.timm_models import timm_facts
from xai_core.progress import advance

TIMEOUT = 30  # seconds without an answer
_CHUNK = 1 << 20
_MIB = 1 << 20
# torch.hub's rule: the file's name carries the beginning of its SHA-256.
_HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,})\.")


@dataclass(frozen=True)
class PretrainedFacts:
    """What torchvision says about a classifier's default weights.

    Attributes:
        name: torchvision's name, such as "resnet18".
        url: where the weights are.
        class_names: the 1000 ImageNet categories.
        input_size: (height, width) in pixels.
        mean, std: normalisation per channel.
        crop: crop size / resize size.
        resample: how pictures are resized for these weights, "bilinear" or "bicubic".
        parameters: number of weights.
        accuracy: ImageNet-1K top-1, in percent.
        size_mb: size of the weights file in megabytes (10^6 bytes).
    """

    name: str
    url: str
    class_names: tuple[str, ...]
    input_size: tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    crop: float
    resample: str
    parameters: int
    accuracy: float
    size_mb: float

    @property
    def file(self) -> Path:
        """Where the weights lie, or belong, on this machine."""
        return _folder() / Path(urlparse(self.url).path).name


def any_here() -> bool:
    """Whether there is a file that may hold weights; quick, and torchvision is not loaded."""
    return any(_folder().glob("*.pth"))


def _folder() -> Path:
    """torch.hub's."""
    return Path(torch.hub.get_dir()) / "checkpoints"


@cache
def pretrained_facts(name: str) -> PretrainedFacts:
    """Facts about a torchvision classifier, from torchvision itself; needs no network."""
    from torchvision import models

    weights = models.get_model_weights(name).DEFAULT
    transforms, meta = weights.transforms(), weights.meta
    side = transforms.crop_size[0]
    return PretrainedFacts(
        name=name,
        url=weights.url,
        class_names=tuple(meta["categories"]),
        input_size=(side, side),
        mean=tuple(transforms.mean),
        std=tuple(transforms.std),
        crop=side / transforms.resize_size[0],
        resample=transforms.interpolation.value,
        parameters=meta["num_params"],
        accuracy=meta["_metrics"]["ImageNet-1K"]["acc@1"],
        size_mb=round(meta["_file_size"] * _MIB / 1e6, 1),
    )


def load_pretrained(name: str) -> Classifier:
    """A torchvision classifier with its default ImageNet weights.

    The file is looked for in torch.hub's folder and downloaded only if it is not there; the
    download tells ``xai_core.progress`` how far it is.

    Raises:
        ModelError: no network and no file, or a file whose content is not what its name says.
    """
    facts = pretrained_facts(name)
    if not facts.file.is_file():
        _download(facts)
    if not _is_promised(facts.file, facts.file.name):
        raise ModelError(
            f"{facts.file} is not the file that its name promises; "
            "delete it and load the model again."
        )
    network = read_network(
        facts.file,
        name,
        len(facts.class_names),
        facts.input_size[0],
        imagenet_input=True,
        verified=True,
    )
    return Classifier(
        network,
        facts.class_names,
        facts.input_size,
        facts.mean,
        facts.std,
        crop=facts.crop,
        resample=facts.resample,
        title=name,
    )


def load_timm(name: str) -> Classifier:
    """A classifier of timm with certain weights, from Hugging Face's folder or from the web.

    Args:
        name: one of ``timm_names``.

    Raises:
        ModelError: no network and no file, or a file that does not fit.
    """
    facts = timm_facts(name)
    names = facts.class_names
    network = read_network(
        facts.fetched(), timm_architecture(name), len(names), facts.input_size[0]
    )
    return Classifier(
        network,
        names,
        facts.input_size,
        facts.mean,
        facts.std,
        crop=facts.crop,
        resample=facts.resample,
        squash=facts.squash,
        title=name,
    )


def _download(facts: PretrainedFacts) -> None:
    target = facts.file
    target.parent.mkdir(parents=True, exist_ok=True)
    # Under another name until it is whole, so that nobody reads half a file.
    descriptor, part = tempfile.mkstemp(dir=target.parent, suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file, urlopen(facts.url, timeout=TIMEOUT) as answer:
            total = int(answer.headers.get("Content-Length") or facts.size_mb * 1e6)
            done = 0
            while chunk := answer.read(_CHUNK):
                file.write(chunk)
                done += len(chunk)
                advance(min(done, total), total)
        if not _is_promised(Path(part), target.name):
            raise OSError("what came is not the file that was asked for")
        Path(part).rename(target)
    except (OSError, HTTPException) as error:
        raise ModelError(
            f"The weights of {facts.name} are not on this machine and could not be downloaded; "
            f"fetch {facts.url} and save it as {target}."
        ) from error
    finally:
        Path(part).unlink(missing_ok=True)


def _is_promised(file: Path, name: str) -> bool:
    """Whether the content's SHA-256 begins as ``name`` says."""
    promised = _HASH_IN_NAME.search(name)
    with file.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    return promised is not None and found.startswith(promised[1])
