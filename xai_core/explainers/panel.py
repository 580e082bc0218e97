"""The ways to call methods, one or several: checks, a private model, and a checked result."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from xai_core.device import CPU, VARIABLE, first_line, has_float64, memory_told
from xai_core.errors import DeviceMemoryError, MethodError, ModelError
from xai_core.explainers import registry
from xai_core.explainers.sharing import Requests, Sharing
from xai_core.explainers.winner_gradients import FollowingWinners
from xai_core.models.classifier import Classifier
from xai_core.models.global_state import without_global_modes
from xai_core.models.tape import Tape
from xai_core.models.trees import mapped

# How torch says that it has no such operation on a Mac's card.
LACKING = re.compile("not currently implemented for the MPS device|from the 'MPS' backend")


def explain(
    clf: Classifier,
    x: Tensor,
    targets: int | Sequence[int] | Tensor,
    method: str = "saliency",
    **params: Any,
) -> Tensor:
    """Relevance of every pixel or region for the logit of a class.

    The classifier and ``x`` stay as they were, also when the method raises: the method works
    on a private twin in evaluation mode and on a copy, and draws its random numbers from its
    own generator. It may be called from several threads at once, and under ``no_grad``.

    Args:
        clf: the classifier.
        x: what ``clf.preprocess`` returns, [N, 3, H, W].
        targets: explained class of each image, or one class for all.
        method: id of a method in ``METHODS``.
        **params: settings of that method; its defaults for those not given.

    Returns:
        Raw relevance [N, C, h, w], detached and finite, in the type and on the device of
        ``x``: C and the resolution as the method's row in ``METHODS`` says.

    Raises:
        MethodError: an unknown method or setting, an ``x`` that does not fit, or a result
            that is not finite.
        ModelError: a class or layer that the model does not have.

    Example:
        >>> relevance = explain(clf, x, targets=3, method="integrated_gradients", steps=50)
    """
    return Panel(clf, x, targets, {method: params}).explain(method)


class Panel:
    """Several methods on the same pictures and classes, which share what they can.

    One gradient serves saliency, input × gradient and the CAM family, one recorded forward
    pass all that lead relevance back layer by layer, and the αβ presets of LRP go back as one
    batch. What was computed is kept until every method has been explained. A panel may be
    used by one thread at a time. As the last line of a notebook's cell it shows its maps.

    Args:
        clf: the classifier.
        x: what ``clf.preprocess`` returns, [N, 3, H, W].
        targets: explained class of each image, or one class for all.
        requests: settings of every method, by its id; defaults for those not given.
        known: the tape of a network that shares some of the classifier's weights, run on ``x``
            (``record``). What the two networks have in common is not computed again.

    Raises:
        MethodError: an unknown method or setting, or an ``x`` that does not fit or is not that
            of ``known``.
        ModelError: a class that the model does not have.

    Example:
        >>> panel = Panel(clf, x, 3, {"saliency": {}, "gradcam": {"relu": False}})
        >>> maps = {name: panel.explain(name) for name in panel.methods}
    """

    def __init__(
        self,
        clf: Classifier,
        x: Tensor,
        targets: int | Sequence[int] | Tensor,
        requests: Mapping[str, Mapping[str, Any]],
        known: Tape | None = None,
    ) -> None:
        rows = {name: registry.method(name) for name in requests}
        settings = {name: row.settings(requests[name]) for name, row in rows.items()}
        check_input(clf, x)
        if known is not None and not _same_pictures(known.values[0], x):
            raise MethodError("The recorded run is one of other pictures than these.")
        with torch.inference_mode(False):
            self._x = x.detach().clone() if known is None else known.values[0]
            self._targets = class_numbers(clf, targets, len(x)).to(x.device)
        self._clf, self._rows, self._like = clf, rows, x
        self._on_processor: Panel | None = None
        self._sharing = Sharing(settings, known)
        self._left = set(requests)
        self._seconds: dict[str, tuple[float, float]] = {}
        self._maps: dict[str, Tensor] = {}

    @property
    def methods(self) -> list[str]:
        """Ids of the methods."""
        return list(self._rows)

    @property
    def left(self) -> Requests:
        """All settings of the methods that have not been explained yet, by id."""
        return {name: self._sharing.requests[name] for name in self._rows if name in self._left}

    @property
    def maps(self) -> Mapping[str, Tensor]:
        """What ``explain`` has returned, by method, in the order of ``methods``."""
        return {name: self._maps[name] for name in self._rows if name in self._maps}

    @property
    def seconds(self) -> Mapping[str, tuple[float, float]]:
        """Computing time of every explained method: its own, and of the passes it shares.

        A pass counts in full for every method that uses it, so that their sum is about what
        the method takes alone.
        """
        return dict(self._seconds)

    def explain(self, name: str) -> Tensor:
        """Relevance by one of the methods, as ``explain`` returns it.

        Raises:
            MethodError: the method is not defined for this model, or gave values that are not
                finite; the other methods are not affected.
            ModelError: a layer that the model does not have.
            DeviceMemoryError: a card has too little memory for it.
        """
        row = self._rows[name]
        exact = row.needs_float64(self._sharing.requests[name])
        try:
            if exact and not has_float64(self._x.device):
                relevance = self._by_processor(name)
            else:
                relevance = self._by_device(name)
        finally:
            self._left.discard(name)
            if not self._left:
                self._sharing.forget()
                self._on_processor = None
        if not bool(torch.isfinite(relevance).all()):
            raise MethodError(
                f"{row.title} gave values that are not finite numbers on {self._clf.title}; "
                "its weights may hold such values, or this picture drives it out of range."
            )
        # What is shared may also be another method's.
        self._maps[name] = relevance.clone().to(self._like)
        return self._maps[name]

    def _by_processor(self, name: str) -> Tensor:
        """Relevance by a method that needs float64, which the device does not have."""
        if self._on_processor is None:
            asked = mapped(
                {
                    other: dict(settings)
                    for other, settings in self._sharing.requests.items()
                    if self._rows[other].needs_float64(settings)
                },
                lambda leaf: leaf.cpu() if isinstance(leaf, Tensor) else leaf,
            )
            clf, x, targets = self._clf.on(CPU), self._x.cpu(), self._targets.cpu()
            self._on_processor = Panel(clf, x, targets, asked)
        relevance = self._on_processor.explain(name)
        self._seconds[name] = self._on_processor.seconds[name]
        return relevance

    def _by_device(self, name: str) -> Tensor:
        try:
            return self._computed(name)
        except DeviceMemoryError:
            if not self._sharing.keeps:
                raise
        self._sharing.forget()  # what is kept for other methods may be what is missing
        return self._computed(name)

    def _computed(self, name: str) -> Tensor:
        row, settings = self._rows[name], self._sharing.requests[name]
        clf, x = self._clf, self._x
        try:
            with (
                memory_told(x.device, row.title),
                without_global_modes(x.device),
                torch.enable_grad(),
                self._sharing.active(),
                FollowingWinners(),
                clf.lent() as twin,
            ):
                relevance = row.function(twin, x, self._targets, **settings).detach()
                self._seconds[name] = self._sharing.seconds()
        except RuntimeError as error:
            if x.device.type == "mps" and LACKING.search(str(error)):
                raise MethodError(
                    f"{row.title} takes a step that {x.device} does not have "
                    f"({first_line(error)}); compute it with {VARIABLE}=cpu."
                ) from error
            height, width = clf.input_size
            if x.shape[2:] == clf.input_size:
                raise
            raise MethodError(
                f"{clf.title} is made for pictures of {height} × {width} pixels and failed on "
                f"{x.shape[2]} × {x.shape[3]} pixels: {error}"
            ) from error
        return relevance

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """The pictures and the maps so far, as a notebook shows them (``xai_core.notebook``)."""
        # The one import that points up: who only computes needs nothing of drawing.
        from xai_core.notebook import show

        left = ", ".join(row.title for name, row in self._rows.items() if name not in self._maps)
        note = f"Not explained yet: {left}." if left else ""
        shown = show(self._clf, self._x, self.maps, self._targets, note=note)
        return shown._repr_mimebundle_()


def check_input(clf: Classifier, x: Tensor) -> None:
    """See that ``x`` is what the classifier takes.

    Raises:
        MethodError: it is not; the sentence says what it should be.
    """
    if not isinstance(x, Tensor) or x.dim() != 4 or x.shape[1] != 3 or x.numel() == 0:
        found = list(x.shape) if isinstance(x, Tensor) else type(x).__name__
        raise MethodError(f"The input must be pictures [N, 3, height, width], not {found}.")
    if x.dtype != clf.dtype or x.device != clf.device:
        raise MethodError(
            f"The input is {x.dtype} on {x.device}, but {clf.title} needs "
            f"{clf.dtype} on {clf.device}."
        )
    if not bool(torch.isfinite(x).all()):
        raise MethodError("The input has values that are not finite numbers.")


def _same_pictures(one: Tensor, other: Tensor) -> bool:
    if one is other:
        return True
    return one.dtype == other.dtype and one.device == other.device and torch.equal(one, other)


def class_numbers(clf: Classifier, targets: int | Sequence[int] | Tensor, count: int) -> Tensor:
    """Targets as int64 [count], each in range.

    Raises:
        MethodError: they are no class numbers, or not as many as pictures.
        ModelError: the classifier has no such class.
    """
    try:
        given = torch.as_tensor(targets).detach().cpu()
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise MethodError(f"The targets must be class numbers, not {targets!r}.") from error
    whole = not (given.is_floating_point() or given.is_complex() or given.dtype == torch.bool)
    if not whole or given.dim() > 1 or (given.dim() == 1 and len(given) != count):
        raise MethodError(
            f"The targets must be one class number, or one for each of the {count} pictures."
        )
    known = len(clf.class_names)
    # As Python numbers: for a few of them quicker than tensor operations.
    numbers = given.reshape(-1).tolist()
    wrong = next((number for number in numbers if not 0 <= number < known), None)
    if wrong is not None:
        raise ModelError(
            f"{clf.title} has {known} classes, numbered 0 to {known - 1}; "
            f"there is no class {wrong}."
        )
    return torch.tensor(numbers if given.dim() else numbers * count)
