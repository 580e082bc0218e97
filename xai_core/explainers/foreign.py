"""Methods of others: found at entry points or in a file, checked, and held to the contract.

A package offers ``Method`` objects at the entry points of the group ``xai_workbench.methods``, a
single file by ``--methods-from``. What cannot be taken is said in a sentence (``problems``) and
costs nothing else. What is taken stands in ``METHODS`` like any other method; each of its calls is
watched (``xai_core.explainers.watched``).
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from importlib.abc import SourceLoader
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from xai_core.errors import MethodError
from xai_core.explainers.registry import BASES, FAMILIES, METHODS, Method
from xai_core.explainers.watched import watched
from xai_core.params import MethodParam, Param

GROUP = "xai_workbench.methods"
FILE = "XAI_METHODS_FROM"  # the environment's variable by which workers hear of the file
HASH = "XAI_METHODS_SHA256"  # of the file, as the process that started the workers has read it
BUILT_ON = "base"  # the setting that names the method that another one averages

_ID = re.compile(r"[a-z][a-z0-9_]*")
_WORDS = ("title", "citation", "shows", "formula")
_sources: dict[str, str] = {}  # of every method taken, by id: a hash of what it was read from
_files: dict[str, str] = {}  # of those from a file, by id: the file
_problems: list[str] = []
_read: set[str] = set()


def offer(id: str | None = None, **facts: Any) -> Callable[[Callable[..., Any]], Method]:
    """Make a ``Method`` of the decorated function, under ``id`` or else its own name.

    The facts are those of ``Method``; nothing is entered anywhere.
    """

    def made(function: Callable[..., Any]) -> Method:
        return Method(id or function.__name__, function, **facts)

    return made


def problems() -> list[str]:
    """What was offered and cannot be used, one sentence each."""
    return list(_problems)


def stamped(name: str, settings: Mapping[str, Any]) -> str:
    """How keys of results name a method: with what it, or the one it averages, was read from."""
    base = settings.get(BUILT_ON)
    used = [_sources[one] for one in (name, base) if isinstance(one, str) and one in _sources]
    return "@".join([name, *used])


def is_foreign(name: str) -> bool:
    """Whether a method came from outside."""
    return name in _sources


def files_of(names: Iterable[str]) -> list[str]:
    """The files that these methods are from."""
    return list(dict.fromkeys(_files[name] for name in names if name in _files))


def use_file(path: str) -> None:
    """Take the methods of a file, here and in the workers that this process starts.

    Raises:
        MethodError: there is no such file.
    """
    file = Path(path).absolute()
    if not file.is_file():
        raise MethodError(f"There is no file of methods at {path}.")
    if os.environ.get(FILE) != str(file):
        os.environ.pop(HASH, None)
    os.environ[FILE] = str(file)
    take()


def take() -> None:
    """Enter what is offered and was not looked at before."""
    for entry in entry_points(group=GROUP):
        _once(f"{entry.name} {entry.value}", partial(_of_entry, entry))
    file = os.environ.get(FILE)
    if file:
        _once(file, partial(_of_file, Path(file)), file)


def _once(
    name: str, find: Callable[[], tuple[str, str, list[Any]]], file: str | None = None
) -> None:
    """Look into one place, unless that was done before; what goes wrong there is a sentence."""
    if name in _read:
        return
    _read.add(name)
    try:
        where, source, found = find()
    except MethodError as error:
        _problems.append(str(error))
        return
    if not found:
        _problems.append(f"{where} offers no method; decorate a function with `offer`.")
    for row in found:
        problem = _refusal(row)
        if problem:
            _problems.append(f"{where}: {problem}")
            continue
        METHODS[row.id] = replace(row, function=watched(row))
        _sources[row.id] = source
        if file is not None:
            _files[row.id] = file
        if row.family != "control" and not any(isinstance(p, MethodParam) for p in row.params):
            BASES.append(row.id)


def _of_entry(entry: EntryPoint) -> tuple[str, str, list[Any]]:
    """What an entry point offers: a Method, several, or a module that holds some."""
    dist = entry.dist
    package = f"{dist.name} {dist.version}" if dist is not None else entry.value
    where = f"The package {package} (entry point '{entry.name}')"
    value = _imported(where, entry.load)
    module = sys.modules.get(entry.module)
    digest = hashlib.sha256(package.encode())
    for file in _files_of(module):
        digest.update(file.read_bytes())
    if isinstance(value, ModuleType):
        return where, digest.hexdigest(), _methods_in(value)
    several = isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)
    return where, digest.hexdigest(), list(value) if several else [value]


def _of_file(path: Path) -> tuple[str, str, list[Any]]:
    """What a file offers: every Method that it holds."""
    where = f"The file of methods {path.name}"
    try:
        text = path.read_bytes()
    except OSError as error:
        raise MethodError(f"{where} cannot be read: {error.strerror}.") from error
    source = hashlib.sha256(text).hexdigest()
    # A worker that starts later must not compute by another text under the same keys.
    if os.environ.setdefault(HASH, source) != source:
        raise MethodError(f"{where} has changed since the server was started; start it again.")
    name = f"xai_methods_from_{source[:12]}"
    spec = importlib.util.spec_from_loader(name, _Text(path, text))
    if spec is None:
        raise MethodError(f"{where} cannot be imported.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look there

    def run() -> ModuleType:
        if spec.loader is not None:
            spec.loader.exec_module(module)
        return module

    return where, source, _methods_in(_imported(where, run))


class _Text(SourceLoader):
    """The module of a text that was read before: no other one is run, and none is kept."""

    def __init__(self, path: Path, text: bytes) -> None:
        self._path, self._text = path, text

    def get_filename(self, fullname: str) -> str:
        return str(self._path)

    def get_data(self, path: Any) -> bytes:
        return self._text


def _imported(where: str, load: Callable[[], Any]) -> Any:
    try:
        return load()
    # Code of others: whatever it raises, the rest works.
    except (Exception, SystemExit) as error:
        said = f": {error}" if str(error) else ""
        raise MethodError(f"{where} cannot be imported ({type(error).__name__}{said}).") from error


def _methods_in(module: ModuleType) -> list[Any]:
    found = {id(value): value for value in vars(module).values() if isinstance(value, Method)}
    return list(found.values())


def _files_of(module: ModuleType | None) -> Iterator[Path]:
    """The Python files of the package that a module belongs to, or the module's own."""
    if module is None or module.__file__ is None:
        return
    top = sys.modules.get(module.__name__.partition(".")[0], module)
    if top.__file__ is not None and Path(top.__file__).name == "__init__.py":
        yield from sorted(Path(top.__file__).parent.rglob("*.py"))
    else:
        yield Path(module.__file__)


def _refusal(row: Any) -> str:
    """Why something that is offered cannot be taken; "" if it can."""
    if not isinstance(row, Method):
        return f"a {type(row).__name__} was offered, which is no Method."
    if not isinstance(row.id, str) or not _ID.fullmatch(row.id):
        return f"'{row.id}' cannot be an id: it takes small letters, digits and _."
    if row.id in METHODS:
        return f"there is a method '{row.id}' already; give it another id."
    if row.family not in FAMILIES:
        return f"'{row.id}' has the family '{row.family}'; there are: {', '.join(FAMILIES)}."
    if row.channels not in (1, 3) or not isinstance(row.signed, bool):
        return f"'{row.id}' needs channels 1 or 3, and signed True or False."
    wordless = [name for name in _WORDS if not isinstance(getattr(row, name), str)]
    wordless += [name for name in ("title", "shows") if not str(getattr(row, name)).strip()]
    if wordless or not isinstance(row.warning, str):
        return f"'{row.id}' needs words for its {(wordless or ['warning'])[0]}."
    return _settings_refusal(row)


def _settings_refusal(row: Method) -> str:
    params = row.params
    if not isinstance(params, tuple) or not all(isinstance(one, Param) for one in params):
        return f"the settings of '{row.id}' must be a tuple of those in xai_core.params."
    names = [one.name for one in params]
    if len(set(names)) < len(names):
        return f"two settings of '{row.id}' have the same name."
    try:
        checked = [one.checked(row.title, one.default) for one in params]
        cost = float(row.cost(dict(zip(names, checked, strict=True))))
    # Code of others, as above.
    except Exception as error:  # noqa: BLE001
        return f"the defaults of '{row.id}' do not fit its settings or its cost ({error})."
    return "" if cost >= 0 else f"the cost of '{row.id}' cannot be negative."
