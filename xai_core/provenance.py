"""What was run, so that it can be run again: ``run.json`` and the command line."""

from __future__ import annotations

import json
import platform
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any

from xai_core import __version__
from xai_core.classes import class_word
from xai_core.display import Display
from xai_core.explainers.choices import Choice, assignments
from xai_core.export import Explanation, file_names

LIBRARIES = ("torch", "torchvision", "numpy", "pillow", "scikit-image")


@dataclass(frozen=True)
class ModelFacts:
    """Which model was explained.

    Attributes:
        source: what ``load_classifier`` was given: a registry id or a path.
        fingerprint: ``Classifier.fingerprint``.
        class_names: its classes.
        options: command-line options that tell a checkpoint's facts, such as
            ``{"--architecture": "vgg-tiny"}``.
        outputs: ``Classifier.outputs``: what makes probabilities of its scores.
        notes: ``Classifier.notes``.
    """

    source: str
    fingerprint: str
    class_names: Sequence[str]
    options: Mapping[str, str] = field(default_factory=dict)
    outputs: str = "softmax"
    notes: Sequence[str] = ()

    def described(self) -> dict[str, Any]:
        """What ``run.json`` says of the model."""
        return {
            "source": self.source,
            "fingerprint": self.fingerprint,
            "options": dict(self.options),
            "outputs": self.outputs,
            "notes": list(self.notes),
        }


def run_json(
    model: ModelFacts, explanations: Sequence[Explanation], display: Display, command: Sequence[str]
) -> bytes:
    """``run.json``: everything that decides the results, and the command that repeats them."""
    facts = {
        "product": {"name": "xai-workbench", "version": __version__},
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "model": model.described(),
        "images": [
            {"name": name, "hash": digest}
            for name, digest in dict.fromkeys((e.image_name, e.image_hash) for e in explanations)
        ],
        "results": [
            {
                "file": file,
                "image": item.image_name,
                "method": item.method,
                "settings": dict(item.settings),
                "target": item.target,
                "class": item.class_name,
            }
            for file, item in zip(file_names(explanations), explanations, strict=True)
        ],
        "display": asdict(display),
        "command": shlex.join(command),
    }
    return (json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode("utf-8")


def command_line(
    model: ModelFacts,
    explanations: Sequence[Explanation],
    display: Display,
    out: str = "results",
) -> list[str]:
    """The arguments of ``python -m xai_core explain`` that repeat these explanations.

    Settings that equal the method's defaults are left out.

    Args:
        model: the model.
        explanations: every picture with every method.
        display: how they are drawn.
        out: the folder to write to.
    """
    pictures = {(e.image_name, e.image_hash): e.target for e in explanations}
    columns = {e.column: e for e in explanations}
    words = ["python", "-m", "xai_core", "explain"]
    words += ["--model", model.source, "--methods", ",".join(columns), "--out", out]
    for option, value in model.options.items():
        words += [option, value]
    targets = list(pictures.values())
    for target in targets[:1] if len(set(targets)) == 1 else targets:
        words += ["--target", class_word(target, model.class_names)]
    for item in columns.values():
        for text in assignments(Choice(item.method, item.settings)):
            words += ["--param", text]
    words += ["--stage", display.stage, "--show", display.show, "--colormap", display.colormap]
    words += ["--opacity", str(display.opacity), "--enlarge", display.mode]
    if display.clip is not None:
        words += ["--clip", str(display.clip)]
    return [*words, "--", *(name for name, _ in pictures)]
