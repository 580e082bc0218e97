"""What a network gives for pictures, or why it gives nothing."""

from __future__ import annotations

from torch import Tensor, nn

from xai_core.errors import ModelError

# What torch and people's code raise where something cannot take what it is given.
CANNOT_RUN = (RuntimeError, ValueError, TypeError, AssertionError, LookupError, AttributeError)


def scores_of(module: nn.Module, x: Tensor) -> Tensor:
    """What a network gives for ``x`` [N, 3, H, W], which a layer may not overwrite.

    Raises:
        ModelError: it does not run on ``x``, or gives something else than a tensor.
    """
    try:
        scores = module(x.clone())
    except CANNOT_RUN as error:
        raise ModelError(
            f"The model cannot take an input of shape {list(x.shape)}: {first_line(error)}"
        ) from error
    if not isinstance(scores, Tensor):
        raise ModelError("The model must return one tensor of logits in evaluation mode.")
    return scores


def first_line(error: BaseException) -> str:
    """The beginning of a foreign error, for use inside a sentence."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
