"""A classifier as every explanation method sees it."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

import torch
from torch import Tensor, nn

from xai_core.classes import class_titles
from xai_core.device import has_float64, memory_told
from xai_core.errors import DeviceError, ModelError
from xai_core.images import RESAMPLING, Picture, model_input
from xai_core.models.copies import overwrites_input, private_copy
from xai_core.models.global_state import without_autocast, without_global_modes
from xai_core.models.gradient_check import check_gradient
from xai_core.models.map_layers import MapLayers, find_map_layers
from xai_core.models.outputs import probabilities, scored
from xai_core.models.quick import QuickNetwork
from xai_core.models.recording import why_not_recorded
from xai_core.models.repeatability import check_repeatable, probe_pixels
from xai_core.models.weight_layers import weight_layers


class Classifier:
    """A network together with what is needed to feed it pictures and to read its answers.

    The network is copied and put into evaluation mode, so that nothing done here reaches the
    caller's network. While it loads, the global random states are borrowed and set back; other
    threads should not draw from them meanwhile.

    Args:
        module: [N, 3, H, W] -> logits [N, K]. A last softmax or sigmoid is left out.
        class_names: K readable names. Two for a module of one logit z mean scores -z and z.
        input_size: (height, width) in pixels.
        mean, std: per-channel normalisation of pictures in [0, 1]; None leaves them as they are.
        crop: share of the shorter side that the centre crop keeps (torchvision: 224 / 256).
        resample: how pictures are resized for the model, "bilinear" or "bicubic".
        squash: whether they lose their proportions for it, as in ``images.model_input``.
        title: the name that people read.
        cam_layer: default layer of the CAM family; chosen by ``default_layer`` if not given.
        outputs: "softmax" if the classes exclude each other, "sigmoid" if each is there or not;
            None: as the module ends, "sigmoid" for one logit, else "softmax".
        accept_gradients: whether gradients that are not the slope of the scores are meant so
            (a stop-gradient, quantisation); ``notes`` then says it.

    Attributes:
        outputs: what makes probabilities of the logits, as in ``Scored``.
        notes: sentences that whoever sees the model's maps must know.
        map_layers: the layers that class activation maps can explain.
        unrecorded: why methods that go back step by step cannot follow its runs, in a
            sentence; "" if they can.
        patterns_file: patterns for PatternAttribution that the model brings, or None; to be set
            before the classifier is used.
        program: hash of the file that says how it is built, Python's or a config.json, or ""; to be
            set as early.

    Raises:
        ModelError: the module cannot be copied, does not run, its output does not match
            ``class_names`` or depends on more than the picture, its gradient is not that of its
            scores, or a fact about its input makes no sense.
    """

    def __init__(
        self,
        module: nn.Module,
        class_names: Sequence[str],
        input_size: tuple[int, int] = (224, 224),
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        *,
        crop: float = 1.0,
        resample: str = "bilinear",
        squash: bool = False,
        title: str = "Model",
        cam_layer: str | None = None,
        outputs: str | None = None,
        accept_gradients: bool = False,
    ) -> None:
        self.class_names = list(class_names)
        self.input_size = (int(input_size[0]), int(input_size[1]))
        self.mean = None if mean is None else tuple(float(v) for v in mean)
        self.std = None if std is None else tuple(float(v) for v in std)
        self.crop = crop
        self.resample = resample
        self.squash = squash
        self.title = title
        _check_input_facts(self)
        self._transforming = bool(getattr(module, "transform_input", False))
        first = next(module.parameters(), torch.zeros(()))
        with without_global_modes(first.device):
            found = self._load(module, first, outputs, accept_gradients)
        self.map_layers = replace(found, default=cam_layer or found.default)
        self._cam_layer = cam_layer
        self.patterns_file: Path | None = None
        self.program = ""
        self._twins: list[tuple[Classifier, list[int]]] = []
        self._quick: QuickNetwork | None = None

    def _load(
        self, module: nn.Module, first: Tensor, outputs: str | None, accepted: bool
    ) -> MapLayers:
        pictures = self.normalise(probe_pixels(self.input_size)).to(first)
        module = private_copy(module, pictures[1:2])
        given = check_repeatable(module, pictures)
        found = scored(module, pictures, given, self.class_names, outputs)
        self.module, self.outputs = found.module, found.outputs
        probe = torch.zeros_like(pictures[:1])
        self._overwrites = overwrites_input(self.module, probe)
        said = check_gradient(self.module, pictures, accepted)
        self.notes = [*found.notes, *([said] if said else [])]
        self.unrecorded = why_not_recorded(self.module, probe)
        self._layers = weight_layers(self.module, probe)
        return find_map_layers(self.module, probe, self._layers)

    @property
    def dtype(self) -> torch.dtype:
        """Type of the weights, and of the input that fits them."""
        return next(self.module.parameters(), torch.zeros(())).dtype

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.module.parameters(), torch.zeros(())).device

    def preprocess(self, images: Sequence[Picture]) -> Tensor:
        """PIL images or uint8 arrays [H, W, 3] -> [N, 3, H, W], cropped and normalised.

        The result has the type of the model's weights, float32 for most, and is where they are.
        """
        fit = (self.input_size, self.crop, self.resample, self.squash)
        arrays = [model_input(image, *fit) for image in images]
        return self.network_input(torch.stack([torch.from_numpy(array) for array in arrays]))

    def network_input(self, pixels: Tensor) -> Tensor:
        """Pixels in [0, 1], [N, 3, H, W], of any type -> network input as the weights are.

        It has their type, and is where they are, but is computed where the pixels are.
        """
        # Half precision is too coarse to normalise in.
        wide = torch.promote_types(self.dtype, torch.float32)
        return self.normalise(pixels.to(wide)).to(self.dtype).to(self.device)

    def normalise(self, pixels: Tensor) -> Tensor:
        """Pixels in [0, 1], [N, 3, H, W] -> network input."""
        if self.mean is None or self.std is None:
            return pixels
        return normalised(pixels, self.mean, self.std)

    def pixels(self, x: Tensor) -> Tensor:
        """Network input -> pixels in [0, 1]; undoes ``normalise``."""
        if self.mean is None or self.std is None:
            return x
        return x * by_channel(self.std, x) + by_channel(self.mean, x)

    def logits(self, x: Tensor) -> Tensor:
        """[N, 3, H, W] -> [N, K]; differentiable in ``x``; the same within ``torch.autocast``."""
        return self._run(self.module, x)

    def _run(self, module: nn.Module, x: Tensor) -> Tensor:
        with without_autocast(x.device):
            logits: Tensor = module(x.clone() if self._overwrites else x)
        return logits

    def quick_logits(self) -> Callable[[Tensor], Tensor]:
        """``logits``, the same but for rounding, in less time; for weights as they are now.

        Nothing can be seen of the layers within.
        """
        quick, weights = self._quick, _tensor_ids(self.module)
        if quick is None or quick.weights != weights:  # it shares those that it was made with
            picture = self.network_input(probe_pixels(self.input_size)[1:2])
            quick = self._quick = QuickNetwork(self.module, picture, weights)
        return partial(self._run, quick.network())

    def probabilities(self, logits: Tensor) -> Tensor:
        """Logits [..., K] -> probabilities [..., K] in [0, 1], in the type of the logits."""
        return probabilities(logits, self.outputs)

    def layers(self) -> list[str]:
        """Dotted names of the modules that own weights, in execution order."""
        return list(self._layers)

    @property
    def cam_layer(self) -> str:
        """Default layer for the CAM family: unless one was given, the last activation.

        That behind the last convolution, after BatchNorm and ReLU; for what that is in branches,
        concatenations and transformers see ``models.default_layer``.

        Raises:
            ModelError: the network has no convolution that could serve.
        """
        if self.map_layers.default is None:
            raise ModelError(
                "The model has no convolution that is used once and counts for the scores, "
                "which class activation maps need."
            )
        return self.map_layers.default

    def private(self) -> Classifier:
        """A twin with its own modules, for hooks, that shares the weights' memory."""
        shared: dict[int, object] = {id(t): t for t in self.module.parameters()}
        shared.update({id(t): t for t in self.module.buffers()})
        twin = copy.copy(self)
        twin._twins, twin._quick = [], None
        # The twin may be given other weights, and then needs another fingerprint.
        twin.__dict__.pop("fingerprint", None)
        twin.module = copy.deepcopy(self.module, shared)
        return twin

    def on(self, device: torch.device) -> Classifier:
        """The classifier itself if it is on that device, else a copy there; see ``device.chosen``.

        Raises:
            DeviceMemoryError: the device has too little memory.
            DeviceError: it has no float64, and the weights are of that type.
        """
        if self.device == device:
            return self
        if self.dtype == torch.float64 and not has_float64(device):
            raise DeviceError(f"{self.title} has weights in float64, which {device} does not have.")
        with memory_told(device, self.title):
            moved: dict[int, object] = {
                id(tensor): nn.Parameter(tensor.to(device), tensor.requires_grad)
                for tensor in self.module.parameters()
            }
            moved.update({id(tensor): tensor.to(device) for tensor in self.module.buffers()})
        other = copy.copy(self)
        other._twins, other._quick = [], None
        other.module = copy.deepcopy(self.module, moved)
        return other

    @contextmanager
    def lent(self) -> Iterator[Classifier]:
        """A private twin in evaluation mode, for the block; its hooks must be gone at the end.

        It is kept and lent again, because making one takes longer than a gradient of a small
        network. What an error may have left in it is dropped with it.
        """
        weights = _tensor_ids(self.module)
        twin, known = self._twins.pop() if self._twins else (self, [])
        if known != weights:  # there is none, or the module was given other tensors since
            twin = self.private()
        # To look is quicker than to set what is set.
        if any(child.training for child in twin.module.modules()):
            twin.module.eval()
        yield twin
        self._twins.append((twin, weights))

    @property
    def class_titles(self) -> tuple[str, ...]:
        """What people read of each class: names, with more where several classes share one."""
        return class_titles(self.class_names)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of weights, structure, program, preprocessing, patterns; decides the results."""
        preprocessing = [self.input_size, self.mean, self.std, self.crop, self.resample]
        facts: list[object] = [str(self.module), preprocessing, self._cam_layer]
        if self.outputs != "softmax":
            facts.append(self.outputs)
        if self.squash:
            facts.append("squash")
        if self._transforming:  # str(module) does not tell
            facts.append("transform_input")
        if self.program:
            facts.append(self.program)
        if self.patterns_file is not None:
            facts.append(hashlib.sha256(self.patterns_file.read_bytes()).hexdigest())
        digest = hashlib.sha256(json.dumps(facts).encode())
        for name, tensor in self.module.state_dict().items():
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            # As bytes, because NumPy has no bfloat16.
            flat = tensor.detach().cpu().contiguous().reshape(-1)
            digest.update(flat.view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()


def _tensor_ids(network: nn.Module) -> list[int]:
    """Which tensors a network has, each always in the same place."""
    # Read from where modules keep them: ``parameters()`` takes as long as a small layer.
    return [
        id(tensor)
        for module in network.modules()
        for tensor in (*module._parameters.values(), *module._buffers.values())
    ]


def normalised(pixels: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Pixels [N, 3, H, W] minus the mean, divided by the deviation of their channel."""
    return (pixels - by_channel(mean, pixels)) / by_channel(std, pixels)


def by_channel(values: Sequence[float], like: Tensor) -> Tensor:
    """Three values as [1, 3, 1, 1], in the type and on the device of ``like``."""
    return torch.tensor(values, dtype=like.dtype, device=like.device).view(1, 3, 1, 1)


def _check_input_facts(clf: Classifier) -> None:
    if min(clf.input_size) < 1:
        raise ModelError(f"The input size must be positive, not {list(clf.input_size)}.")
    if not 0 < clf.crop <= 1:
        raise ModelError(f"The crop must lie above 0 and not above 1; it is {clf.crop:g}.")
    if clf.resample not in RESAMPLING:
        raise ModelError(f"Pictures are resized {' or '.join(RESAMPLING)}, not '{clf.resample}'.")
    if (clf.mean is None) != (clf.std is None):
        raise ModelError("Give both the mean and the standard deviation, or neither.")
    if clf.mean is not None and clf.std is not None:
        if len(clf.mean) != 3 or len(clf.std) != 3:
            raise ModelError(
                "The mean and the standard deviation need three values, one a channel."
            )
        # Written so that NaN is refused too.
        if not all(value > 0 for value in clf.std):
            raise ModelError("The standard deviations must be positive.")
