"""A classifier as every explanation method sees it."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn

from xai_core.errors import ModelError
from xai_core.images import RESAMPLING, Picture, model_input
from xai_core.models.layers import weight_layers
from xai_core.models.maps import read_maps
from xai_core.models.repairs import repaired


class Classifier:
    """A network together with what is needed to feed it pictures and to read its answers.

    The network is copied, put into evaluation mode, and its ReLUs are made private modules
    (``repaired``), so that nothing done here reaches the caller's network and no hook-based
    method can be corrupted silently.

    Args:
        module: [N, 3, H, W] -> logits [N, K].
        class_names: K readable names.
        input_size: (height, width) in pixels.
        mean, std: per-channel normalisation of pictures in [0, 1]; None leaves them as they are.
        crop: share of the shorter side that the centre crop keeps (torchvision: 224 / 256).
        resample: how pictures are resized for the model, "bilinear" or "bicubic".
        title: the name that people read.
        cam_layer: default layer of the CAM family; chosen by ``default_layer`` if not given.

    Attributes:
        maps: the layers that class activation maps can explain.
        patterns_file: patterns for PatternAttribution that the model brings, or None; to be set
            before the classifier is used.

    Raises:
        ModelError: the module cannot be repaired, its output does not match ``class_names``, or
            a fact about its input makes no sense.
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
        title: str = "Model",
        cam_layer: str | None = None,
    ) -> None:
        self.class_names = list(class_names)
        self.input_size = (int(input_size[0]), int(input_size[1]))
        self.mean = None if mean is None else tuple(float(v) for v in mean)
        self.std = None if std is None else tuple(float(v) for v in std)
        self.crop = crop
        self.resample = resample
        self.title = title
        _check_input_facts(self)
        first = next(module.parameters(), torch.zeros(()))
        probe = torch.zeros((2, 3, *self.input_size), dtype=first.dtype, device=first.device)
        self.module = repaired(module, probe).requires_grad_(False)
        with torch.no_grad():
            shape = tuple(self.module(probe).shape)
        if shape != (2, len(self.class_names)):
            raise ModelError(
                f"The model gives an output of shape {list(shape[1:])}, "
                f"but {len(self.class_names)} class names were given."
            )
        self._layers = weight_layers(self.module, probe[:1])
        own = [name for name, _ in module.named_modules()]
        found = read_maps(self.module, probe[:1], self._layers, own)
        self.maps = replace(found, default=cam_layer or found.default)
        self._cam_layer = cam_layer
        self.patterns_file: Path | None = None
        self._twins: list[tuple[Classifier, list[int]]] = []

    @property
    def dtype(self) -> torch.dtype:
        """Type of the weights, and of the input that fits them."""
        return next(self.module.parameters(), torch.zeros(())).dtype

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.module.parameters(), torch.zeros(())).device

    def preprocess(self, images: Sequence[Picture]) -> Tensor:
        """PIL images or uint8 arrays [H, W, 3] -> float32 [N, 3, H, W], cropped and normalised."""
        arrays = [model_input(image, self.input_size, self.crop, self.resample) for image in images]
        return self.normalise(torch.stack([torch.from_numpy(array) for array in arrays]))

    def normalise(self, pixels: Tensor) -> Tensor:
        """Pixels in [0, 1], [N, 3, H, W] -> network input."""
        if self.mean is None or self.std is None:
            return pixels
        return (pixels - self._channel(self.mean, pixels)) / self._channel(self.std, pixels)

    def pixels(self, x: Tensor) -> Tensor:
        """Network input -> pixels in [0, 1]; undoes ``normalise``."""
        if self.mean is None or self.std is None:
            return x
        return x * self._channel(self.std, x) + self._channel(self.mean, x)

    @staticmethod
    def _channel(values: tuple[float, ...], like: Tensor) -> Tensor:
        return torch.tensor(values, dtype=like.dtype, device=like.device).view(1, 3, 1, 1)

    def logits(self, x: Tensor) -> Tensor:
        """[N, 3, H, W] -> [N, K]; differentiable in ``x``."""
        logits: Tensor = self.module(x)
        return logits

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
        if self.maps.default is None:
            raise ModelError(
                "The model has no convolution that is used once and counts for the scores, "
                "which class activation maps need."
            )
        return self.maps.default

    def private(self) -> Classifier:
        """A twin with its own modules, for hooks, that shares the weights' memory."""
        shared: dict[int, object] = {id(t): t for t in self.module.parameters()}
        shared.update({id(t): t for t in self.module.buffers()})
        twin = copy.copy(self)
        twin._twins = []
        # The twin may be given other weights, and then needs another fingerprint.
        twin.__dict__.pop("fingerprint", None)
        twin.module = copy.deepcopy(self.module, shared)
        return twin

    @contextmanager
    def lent(self) -> Iterator[Classifier]:
        """A private twin in evaluation mode, for the block; its hooks must be gone at the end.

        It is kept and lent again, because making one takes longer than a gradient of a small
        network. What an error may have left in it is dropped with it.
        """
        # Read from where modules keep them: ``parameters()`` takes as long as a small layer.
        weights = [
            id(tensor)
            for module in self.module.modules()
            for tensor in (*module._parameters.values(), *module._buffers.values())
        ]
        twin, known = self._twins.pop() if self._twins else (self, [])
        if known != weights:  # there is none, or the module was given other tensors since
            twin = self.private()
        # To look is quicker than to set what is set.
        if any(child.training for child in twin.module.modules()):
            twin.module.eval()
        yield twin
        self._twins.append((twin, weights))

    def class_index(self, name: str) -> int:
        """Index of a class by name (any case) or by number.

        Raises:
            ModelError: there is no such class.
        """
        wanted = name.strip().casefold()
        for index, known in enumerate(self.class_names):
            if known.casefold() == wanted:
                return index
        if wanted.isdigit() and int(wanted) < len(self.class_names):
            return int(wanted)
        raise ModelError(f"{self.title} has no class '{name}'.")

    @cached_property
    def fingerprint(self) -> str:
        """Hash of weights, structure, preprocessing and patterns: equal means equal results."""
        preprocessing = [self.input_size, self.mean, self.std, self.crop, self.resample]
        file = self.patterns_file
        patterns = None if file is None else hashlib.sha256(file.read_bytes()).hexdigest()
        facts = [str(self.module), preprocessing, self._cam_layer, patterns]
        digest = hashlib.sha256(json.dumps(facts).encode())
        for name, tensor in self.module.state_dict().items():
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            # As bytes, because NumPy has no bfloat16.
            flat = tensor.detach().cpu().contiguous().reshape(-1)
            digest.update(flat.view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()


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
