"""Uploaded checkpoints: what is asked about them, and how they lie on disk."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.components import model_choice
from tests.pages.waiting import PATIENCE_S


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XAI_CACHE", str(tmp_path))
    return tmp_path / "checkpoints"


def test_a_checkpoint_lies_beside_its_facts_under_a_harmless_name() -> None:
    path = model_choice._stored(b"weights", "../../my net (2).PT", '{"a": 1}')
    assert path.name == "my-net-2-.pt"
    assert path.read_bytes() == b"weights"
    assert path.with_suffix(".json").read_text() == '{"a": 1}'


def test_the_uploader_takes_the_endings_that_training_scripts_give() -> None:
    def script() -> None:
        from pages.components import model_choice

        model_choice._own_checkpoint()

    app = AppTest.from_function(script).run(timeout=PATIENCE_S)
    (upload,) = app.get("file_uploader")
    assert {".pt", ".pth", ".tar", ".ckpt", ".bin", ".safetensors"} <= set(upload.proto.type)
    path = model_choice._stored(b"weights", "run.pth.tar", "{}")
    assert (path.name, path.with_suffix(".json").read_text()) == ("run-pth.tar", "{}")


def test_other_facts_make_another_checkpoint() -> None:
    assert model_choice._stored(b"w", "a.pt", "{}") != model_choice._stored(
        b"w", "a.pt", '{"side": 1}'
    )


def test_what_was_longest_unused_makes_room(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_choice, "STORE_BYTES", 25)
    first = model_choice._stored(b"1" * 10, "a.pt", "")
    os.utime(first.parent, (0, 0))
    second = model_choice._stored(b"2" * 10, "a.pt", "")
    third = model_choice._stored(b"3" * 10, "a.pt", "")
    assert [path.exists() for path in (first, second, third)] == [False, True, True]


def _dialog() -> None:
    import streamlit as st

    from pages.components import model_choice

    st.session_state["chosen"] = model_choice._own_checkpoint()


def told(app: AppTest) -> dict[str, object]:
    """The facts beside the checkpoint that was stored."""
    source = Path(app.session_state["chosen"]["source"])
    facts: dict[str, object] = json.loads(source.with_suffix(".json").read_text())
    return facts


def test_what_the_weights_do_not_tell_is_asked() -> None:
    app = AppTest.from_function(_dialog, default_timeout=PATIENCE_S).run()
    app.text_area(key="class_names").set_value("cat\ndog")
    app.file_uploader[0].set_value([("net.pt", b"weights", "application/octet-stream")])
    app.run()
    assert not {"outputs", "transform_input"} & told(app).keys(), "left to be found out"
    assert "transform_input" not in [box.key for box in app.selectbox]
    app.selectbox(key="outputs").set_value("sigmoid")
    app.selectbox(key="architecture").set_value("inception_v3").run()
    app.selectbox(key="transform_input").set_value("yes").run()
    assert told(app)["outputs"] == "sigmoid"
    assert told(app)["transform_input"] is True
    app.selectbox(key="transform_input").set_value("no").run()
    assert told(app)["transform_input"] is False
    assert not app.exception


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
