"""Commands run in this process, their files, and small models that ``--model`` finds by name."""

import csv
import io
import json
import shlex
from collections import OrderedDict
from contextlib import contextmanager, redirect_stdout

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from xai_core.__main__ import main
from xai_core.cache import Cache
from xai_core.randomization import scores

CLASSES = ["ant", "bee", "cat"]


def small(classes=3):
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 6, 3, padding=1),
            relu1=nn.ReLU(),
            conv2=nn.Conv2d(6, 6, 3, padding=1),
            relu2=nn.ReLU(),
            pool=nn.AdaptiveAvgPool2d(4),
            flatten=nn.Flatten(),
            fc=nn.Linear(96, classes),
        )
    )


def dead(classes=3):
    """No picture reaches the answer: all gradients are zero."""
    network = small(classes)
    nn.init.constant_(network.conv1.bias, -1000.0)
    nn.init.constant_(network.conv2.bias, -1000.0)
    return network


def weighted(architecture, classes=3):
    """The network with random weights, always the same."""
    torch.manual_seed(4)
    network = architecture(classes)
    with torch.no_grad():
        network.fc.bias -= 10  # nobody takes these scores for probabilities
    return network


def single(classes=3):
    return nn.Sequential(OrderedDict(flatten=nn.Flatten(), fc=nn.Linear(768, classes)))


def write_model(folder, name, network, **facts):
    """The path of a checkpoint, with facts beside it, for pictures of 16 by 16 pixels."""
    save_file(network.state_dict(), folder / f"{name}.safetensors")
    known = {
        "architecture": "small",
        "class_names": CLASSES,
        "input_size": [16, 16],
        "mean": [0.5, 0.5, 0.5],
        "std": [0.25, 0.25, 0.25],
    }
    (folder / f"{name}.json").write_text(json.dumps({**known, **facts}))
    return str(folder / f"{name}.safetensors")


def picture(seed, size=(64, 64)):
    """Noise, (width, height) in pixels."""
    values = np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    return Image.fromarray(values)


@contextmanager
def few_random_maps():
    """What maps without a meaning reach is told by few of them: enough here, and much quicker."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scores, "FLOOR_PAIRS", 2)
        patch.setattr(scores, "SHUFFLES", 2)
        scores.noise_floor.cache_clear()
        yield patch
    scores.noise_floor.cache_clear()


def told(words):
    """The status of a command, and its output."""
    with redirect_stdout(io.StringIO()) as output:
        return main(words), output.getvalue()


def refused(words, sentence, out, capsys):
    """The command ends with one sentence before it writes anything."""
    assert main(words) == 2
    errors = capsys.readouterr().err
    assert sentence in errors
    assert len(errors.splitlines()) == 1
    assert not out.exists()


def interrupted(words, puts):
    """The command is stopped by Ctrl-C when it has kept so many results."""
    put, left = Cache.put, [puts]

    def killed(self, key, result):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        put(self, key, result)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Cache, "put", killed)
        assert main(words) == 130


def repeated(run_json, out):
    """The facts of a run whose command was run again, into another folder."""
    facts = json.loads(run_json)
    words = shlex.split(facts["command"])
    assert words[:3] == ["python", "-m", "xai_core"]
    words[words.index("--out") + 1] = str(out)
    assert main(words[3:]) == 0
    return facts


def same_files(one, other, *names):
    """Files of two folders are equal byte for byte."""
    for name in names:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


def facts_of(out):
    return json.loads((out / "run.json").read_text())


def rows_of(path):
    """Rows of a table, as dictionaries of words."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
