"""Whether a network's answer is its own: the same for a picture alone, beside others, and again.

A BatchNorm that takes its statistics from the batch, a dropout that is on, a random step or a
counter makes scores and maps depend on neighbours, on chance or on history. No map of such a
network can be trusted, and none of this can be seen from the outside afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from contextlib import suppress

import torch
from torch import Tensor, nn

from xai_core.errors import ModelError
from xai_core.models.float64_mode import Float64Mode
from xai_core.models.global_state import random_states_restored, seed_all
from xai_core.models.scores import scores_of
from xai_core.models.torch_calls import Call, function_name, observed, step_label
from xai_core.models.trees import tensors

# As a share of the largest value. Two ways to compute the same sums differ by a few roundings a
# layer; what stays below 64 is no more than that. Above, float64 decides: a network whose float32
# scores are nothing but rounding differs by 2e-9 there (the ratio of the two precisions), one
# that really depends on something by as much as before, at least 64 roundings of float32, 8e-6.
ROUNDINGS = 64
EXACT = 1e-7
# A single step, to name it: rounding stays far below, and what changes the scores is above.
STEP = 1e-4

Run = Callable[[Tensor], Iterable[Tensor]]


def check_repeatable(module: nn.Module, pictures: Tensor) -> Tensor:
    """See that a picture's scores depend on nothing but the picture.

    The second picture is asked alone, again, and between the others, so that no rule which takes
    the first or the last of a batch is missed. The global random states are what they were
    afterwards, though every run draws from others.

    Args:
        module: network in evaluation mode.
        pictures: three that differ, [3, 3, H, W].

    Returns:
        Their scores, [3, K].

    Raises:
        ModelError: the scores change with the picture's neighbours or from call to call, or the
            network does not run; the sentence names the step.
    """
    with torch.no_grad(), random_states_restored(pictures.device):
        together = _seeded(module, pictures, 1)
        one = pictures[1:2]
        try:
            alone = _seeded(module, one, 2)
        except ModelError as error:
            raise ModelError(_alone_fails(module, one, error)) from error
        again = _seeded(module, one, 3)
        if together.shape[:1] != (3,) or alone.shape != (1, *together.shape[1:]):
            raise ModelError(
                "The model must return one row of scores for each picture; for 3 pictures it "
                f"returned the shape {list(together.shape)}, for one {list(alone.shape)}."
            )
        if _differ(alone, again, lambda x: (_seeded(module, x[1:2], s) for s in (2, 3)), pictures):
            raise ModelError(_unsteady(_first_difference(module, one, one)))
        if _differ(
            alone,
            together[1:2],
            lambda x: (_seeded(module, x[1:2], 2), _seeded(module, x, 1)[1:2]),
            pictures,
        ):
            # A draw among few may have come out the same twice: the batch is asked again, too.
            step = _first_difference(module, pictures, pictures)
            if step is not None:
                raise ModelError(_unsteady(step))
            step = _first_difference(module, one, pictures)
            raise ModelError(
                "The model gives a picture other scores when others are in its batch: "
                f"{_said(step, 'takes something from the whole batch')}"
            )
        return together


def probe_pixels(size: tuple[int, int]) -> Tensor:
    """Three pictures of noise in [0, 1], always the same, [3, 3, H, W]."""
    return torch.rand((3, 3, *size), generator=torch.Generator().manual_seed(0))


def _seeded(module: nn.Module, x: Tensor, seed: int) -> Tensor:
    seed_all(seed)
    return scores_of(module, x)


def _differ(one: Tensor, other: Tensor, run: Run, pictures: Tensor) -> bool:
    """Whether scores differ by more than rounding; ``run`` gives both of these pictures."""
    if not bool(one.isfinite().all() and other.isfinite().all()):
        return not torch.equal(one.isfinite(), other.isfinite())
    single = one.dtype in (torch.float32, torch.float64)
    if single and _distance(one, other) <= ROUNDINGS * torch.finfo(one.dtype).eps:
        return False
    try:
        with Float64Mode():
            one, other = run(pictures.double())
            return _distance(one, other) > EXACT
    except ModelError:  # the network makes float32 values of its own
        return _distance(one, other) > math.sqrt(torch.finfo(one.dtype).eps)


def _distance(one: Tensor, other: Tensor) -> float:
    """The largest difference, as a share of the largest value."""
    largest = float(torch.maximum(one.abs().max(), other.abs().max()))
    return float((one - other).abs().max()) / largest if largest else 0.0


def _alone_fails(module: nn.Module, x: Tensor, error: ModelError) -> str:
    layer = ""
    with suppress(ModelError), observed(module, lambda _: None) as running:
        try:
            scores_of(module, x)
        finally:
            layer = running.layer
    place = f" in layer '{layer}'" if layer else ""
    return (
        f"The model takes pictures together, but fails on one alone{place}; "
        "BatchNorm without running statistics does that, or another step that takes something "
        f"from the whole batch. {error}"
    )


def _unsteady(step: Call | None) -> str:
    return (
        "The model gives the same picture other scores when it is asked again: "
        f"{_said(step, 'depends on chance or on earlier calls')}"
    )


def _said(step: Call | None, what: str) -> str:
    """The step with what to do about it."""
    if step is None:
        return f"a step that is no torch function {what}. Leave it out in evaluation mode."
    name = function_name(step.function)
    advice = "Leave it out in evaluation mode."
    if "dropout" in name:
        advice = "Give it training=self.training, or use the module nn.Dropout."
    elif "batch_norm" in name or "instance_norm" in name:
        advice = "Let it keep and use running statistics (track_running_stats=True)."
    return f"the step {step_label(name, step.layer)} {what}. {advice}"


def _first_difference(module: nn.Module, one: Tensor, other: Tensor) -> Call | None:
    """The first step that gives something else for the first picture in the second run."""
    calls: list[tuple[Call, list[Tensor]]] = []
    seed_all(4)
    with observed(module, lambda call: calls.append((call, _copied(call)))):
        scores_of(module, one)
    found: list[Call] = []
    place = len(other) // 2
    expected = iter(calls)

    def compare(call: Call) -> None:
        known = next(expected, None)
        if known is not None and not found and known[0].function == call.function:
            results = zip(known[1], _copied(call), strict=False)
            if any(_other(a, b, place, len(other)) for a, b in results):
                found.append(call)

    seed_all(5)
    with observed(module, compare):
        scores_of(module, other)
    return found[0] if found else None


def _copied(call: Call) -> list[Tensor]:
    return [value.detach().clone() for value in tensors(call.result)]


def _other(alone: Tensor, beside: Tensor, place: int, batch: int) -> bool:
    """Whether a value of the picture at ``place`` in a batch differs by more than rounding."""
    if alone.shape != beside.shape:
        # A batch stands in front, also where windows or heads are put there with it.
        fits = alone.dim() and alone.shape[1:] == beside.shape[1:]
        if not fits or len(beside) != batch * len(alone):
            return False
        beside = beside[place * len(alone) : (place + 1) * len(alone)]
    if not alone.numel() or alone.is_complex():
        return False
    one, two = alone.double(), beside.double()
    finite = bool(one.isfinite().all() and two.isfinite().all())
    coarse = alone.is_floating_point() and torch.finfo(alone.dtype).eps > STEP
    return finite and _distance(one, two) > (0.1 if coarse else STEP)
