"""Uploaded checkpoints: what is asked about them, and how they lie on disk."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from streamlit.testing.v1 import AppTest
from torch import nn

from pages.components import (
    checkpoint_store,
    model_choice,
    model_facts,
    model_search,
    server_options,
)
from pages.components.content_store import ContentStore
from tests.models.small_networks import NETWORKS, Known, known, leaky, small  # noqa: F401
from tests.pages.opening import address
from tests.pages.waiting import PATIENCE_S
from xai_core import tasks
from xai_core.cache import Cache, Result
from xai_core.explainers import METHODS, known_support
from xai_core.models import ModelInfo, load_classifier
from xai_core.models.architectures import blueprint


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XAI_CACHE", str(tmp_path))
    return tmp_path / "checkpoints"


def test_a_checkpoint_lies_beside_its_facts_under_a_harmless_name() -> None:
    weights = checkpoint_store.keep("../../my net (2).PT", b"weights")
    path = checkpoint_store.with_facts(weights, '{"a": 1}')
    assert path.name == "my-net-2-.pt"
    assert path.read_bytes() == b"weights"
    assert path.with_suffix(".json").read_text() == '{"a": 1}'
    assert not weights.with_suffix(".json").exists()
    assert path.stat().st_ino == weights.stat().st_ino, "the weights lie there once"
    assert checkpoint_store.with_facts(weights, '{"a": 2}') != path


def test_what_was_longest_unused_makes_room(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint_store, "STORE", ContentStore("checkpoints", 25))

    def kept(number: int) -> Path:
        weights = checkpoint_store.keep("a.pt", str(number).encode() * 10)
        path = checkpoint_store.with_facts(weights, "")
        for one in (weights, path):
            os.utime(one.parent, (number, number))
        return path

    first, second = kept(1), kept(2)
    assert [path.exists() for path in (first, second)] == [True, True]
    third = kept(3)
    assert [path.exists() for path in (first, second, third)] == [False, True, True]


def _dialog() -> None:
    import streamlit as st

    from pages.components import checkpoint_form

    st.session_state["chosen"] = checkpoint_form.own_checkpoint()


def opened(content: object) -> AppTest:
    """The form after an upload."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return uploaded(("run.ckpt", buffer.getvalue()))


def uploaded(*files: tuple[str, bytes]) -> AppTest:
    """The form after an upload of several files."""
    app = AppTest.from_function(_dialog, default_timeout=PATIENCE_S).run()
    app.file_uploader[0].set_value([(*file, "application/octet-stream") for file in files])
    return app.run()


def at(app: AppTest, kind: str, name: str) -> Any:
    """The control whose key begins with a name; what was uploaded ends it."""
    (found,) = (one for one in getattr(app, kind) if one.key and one.key.startswith(name))
    return found


def said(element: Any) -> str:
    """What is read of a text from outside, whose marks are escaped."""
    return str(element.value).replace("\\", "")


def told(app: AppTest) -> dict[str, object]:
    """The facts beside the checkpoint that was stored."""
    assert not app.exception
    source = Path(app.session_state["chosen"]["source"])
    facts: dict[str, object] = json.loads(source.with_suffix(".json").read_text())
    return facts


def test_the_uploader_takes_the_endings_that_training_scripts_give() -> None:
    app = AppTest.from_function(_dialog, default_timeout=PATIENCE_S).run()
    (upload,) = app.get("file_uploader")
    assert {".pt", ".pth", ".tar", ".ckpt", ".bin", ".safetensors"} <= set(upload.proto.type)
    assert app.session_state["chosen"] is None


def test_what_is_recognised_stands_there_and_can_be_changed(known: Known) -> None:  # noqa: F811
    known(**NETWORKS)
    torch.manual_seed(0)
    network = small(3).eval()
    app = opened({"state_dict": network.state_dict(), "epoch": 3})
    assert at(app, "selectbox", "architecture").value == "small"
    captions = [said(caption) for caption in app.caption]
    assert "Recognised: all 9 weights outside the last layer have" in captions[0]
    assert captions[1] == "3 scores for each picture."
    assert app.session_state["chosen"] is None, "nothing tells the input side"
    at(app, "number_input", "side").set_value(16).run()
    facts = told(app)
    assert (facts["architecture"], facts["input_size"]) == ("small", [16, 16])
    assert (facts["mean"], facts["std"], facts["crop"]) == ([0.0] * 3, [1.0] * 3, 1.0)
    assert "class_names" not in facts
    at(app, "text_area", "class_names").set_value("a\nb\nc")
    at(app, "selectbox", "outputs").set_value("sigmoid")
    at(app, "number_input", "mean_red").set_value(0.5).run()
    facts = told(app)
    assert (facts["class_names"], facts["outputs"]) == (["a", "b", "c"], "sigmoid")
    assert facts["mean"] == [0.5, 0.0, 0.0]
    clf = load_classifier(app.session_state["chosen"]["source"])
    x = torch.rand(1, 3, 16, 16)
    assert torch.equal(clf.logits(x), network(x))
    assert (clf.title, clf.class_names) == ("run", ["a", "b", "c"])


def test_its_address_opens_an_uploaded_checkpoint_again(known: Known, store: Path) -> None:  # noqa: F811
    known(**NETWORKS)
    torch.manual_seed(0)
    app = opened(small(3).state_dict())
    assert not app.query_params.get("checkpoint"), "nothing is complete yet"
    at(app, "number_input", "side").set_value(16).run()
    (word,) = address(app, "checkpoint")
    source = app.session_state["chosen"]["source"]
    assert Path(source) == store / word

    other = AppTest.from_function(_dialog, default_timeout=PATIENCE_S)
    other.query_params["checkpoint"] = word
    assert other.run().session_state["chosen"] == {"source": source}
    assert said(other.caption[0]).startswith("run, as it was uploaded.")
    for wrong in ("../../etc/passwd", f"{'0' * 64}/run.ckpt", word.partition("/")[0]):
        other = AppTest.from_function(_dialog, default_timeout=PATIENCE_S)
        other.query_params["checkpoint"] = wrong
        assert other.run().session_state["chosen"] is None
        assert "not kept on this server any more" in other.toast[0].value
        assert "checkpoint" not in other.query_params


def test_what_the_file_does_not_tell_must_be_chosen(known: Known) -> None:  # noqa: F811
    known(small=small, leaky=leaky)
    network = small(3)
    network.fc = nn.Sequential(nn.Linear(20, 4), nn.ReLU(), nn.Linear(4, 2))
    state = network.state_dict()
    other = {name: tensor + 1 for name, tensor in state.items()}
    app = opened({"student": state, "teacher": other})
    architecture = at(app, "selectbox", "architecture")
    assert (architecture.value, architecture.options[:2]) == (None, ["small", "leaky"])
    assert "those of several architectures" in said(app.info[0])
    architecture.set_value("leaky").run()
    assert said(app.error[0]).startswith("Choose: activation in its last layers")
    at(app, "selectbox", "head_activation").set_value("relu").run()
    assert said(app.error[0]).startswith("Choose: weights in the file")
    at(app, "selectbox", "weights").set_value("teacher").run()
    at(app, "number_input", "side").set_value(16).run()
    facts = told(app)
    chosen = (facts["architecture"], facts["weights"], facts["head_activation"])
    assert chosen == ("leaky", "teacher", "relu")


def test_a_grey_network_needs_its_normalisation(known: Known) -> None:  # noqa: F811
    known(**NETWORKS)
    network = small(3)
    network.conv1 = nn.Conv2d(1, 4, 3)
    app = opened(network.state_dict())
    at(app, "number_input", "side").set_value(16).run()
    assert app.session_state["chosen"] is None
    at(app, "number_input", "mean_grey").set_value(0.5)
    at(app, "number_input", "deviation_grey").set_value(0.25).run()
    assert (told(app)["mean"], told(app)["std"]) == ([0.5], [0.25])


def test_what_is_no_checkpoint_is_refused_in_a_sentence() -> None:
    app = opened(nn.Linear(2, 2))
    assert "whole pickled model" in said(app.error[0])
    assert app.session_state["chosen"] is None


def test_several_files_are_a_folder_of_hugging_face_s() -> None:
    config = json.dumps({"architecture": "../resnet10t"}).encode()
    app = uploaded(("config.json", config), ("preprocessor_config.json", b"{}"))
    assert "model.safetensors is not among them" in said(app.error[0])
    assert app.session_state["chosen"] is None
    app = uploaded(("config.json", config), ("model.safetensors", b"weights"))
    folder = Path(app.session_state["chosen"]["source"])
    assert folder.name == "resnet10t"
    assert (folder / "config.json").read_bytes() == config
    assert (folder / "model.safetensors").read_bytes() == b"weights"
    app = uploaded(("config.json", config), ("config.json", b"{}"))
    assert "have the same name" in said(app.error[0])
    assert app.session_state["chosen"] is None


def test_who_converts_its_input_is_asked() -> None:
    shapes = blueprint("googlenet", 3).state_dict()
    content = {name: torch.zeros(()).expand(tensor.shape) for name, tensor in shapes.items()}
    app = opened(content)
    at(app, "selectbox", "architecture").set_value("googlenet").run()
    assert "transform_input" not in told(app), "left to be found out"
    assert told(app)["input_size"] == [224, 224]
    for word, rule in (("yes", True), ("no", False)):
        at(app, "selectbox", "transform_input").set_value(word).run()
        assert told(app)["transform_input"] is rule


def test_models_of_a_file_of_python_are_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mine.py"
    file.write_text("def models():\n    return {'mine': lambda: None}\n")
    assert "mine" not in [info.id for info in model_choice.model_infos()]
    monkeypatch.setenv("XAI_MODELS_FROM", str(file))
    (info,) = (info for info in model_choice.model_infos() if info.id == "mine")
    assert model_choice._facts(info) == "From mine.py. Which methods work is not tried yet."
    assert model_choice._title(info) == "Own · mine"


def test_the_server_is_told_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XAI_MODELS_FROM", "before")
    server_options.take(["app.py"])
    assert os.environ["XAI_MODELS_FROM"] == "before"
    monkeypatch.chdir(tmp_path)
    server_options.take(["app.py", "--models-from", "mine.py"])
    assert os.environ["XAI_MODELS_FROM"] == str(tmp_path / "mine.py")


def _sentences() -> None:
    from pages.components import classified

    classified._about({"outputs": "softmax", "notes": []})
    classified._about({"outputs": "sigmoid", "notes": ["It ends in *softmax*."]})


def test_what_was_found_about_a_model_is_said() -> None:
    app = AppTest.from_function(_sentences, default_timeout=PATIENCE_S).run()
    (caption,) = app.caption
    assert caption.value == (
        r"It ends in \*softmax\*\. Every class has a probability of its own \(sigmoid\)\."
    )


def info(name: str, source: str = "timm", local: bool = False, **facts: Any) -> ModelInfo:
    """A model of which nothing else is known."""
    names = ("classes", "input_size", "parameters", "accuracy", "size_mb")
    return ModelInfo(
        name, name, source, **dict.fromkeys(names) | facts, local=local, note=""
    )  # fmt: skip


def _search() -> None:
    from pages.components import model_search

    model_search._search.__wrapped__("model")  # a dialog would close with every run of the page


def test_a_model_is_found_by_words_of_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    infos = [info(name) for name in ("resnet50.a1_in1k", "resnet18", "vgg16")]
    here = info("vgg-tiny", source="embedded", local=True, accuracy=64.0, parameters=4_300_000)
    monkeypatch.setattr(model_search, "_infos", lambda: [*infos, here])
    app = AppTest.from_function(_search, default_timeout=PATIENCE_S).run()
    assert said(app.caption[0]).startswith("3 more can be downloaded: write two letters")
    (table,) = app.dataframe
    row = table.value.iloc[0]
    assert (len(table.value), row["where"], row.model) == (1, "Embedded", "vgg-tiny")
    assert (row["top-1"], row.weights, row.Gradient, row.CAM) == (64.0, 4.3, "all", "5 of 6")
    app.text_input[0].set_value("50 res").run()
    (table,) = app.dataframe
    assert table.value["model"].tolist() == ["resnet50.a1_in1k"]
    assert table.value["CAM"].tolist() == ["not tried"]
    assert app.button[0].disabled, "none is chosen yet"
    app.text_input[0].set_value("nothing").run()
    assert "No model has these words" in said(app.info[0])


def _offer() -> None:
    from pages.components import model_search

    model_search.offer("model")


def test_the_search_stays_open_when_the_page_runs_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_search, "_infos", lambda: [info("vgg-tiny", local=True)])
    app = AppTest.from_function(_offer, default_timeout=PATIENCE_S).run()
    assert not app.text_input
    app.button[0].click().run()
    assert app.text_input[0].label == "Words of its name"
    app.run()  # as a result does that has come
    assert app.text_input


@pytest.mark.parametrize(
    ("model", "group"),
    [
        (info("a", source="embedded", local=True), "Embedded"),
        (info("b", source="torchvision", local=True), "Here"),
        (info("c", source="timm"), "Download"),
        (info("d", source="brought", local=True), "Own"),
    ],
)
def test_every_model_has_a_group(model: ModelInfo, group: str) -> None:
    assert model_facts.group_of(model) == group
    assert group in model_facts.ABOUT


def test_the_groups_of_methods_are_those_of_the_table() -> None:
    assert tuple(model_facts.SHORT) == tuple(known_support.GROUPS)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("resnet18", "All methods work."),
        (
            "convnext_tiny",
            "Not all methods work: gradient 5 of 6, modified backpropagation none, class "
            "activation 3 of 6, relevance propagation none, differences from a baseline 2 of 5.",
        ),
        ("swin_t", "Which methods work is not tried yet."),
    ],
)
def test_which_methods_work_is_said_without_loading_the_model(name: str, said: str) -> None:
    assert model_facts.methods_in_words(info(name)) == said


def test_what_was_tried_on_this_machine_is_known_better(monkeypatch: pytest.MonkeyPatch) -> None:
    one, cache = info("swin_t", local=True), Cache()
    monkeypatch.setattr(model_facts, "shared_engine", lambda: SimpleNamespace(cache=cache))
    model_facts._tried.clear()
    keywords = {"source": "swin_t"}
    cache.put(tasks.describe(keywords).key, Result(facts={"fingerprint": "f"}))
    for method in METHODS:
        assert set(model_facts.methods_of(one).values()) == {"not tried"}, "some are not tried yet"
        refusal = "It has no rule." if METHODS[method].family == "relevance" else ""
        key = tasks.support(keywords, "f", method).key
        cache.put(key, Result(facts={"refusal": refusal}))
        model_facts._tried.clear()
    found = model_facts.methods_of(one)
    assert (found["relevance"], found["gradient"]) == ("none", "all")


def _choice() -> None:
    import streamlit as st

    from pages.components import model_choice

    if st.toggle("shown", value=True):
        st.text(str(model_choice.choose_model()))


def test_the_list_is_grouped_and_the_address_chooses() -> None:
    app = AppTest.from_function(_choice, default_timeout=PATIENCE_S)
    app.query_params["model"] = "vgg-tiny-permuted-labels"
    app.run()
    (control,) = app.selectbox
    assert control.value == "vgg-tiny-permuted-labels"
    assert control.options[-1] == "Own · your checkpoint"
    assert "Embedded · vgg-tiny" in control.options
    groups = [option.partition(" · ")[0] for option in control.options]
    assert groups == sorted(groups, key=model_facts.ORDER.index)
    assert "Not all methods work: class activation 5 of 6" in said(app.caption[-1])
    control.set_value("efficientnet-lite0").run()
    assert app.text[0].value == "{'source': 'efficientnet-lite0'}"
    assert address(app, "model") == ["efficientnet-lite0"]
    app.selectbox[0].set_value("vgg-tiny").run()
    assert address(app, "model") == [], "nothing of what everybody begins with"


def test_the_choice_outlives_its_control() -> None:
    app = AppTest.from_function(_choice, default_timeout=PATIENCE_S).run()
    app.selectbox[0].set_value("efficientnet-lite0").run()
    app.toggle[0].set_value(False).run()
    assert not app.selectbox
    app.toggle[0].set_value(True).run()
    assert app.selectbox[0].value == "efficientnet-lite0"


def test_an_unknown_model_of_the_address_is_said_once() -> None:
    app = AppTest.from_function(_choice, default_timeout=PATIENCE_S)
    app.query_params["model"] = "no-such-model"
    app.run()
    assert "no-such-model" in said(app.toast[0])
    assert app.selectbox[0].value == "vgg-tiny", "the one to begin with here"
    app.run()
    assert not app.toast


def test_what_is_found_becomes_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    written: dict[str, str] = {}
    state: dict[str, object] = {}
    monkeypatch.setattr(model_search.st, "session_state", state)
    monkeypatch.setattr(model_search, "write", written.__setitem__)
    model_search._use("model", "resnet18")
    assert state["model"] == written["model"] == "resnet18"
