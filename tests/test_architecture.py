"""The rules that hold for the repository as a whole."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from xai_core.colormaps import COLORMAPS
from xai_core.explainers import FAMILIES, METHODS
from xai_core.measures import MEASURES
from xai_core.models.architectures import ARCHITECTURES
from xai_core.training import RECIPES

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = [ROOT / "app.py", *(ROOT / "pages").rglob("*.py"), *(ROOT / "xai_core").rglob("*.py")]
WRITTEN = [*PRODUCT, *(ROOT / "bots").rglob("*.py")]
LARGEST_MODULE = 16_000  # bytes; above that it has more than one subject
DISTRIBUTIONS = {
    "PIL": "pillow",
    "skimage": "scikit-image",
    "argon2": "argon2-cffi",
    "huggingface_hub": "huggingface-hub",
}
# By SQLAlchemy for a database's address, and by pandas for a kind of file.
LOADED_BY_NAME = {"psycopg", "pyarrow"}
OURS = {"xai_core", "pages", "app"}
TEXTS = {".py", ".md", ".toml", ".txt", ".css", ".js", ".json", ".yml", ".html", ".csv", ""}


def name(path):
    return path.relative_to(ROOT).as_posix()


@cache
def nodes(path):
    """Everything that a module's text says, the module itself first."""
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def imported(path):
    """Top-level names of the modules that a file imports, wherever in the file."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.partition(".")[0]


def texts():
    """Every text file of the repository, except what tools and users leave behind."""
    kept = ["assets", "benchmarks", "bots", "docs", "pages", "tests", "xai_core"]
    kept += [".ci", ".streamlit"]
    folders = (path for folder in kept for path in (ROOT / folder).rglob("*"))
    for path in [*ROOT.glob("*"), *folders]:
        if path.is_file() and path.suffix in TEXTS and "__pycache__" not in path.parts:
            yield path


def test_imports_point_down():
    # In a process of its own, because it reconfigures logging.
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_the_app_and_its_pages_import_streamlit():
    found = {name(path) for path in PRODUCT if "streamlit" in imported(path)}
    assert "app.py" in found
    assert not [path for path in found if path != "app.py" and not path.startswith("pages/")]


def test_requirements_name_exactly_what_is_imported():
    found = {module for path in PRODUCT for module in imported(path)}
    third_party = (found | LOADED_BY_NAME) - OURS - set(sys.stdlib_module_names)
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    named = {re.match(r"[\w-]+", line)[0] for line in lines if line and line[0] != "#"}
    assert named == {DISTRIBUTIONS.get(module, module) for module in third_party}


def test_one_module_knows_where_the_assets_lie():
    found = [
        name(path)
        for path in PRODUCT
        for node in nodes(path)
        if isinstance(node, ast.Constant) and re.search(r"^assets(/|$)", str(node.value))
    ]
    assert found == ["xai_core/places.py"], "an installed package has them elsewhere"


def test_a_module_has_one_subject_and_a_purpose():
    for path in WRITTEN:
        assert path.stat().st_size <= LARGEST_MODULE, path
        assert path.stem not in {"utils", "helpers", "misc", "common"}, path
        assert path.stat().st_size == 0 or ast.get_docstring(nodes(path)[0]), path


def test_no_assertion_no_pickle_and_nothing_unfinished():
    for path in WRITTEN:
        source = path.read_text(encoding="utf-8")
        assert not [node for node in nodes(path) if isinstance(node, ast.Assert)], path
        assert not {"dill", "joblib", "shelve", "marshal"} & set(imported(path)), path
        # Catching pickle's own errors needs their names, and nothing else of it.
        pickle = r"import pickle\b|from pickle import (?!(Unp|P)icklingError\n)"
        assert not re.search(pickle, source), path
        assert not re.search(r"\b(TODO|FIXME|XXX|NotImplementedError)\b", source), path


def test_no_file_knows_the_machine_it_was_written_on():
    # Put together here, so that this file does not hold them itself.
    places = [f"/{folder}/" for folder in ("root", "home", "tmp", "Users")]
    found = [
        (name(path), place)
        for path in texts()
        for place in places
        if place in path.read_text(encoding="utf-8", errors="replace")
    ]
    assert not found


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_every_method_is_documented(method):
    assert method.title
    assert method.family in FAMILIES
    assert re.search(r"\b(19|20)\d\d\b", method.citation), "a citation has a year"
    assert method.shows.endswith(".")
    assert not method.warning or method.warning.endswith(".")
    assert method.function.__doc__
    for param in method.params:
        assert param.help.endswith(".")


@cache
def contents(pattern):
    """What stands in the files of the tests."""
    return [path.read_text(encoding="utf-8") for path in (ROOT / "tests").glob(pattern)]


@pytest.mark.parametrize("name", [*METHODS, *MEASURES])
def test_every_method_and_measure_has_a_slow_twin_and_a_test(name):
    assert any(re.search(rf"^def {name}\(", twin, re.M) for twin in contents("reference/*.py"))
    tests = contents("explainers/test_*.py" if name in METHODS else "**/test_*.py")
    assert any(re.search(rf"\b{name}\b", test) for test in tests)


def test_the_other_tables_are_described():
    assert all(entry.title for entry in COLORMAPS.values())
    assert all(recipe.title for recipe in RECIPES.values())
    assert {recipe.architecture for recipe in RECIPES.values()} <= set(ARCHITECTURES)
