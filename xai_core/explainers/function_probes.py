"""What a function of one tensor does, found by running it on probes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from xai_core.explainers.chain import Chain
from xai_core.explainers.nodes import vjp
from xai_core.models.scores import CANNOT_RUN
from xai_core.models.tape import Slot
from xai_core.models.trees import leaves

# How often half of the values are changed, to see that the others do not mind, and how many
# values there must be in all of these rounds.
_ROUNDS = 3
_CHANGED = 64
# Probes of every element where a constant differs from element to element.
_EACH = 8
_MOST_CONSTANTS = 8
_KEPT = 1024

_known: dict[Any, Found | None] = {}


@dataclass(frozen=True)
class Found:
    """Which element-wise function it is.

    Attributes:
        kind: "rectifier": ``factor * min(max(a, 0), top)``; "linear": ``factor * a + offset``,
            not constant; "other": anything else that has a derivative.
        top, factor: of a rectifier.
    """

    kind: Literal["rectifier", "linear", "other"]
    top: float = math.inf
    factor: float = 1.0


def probed(chain: Chain, value: Tensor) -> Found | None:
    """Which element-wise function of one value it is; None if it is none, or has no derivative.

    It is run on values from 2**-40 to 2**20 of both signs, four in every octave as far as the
    type has them, on 0, and around every number that occurs in its steps and around their
    sums, differences, products and quotients, where corners can be. What is the same function
    on all of them counts as that function. Random numbers are left as they were.

    Args:
        chain: the function.
        value: what it takes in the recorded run, [N, ...]; only its shape, type and device
            matter.
    """
    if not value.numel():
        return None
    for some in dict.fromkeys((min(2, len(value)), len(value))) if value.dim() else (0,):
        part = chain.for_fewer(len(value), some) if some else chain
        like = value[:some] if some else value
        key = _key(part, like)
        if key is not None and key in _known:
            return _known[key]
        try:
            with torch.random.fork_rng(devices=[value.device] if value.is_cuda else []):
                found = _found(part, like)
        except CANNOT_RUN:
            continue  # perhaps its steps tell how many pictures there are
        if key is not None:
            if len(_known) >= _KEPT:
                _known.clear()
            _known[key] = found
        return found
    return None


def _found(chain: Chain, like: Tensor) -> Found | None:
    grid = _grid(_numbers(chain), like)
    probes = list(_probes(grid, like, _EACH if _uneven(chain) else 1))
    with torch.no_grad():
        outs = [chain(probe) for probe in probes]
        same_shape = all(out.shape == like.shape and out.is_floating_point() for out in outs)
        if not same_shape or not _by_element(chain, like, grid):
            return None
        slopes = [
            vjp(lambda a: (chain(a),), [probe], [torch.ones_like(out)[None]])[0][0]
            for probe, out in zip(probes[:_EACH], outs, strict=False)
        ]
    a, out = torch.cat([p.flatten() for p in probes]), torch.cat([o.flatten() for o in outs])
    found = _rectifier(a, out) or _linear(a, out) or Found("other")
    right = all(_is_derivative(found, *pair) for pair in zip(probes, slopes, strict=False))
    return found if right else None


def _by_element(chain: Chain, like: Tensor, grid: Tensor) -> bool:
    """Whether elements keep their results, exactly, while half of the others change."""
    generator = torch.Generator().manual_seed(1)

    def drawn() -> Tensor:
        places = torch.randint(len(grid), like.shape, generator=generator)
        return grid[places.to(grid.device)]

    for _ in range(_ROUNDS + _CHANGED // like.numel()):
        probe, other = drawn(), drawn()
        change = (torch.rand(like.shape, generator=generator) < 0.5).to(grid.device)
        out, again = chain(probe), chain(torch.where(change, other, probe))
        if not bool((change | (again == out) | (again.isnan() & out.isnan())).all()):
            return False
    return True


def _rectifier(a: Tensor, out: Tensor) -> Found | None:
    least = a[a > 0].min()
    factor = float(out[a == least][0] / least)
    if not math.isfinite(factor) or factor == 0:
        return None
    # Just behind the corner, where a difference of two ReLUs is least inexact.
    behind = a[(a > 0) & (out / factor < a * (1 - 2**-9))]
    top = float(out[a == behind.min()][0] / factor) if len(behind) else math.inf
    a = a.to(out.dtype)
    close = top > 0 and _close(out, factor * a.clamp(0, max(top, 0.0)), abs(factor) * a.abs())
    return Found("rectifier", top, factor) if close else None


def _linear(a: Tensor, out: Tensor) -> Found | None:
    offset, at_one = float(out[a == 0][0]), float(out[a == 1][0])
    factor = at_one - offset
    if not math.isfinite(factor) or factor == 0:
        return None
    # The offset may be far larger than the factor, whose rounding then counts by its size.
    scale = max(abs(offset), abs(at_one)) * (a.abs().to(out.dtype) + 1)
    expected = factor * a.to(out.dtype) + offset
    return Found("linear", factor=factor) if _close(out, expected, scale) else None


def _close(out: Tensor, expected: Tensor, scale: Tensor) -> bool:
    """Equal but for the rounding of a few operations with values of that scale."""
    return bool(((out - expected).abs() <= 8 * torch.finfo(out.dtype).eps * scale).all())


def _is_derivative(found: Found, a: Tensor, slope: Tensor) -> bool:
    """Whether autograd knows the slope: a ``detach``, say, hides it."""
    if found.kind == "other":
        return True
    expected = torch.full_like(slope, found.factor)
    if found.kind == "rectifier":
        expected = expected * ((a > 0) & (a < found.top))
    corner = (a == 0) | (a == found.top)
    return bool((corner | ((slope - expected).abs() <= 1e-2 * abs(found.factor))).all())


def _grid(numbers: Sequence[float], like: Tensor) -> Tensor:
    """Probes, ascending; 0 and 1 are among them."""
    sizes = 2 ** (torch.arange(-160, 81, dtype=torch.float64) / 4)
    pairs = itertools.product(numbers, repeat=2)
    corners = {*numbers}
    for a, b in pairs:
        corners.update((a + b, a - b, a * b, a / b if b else 0.0))
    middle = torch.tensor([0.0, *sorted(corners)], dtype=torch.float64)
    around = [middle, middle * (1 - 2**-7), middle * (1 + 2**-7)]
    half = torch.cat([sizes, *around])
    grid = torch.cat([half, -half]).to(like.dtype)
    found: Tensor = torch.unique(grid[grid.isfinite()])
    return found.to(like.device)


def _probes(grid: Tensor, like: Tensor, least: int) -> Iterator[Tensor]:
    """Tensors of that shape that hold the whole grid together, and else random values of it."""
    count = like.numel()
    passes = max(least, -(-len(grid) // count))
    generator = torch.Generator().manual_seed(0)
    grid = grid[torch.randperm(len(grid), generator=generator).to(grid.device)]
    for start in range(0, passes * count, count):
        places = torch.randint(len(grid), (count,), generator=generator)
        given = torch.arange(start, max(start, min(start + count, len(grid))))
        places[: len(given)] = given
        yield grid[places.to(grid.device)].view(like.shape)


def _numbers(chain: Chain) -> list[float]:
    """Numbers among the steps' arguments."""
    found: dict[float, None] = {}
    for item in leaves([(step.args, step.kwargs) for step in chain.steps]):
        if isinstance(item, int | float) and not isinstance(item, bool):
            found[float(item)] = None
        elif isinstance(item, Tensor) and item.numel() and not item.is_complex():
            found.update(dict.fromkeys((float(item.min()), float(item.max()))))
    return [number for number in found if math.isfinite(number)][:_MOST_CONSTANTS]


def _uniform(item: Tensor) -> bool:
    return item.numel() > 0 and bool((item == item.flatten()[0]).all())


def _uneven(chain: Chain) -> bool:
    given = leaves([(step.args, step.kwargs) for step in chain.steps])
    return any(isinstance(item, Tensor) and not _uniform(item) for item in given)


def _key(chain: Chain, like: Tensor) -> Any:
    """The same for chains that do the same with values of that shape; None if it is not known."""
    order = {chain.source: 0}

    def content(item: Any) -> Any:
        if isinstance(item, Slot):
            return ("value", order.setdefault(item.number, len(order)))
        if isinstance(item, dict):
            return tuple((key, content(value)) for key, value in item.items())
        if isinstance(item, tuple | list):
            return (type(item).__name__, *map(content, item))
        if isinstance(item, Tensor):
            if not _uniform(item):
                raise TypeError
            return (item.dtype, tuple(item.shape), item.flatten()[0].item())
        return (type(item), item)

    parts = []
    try:
        for step in chain.steps:
            outputs = tuple(order.setdefault(number, len(order)) for number in step.outputs)
            parts.append((step.function, content(step.args), content(step.kwargs), outputs))
        key = (*parts, tuple(like.shape), like.dtype, like.device)
        hash(key)
    except TypeError:
        return None
    return key
