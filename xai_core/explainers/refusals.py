"""Why a layer cannot be explained, in sentences that all methods share."""

from __future__ import annotations

from xai_core.errors import MethodError
from xai_core.models.recorder import REMEDY


def no_rule(title: str, step: str) -> MethodError:
    """The error for a step that a method cannot go back through."""
    return MethodError(f"{title} has no rule for the step {step}; {REMEDY}")


def not_once(layer: str, times: int) -> MethodError:
    """The error for a layer that gives no output, or more than one."""
    uses = f"uses it {times} times" if times else "does not use it"
    return MethodError(f"Layer '{layer}' has no single output: the model {uses}.")


def no_maps(layer: str) -> MethodError:
    """The error for a layer whose output is of another shape than maps."""
    return MethodError(
        f"Layer '{layer}' gives no maps [images, channels, height, width]; "
        "choose a convolution or another layer in front of the classifier's last ones."
    )


def without_influence(layer: str) -> MethodError:
    """The error for a layer that the logits do not depend on."""
    return MethodError(f"The scores of the classes do not depend on layer '{layer}'.")
