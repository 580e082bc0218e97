"""A small network with random weights, and a picture of its size."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from xai_core.models import load_classifier
from xai_core.models.architectures import vgg_tiny

SIDE = 64


def save(path, seed):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        save_file(vgg_tiny(3).state_dict(), path)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save(path, 0)
    return {
        "source": str(path),
        "architecture": "vgg-tiny",
        "class_names": ["cat", "dog", "owl"],
        "input_size": [SIDE, SIDE],
        "mean": [0.4, 0.5, 0.6],
        "std": [0.2, 0.25, 0.3],
    }


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


def write_classes(root, pictures):
    """Pictures, by name with whether vgg-tiny is to be right, a folder a class; and a text.

    In the wrong case they are in the folder of the class after the one that it says.
    """
    clf = load_classifier("vgg-tiny")
    for name, (image, right) in pictures.items():
        best = int(clf.logits(clf.preprocess([image])).argmax())
        folder = root / clf.class_names[best if right else (best + 1) % 100]
        folder.mkdir(parents=True, exist_ok=True)
        image.save(folder / f"{name}.png")
    (root / "school bus").mkdir(exist_ok=True)
    (root / "school bus" / "no.png").write_text("no picture")
    return root


def as_pixels(picture):
    return picture.transpose(2, 0, 1).astype(np.float32) / 255
