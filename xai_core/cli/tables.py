"""``models`` and ``methods``: what there is."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xai_core.cli.options import (
    Commands,
    add_command,
    add_methods_from,
    add_models_from,
    take_models_from,
)
from xai_core.errors import ModelError

if TYPE_CHECKING:
    from xai_core.explainers import Method
    from xai_core.params import Param


def add_to(commands: Commands) -> None:
    """Add both commands to the parser."""
    for name, run, text in (
        ("models", list_models, "list the models that can be explained"),
        ("methods", list_methods, "list the attribution methods and their settings"),
    ):
        parser = add_command(commands, name, run, text)
        parser.add_argument("--json", action="store_true", help="as JSON, with every fact")
        if run is list_methods:
            add_methods_from(parser)
        else:
            add_models_from(parser)
            parser.add_argument(
                "--recognise",
                type=Path,
                metavar="FILE",
                help="say what a checkpoint is, in place of the list",
            )
            parser.add_argument(
                "words",
                nargs="*",
                metavar="WORD",
                help="only models with all of these in their names; without any, the embedded ones "
                "and those whose weights are on this machine",
            )


def list_models(arguments: argparse.Namespace) -> int:
    """Print the models that are searched for, one a line."""
    if arguments.recognise is not None:
        if arguments.words:
            raise ModelError("--recognise looks at one file; leave the words out.")
        return _recognise(arguments.recognise, arguments.json)
    from xai_core.cli.subjects import complain
    from xai_core.models import available_models, brought_models
    from xai_core.models.registry import named_like

    take_models_from(arguments)
    for problem in brought_models.problems():
        complain(problem)
    every = available_models()
    found = named_like(every, arguments.words)
    if not arguments.words and not arguments.json:
        found = [model for model in every if model.local]
    if arguments.json:
        print(json.dumps([asdict(model) for model in found], indent=1, ensure_ascii=False))
        return 0
    head = ("id", "title", "classes", "input", "accuracy", "size", "weights")
    rows = [
        (
            model.id,
            "" if model.title == model.id else model.title,
            "–" if model.classes is None else str(model.classes),
            "×".join(map(str, model.input_size or "–")),
            "–" if model.accuracy is None else f"{model.accuracy:.1f} %",
            "–" if model.size_mb is None else f"{model.size_mb:.0f} MB",
            "here" if model.local else "downloaded at first use",
        )
        for model in found
    ]
    print(aligned([head, *rows]) if rows else "No model has these words in its name.")
    if not arguments.words:
        sources = Counter(model.source for model in every if not model.local)
        more = " and ".join(f"{count:,} of {source}" for source, count in sources.items())
        print(f"\n{more} can be had besides: models WORD … searches their names.")
    return 0


def _recognise(file: Path, as_json: bool) -> int:
    """Print what a checkpoint is; 1 if something must be told before it can be used."""
    from xai_core.models.checkpoint_layout import title
    from xai_core.models.recognition import recognise

    found = recognise(file)
    facts: dict[str, Any] = {
        "architecture": list(found.architectures),
        "reason": found.reason,
        "sets": list(found.sets),
        "missing": found.problem,
    }
    if found.fit is not None:
        facts["weights"] = title(found.fit.place)
        facts["classes"] = found.fit.classes
        facts["grey"] = bool(found.fit.grey)
        facts["input_size"] = found.fit.side
        facts["mean"], facts["std"] = found.usual.mean, found.usual.std
        facts["head"] = found.fit.head.described() if found.fit.head else ""
    if as_json:
        print(json.dumps(facts, indent=1, ensure_ascii=False))
    else:
        said = {name: value for name, value in facts.items() if value not in ("", [], None, False)}
        rows = [(name, _text(value)) for name, value in said.items()]
        print(aligned(rows))
    return 0 if found.fit else 1


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def list_methods(arguments: argparse.Namespace) -> int:
    """Print every method, one a line."""
    from xai_core.cli.asked import take_methods
    from xai_core.explainers import METHODS

    take_methods(arguments)
    if arguments.json:
        facts = [method_facts(method) for method in METHODS.values()]
        print(json.dumps(facts, indent=1, ensure_ascii=False))
        return 0
    head = ("id", "title", "family", "settings (--param METHOD.NAME=VALUE)")
    rows = [
        (method.id, method.title, method.family, ", ".join(map(_setting, method.params)) or "–")
        for method in METHODS.values()
    ]
    print(aligned([head, *rows]))
    return 0


def method_facts(method: Method) -> dict[str, Any]:
    """Everything the table says about a method, as plain data."""
    facts = {fact.name: getattr(method, fact.name) for fact in fields(method)}
    plain = {name: value for name, value in facts.items() if not callable(value)}
    return plain | {"params": [_param_facts(param) for param in method.params]}


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as text, the columns aligned to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
    return "\n".join(lines)


def _param_facts(param: Param) -> dict[str, Any]:
    """The same facts of every kind of setting, so that a table can be made of them."""
    facts = {"low": None, "high": None, **asdict(param), "kind": param.kind}
    return facts | {"choices": list(facts.get("choices", ()))}


def _setting(param: Param) -> str:
    return param.name if param.default is None else f"{param.name}={param.default}"
