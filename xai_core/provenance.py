"""What was run, so that it can be run again: ``run.json`` and the command line.

Every page and every command tells its run here. Needs no torch.
"""

from __future__ import annotations

import json
import platform
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from xai_core import __version__
from xai_core.classes import class_word

LIBRARIES = ("torch", "torchvision", "numpy", "scipy", "pillow", "scikit-image", "matplotlib")
PRODUCT = {"name": "xai-workbench", "version": __version__}
UNKNOWN = "unknown"

Option = tuple[str, str | None]


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

    def words(self) -> list[Option]:
        """The model in the command line's words."""
        return [("--model", self.source), *self.options.items()]

    def classes(self, option: str, indices: Sequence[int | None]) -> list[Option]:
        """A class of every photo in the command line's words; one for all where it is the same.

        By number and name: a name alone could be another class's number.

        Args:
            option: of the command line.
            indices: of the classes; None where it is not known.
        """
        words = [UNKNOWN if i is None else class_word(i, self.class_names) for i in indices]
        return [(option, word) for word in (words[:1] if len(set(words)) == 1 else words)]


@dataclass(frozen=True)
class Run:
    """Everything that decides some results.

    Attributes:
        command: what follows ``python -m xai_core``, such as ``("explain",)``.
        facts: what ``run.json`` says of it, besides versions and the command.
        options: options with their words, None for a flag; without ``--out``.
        photos: the words behind all options.
        libraries: the libraries whose versions matter.
    """

    command: Sequence[str]
    facts: Mapping[str, Any]
    options: Sequence[Option]
    photos: Sequence[str] = ()
    libraries: Sequence[str] = LIBRARIES

    def words(self, out: str = "results") -> list[str]:
        """The command that repeats it.

        Args:
            out: the folder to write to.
        """
        found = ["python", "-m", "xai_core", *self.command]
        for option, word in (*self.options, ("--out", out)):
            if word is not None and word.startswith("-"):  # else it would be taken for an option
                found.append(f"{option}={word}")
            else:
                found += [option] if word is None else [option, word]
        return [*found, "--", *self.photos] if self.photos else found

    def run_json(self, out: str = "results", **further: Any) -> bytes:
        """The file.

        Args:
            out: the folder to write to.
            further: what is known besides, such as the seconds that it took.
        """
        facts = {
            "product": PRODUCT,
            "python": platform.python_version(),
            "libraries": {name: version(name) for name in self.libraries},
            **self.facts,
            "command": shlex.join(self.words(out)),
            **further,
        }
        return (json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode("utf-8")
