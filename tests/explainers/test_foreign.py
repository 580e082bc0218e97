"""Methods of others: what is taken, what is refused, and the contract that they are held to."""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.reference import nets
from xai_core.errors import MethodError
from xai_core.explainers import METHODS, Method, explain, foreign, offer
from xai_core.explainers.choices import Choice, options
from xai_core.explainers.foreign import problems, stamped
from xai_core.explainers.support import supported
from xai_core.explainers.watched import watched
from xai_core.models.classifier import Classifier
from xai_core.randomization import sanity_check

pytestmark = pytest.mark.usefixtures("methods_restored")
X = nets.oracle("x")
FACTS = {
    "family": "gradient",
    "signed": True,
    "citation": "of ours",
    "shows": "Something.",
    "formula": "R = x",
}
GOOD = """
from xai_core.explainers import offer

@offer(title="Twice", family="gradient", signed=True, citation="", shows="Twice.", formula="2x")
def twice(clf, x, targets):
    return 2 * x
"""


@pytest.fixture
def clf():
    return Classifier(nets.load("VGGSmallBN"), nets.CLASSES, nets.SIZE)


def file(folder, text, name="mine.py"):
    (folder / name).write_text(textwrap.dedent(text), encoding="utf-8")
    return str(folder / name)


def row(function, **facts):
    return Method("mine", function, **{"title": "Mine", **FACTS, **facts})


def test_a_file_s_methods_are_methods_like_any_other(tmp_path, clf):
    path = file(tmp_path, GOOD)
    foreign.use_file(path)
    assert problems() == []
    assert torch.equal(explain(clf, X, 0, method="twice"), 2 * X)
    assert supported(clf, ["twice", "saliency"]) == {"twice": "", "saliency": ""}
    # It can be averaged: sigma 0 gives copies that are the picture itself.
    averaged = explain(clf, X, 0, method="smoothgrad", base="twice", sigma=0.0, samples=2)
    torch.testing.assert_close(averaged, 2 * X)
    said = options([Choice("saliency"), Choice("smoothgrad", {"base": "twice"})])
    assert ("--methods-from", path) in said
    assert not list(tmp_path.glob("**/*.pyc"))


def test_the_text_of_a_method_decides_under_which_key_its_maps_are_kept(tmp_path):
    foreign.use_file(file(tmp_path, GOOD))
    first = stamped("twice", {})
    assert first.startswith("twice@")
    assert stamped("smoothgrad", {"base": "twice"}) == first.replace("twice", "smoothgrad")
    assert stamped("saliency", {"base": "gradcam"}) == "saliency"
    del METHODS["twice"]
    foreign.use_file(file(tmp_path, GOOD.replace("2 * x", "3 * x"), "other.py"))
    assert stamped("twice", {}) != first


def test_a_file_that_changes_under_a_running_server_is_refused_by_new_workers(tmp_path):
    path = file(tmp_path, GOOD)
    foreign.use_file(path)
    file(tmp_path, GOOD.replace("2 * x", "3 * x"))
    foreign._read.clear()  # as in a worker that starts now
    del METHODS["twice"]
    foreign.take()
    assert "has changed since the server was started" in problems()[-1]
    assert "twice" not in METHODS


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 / 0", r"cannot be imported \(ZeroDivisionError: division by zero\)"),
        ("import sys; sys.exit(3)", r"cannot be imported \(SystemExit: 3\)"),
        ("def f(:", r"cannot be imported \(SyntaxError"),
        ("import no_such_module_here", "ModuleNotFoundError"),
        ("x = 1", "offers no method"),
        (GOOD.replace("def twice", "def saliency"), "there is a method 'saliency' already"),
        (GOOD.replace("def twice", "def Twice"), "'Twice' cannot be an id"),
        (GOOD.replace('"gradient"', '"magic"'), "has the family 'magic'"),
        (GOOD.replace('title="Twice"', 'title=" "'), "needs words for its title"),
        (GOOD.replace("signed=True", "signed=1"), "signed True or False"),
        (GOOD.replace("signed=True", "signed=True, channels=2"), "channels 1 or 3"),
        (GOOD.replace("signed=True", "signed=True, params=[1]"), "must be a tuple"),
        (GOOD.replace("signed=True", "signed=True, cost=lambda s: -1"), "cannot be negative"),
        (GOOD.replace("signed=True", "signed=True, cost=lambda s: s['n']"), "do not fit"),
    ],
)
def test_what_cannot_be_taken_is_one_sentence(tmp_path, clf, text, said):
    before = dict(METHODS)
    foreign.use_file(file(tmp_path, text))
    (sentence,) = problems()
    assert sentence.endswith(".")
    with pytest.raises(MethodError, match=said):
        raise MethodError(sentence)
    assert before == METHODS
    assert explain(clf, X, 0, method="saliency").shape == X.shape


def test_one_bad_method_of_a_file_costs_itself_only(tmp_path):
    more = '\n@offer(title="Y", family="no", signed=True, citation="", shows="Y.", formula="")\n'
    foreign.use_file(file(tmp_path, GOOD + more + "def y(clf, x, targets):\n    return x\n"))
    assert "twice" in METHODS
    assert len(problems()) == 1


def test_there_is_no_such_file(tmp_path):
    with pytest.raises(MethodError, match="no file of methods at"):
        foreign.use_file(str(tmp_path / "none.py"))


def package(folder, name, target, text):
    """A package as pip installs one, with an entry point."""
    (folder / f"{name}.py").write_text(text, encoding="utf-8")
    info = folder / f"{name}-1.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n")
    (info / "entry_points.txt").write_text(f"[{foreign.GROUP}]\nours = {target}\n")


def test_packages_offer_methods_at_entry_points(tmp_path, monkeypatch, clf):
    package(tmp_path, "offers_one", "offers_one:twice", GOOD)
    package(tmp_path, "offers_all", "offers_all", GOOD.replace("twice", "thrice"))
    package(
        tmp_path, "offers_list", "offers_list:ALL", GOOD.replace("twice", "four") + "ALL=[four]"
    )
    package(tmp_path, "raises_at_import", "raises_at_import", "raise ValueError('no luck')")
    package(tmp_path, "offers_text", "offers_text:NAME", "NAME = 'twice'")
    package(tmp_path, "offers_nothing", "offers_nothing:gone", GOOD)
    monkeypatch.syspath_prepend(tmp_path)
    foreign.take()
    for name in ("twice", "thrice", "four"):
        assert torch.equal(explain(clf, X, 0, method=name), 2 * X)
        assert foreign.is_foreign(name)
    said = sorted(problems())
    assert [sentence.split(" ")[2] for sentence in said] == [
        "offers_nothing", "offers_text", "raises_at_import",
    ]  # fmt: skip
    assert "AttributeError" in said[0]
    assert "a str was offered, which is no Method" in said[1]
    assert "1.5 (entry point 'ours') cannot be imported (ValueError: no luck)" in said[2]
    foreign.take()  # nothing is looked at twice
    assert len(problems()) == 3
    for name in ("offers_one", "offers_all", "offers_list", "offers_text", "offers_nothing"):
        sys.modules.pop(name, None)


BROKEN = {
    "must return a tensor, not a ndarray": lambda clf, x, y: x.numpy(),
    "must return a tensor, not a NoneType": lambda clf, x, y: None,
    r"for one picture it gave \[3, 32, 32\]": lambda clf, x, y: x[0],
    r"it gave \[2, 3, 32, 32\]": lambda clf, x, y: torch.cat([x, x]),
    r"must return \[N, 3, h, w\]": lambda clf, x, y: x[:, :1],
    "up to 32 and 32": lambda clf, x, y: torch.nn.functional.interpolate(x, scale_factor=2),
    "as its input is; it gave torch.float32": lambda clf, x, y: x.float(),
    "not finite": lambda clf, x, y: x / 0,
    r"failed \(ZeroDivisionError: division by zero\)": lambda clf, x, y: 1 / 0,
    r"failed \(RuntimeError": lambda clf, x, y: clf.logits(x[:, :1]),
    r"failed \(AssertionError\)": lambda clf, x, y: (_ for _ in ()).throw(AssertionError()),
}


@pytest.mark.parametrize("said", BROKEN)
def test_a_broken_promise_is_the_column_s_sentence(monkeypatch, clf, said):
    monkeypatch.setitem(METHODS, "mine", row(watched(row(BROKEN[said]))))
    with pytest.raises(MethodError, match=f"Mine .*{said}"):
        explain(clf, X, 0, method="mine")


def test_an_unsigned_method_has_no_negative_values(monkeypatch, clf):
    unsigned = row(lambda clf, x, y: -x.abs(), signed=False)
    monkeypatch.setitem(METHODS, "mine", row(watched(unsigned), signed=False))
    with pytest.raises(MethodError, match="unsigned, and gave negative"):
        explain(clf, X, 0, method="mine")


def test_a_method_can_break_nothing(monkeypatch, clf):
    """Whatever it does to what it is given: model, picture and process are as before."""

    def vandal(twin, x, targets):
        for tensor in twin.module.state_dict().values():
            tensor.data.zero_()
        twin.module.train()
        twin.module.register_forward_hook(lambda *given: given[2] * 0)
        x.fill_(0.5)
        targets.zero_()
        torch.manual_seed(3)
        np.random.seed(3)
        torch.set_default_dtype(torch.float16)
        torch.set_grad_enabled(False)
        return x

    monkeypatch.setitem(METHODS, "mine", row(watched(row(vandal))))
    targets, given = torch.tensor([3, 1]), X.clone()
    expected = explain(clf, X, targets, method="saliency")
    scores = clf.logits(X)
    torch.manual_seed(0)
    np.random.seed(0)
    random = (torch.rand(1), np.random.rand())
    torch.manual_seed(0)
    np.random.seed(0)
    explain(clf, given, targets, method="mine")
    assert (torch.rand(1), np.random.rand()) == random
    assert torch.equal(given, X)
    assert targets.tolist() == [3, 1]
    assert torch.equal(clf.logits(X), scores)
    assert torch.equal(explain(clf, X, targets, method="saliency"), expected)
    assert torch.get_default_dtype() == torch.float32
    assert torch.is_grad_enabled()


def test_a_picture_s_map_cannot_depend_on_its_neighbours(monkeypatch, clf):
    monkeypatch.setitem(METHODS, "mine", row(watched(row(lambda clf, x, y: x - x.mean()))))
    together = explain(clf, X, 0, method="mine")
    alone = [explain(clf, X[i : i + 1], 0, method="mine") for i in range(2)]
    assert torch.equal(together, torch.cat(alone))
    assert not torch.equal(together, X - X.mean())


def test_a_method_that_draws_without_a_seed_is_found_out(tmp_path, clf):
    text = GOOD.replace("2 * x", "__import__('secrets').randbelow(10**9) * x")
    foreign.use_file(file(tmp_path, text))
    assert "another map at a second call" in supported(clf, ["twice"])["twice"]


def test_the_decorator_enters_nothing():
    @offer(title="Mine", **FACTS)
    def mine(clf, x, targets):
        return x

    assert isinstance(mine, Method)
    assert mine.id == "mine"
    assert "mine" not in METHODS


def test_the_example_of_the_documentation_works_as_it_stands(tmp_path, clf):
    documentation = Path(__file__).parents[2] / "docs" / "own-methods.md"
    (example,) = re.findall(r"```python\n(.*?)```", documentation.read_text("utf-8"), re.DOTALL)
    foreign.use_file(file(tmp_path, example))
    assert problems() == []
    expected = explain(clf, X, [3, 1], method="saliency").square()
    assert torch.equal(explain(clf, X, [3, 1], method="squared_gradient"), expected)
    assert supported(clf, ["squared_gradient"]) == {"squared_gradient": ""}


def test_a_method_goes_through_the_sanity_check_like_any_other(monkeypatch, clf):
    def gradient(clf, x, targets):
        x.requires_grad_()
        clf.logits(x).gather(1, targets[:, None]).sum().backward()
        return x.grad

    monkeypatch.setitem(METHODS, "mine", row(watched(row(gradient))))
    table = sanity_check(clf, X[:1], [3], ["mine", "saliency"], seeds=[0], measures=("ssim",))
    values = {name: part.value.to_numpy() for name, part in table.groupby("method")}
    assert len(values["mine"]) > 3
    np.testing.assert_allclose(values["mine"], values["saliency"], rtol=1e-6)
