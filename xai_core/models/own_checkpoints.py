"""The classifier that a file of weights makes, with what was found out and what was told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xai_core.errors import ModelError
from xai_core.imagenet import IMAGENET, imagenet_classes
from xai_core.models.architectures import TRANSFORMING
from xai_core.models.checkpoint_files import WeightsFile
from xai_core.models.checkpoint_layout import first_names, is_averaged, left_out, title
from xai_core.models.checkpoints import GREY, filled
from xai_core.models.classifier import Classifier
from xai_core.models.input_facts import InputFacts
from xai_core.models.recognition import Recognised, recognised
from xai_core.models.transform_input import set_transform_input


def load_checkpoint(
    path: str | Path,
    architecture: str | None = None,
    class_names: Sequence[str] | str | None = None,
    input_size: tuple[int, int] | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    title: str | None = None,
    crop: float | None = None,
    *,
    resample: str | None = None,
    squash: bool | None = None,
    outputs: str | None = None,
    transform_input: bool | None = None,
    weights: str | None = None,
    head_activation: str | None = None,
    normalised: bool = True,
) -> Classifier:
    """A classifier from a safetensors file, or from what ``torch.save`` wrote of a training.

    The weights are found by their names, wherever they lie (``checkpoint_layout``), and become
    float32. ``Classifier.notes`` says what was found out rather than told.

    Args:
        path: the file, at most 2 GB.
        architecture: as in ``build_network``; None if the weights' names and shapes tell it.
        class_names: one readable name per logit, "imagenet-1k" for ImageNet's, or None for
            "class 0", "class 1", …
        input_size: (height, width) in pixels; None for what the weights tell, or else what the
            architecture usually takes, and so the next two.
        mean: per-channel mean of pictures in [0, 1]; one value for all is enough.
        std: per-channel standard deviation.
        title: name for people; the file's name if not given.
        crop: share of the shorter side that the centre crop keeps; None for the usual.
        resample: as in ``Classifier``, and so the next; None for the usual.
        squash: whether pictures lose their proportions.
        outputs: as in ``Classifier``; two classes may have one score.
        transform_input: whether a GoogLeNet or Inception v3 converts ImageNet-normalised input
            to [-1, 1] itself, which its weights do not tell; None to find out
            (``set_transform_input``).
        weights: which of several sets of weights, by the keys before their names.
        head_activation: the activation between the layers of a replaced head.
        normalised: False leaves pictures as they are where no mean is given.

    Raises:
        ModelError: not such a file, it does not fit, or something must be told.
    """
    path = Path(path)
    file = WeightsFile(path)
    side = input_size[0] if input_size else None
    found = recognised(file, architecture, side, weights, head_activation)
    if found.fit is None:
        raise ModelError(found.problem)
    names = _class_names(file.name, class_names, found.fit.classes)
    told = InputFacts(input_size, _three(mean), _three(std))
    size, mean, std = _input(file.name, found, told, normalised)
    crop = found.usual.crop if crop is None else crop
    notes = _notes(file, found, told=architecture is not None)
    if found.usual.origin and (input_size is None or mean != told.mean):
        notes.append(_taken(found.usual, size, None if mean == told.mean else mean, crop))
    network = filled(file, found.fit)
    if found.fit.grey and found.fit.architecture in TRANSFORMING:
        transform_input = bool(transform_input)  # it takes three channels apart
    said = set_transform_input(network, found.fit.architecture, mean, std, transform_input)
    clf = Classifier(
        network,
        names,
        size,
        mean,
        std,
        crop=crop,
        resample=resample or found.usual.resample,
        squash=found.usual.squash if squash is None else squash,
        title=title or path.stem,
        outputs=outputs,
    )
    clf.notes += [*notes, *([said] if said else [])]
    return clf


def _input(
    file: str, found: Recognised, told: InputFacts, normalised: bool
) -> tuple[tuple[int, int], tuple[float, ...] | None, tuple[float, ...] | None]:
    """Size, mean and deviation of the network's input: what was told, or what is usual."""
    size = told.input_size or _usual_size(file, found)
    if found.fit is not None and found.fit.grey:
        _check_grey(file, told.mean, told.std, normalised)
    elif told.mean is None and told.std is None and normalised:
        return size, found.usual.mean, found.usual.std
    return size, told.mean, told.std


def _notes(file: WeightsFile, found: Recognised, told: bool) -> list[str]:
    """What whoever sees the model's maps must know of how it was loaded."""
    the = found.fit
    if the is None:
        return []
    notes = [] if told else [f"Taken for {the.architecture}: {found.reason}."]
    if found.sets:
        others = ", ".join(f"'{one}'" for one in found.sets if one != title(the.place))
        why = ", an average over training" if is_averaged(the.place) else ""
        notes.append(f"Of several sets of weights '{title(the.place)}' is used{why}, not {others}.")
    rest = [name for name in left_out(file.tensors, the.place, the.keys) if name not in found.sets]
    if rest:
        notes.append(f"Left out of the file: {first_names(rest)}.")
    if file.objects:
        notes.append(f"Objects in the file were not made: {first_names(file.objects)}.")
    if the.head is not None:
        notes.append(the.head.described())
    if the.grey:
        shares = ", ".join(f"{share:g}" for share in GREY)
        notes.append(
            "The network takes grey pictures: its first layer's weights are shared out to red, "
            f"green and blue as {shares}, so that it sees the grey of the picture."
        )
    return notes


def _class_names(file: str, names: Sequence[str] | str | None, classes: int) -> list[str]:
    if not names:
        return [f"class {number}" for number in range(max(2, classes))]
    if isinstance(names, str) or list(names) == [IMAGENET]:
        if names not in (IMAGENET, [IMAGENET]):
            raise ModelError(f"The class names are a list or the word {IMAGENET}, not '{names}'.")
        names = list(imagenet_classes().values())
    if len(names) != classes and (classes, len(names)) != (1, 2):
        scores = "1 score" if classes == 1 else f"{classes} scores"
        raise ModelError(f"{file} has {scores}, but {len(names)} class names were given.")
    return list(names)


def _usual_size(file: str, found: Recognised) -> tuple[int, int]:
    if found.usual.input_size is None:
        raise ModelError(
            f"{file}: nothing tells the input size of {found.architectures[0]}; give it too "
            "(input_size)."
        )
    side = found.fit.side if found.fit else None
    usual = found.usual.input_size
    return usual if side in (None, usual[0]) else (int(side or 0), int(side or 0))


def _three(values: Sequence[float] | None) -> tuple[float, ...] | None:
    return None if values is None else tuple(values) * (3 if len(values) == 1 else 1)


def _check_grey(
    file: str, mean: Sequence[float] | None, std: Sequence[float] | None, normalised: bool
) -> None:
    if mean is None and std is None and not normalised:
        return
    if mean is None or std is None or len({*mean}) > 1 or len({*std}) > 1:
        raise ModelError(
            f"{file} takes grey pictures: give one mean and one standard deviation of its "
            "training pictures (mean and std; 0 and 1 if they were not normalised)."
        )


def _taken(
    usual: InputFacts, size: tuple[int, int], mean: Sequence[float] | None, crop: float
) -> str:
    facts = [f"{size[0]} × {size[1]} pixels", f"a crop of {crop:.3g}"]
    if mean is not None:
        facts.append(f"the mean {', '.join(f'{value:.3g}' for value in mean)}")
    return (
        f"Pictures are prepared as for {usual.origin} ({', '.join(facts)}), as nothing else was "
        "said."
    )
