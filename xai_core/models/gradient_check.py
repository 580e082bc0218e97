"""Whether the gradient that PyTorch gives is the slope of the network's scores.

``detach``, ``no_grad``, NumPy, hooks on tensors and autograd functions of one's own make of the
gradient something else, and every map that uses it is then one of another network. First one
pass is listened to for such steps. Then the gradient is compared with how the scores change when
the picture is moved a little.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.autograd.function import BackwardCFunction

from xai_core.errors import ModelError
from xai_core.models.float64_mode import Float64Mode
from xai_core.models.global_state import random_states_restored, seed_all
from xai_core.models.repeatability import EXACT
from xai_core.models.scores import first_line, scores_of
from xai_core.models.torch_calls import Call, function_name, observed, step_label
from xai_core.models.torch_functions import SHAPE_ONLY
from xai_core.models.trees import tensors

# Between moved pictures and the gradient, as a share of the larger. A step of 1e-7 in float64 is
# rounded to 1e-9 / 1e-7 at worst, in a network that amplifies rounding a million times, and
# crosses a kink of one in some 10^7 ReLUs; a step whose gradient is cut changes it by far more.
# A longer step helps where rounding is worse still, so the best of three counts; a network of
# torch's own steps where no two of them tell the same slope is too rough to be compared.
STEPS = (1e-7, 1e-6, 1e-5)
DIFFERENT = 0.01
# Networks without a suspicious step are compared on a corner of the picture with one of these
# sides, because float64 on large pictures takes seconds.
SIDES = (32, 96)

_STEPWISE = frozenset(
    function
    for name in ("round", "floor", "ceil", "trunc", "fix", "sign", "heaviside", "floor_divide")
    for function in (getattr(torch, name), getattr(Tensor, name))
)
# By these the gradient ends, or becomes another one.
_CUTTING = _STEPWISE | {
    *(Tensor.detach, torch.detach, Tensor.data.__get__, Tensor.register_hook),  # type: ignore[attr-defined]
    *(Tensor.numpy, Tensor.__array__, Tensor.tolist, Tensor.item),
}
_WITHOUT_GRADIENT = SHAPE_ONLY | {torch.rand_like, torch.randn_like}


def check_gradient(module: nn.Module, pictures: Tensor, accepted: bool) -> str:
    """See that the gradient is the slope of the scores.

    A network of torch's own differentiable steps is compared on a small picture, if it takes
    one; one with a step that cuts or changes gradients on its own.

    Args:
        module: network in evaluation mode, no parameter of which requires gradients.
        pictures: some that differ, [N, 3, H, W].
        accepted: whether a gradient that differs is meant so.

    Returns:
        One sentence about a gradient that differs and is accepted, else "".

    Raises:
        ModelError: the gradient differs and is not accepted, or there is none; the sentence
            names the step.
    """
    with random_states_restored(pictures.device), torch.enable_grad():
        suspects = _suspects(module, pictures[:1])
        found = _compared(module, pictures, bool(suspects))
    if found is None or found.agrees:
        return ""
    step = _any_of(suspects)
    if not found.gradient:
        raise ModelError(
            f"The model's scores change with the picture, but their gradient is zero: {step} cuts "
            "it. Take out what does (detach, no_grad, NumPy, rounding)."
        )
    said = (
        f"The model's gradient is not the slope of its scores ({found.gradient:.3g} where they "
        f"change by {found.slope:.3g}): {step} changes it"
    )
    if accepted:
        return f"{said}. Maps that use the gradient follow it as it is."
    raise ModelError(
        f"{said}. Take that out; or, where it is meant (a stop-gradient, quantisation), give "
        "accept_gradients=True, and the maps say so."
    )


@dataclass(frozen=True)
class _Slopes:
    """Along two directions: what the gradient says, and how the scores change."""

    gradient: float
    slope: float
    agrees: bool


def _suspects(module: nn.Module, picture: Tensor) -> list[str]:
    """Steps that may cut or change the gradient, in words, the first first."""
    found: list[str] = []
    custom: list[str] = []
    inner: list[str] = []

    def note(call: Call) -> None:
        custom.extend(_function_label(v, call.layer) for v in call.given if _is_custom(v))
        if not any(value.requires_grad for value in call.given):
            return
        step = f"the step {step_label(function_name(call.function), call.layer)}"
        results = [value for value in tensors(call.result) if value.is_floating_point()]
        if call.function in _CUTTING:
            found.append(step)
        elif call.function not in _WITHOUT_GRADIENT and any(not r.requires_grad for r in results):
            inner.append(step)

    seed_all(1)
    point = picture.detach().clone().requires_grad_()
    layer = ""
    try:
        with observed(module, note) as running:
            try:
                scores = scores_of(module, point)
            finally:
                layer = running.layer
    except ModelError as error:
        place = f"layer '{layer}'" if layer else "the model itself"
        raise ModelError(
            f"The model runs without gradients only: {place} fails with them "
            f"({str(error).partition(': ')[2]}), so that nothing can be explained by them."
        ) from error
    if _is_custom(scores):
        custom.append(_function_label(scores, layer))
    # What an autograd function does within, it does without gradients.
    found += custom or inner
    if nn.modules.module._has_any_global_hook():  # type: ignore[no-untyped-call]
        found = ["a hook that is registered for all modules"]
    if not scores.requires_grad:
        step = _any_of(found)
        raise ModelError(
            f"The model's scores have no gradient: {step} cuts it. Take out what does (detach, "
            "no_grad, .data, NumPy), so that the scores can be differentiated."
        )
    return list(dict.fromkeys(found))


def _any_of(suspects: Sequence[str]) -> str:
    return " or ".join(suspects[:3]) or "a step that cannot be told"


def _is_custom(value: Tensor) -> bool:
    """Whether a value comes from an autograd function that is not torch's own."""
    node = value.grad_fn
    return isinstance(node, BackwardCFunction) or type(node).__name__ == "CppFunction"


def _function_label(value: Tensor, layer: str) -> str:
    name = type(value.grad_fn).__name__.removesuffix("Backward")
    return f"the step {step_label(name, layer)} (an autograd function of its own)"


def _compared(module: nn.Module, pictures: Tensor, suspicious: bool) -> _Slopes | None:
    """The comparison on pictures that serve; None if there are none."""
    if suspicious:
        return _slopes(module, pictures, suspicious)
    for side in SIDES:
        small = pictures[:, :, :side, :side]
        try:
            with torch.no_grad():
                scores_of(module, small[:1])
        except ModelError:  # it is made for another size
            continue
        return _slopes(module, small, suspicious)
    return None


def _slopes(module: nn.Module, pictures: Tensor, suspicious: bool) -> _Slopes | None:
    try:
        with Float64Mode():
            return _along_two_ways(module, pictures.double(), suspicious)
    except ModelError:
        # Gradient checkpointing runs parts of the network again, where the mode does not reach.
        twin = copy.deepcopy(module).double()
        return _along_two_ways(twin, pictures.double(), suspicious)


def _along_two_ways(module: nn.Module, pictures: Tensor, suspicious: bool) -> _Slopes | None:
    picture = pictures[:1]
    generator = torch.Generator().manual_seed(0)
    ways = torch.randn((2, *picture.shape[1:]), generator=generator, dtype=torch.float64)
    ways = ways.to(picture.device)
    scores, gradient, weights = _differentiated(module, picture)
    expected = (gradient * ways).flatten(1).sum(1)
    if not bool(scores.isfinite().all() and expected.isfinite().all()):
        return None
    flat = not bool(gradient.any())
    changes: list[Tensor] = []
    for step in STEPS:
        with torch.no_grad():
            moved = scores_of(module, picture + step * ways)
        change = ((moved - scores) * weights).flatten(1).sum(1) / step
        rounding = 64 * torch.finfo(torch.float64).eps * float(scores.abs().sum()) / step
        largest = max(float(expected.norm()), float(change.norm()))
        agrees = float((expected - change).norm()) <= max(DIFFERENT * largest, rounding)
        changes.append(change)
        if agrees:
            break
    if not agrees and not (suspicious or _measured(changes)):
        return None
    if agrees and flat:
        # Where rounding makes steps of the scores, both are zero and neither says anything.
        scores, gradient, _ = _differentiated(module, pictures)
        spread = float((scores - scores[:1]).abs().max())
        agrees = bool(gradient.any()) or spread <= EXACT * float(scores.abs().max())
    return _Slopes(0.0 if flat else float(expected.norm()), float(change.norm()), agrees)


def _measured(changes: Sequence[Tensor]) -> bool:
    """Whether two steps tell the same slope, so that neither rounding nor a bend decides."""
    return any(
        float((one - other).norm()) <= DIFFERENT * float(other.norm())
        for one, other in pairwise(changes)
    )


def _differentiated(module: nn.Module, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Scores, the gradient of a random combination of them, and its factors."""
    point = pictures.detach().requires_grad_()
    seed_all(1)
    scores = scores_of(module, point)
    generator = torch.Generator().manual_seed(1)
    weights = torch.randn(scores.shape[1:], generator=generator, dtype=torch.float64)
    weights = weights.to(scores.device)
    try:
        (gradient,) = torch.autograd.grad((scores * weights).sum(), point, allow_unused=True)
    except RuntimeError as error:
        raise ModelError(
            f"The gradient of the model's scores cannot be had: {first_line(error)}"
        ) from error
    return scores.detach(), torch.zeros_like(point) if gradient is None else gradient, weights
