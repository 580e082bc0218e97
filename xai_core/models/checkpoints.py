"""Weights from files that may come from anyone, read without running or trusting them.

Names and shapes are compared with the architecture before any tensor is read, so a small file
that describes a huge network costs nothing.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from xai_core.errors import ModelError
from xai_core.models.architectures import blueprint, build_network
from xai_core.models.classifier import Classifier
from xai_core.models.transform_input import set_transform_input

MAX_BYTES = 2_000_000_000
MAX_PICKLE_BYTES = 50_000_000  # names and shapes alone; the tensors lie beside them

# Where training scripts put the weights, and what wrappers put before their names.
WRAPPER_KEYS = ("state_dict", "model_state_dict", "model")
WRAPPER_PREFIXES = ("module.", "_orig_mod.")

# Heads that torchvision uses in training only.
_TRAINING_ONLY = {"googlenet": ("aux1.", "aux2."), "inception_v3": ("AuxLogits.",)}
_OLD_DENSENET = re.compile(r"^(.*denselayer\d+\.(?:norm|conv))\.([12]\..*)$")
_ADVICE = "save it with safetensors, or with torch.save(model.state_dict(), path)"
_DAMAGE = (RuntimeError, OSError, EOFError, LookupError, TypeError, ValueError, MemoryError)

Shapes = dict[str, tuple[int, ...]]


def load_checkpoint(
    path: str | Path,
    architecture: str,
    class_names: Sequence[str],
    input_size: tuple[int, int],
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    title: str | None = None,
    crop: float = 1.0,
    *,
    resample: str = "bilinear",
    outputs: str | None = None,
    transform_input: bool | None = None,
) -> Classifier:
    """A classifier from a safetensors file or a plain PyTorch state dict.

    A dict that holds the state dict under "state_dict", "model_state_dict" or "model" is opened,
    and the prefixes "module." and "_orig_mod." are dropped where every name has them. Weights
    of any floating type become float32. BatchNorm's ``num_batches_tracked`` may be missing.

    Args:
        path: the file, at most 2 GB.
        architecture: key of ``ARCHITECTURES`` or name of a torchvision classifier.
        class_names: one readable name per logit.
        input_size: (height, width) in pixels.
        mean: per-channel mean of pictures in [0, 1], or None.
        std: per-channel standard deviation, or None.
        title: name for people; the file's name if not given.
        crop: share of the shorter side that the centre crop keeps.
        resample: as in ``Classifier``.
        outputs: as in ``Classifier``; two classes may have one score.
        transform_input: whether a GoogLeNet or Inception v3 converts ImageNet-normalised input
            to [-1, 1] itself, which its weights do not tell; None to find out
            (``set_transform_input``).

    Raises:
        ModelError: not such a file, or it does not fit the architecture or what was said.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"There is no file {path}.")
    if path.stat().st_size > MAX_BYTES:
        raise ModelError(f"{path.name} is larger than {MAX_BYTES / 1e9:.0f} GB.")
    network = _read_for(path, architecture, len(class_names), input_size[0])
    note = set_transform_input(network, architecture, mean, std, transform_input)
    clf = Classifier(
        network,
        class_names,
        input_size,
        mean,
        std,
        crop=crop,
        resample=resample,
        title=title or path.stem,
        outputs=outputs,
    )
    clf.notes += [note] if note else []
    return clf


def _read_for(path: Path, architecture: str, names: int, side: int) -> nn.Module:
    """The network with a score for every class, or with one for two classes."""
    try:
        return read_network(path, architecture, names, side)
    except ModelError:
        if names != 2:
            raise
        with suppress(ModelError):
            return read_network(path, architecture, 1, side)
        raise


def read_network(
    path: Path,
    architecture: str,
    classes: int,
    side: int,
    *,
    imagenet_input: bool = False,
    verified: bool = False,
) -> nn.Module:
    """The architecture with the file's weights, float32, on the CPU.

    Args:
        path: safetensors file or state dict.
        architecture: as in ``build_network``, and so the next three.
        classes: number of logits.
        side: side of the input in pixels.
        imagenet_input: whether ImageNet-normalised input is to be converted.
        verified: the file's hash is known to be right; only then may it have PyTorch's format
            from before 2020, whose sizes cannot be checked without reading it.

    Raises:
        ModelError: not such a file, or it does not fit the architecture.
    """
    kind = _file_kind(path, verified)
    stored = _stored_shapes(path, kind)
    names = _plain_names(list(stored), architecture)
    needed = blueprint(architecture, classes, side).state_dict()
    expected = {name: tuple(tensor.shape) for name, tensor in needed.items()}
    _check_fit(path.name, architecture, expected, {names[key]: stored[key] for key in names})
    with torch.random.fork_rng(devices=[]):
        network = build_network(architecture, classes, side, imagenet_input=imagenet_input)
    _fill(path, kind, network, names)
    return network


def _file_kind(path: Path, verified: bool) -> str:
    with path.open("rb") as file:
        start = file.read(512)
    if start.startswith(b"PK\x03\x04"):
        _check_archive(path)
        return "torch"
    if len(start) > 9 and start[8:9] == b"{" and int.from_bytes(start[:8], "little") < MAX_BYTES:
        return "safetensors"
    if verified:
        return "torch"
    if start[:1] == b"\x80" or start[257:262] == b"ustar":
        raise ModelError(
            f"{path.name} is a pickle in an old format, which could run code when it is opened; "
            f"{_ADVICE}."
        )
    raise ModelError(f"{path.name} is not a checkpoint; {_ADVICE}.")


def _check_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise ModelError(f"{path.name} is damaged or incomplete.") from error
    inside = {member.filename.partition("/")[2]: member for member in members}
    if "constants.pkl" in inside or any(name.startswith("code/") for name in inside):
        raise ModelError(f"{path.name} is a TorchScript program, not a state dict; {_ADVICE}.")
    if "archive_format" in inside or any(name.startswith(("models/", "extra/")) for name in inside):
        raise ModelError(f"{path.name} is an exported program (.pt2); {_ADVICE}.")
    if "data.pkl" not in inside:
        raise ModelError(f"{path.name} is a ZIP archive but not a checkpoint; {_ADVICE}.")
    # torch.save stores without compression: anything else could unpack to any size.
    packed = any(member.compress_type != zipfile.ZIP_STORED for member in members)
    total = sum(member.file_size for member in members)
    if packed or total > path.stat().st_size or inside["data.pkl"].file_size > MAX_PICKLE_BYTES:
        raise ModelError(f"{path.name} was not written by torch.save; {_ADVICE}.")


def _stored_shapes(path: Path, kind: str) -> Shapes:
    """Names and shapes in the file; reads no tensor unless the file has the old format."""
    if kind == "safetensors":
        try:
            with safe_open(path, framework="pt") as file:
                return {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
        except (SafetensorError, *_DAMAGE) as error:
            raise ModelError(f"{path.name} is damaged or not a safetensors file.") from error
    tensors = _state_dict(path, "meta")
    for key, tensor in tensors.items():
        # A tensor that is not on the meta device was made by the pickle, not stored in the file.
        if not tensor.is_meta or tensor.layout != torch.strided or tensor.is_complex():
            raise ModelError(f"{path.name}: '{key}' is not an ordinary tensor.")
    return {key: tuple(tensor.shape) for key, tensor in tensors.items()}


def _state_dict(path: Path, device: str) -> dict[str, Tensor]:
    # For shapes alone, mapping the file saves reading it; the old format cannot be mapped.
    mapped = device == "meta" and zipfile.is_zipfile(path)
    try:
        loaded = torch.load(path, map_location=device, weights_only=True, mmap=mapped)
    except UnpicklingError as error:
        raise ModelError(
            f"{path.name} holds a whole pickled model or other Python objects, "
            f"which could run code; {_ADVICE}."
        ) from error
    except _DAMAGE as error:
        raise ModelError(f"{path.name} is damaged or incomplete.") from error
    return _unwrapped(path.name, loaded)


def _unwrapped(file: str, loaded: Any) -> dict[str, Tensor]:
    if isinstance(loaded, Mapping):
        for key in WRAPPER_KEYS:
            if isinstance(loaded.get(key), Mapping):
                loaded = loaded[key]
                break
    if not isinstance(loaded, Mapping) or not loaded:
        raise ModelError(f"{file} holds no state dict; {_ADVICE}.")
    for key, value in loaded.items():
        if not isinstance(value, Tensor) or not isinstance(key, str):
            raise ModelError(f"{file} is not a plain state dict: '{key}' is no tensor; {_ADVICE}.")
    return dict(loaded)


def _plain_names(stored: list[str], architecture: str) -> dict[str, str]:
    """Name in the file -> name in the network, without what the network does not use."""
    names = {key: key for key in stored}
    for prefix in WRAPPER_PREFIXES:
        if names and all(name.startswith(prefix) for name in names.values()):
            names = {key: name.removeprefix(prefix) for key, name in names.items()}
    if architecture.startswith("densenet"):
        # torchvision's DenseNet files date from before dots in names were forbidden.
        names = {key: _OLD_DENSENET.sub(r"\1\2", name) for key, name in names.items()}
    unused = _TRAINING_ONLY.get(architecture, ())
    return {key: name for key, name in names.items() if not name.startswith(unused)}


def _check_fit(file: str, architecture: str, expected: Shapes, found: Shapes) -> None:
    missing = [
        name for name in expected if name not in found and not name.endswith("num_batches_tracked")
    ]
    unexpected = [name for name in found if name not in expected]
    if missing or unexpected:
        parts = [
            f"{len(names)} {what} ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})"
            for names, what in ((missing, "missing"), (unexpected, "unexpected"))
            if names
        ]
        raise ModelError(f"{file} does not fit {architecture}: weights {' and '.join(parts)}.")
    for name, shape in found.items():
        if shape != expected[name]:
            raise ModelError(
                f"{file} does not fit {architecture}: '{name}' has the shape {list(shape)}, "
                f"but {list(expected[name])} is needed."
            )


def _fill(path: Path, kind: str, network: nn.Module, names: Mapping[str, str]) -> None:
    """Copy the file's tensors into the network, which converts them to its types."""
    own = network.state_dict()
    try:
        if kind == "safetensors":
            with safe_open(path, framework="pt") as file:
                for key, name in names.items():
                    own[name].copy_(file.get_tensor(key))
        else:
            tensors = _state_dict(path, "cpu")
            for key, name in names.items():
                own[name].copy_(tensors[key])
    except (SafetensorError, *_DAMAGE) as error:
        raise ModelError(f"{path.name} is damaged or incomplete.") from error
    for name, tensor in own.items():
        if not torch.isfinite(tensor).all():
            raise ModelError(f"{path.name}: '{name}' holds NaN or infinite weights.")
