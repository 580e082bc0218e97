"""Models on the command line: what a checkpoint is, and models of a file of Python."""

import json
import os
import textwrap

import pytest
import torch

from tests.command_line import facts_of, picture, told
from tests.models.small_networks import NETWORKS, known, small  # noqa: F401
from xai_core.__main__ import main
from xai_core.models import load_classifier


@pytest.fixture
def checkpoint(tmp_path, known):  # noqa: F811
    known(**NETWORKS)
    torch.manual_seed(0)
    path = tmp_path / "run.ckpt"
    state = {f"net.{name}": tensor for name, tensor in small(3).state_dict().items()}
    torch.save({"state_dict": state, "ema": {n: t + 1 for n, t in state.items()}}, path)
    return path


def test_a_checkpoint_is_recognised(checkpoint):
    status, output = told(["models", "--recognise", str(checkpoint)])
    assert status == 0
    lines = dict(line.split(maxsplit=1) for line in output.splitlines())
    assert lines["architecture"] == "small"
    assert (lines["sets"], lines["weights"]) == ("state_dict.net, ema.net", "ema.net")
    assert lines["classes"] == "3"
    status, output = told(["models", "--json", "--recognise", str(checkpoint)])
    reason = "all 9 weights outside the last layer have the names and shapes of small"
    assert json.loads(output)["reason"] == reason


def test_a_file_is_not_searched_for(checkpoint, capsys):
    assert main(["models", "resnet", "--recognise", str(checkpoint)]) == 2
    assert capsys.readouterr().err == "--recognise looks at one file; leave the words out.\n"


def test_what_is_missing_is_said(tmp_path, known):  # noqa: F811
    known(**NETWORKS)
    torch.save({"a.weight": torch.ones(2, 2)}, tmp_path / "odd.pt")
    status, output = told(["models", "--recognise", str(tmp_path / "odd.pt")])
    assert status == 1
    assert "missing" in output
    assert "no architecture that is known here" in output


def test_the_facts_of_a_checkpoint_are_optional_words(checkpoint, tmp_path, monkeypatch):
    monkeypatch.setenv("XAI_CACHE", str(tmp_path / "cache"))
    photo = tmp_path / "photo.png"
    picture(1).save(photo)
    out = tmp_path / "out"
    line = ["explain", str(photo), "--model", str(checkpoint), "--methods", "saliency"]
    words = ["--weights", "state_dict", "--input-size", "16", "--mean", "0.5", "--std", "0.25"]
    assert main([*line, *words, "--out", str(out)]) == 0
    facts = facts_of(out)["model"]
    clf = load_classifier(
        checkpoint, weights="state_dict", input_size=(16, 16), mean=(0.5,) * 3, std=(0.25,) * 3
    )
    assert facts["fingerprint"] == clf.fingerprint
    assert facts["options"]["--weights"] == "state_dict"
    assert facts["notes"] == clf.notes


def test_the_dashboard_is_told_of_the_file(tmp_path, monkeypatch, capsys):
    started = []
    monkeypatch.setattr(os, "execv", lambda program, words: started.append(words))
    monkeypatch.setenv("XAI_MODELS_FROM", "")
    assert main(["app", "--models-from", str(tmp_path / "gone.py")]) == 2
    assert "There is no file or folder of models" in capsys.readouterr().err
    assert not started
    file = tmp_path / "mine.py"
    file.write_text("def models():\n    return {'mine': lambda: None}\n")
    main(["app", "--models-from", str(file), "--", "--server.port", "8080"])
    assert started[0][-2:] == ["--server.port", "8080"]
    assert os.environ["XAI_MODELS_FROM"] == str(file)


def test_a_model_of_a_file_of_python_is_explained(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XAI_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XAI_MODELS_FROM", "")
    file = tmp_path / "mine.py"
    file.write_text(
        textwrap.dedent("""
        import torch
        from torch import nn
        from xai_core.models import Classifier

        def linear():
            torch.manual_seed(0)
            return Classifier(nn.Sequential(nn.Flatten(), nn.Linear(48, 2)), ["a", "b"], (4, 4))

        def models():
            return {"linear": linear, "odd": 3}
        """)
    )
    photo = tmp_path / "photo.png"
    picture(1).save(photo)
    line = ["explain", str(photo), "--methods", "saliency", "--models-from", str(file)]
    assert main([*line, "--model", "linear", "--out", str(tmp_path / "out")]) == 0
    facts = facts_of(tmp_path / "out")
    assert facts["model"]["options"] == {"--models-from": str(file)}
    assert f"--models-from {file}" in facts["command"]
    status, output = told(["models", "linear", "--models-from", str(file)])
    assert status == 0
    assert output.splitlines()[1].split()[:3] == ["linear", "–", "–"]
    assert "mine.py: 'odd' must be a name with a function" in capsys.readouterr().err
    gone = ["--models-from", str(tmp_path / "gone.py")]
    assert main([*line[:-2], *gone, "--model", "linear", "--out", str(tmp_path / "o")]) == 2
    assert "There is no file or folder of models" in capsys.readouterr().err
