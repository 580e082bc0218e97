"""timm's classifiers (Wightman 2019, doi:10.5281/zenodo.4414861): architectures and weights.

A name is timm's own: "resnet50" is an architecture, "resnet50.a1_in1k" that with certain weights.
Where torchvision has an architecture of the same name, "timm/resnet50" means timm's.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from torch import nn

from xai_core.errors import ModelError
from xai_core.imagenet import imagenet_classes
from xai_core.models.scores import first_line
from xai_core.places import ASSETS
from xai_core.progress import advance

PREFIX = "timm/"
WEIGHTS = "model.safetensors"
# Top-1 on ImageNet's validation pictures, which timm's package does not hold. From
# https://github.com/huggingface/pytorch-image-models/blob/main/results/results-imagenet.csv
ACCURACY = ASSETS / "timm-accuracy.csv"


@dataclass(frozen=True)
class TimmFacts:
    """What timm says about a classifier with certain weights.

    Attributes:
        name: timm's name, such as "resnet50.a1_in1k".
        repository: of its weights on Hugging Face.
        classes: their number.
        subset: timm's name of the classes, such as "imagenet-1k".
        input_size: (height, width) in pixels.
        mean, std: normalisation per channel.
        crop: crop size / resize size.
        squash: whether the whole picture is resized to a square, whatever its proportions.
        resample: how pictures are resized for these weights, "bilinear" or "bicubic".
        accuracy: top-1 in percent as timm measured it, or None.
    """

    name: str
    repository: str
    classes: int
    subset: str
    input_size: tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    crop: float
    squash: bool
    resample: str
    accuracy: float | None

    @property
    def class_names(self) -> list[str]:
        """One readable name per logit; of several words for a class the first."""
        return subset_names(self.subset, self.classes)

    @property
    def file(self) -> Path | None:
        """Where its weights lie on this machine: in Hugging Face's folder; None if nowhere."""
        from huggingface_hub import constants, try_to_load_from_cache

        # Asked of every model there is, and most have nothing here.
        if not Path(
            constants.HF_HUB_CACHE, f"models--{self.repository.replace('/', '--')}"
        ).is_dir():
            return None
        found = try_to_load_from_cache(self.repository, WEIGHTS)
        return Path(found) if isinstance(found, str) else None

    def fetched(self) -> Path:
        """The same, after a download if need be.

        Raises:
            ModelError: no network and no file.
        """
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
        from huggingface_hub.utils.tqdm import tqdm

        class Told(tqdm):
            """Tells ``xai_core.progress`` how far the download is."""

            def update(self, n: float | None = 1) -> bool | None:
                shown: bool | None = super().update(n)
                if self.total:
                    advance(min(int(self.n), int(self.total)), int(self.total))
                return shown

        try:
            return self.file or Path(hf_hub_download(self.repository, WEIGHTS, tqdm_class=Told))
        except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
            raise ModelError(
                f"The weights of {self.name} are not on this machine and could not be downloaded "
                f"from https://huggingface.co/{self.repository}; fetch {WEIGHTS} from there and "
                f"load it as a checkpoint of the architecture {plain_name(self.name)}."
            ) from error


def subset_names(subset: str, classes: int) -> list[str]:
    """Names of one of timm's sets of classes, such as "imagenet-1k"."""
    if subset == "imagenet-1k":
        return list(imagenet_classes().values())
    from timm.data.imagenet_info import ImageNetInfo

    info = ImageNetInfo(subset)
    words = (info.index_to_description(index) for index in range(classes))
    return [several.partition(",")[0] for several in words]


@cache
def timm_names() -> tuple[str, ...]:
    """Every classifier with weights, by timm's name with its tag."""
    import timm  # takes most of a second, and the other models do not need it
    from timm.data.imagenet_info import infer_imagenet_subset
    from timm.models import get_pretrained_cfg

    found: list[tuple[str, Any]] = [
        (name, get_pretrained_cfg(name)) for name in timm.list_models(pretrained=True)
    ]
    return tuple(
        name
        for name, facts in found
        if infer_imagenet_subset(facts) and facts.hf_hub_id and facts.crop_pct <= 1
    )


def timm_names_here() -> list[str]:
    """Those of ``timm_names`` whose weights are on this machine; timm is asked only if need be."""
    from huggingface_hub import constants

    if not any(Path(constants.HF_HUB_CACHE).glob("models--*")):
        return []
    return [name for name in timm_names() if timm_facts(name).file is not None]


@cache
def timm_facts(name: str) -> TimmFacts:
    """Facts about the weights of one of ``timm_names``, from timm itself."""
    from timm.data.imagenet_info import infer_imagenet_subset
    from timm.models import get_pretrained_cfg

    facts: Any = get_pretrained_cfg(name)
    height, width = facts.input_size[1:]
    return TimmFacts(
        name=name,
        repository=facts.hf_hub_id,
        classes=facts.num_classes,
        subset=str(infer_imagenet_subset(facts)),
        input_size=(height, width),
        mean=tuple(facts.mean),
        std=tuple(facts.std),
        crop=height / math.floor(height / facts.crop_pct),  # as timm rounds
        squash=facts.crop_mode == "squash",
        resample=facts.interpolation,
        accuracy=_accuracies().get(name),
    )


@cache
def _accuracies() -> dict[str, float]:
    with ACCURACY.open(newline="", encoding="utf-8") as file:
        return {name: float(top1) for name, top1 in csv.reader(file)}


def plain_name(name: str) -> str:
    """Timm's name of an architecture, without the prefix and the weights' tag."""
    return name.removeprefix(PREFIX).partition(".")[0]


@cache
def architecture_names() -> frozenset[str]:
    """Every architecture of the installed timm."""
    import timm

    return frozenset(timm.list_models())


def has_architecture(name: str) -> bool:
    """Whether timm has this architecture, with or without prefix and tag."""
    return plain_name(name) in architecture_names()


def build_timm(name: str, classes: int, side: int | None = None) -> nn.Module:
    """An untrained network; the global random state decides its weights.

    Args:
        name: of an architecture of timm.
        classes: number of logits.
        side: side of the input in pixels, for networks whose weights depend on it.

    Raises:
        ModelError: timm cannot build it so.
    """
    import timm

    options: dict[str, Any] = {}
    if side is not None and _fixed(plain_name(name)):
        options = {"img_size": side}
    try:
        network: nn.Module = timm.create_model(
            plain_name(name), pretrained=False, num_classes=classes, **options
        )
    except (AssertionError, RuntimeError, TypeError, ValueError) as error:
        raise ModelError(
            f"timm cannot build {plain_name(name)} for {side} × {side} pixels: {first_line(error)}"
        ) from error
    return network


def _fixed(name: str) -> bool:
    """Whether the weights of this architecture depend on the side of the input."""
    from timm.models import get_pretrained_cfg

    facts = get_pretrained_cfg(name, allow_unregistered=True)
    return bool(facts is not None and facts.fixed_input_size)
