"""What a network's outputs mean: scores of classes that exclude each other, or of labels.

A score becomes a probability by softmax, where the classes exclude each other, or by a sigmoid of
its own. Which of the two cannot be seen from scores, so it is told. What can be seen is seen: a
network that ends in a softmax or sigmoid gives the value before it, and one score for two
classes is that of the second, and its negative that of the first.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xai_core.errors import ModelError
from xai_core.models.endings import FINAL, SOFTMAX, Ending, Skipping
from xai_core.models.scores import scores_of
from xai_core.models.torch_calls import Call, function_name, observed, step_label

OUTPUTS = ("softmax", "sigmoid")
# What the sum of probabilities may miss 1 by, in roundings of their type.
ROUNDINGS = 64
# Multiples of the scores that a network must hand on as they are, if nothing follows them.
FACTORS = (1, 1000, -1000)
UNIT = (
    "All outputs lie between 0 and 1, as probabilities do; if they are, let the model return the "
    "scores before them."
)


@dataclass(frozen=True)
class Scored:
    """A network that gives scores.

    Attributes:
        module: [N, 3, H, W] -> scores [N, K].
        outputs: "softmax": the classes exclude each other; "sigmoid": each is there or not;
            "binary": two classes, whose scores are -z and z, and whose probabilities are the
            sigmoids of these.
        notes: sentences about what was done.
    """

    module: nn.Module
    outputs: str
    notes: tuple[str, ...]


def scored(
    module: nn.Module,
    pictures: Tensor,
    given: Tensor,
    class_names: Sequence[str],
    outputs: str | None,
) -> Scored:
    """The network with a score for every class, however it ends.

    Args:
        module: a private network in evaluation mode.
        pictures: some that differ, [N, 3, H, W].
        given: what the network gives for them.
        class_names: its classes; two for a network of one score.
        outputs: "softmax", "sigmoid", or None: as the network ends, "sigmoid" for one score,
            else "softmax".

    Raises:
        ModelError: the outputs do not match the names or what is said about them, or are
            probabilities whose scores cannot be had.
    """
    if outputs not in (None, *OUTPUTS):
        raise ModelError(f"The outputs are {' or '.join(OUTPUTS)}, not '{outputs}'.")
    _check_shape(given, len(class_names))
    with torch.no_grad():
        module, kind, notes = _before_last(module, pictures, given)
        if kind and outputs and kind != outputs:
            raise ModelError(f"The model ends in a {kind}, so its outputs are not '{outputs}'.")
        if not kind:
            notes = _check_scores(given)
        if given.numel() > len(pictures):
            return Scored(module, kind or outputs or "softmax", notes)
        if "softmax" in (kind, outputs):
            raise ModelError("A softmax of one output is 1 for every picture; give sigmoid.")
        if given.dim() == 1 or len(class_names) == 2:
            module = _for_names(module, pictures, len(class_names))
    if len(class_names) == 1:
        return Scored(module, "sigmoid", notes)
    no, yes = class_names
    return Scored(
        module, "binary", (*notes, f"One score z: '{yes}' is explained by z, '{no}' by -z.")
    )


def log_probabilities(scores: Tensor, outputs: str) -> Tensor:
    """Logarithms of the classes' probabilities, [..., K] -> [..., K]."""
    return scores.log_softmax(-1) if outputs == "softmax" else F.logsigmoid(scores)


def probabilities(scores: Tensor, outputs: str) -> Tensor:
    """Probabilities of the classes, [..., K] -> [..., K]."""
    return scores.softmax(-1) if outputs == "softmax" else scores.sigmoid()


def _check_shape(given: Tensor, names: int) -> None:
    shape = list(given.shape[1:])
    one = shape in ([], [1]) and names in (1, 2)
    if not one and shape != [names]:
        raise ModelError(
            f"The model gives an output of shape {shape}, but {names} class names were given."
        )


def _before_last(
    module: nn.Module, pictures: Tensor, given: Tensor
) -> tuple[nn.Module, str, tuple[str, ...]]:
    """The network without a last softmax or sigmoid, which of them it was, and a sentence."""
    unit = bool((given >= 0).all() and (given <= 1).all())
    if not unit and not bool((given <= 0).all()):  # no values of any of these functions
        return module, "", ()
    calls: list[Call] = []

    def note(call: Call) -> None:
        if call.function in FINAL:
            calls.append(call)

    with observed(module, note):
        last = scores_of(module, pictures)
    if not calls or not _same_values(calls[-1].result, last):
        return module, "", ()
    call = calls[-1]
    kind = "softmax" if call.function in SOFTMAX else "sigmoid"
    step = step_label(function_name(call.function), call.layer)
    if not _ends_there(module, pictures, len(calls)):
        raise ModelError(
            f"The model changes what its last step {step} gives; let it return the scores before "
            "that."
        )
    return (
        Ending(module, skipped=len(calls)),
        kind,
        (f"The model ends in the step {step}; the score before it is explained.",),
    )


def _ends_there(module: nn.Module, pictures: Tensor, number: int) -> bool:
    """Whether nothing follows a softmax or sigmoid that would change scores in its place.

    A clamp to [0, 1] or a ReLU changes no probability, but scores, which may be of any size.
    """
    for factor in FACTORS:
        try:
            with Skipping(number, factor) as skipping:
                given = scores_of(module, pictures)
        except ModelError:  # it looks at the probabilities
            return False
        if not _same_values(skipping.given, given):
            return False
    return True


def _same_values(one: Any, other: Tensor) -> bool:
    return (
        isinstance(one, Tensor)
        and one.numel() == other.numel()
        and torch.equal(one.reshape(-1).to(other), other.reshape(-1))
    )


def _check_scores(given: Tensor) -> tuple[str, ...]:
    """Refuse probabilities whose making is not understood, so that no scores can be had.

    Returns:
        A sentence, where outputs may be probabilities that do not add up to 1.
    """
    # Not zeros: those are of a ReLU or of weights that are zero.
    said = (UNIT,) if bool((given > 0).all() and (given <= 1).all()) else ()
    if given.dim() < 2 or given.shape[1] < 2 or bool((given == given[:1]).all()):
        return said
    bound = ROUNDINGS * torch.finfo(given.dtype).eps
    for values in (given, given.exp()):
        sums = values.double().sum(1)
        if bool((values >= 0).all()) and bool(((sums - 1).abs() <= bound).all()):
            raise ModelError(
                "The model's outputs are probabilities (or their logarithms), which add up to 1, "
                "and not made by a last softmax; let it return the scores before them."
            )
    return said


def _for_names(module: nn.Module, pictures: Tensor, names: int) -> nn.Module:
    """A network of one score z with a column for every name: z, or -z and z."""
    if names == 2:
        twofold = _doubled_last(module, pictures)
        if twofold is not None:
            return twofold
    return Ending(module, columns=names)


def _doubled_last(module: nn.Module, pictures: Tensor) -> nn.Module | None:
    """The network whose last Linear has a second row, so that every method knows each step."""
    layers: list[str] = []

    def note(call: Call) -> None:
        if call.function is F.linear:
            layers.append(call.layer)

    with observed(module, note):
        single = scores_of(module, pictures).reshape(-1, 1)
    twin = copy.deepcopy(module)
    last = twin.get_submodule(layers[-1]) if layers else twin
    if type(last) is not nn.Linear or last.out_features != 1 or layers.count(layers[-1]) > 1:
        return None
    last.weight = nn.Parameter(torch.cat([-last.weight, last.weight]), requires_grad=False)
    if last.bias is not None:
        last.bias = nn.Parameter(torch.cat([-last.bias, last.bias]), requires_grad=False)
    last.out_features = 2
    try:
        double = scores_of(twin, pictures)
    except ModelError:
        return None
    expected = torch.cat([-single, single], 1)
    same = double.shape == expected.shape and torch.allclose(double, expected, rtol=1e-4)
    return twin if same else None
