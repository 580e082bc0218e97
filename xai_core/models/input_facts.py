"""What pictures an architecture usually takes: those that its published weights were made for."""

from __future__ import annotations

from dataclasses import dataclass

from xai_core.images import RESAMPLING
from xai_core.models.architectures import ARCHITECTURES, torchvision_names
from xai_core.models.model_facts import embedded, read_facts
from xai_core.models.pretrained import pretrained_facts
from xai_core.models.timm_models import has_architecture, plain_name


@dataclass(frozen=True)
class InputFacts:
    """How pictures are prepared for a network.

    Attributes:
        input_size: (height, width) in pixels, or None if nothing tells it.
        mean, std: normalisation per channel, or None.
        crop: share of the shorter side that the centre crop keeps.
        resample: how pictures are resized.
        squash: whether they lose their proportions.
        origin: whose facts these are, in words; "" if nobody's.
    """

    input_size: tuple[int, int] | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    crop: float = 1.0
    resample: str = "bilinear"
    squash: bool = False
    origin: str = ""


UNKNOWN = InputFacts()


def usual_input(architecture: str) -> InputFacts:
    """The facts of torchvision's or timm's default weights, or of an embedded model.

    Args:
        architecture: as in ``build_network``.
    """
    if architecture in ARCHITECTURES:
        return _of_embedded(architecture)
    if architecture in torchvision_names():
        facts = pretrained_facts(architecture)
        return InputFacts(
            facts.input_size,
            facts.mean,
            facts.std,
            facts.crop,
            facts.resample,
            origin=f"torchvision's {architecture}",
        )
    return _of_timm(architecture) if has_architecture(architecture) else UNKNOWN


def _of_embedded(architecture: str) -> InputFacts:
    for file in embedded().values():
        facts = read_facts(file.with_suffix(".json"))
        if facts.get("architecture") == architecture and facts.get("input_size"):
            return InputFacts(
                tuple(facts["input_size"]),
                _triple(facts.get("mean")),
                _triple(facts.get("std")),
                facts.get("crop", 1.0),
                facts.get("resample", "bilinear"),
                facts.get("squash", False),
                f"the embedded model {file.stem}",
            )
    return UNKNOWN


def _of_timm(architecture: str) -> InputFacts:
    from timm.models import get_pretrained_cfg

    facts = get_pretrained_cfg(plain_name(architecture), allow_unregistered=True)
    if facts is None:
        return UNKNOWN
    height, width = facts.input_size[1:]
    resample = facts.interpolation if facts.interpolation in RESAMPLING else "bilinear"
    return InputFacts(
        (height, width),
        _triple(facts.mean),
        _triple(facts.std),
        min(1.0, facts.crop_pct),
        resample,
        facts.crop_mode == "squash",
        f"timm's {plain_name(architecture)}",
    )


def _triple(values: object) -> tuple[float, ...] | None:
    return tuple(map(float, values)) if isinstance(values, list | tuple) else None
