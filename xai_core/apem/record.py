"""What was measured, so that it can be measured again: ``run.json`` and the command line."""

from __future__ import annotations

import json
import platform
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import pandas as pd

from xai_core import __version__
from xai_core.explainers.choices import Choice, assignments
from xai_core.provenance import LIBRARIES, ModelFacts

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Record:
    """Everything that decides the numbers.

    Attributes:
        model: the model.
        choices: the methods, with all their settings.
        stages: which stages of each map.
        shuffles: shuffled maps for the normalised metric; 0 for none.
        seed: of the shuffles.
        eps_max: the most steps.
        source: where the pictures come from, as words of the command line.
        images: every picture's name, hash, true class (None if unknown) and predicted one.
    """

    model: ModelFacts
    choices: Sequence[Choice]
    stages: Sequence[str]
    shuffles: int
    seed: int
    eps_max: int
    source: Sequence[str] = ()
    images: Sequence[dict[str, Any]] = field(default_factory=list)

    def command(self, out: str) -> list[str]:
        """The arguments of ``python -m xai_core apem`` that repeat this into a folder."""
        words = ["python", "-m", "xai_core", "apem", "--model", self.model.source]
        for option, value in self.model.options.items():
            words += [option, value]
        words += ["--methods", ",".join(choice.id for choice in self.choices)]
        for choice in self.choices:
            for text in assignments(choice):
                words += ["--param", text]
        words += ["--stages", ",".join(self.stages), "--shuffles", str(self.shuffles)]
        words += ["--seed", str(self.seed), "--eps-max", str(self.eps_max), "--out", out]
        return [*words, *self.source]

    def run_json(self, out: str, seconds: float | None = None) -> bytes:
        """The file.

        Args:
            out: the folder that was written to.
            seconds: how long it took, if that is known.
        """
        facts = {
            "product": {"name": "xai-workbench", "version": __version__},
            "python": platform.python_version(),
            "libraries": {name: version(name) for name in (*LIBRARIES, "matplotlib", "scipy")},
            "model": self.model.described(),
            "images": list(self.images),
            "methods": [
                {"id": choice.id, "method": choice.method, "settings": dict(choice.settings)}
                for choice in self.choices
            ],
            "stages": list(self.stages),
            "shuffles": self.shuffles,
            "seed": self.seed,
            "eps_max": self.eps_max,
            "command": shlex.join(self.command(out)),
        }
        if seconds is not None:
            facts["seconds"] = round(seconds, 1)
        return (json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode("utf-8")


def photo_words(names: Sequence[str], true: Sequence[str | None]) -> list[str]:
    """Photos and the words for their true classes, as the command line takes them."""
    words = [word for one in true for word in ("--true", UNKNOWN if one is None else one)]
    return [*words, "--", *names]


def images_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The pictures of a table: name, hash, and the indices of both classes."""
    once = table.drop_duplicates(["image", "image_hash"])
    return [
        {
            "name": row["image"],
            "hash": row["image_hash"],
            "true": None if pd.isna(row["true"]) else int(row["true"]),
            "predicted": int(row["predicted"]),
        }
        for row in once.to_dict("records")
    ]
