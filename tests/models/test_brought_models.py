"""Models that are brought along: what they give, and what is wrong with them costs only them."""

import os
import textwrap
from argparse import ArgumentParser

import pytest
import torch

from xai_core.cli import options
from xai_core.errors import ModelError
from xai_core.models import available_models, brought_models, load_classifier
from xai_core.models.registry import weights_stamp

GOOD = """
    import torch
    from torch import nn
    from xai_core.models import Classifier
    from beside import CLASSES

    def linear(scale=1.0):
        network = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))
        with torch.no_grad():
            network[1].weight.fill_(scale)
            network[1].bias.copy_(torch.tensor([0.0, 1.0]))
        return Classifier(network, CLASSES, (2, 2))

    def broken():
        raise RuntimeError("no weights here")

    def models():
        good = {"mine": linear, "broken": broken, "wrong": lambda: 3}
        return {**good, "resnet18": linear, "": linear}
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes the file and names it, as whoever starts the program does."""
    (tmp_path / "beside.py").write_text('CLASSES = ["no", "yes"]\n')

    def make(text):
        file = tmp_path / "my_models.py"
        file.write_text(textwrap.dedent(text))
        monkeypatch.setenv("XAI_MODELS_FROM", str(file))
        return file

    return make


def test_its_models_are_had_by_their_ids(write):
    write(GOOD)
    infos = [info for info in available_models() if info.source == "brought"]
    assert [info.id for info in infos] == ["mine", "broken", "wrong"]
    assert (infos[0].classes, infos[0].input_size) == (None, None)
    assert infos[0].note == "From my_models.py."
    clf = load_classifier("mine")
    assert (clf.title, clf.class_names) == ("mine", ["no", "yes"])
    # Twelve pixels of 0.5 with weights of 1, and biases of 0 and 1.
    assert clf.logits(torch.full((1, 3, 2, 2), 0.5)).tolist() == [[6.0, 7.0]]
    with pytest.raises(ModelError, match="'mine' brings its own crop"):
        load_classifier("mine", crop=0.5)


def test_what_is_wrong_costs_only_itself(write):
    write(GOOD)
    with pytest.raises(ModelError) as caught:
        load_classifier("broken")
    assert str(caught.value) == (
        "'broken' of my_models.py cannot be built: RuntimeError: no weights here."
    )
    with pytest.raises(ModelError, match="function that returns a Classifier, not int"):
        load_classifier("wrong")
    assert brought_models.problems() == (
        "my_models.py: '' must be a name with a function that returns a Classifier.",
        "my_models.py: 'resnet18' is the name of another model; choose another name.",
    )
    assert [info.source for info in available_models() if info.id == "resnet18"] == ["torchvision"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("import nowhere_at_all", "cannot be used: ModuleNotFoundError: No module named"),
        ("raise SystemExit(3)", "cannot be used: SystemExit: 3."),
        ("models = 3", r"must define models\(\), which returns a mapping"),
        ("def models():\n    return [1]", r"must define models\(\), which returns a mapping"),
        ("def models():\n    1 / 0", "cannot be used: ZeroDivisionError: division by zero"),
        ("def models(", "cannot be used: SyntaxError"),
    ],
)
def test_a_file_without_models_says_why(write, text, sentence):
    file = write(text)
    assert brought_models.ids() == []
    assert all(info.source != "brought" for info in available_models())
    with pytest.raises(ModelError, match=rf"no model 'my_net'\..*my_models\.py {sentence}"):
        load_classifier("my_net")
    with pytest.raises(ModelError, match=sentence):
        brought_models.use(file)


def test_a_file_that_is_not_there(write):
    write("").unlink()
    assert brought_models.problems()[0].startswith("There is no file or folder of models /")
    assert brought_models.stamp() == "none"


def test_another_file_is_another_model(write):
    file = write(GOOD)
    before = load_classifier("mine").fingerprint
    stamp = weights_stamp("mine")
    assert load_classifier("mine").fingerprint == before
    os.utime(file, ns=(1, 1))
    assert weights_stamp("mine") != stamp
    # Weights and structure are the same; what it computes need not be.
    write(GOOD + "\n    # another line\n")
    assert load_classifier("mine").fingerprint != before
    write(GOOD.replace("scale=1.0", "scale=2.0"))
    assert load_classifier("mine").logits(torch.full((1, 3, 2, 2), 0.5)).tolist() == [[12.0, 13.0]]


def test_the_command_line_names_it(write, monkeypatch):
    file = write(GOOD)
    monkeypatch.setenv("XAI_MODELS_FROM", "")
    parser = ArgumentParser()
    options.add_model(parser)
    arguments = parser.parse_args(["--model", "mine", "--models-from", str(file)])
    assert options.model_keywords(arguments) == {"source": "mine"}
    assert brought_models.ids()[0] == "mine"
    assert options.given_facts(arguments) == {"--models-from": str(file)}
    arguments = parser.parse_args(["--model", "vgg-tiny"])
    assert options.given_facts(arguments) == {}


def test_a_folder_of_hugging_face_s_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("XAI_MODELS_FROM", str(tmp_path))
    assert brought_models.problems() == (
        f"{tmp_path} holds no model: neither it nor a folder in it has config.json.",
    )
    config = tmp_path / "mine" / "config.json"
    config.parent.mkdir()
    config.write_text("{}")
    (tmp_path / "other").mkdir()
    before = weights_stamp("mine")
    assert (brought_models.ids(), brought_models.problems()) == (["mine"], ())
    with pytest.raises(ModelError, match=r"'mine' of .*: mine is no image classifier"):
        load_classifier("mine")
    config.write_text('{"a": 1}')
    assert weights_stamp("mine") != before
    monkeypatch.setenv("XAI_MODELS_FROM", str(config.parent))
    assert brought_models.ids() == ["mine"]
