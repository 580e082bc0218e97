"""Models that whoever starts the program brings: by a file of Python, or a folder of models.

``XAI_MODELS_FROM``, or ``--models-from`` on the command line, names it; worker processes hear of it
by the variable, and the pages cannot name one.

* The file defines ``models()``, which returns a mapping: id of a model -> function without
  arguments that returns its ``Classifier``. It is run as any program that one starts.
* The folder holds folders of Hugging Face's (``hugging_face``), whose names are the ids, or is one.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from xai_core.errors import ModelError, XaiError
from xai_core.models.architectures import torchvision_names
from xai_core.models.classifier import Classifier
from xai_core.models.hugging_face import CONFIG, load_folder, model_folders
from xai_core.models.hugging_face import stamp as folder_stamp
from xai_core.models.model_facts import embedded, file_stamp
from xai_core.models.scores import first_line
from xai_core.models.timm_models import timm_names

VARIABLE = "XAI_MODELS_FROM"
_UNTITLED = "Model"  # the title of a Classifier that was given none


class _Listed(NamedTuple):
    """What the file gives, and sentences about what in it is wrong."""

    makers: Mapping[str, Callable[[], object]]
    problems: tuple[str, ...]


def use(file: Path) -> None:
    """Take the models of a file or folder from now on, also in worker processes that start later.

    Raises:
        ModelError: there is no such thing, or nothing in it can be used.
    """
    os.environ[VARIABLE] = str(file.absolute())
    if problems() and not ids():
        raise ModelError(problems()[0])


def file_name() -> str:
    """Name of the file or folder; "" if there is none."""
    return Path(os.environ.get(VARIABLE, "")).name


def ids() -> list[str]:
    """Ids of the models that the file can build; builds none of them."""
    return list(_listed().makers)


def problems() -> tuple[str, ...]:
    """What is wrong with the file, in sentences."""
    return _listed().problems


def stamp() -> str:
    """A text that changes when the file changes; what it imports is not looked at."""
    path = Path(os.environ.get(VARIABLE, "none"))
    if path.is_dir():
        found = model_folders(path)
        return ", ".join(f"{name} {folder_stamp(folder)}" for name, folder in found.items())
    return f"{path} {file_stamp(path)}" if path.is_file() else file_stamp(path)


def options(name: str) -> dict[str, str]:
    """The command line's option with which a model of the file is found again; else none."""
    return {"--models-from": os.environ[VARIABLE]} if name in ids() else {}


def load(name: str) -> Classifier:
    """Build one of the models.

    Raises:
        ModelError: its function fails or returns something else.
    """
    try:
        clf = _listed().makers[name]()
    except XaiError as error:
        raise ModelError(f"'{name}' of {file_name()}: {error}") from error
    except (Exception, SystemExit) as error:  # somebody's own code may raise anything
        raise ModelError(f"'{name}' of {file_name()} cannot be built: {_told(error)}.") from error
    if not isinstance(clf, Classifier):
        raise ModelError(
            f"'{name}' of {file_name()} must be made by a function that returns a Classifier, not "
            f"{type(clf).__name__}."
        )
    if clf.title == _UNTITLED:
        clf.title = name
    file = Path(os.environ[VARIABLE])
    if file.is_file():
        # Structure and weights alone do not say what the file's own code computes.
        clf.program = hashlib.sha256(file.read_bytes() + clf.program.encode()).hexdigest()
        clf.__dict__.pop("fingerprint", None)
    return clf


def _listed() -> _Listed:
    path = os.environ.get(VARIABLE)
    if not path:
        return _Listed({}, ())
    if Path(path).is_dir():
        return _in_folder(path)
    if not Path(path).is_file():
        return _Listed({}, (f"There is no file or folder of models {path}.",))
    return _run(path, stamp())


def _in_folder(path: str) -> _Listed:
    found = model_folders(Path(path))
    if not found:
        return _Listed({}, (f"{path} holds no model: neither it nor a folder in it has {CONFIG}.",))
    return _named({name: partial(load_folder, folder) for name, folder in found.items()}, path)


@cache
def _run(path: str, _stamp: str) -> _Listed:
    """Run the file once while it stays the same, and ask it for its models."""
    name = Path(path).name
    try:
        found = _models_of(path)
    except (Exception, SystemExit) as error:  # noqa: BLE001  as above
        return _Listed({}, (f"{name} cannot be used: {_told(error)}.",))
    if not isinstance(found, Mapping):
        return _Listed({}, (f"{name} must define models(), which returns a mapping.",))
    return _named(found, path)


def _named(found: Mapping[Any, Any], path: str) -> _Listed:
    """The models whose ids can be used, with a word on the others."""
    name = Path(path).name
    good = {key: maker for key, maker in found.items() if _is_id(key) and callable(maker)}
    bad = [f"'{key}'" for key in found if key not in good]
    taken = [f"'{key}'" for key in good if _is_taken(key)]
    said = (
        (bad, "must be a name with a function that returns a Classifier"),
        (taken, "is the name of another model; choose another name"),
    )
    sentences = (f"{name}: {', '.join(ids)} {what}." for ids, what in said if ids)
    return _Listed({key: good[key] for key in good if not _is_taken(key)}, tuple(sentences))


def _models_of(path: str) -> Any:
    """What ``models()`` of the file returns; None if it has no such function."""
    spec = importlib.util.spec_from_file_location(f"models_from_{Path(path).stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError("its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    # As for a program that is started: what lies beside it can be imported.
    sys.modules[spec.name] = module
    folder = str(Path(path).parent)
    if folder not in sys.path:
        sys.path.append(folder)
    spec.loader.exec_module(module)
    models = getattr(module, "models", None)
    return models() if callable(models) else None


def _is_id(key: object) -> bool:
    return isinstance(key, str) and bool(key.strip()) and key == key.strip()


def _is_taken(name: str) -> bool:
    return name in embedded() or name in torchvision_names() or name in timm_names()


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {first_line(error)}".rstrip(". ")
