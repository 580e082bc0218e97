"""What a network's outputs mean: scores of classes that exclude each other, or of labels.

A score becomes a probability by softmax, where the classes exclude each other, or by a sigmoid of
its own. Which of the two cannot be seen from scores, so it is told. What can be seen is seen: a
network that ends in a softmax or sigmoid gives the value before it, and one score for two
classes is that of the second, and its negative that of the first.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from xai_core.errors import ModelError
from xai_core.models.trail import Call, function_name, heard, scores_of, step_label

OUTPUTS = ("softmax", "sigmoid")
# What the sum of probabilities may miss 1 by, in roundings of their type.
ROUNDINGS = 64
# Multiples of the scores that a network must hand on as they are, if nothing follows them.
FACTORS = (1, 1000, -1000)
UNIT = (
    "All outputs lie between 0 and 1, as probabilities do; if they are, let the model return the "
    "scores before them."
)

_SOFTMAX = frozenset(
    {
        *(F.softmax, torch.softmax, Tensor.softmax, torch.special.softmax),
        *(F.log_softmax, torch.log_softmax, Tensor.log_softmax, torch.special.log_softmax),
    }
)
_SIGMOID = frozenset(
    {
        *(F.sigmoid, torch.sigmoid, Tensor.sigmoid, torch.special.expit, F.logsigmoid),
        *(torch.sigmoid_, Tensor.sigmoid_),
    }
)
_FINAL = _SOFTMAX | _SIGMOID


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

    def hear(call: Call) -> None:
        if call.function in _FINAL:
            calls.append(call)

    with heard(module, hear):
        last = scores_of(module, pictures)
    if not calls or not _same_values(calls[-1].result, last):
        return module, "", ()
    call = calls[-1]
    kind = "softmax" if call.function in _SOFTMAX else "sigmoid"
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
            with _Skipping(number, factor) as skipping:
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

    def hear(call: Call) -> None:
        if call.function is F.linear:
            layers.append(call.layer)

    with heard(module, hear):
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


class Ending(nn.Module):
    """A network that ends in another way; its modules keep their names.

    Args:
        inner: the network.
        skipped: number of the last softmax or sigmoid, which is left out; 0 for none.
        columns: 1 for scores [N] as [N, 1], 2 for one score z as [-z, z]; 0 for as they are.
    """

    def __init__(self, inner: nn.Module, skipped: int = 0, columns: int = 0) -> None:
        super().__init__()
        # The same modules and weights, and so the same names: the inner network is no child.
        self.__dict__["inner"] = inner
        for kind in ("_modules", "_parameters", "_buffers"):
            self.__dict__[kind] = getattr(inner, kind)
        self.skipped, self.columns = skipped, columns
        self.training = inner.training

    def forward(self, x: Tensor) -> Tensor:
        """[N, 3, H, W] -> [N, K].

        Raises:
            ModelError: it does not end in the same way on this input.
        """
        inner: Callable[[Tensor], Tensor] = self.__dict__["inner"]
        if self.skipped:
            with _Skipping(self.skipped) as skipping:
                scores = inner(x)
            if skipping.count != self.skipped:
                raise ModelError(
                    "The model does not end in the same softmax or sigmoid on every input; "
                    "let it return the scores before that."
                )
        else:
            scores = inner(x)
        if self.columns:
            scores = scores.reshape(len(x), 1)
        return torch.cat([-scores, scores], 1) if self.columns == 2 else scores

    def train(self, mode: bool = True) -> Self:
        """Set the mode of the inner network too, which is no child."""
        self.__dict__["inner"].train(mode)
        return super().train(mode)

    def __deepcopy__(self, memo: dict[int, Any]) -> Ending:
        inner = copy.deepcopy(self.__dict__["inner"], memo)
        return Ending(inner, self.skipped, self.columns)

    def __repr__(self) -> str:
        return f"Ending({self.__dict__['inner']!r}, {self.skipped}, {self.columns})"


class _Skipping(TorchFunctionMode):
    """Within the block the call of that number of a softmax or sigmoid gives its input.

    Args:
        number: counted from 1.
        factor: what the input is multiplied by, to see what becomes of it; None: it is as it is.

    Attributes:
        count: calls of a softmax or sigmoid so far.
        given: a copy of the multiplied input; None before the call.
    """

    def __init__(self, number: int, factor: int | None = None) -> None:
        super().__init__()
        self.count = 0
        self.given: Tensor | None = None
        self._number, self._factor = number, factor

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func in _FINAL:
            self.count += 1
            if self.count == self._number:
                score = args[0] if args else (kwargs or {})["input"]
                if self._factor is None:
                    return score
                self.given = self._factor * score
                return self.given.clone()
        return func(*args, **(kwargs or {}))
