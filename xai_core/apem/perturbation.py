"""Pictures, and the steps that take them along a map towards another class.

The picture is ``p`` in [0, 1], before mean and standard deviation, and is not clipped. A map
``R`` in [0, 1] becomes a step of length 1 in the L1 norm, ``R / |R|_1 * s``, where ``s`` is the
sign of the gradient of the cross-entropy (the binary one for a network of one score); so the
number of steps is the size of the perturbation.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from xai_core.errors import MethodError, ModelError
from xai_core.explainers.panel import check_input
from xai_core.explainers.winner_gradients import FollowingWinners
from xai_core.models.classifier import Classifier
from xai_core.models.global_state import without_global_modes
from xai_core.models.outputs import log_probabilities


class Perturbation:
    """Pictures with the classes that the network gives them, and the ways out of those classes.

    Args:
        clf: the classifier, of at least two classes.
        x: what ``clf.preprocess`` returns, [N, 3, H, W].

    Attributes:
        classes: the predicted ones, int64 [N].
        signs: of the cross-entropy's gradient for them, [N, 3, H, W].

    Raises:
        ModelError: the classifier has one class alone, or labels that do not exclude each other,
            or gives a picture no finite scores.
        MethodError: ``x`` is not what the classifier takes.
    """

    def __init__(self, clf: Classifier, x: Tensor) -> None:
        check_input(clf, x)
        if len(clf.class_names) < 2:
            raise ModelError("A model of one class cannot change its answer; APEM needs two.")
        if clf.outputs == "sigmoid":
            raise ModelError(
                "The model's labels do not exclude each other (outputs: sigmoid), so there is no "
                "one answer that could change; APEM needs classes that do."
            )
        self.clf, self.x = clf, x
        # Picture by picture, as the thresholds are defined: a batch rounds otherwise.
        found = [_class_and_signs(clf, one) for one in x[:, None]]
        self.classes = torch.cat([classes for classes, _ in found])
        self.signs = torch.cat([signs for _, signs in found])

    def of(self, *places: int) -> Perturbation:
        """The same for some of the pictures."""
        few, some = copy.copy(self), list(places)
        few.x, few.classes, few.signs = self.x[some], self.classes[some], self.signs[some]
        return few

    def repeated(self, times: int) -> Perturbation:
        """The same one picture ``times`` over."""
        many = copy.copy(self)
        many.x, many.classes = self.x.expand(times, -1, -1, -1), self.classes.expand(times)
        many.signs = self.signs.expand(times, -1, -1, -1)
        return many

    def steps(self, maps: Tensor) -> Tensor:
        """The step along each map, in the network's input: add it ``epsilon`` times.

        Args:
            maps: some for each picture, float64 [N, M, 3, H, W] in [0, 1], none of them zero
                everywhere; on the processor.

        Returns:
            [N, M, 3, H, W], where the pictures are.
        """
        shares = maps / maps.sum((2, 3, 4), keepdim=True)
        steps = shares.to(self.x) * self.signs[:, None]
        std = self.clf.std
        return steps if std is None else steps / steps.new_tensor(std)[:, None, None]


def _class_and_signs(clf: Classifier, x: Tensor) -> tuple[Tensor, Tensor]:
    """Predicted class [1] of one picture, and the signs of the gradient [1, 3, H, W]."""
    with without_global_modes(x.device), torch.enable_grad(), FollowingWinners():
        probe = x.detach().clone().requires_grad_()
        logits = clf.logits(probe)
        if not bool(torch.isfinite(logits).all()):
            raise ModelError("The model gives a picture scores that are not finite numbers.")
        classes = logits.detach().argmax(1)
        (gradient,) = torch.autograd.grad(
            -log_probabilities(logits, clf.outputs)[0, classes].sum(), probe
        )
    return classes, gradient.sign()


def checked_maps(maps: Tensor, x: Tensor) -> Tensor:
    """Maps as float64 [N, 3, H, W], each of which, and its opposite, points somewhere.

    Raises:
        MethodError: they are of another size, or not in [0, 1], or zero or one everywhere.
    """
    values, problems = judged_maps(maps, x)
    for problem in filter(None, problems):
        raise MethodError(problem)
    return values


def judged_maps(maps: Tensor, x: Tensor) -> tuple[Tensor, list[str]]:
    """Maps as float64 [N, 3, H, W], and why each of them cannot be measured; "" where it can.

    They are on the processor, so that their steps are the same numbers whatever computes.

    Raises:
        MethodError: they are of another size, or not in [0, 1].
    """
    count, _, height, width = x.shape
    shapes = [(count, channels, height, width) for channels in (1, 3)]
    if not isinstance(maps, Tensor) or tuple(maps.shape) not in shapes:
        found = list(maps.shape) if isinstance(maps, Tensor) else type(maps).__name__
        raise MethodError(
            f"The maps must be {list(shapes[0])} or {list(shapes[1])}, one for each picture and "
            f"as large as the model's input, not {found}."
        )
    values = maps.detach().cpu().double()
    if bool(((values < 0) | (values > 1)).any()):
        raise MethodError("The maps must lie in [0, 1]; relevance_map brings relevance there.")
    problems = [_problem(index, one) for index, one in enumerate(values)]
    return values.expand(-1, 3, -1, -1), problems


def _problem(index: int, map_: Tensor) -> str:
    if not bool(torch.isfinite(map_).all()):
        return f"Map {index} has values that are not finite numbers."
    if not map_.any():
        return f"Map {index} is zero everywhere: its method explains nothing here."
    if bool((map_ == 1).all()):
        return f"Map {index} is 1 everywhere, so nothing in it is irrelevant."
    return ""
