"""Training recipes that ship with the product, by the name of the model they make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training run, besides the data.

    Attributes:
        architecture: key of ``xai_core.models.architectures.ARCHITECTURES``.
        title: one line for the model card.
        epochs: passes over the training pictures.
        batch_size: pictures per step.
        optimiser: "sgd", with Nesterov's look-ahead, or "adam".
        learning_rate: the peak; it rises linearly for ``warmup`` epochs, then falls to
            zero on a half cosine.
        momentum: share of the former gradients that is kept (Adam's first beta).
        weight_decay: L2 penalty on weights (not on biases or BatchNorm).
        label_smoothing: share of the target spread over all classes.
        average: decay per step of the moving average of the weights that is kept.
        dropout: probability of every dropout; None leaves the architecture's.
        augmentation: whether every epoch sees randomly changed pictures.
        per_class: how many pictures of each class are trained on, the first ones; None for all.
        permuted_labels: whether the training labels are shuffled among the pictures, as in
            the data randomisation test (Adebayo et al. 2018, arXiv:1810.03292).
        mean, std: per-channel normalisation of pictures in [0, 1].
        seed: of the initial weights, the order and the augmentation.
    """

    architecture: str
    title: str
    epochs: int = 24
    batch_size: int = 128
    optimiser: Literal["sgd", "adam"] = "sgd"
    learning_rate: float = 0.05
    warmup: float = 2.0
    momentum: float = 0.9
    weight_decay: float = 5e-4
    label_smoothing: float = 0.1
    average: float = 0.998
    dropout: float | None = None
    augmentation: bool = True
    per_class: int | None = None
    permuted_labels: bool = False
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    seed: int = 0


RECIPES: dict[str, Recipe] = {
    "vgg-tiny": Recipe("vgg-tiny", "VGG-tiny, a modified VGG-16 at half width"),
    # Labels without reason are learnt by heart: fewer pictures, always the same, and nothing
    # that holds the network back. SGD leaves chance several times later.
    "vgg-tiny-permuted-labels": Recipe(
        "vgg-tiny",
        "VGG-tiny, trained on permuted labels",
        epochs=20,
        batch_size=64,
        optimiser="adam",
        learning_rate=0.001,
        warmup=0.0,
        weight_decay=0.0,
        label_smoothing=0.0,
        average=0.99,
        dropout=0.0,
        augmentation=False,
        per_class=50,
        permuted_labels=True,
    ),
}
