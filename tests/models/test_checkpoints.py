"""Checkpoints from anyone: sound ones load, everything else is refused with its reason."""

import io
import os
import pickle
import tarfile
import zipfile

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from xai_core.errors import ModelError
from xai_core.models.architectures import ARCHITECTURES, build_network, parameter_count
from xai_core.models.own_checkpoints import load_checkpoint

NAMES = ["a", "b", "c"]


def tiny(classes):
    return nn.Sequential(
        nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(72, classes)
    )


@pytest.fixture(autouse=True)
def _tiny_architecture(monkeypatch):
    monkeypatch.setitem(ARCHITECTURES, "tiny", tiny)


@pytest.fixture
def state():
    torch.manual_seed(0)
    return tiny(3).state_dict()


def load(path, **options):
    return load_checkpoint(path, "tiny", NAMES, (8, 8), **options)


def rewritten(path, change):
    """A copy of a torch file in which ``change(name, bytes)`` replaces every member."""
    with zipfile.ZipFile(path) as source:
        members = {info.filename: source.read(info) for info in source.infolist()}
    with zipfile.ZipFile(path, "w") as target:
        for name, content in members.items():
            target.writestr(name, change(name, content))


@pytest.mark.parametrize("name", ["model.bin", "model.pth.tar", "epoch=3.ckpt", "model"])
@pytest.mark.parametrize("kind", ["safetensors", "pt"])
def test_sound_files_load_whatever_their_name(tmp_path, state, kind, name):
    path = tmp_path / name
    if kind == "pt":
        torch.save(state, path)
    else:
        save_file(state, path)
    random = torch.get_rng_state()
    clf = load(path, mean=(0, 0, 0), std=(1, 1, 1), crop=0.875)
    assert torch.equal(torch.get_rng_state(), random)
    assert clf.title == path.stem
    assert clf.crop == 0.875
    for name, tensor in clf.module.state_dict().items():
        assert torch.equal(tensor, state[name])


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model"])
@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
def test_wrappers_are_opened(tmp_path, state, key, prefix):
    path = tmp_path / "a.pt"
    torch.save({key: {prefix + k: v for k, v in state.items()}, "epoch": 3}, path)
    assert torch.equal(load(path).module.state_dict()["4.weight"], state["4.weight"])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_float_types_become_float32(tmp_path, state, dtype):
    path = tmp_path / "a.safetensors"
    converted = {k: v.to(dtype) if v.is_floating_point() else v for k, v in state.items()}
    save_file(converted, path)
    loaded = load(path).module.state_dict()
    assert loaded["0.weight"].dtype == torch.float32
    assert torch.equal(loaded["0.weight"], converted["0.weight"].float())


def test_the_batch_counter_may_be_missing(tmp_path, state):
    del state["1.num_batches_tracked"]
    torch.save(state, tmp_path / "a.pt")
    assert load(tmp_path / "a.pt").module.state_dict()["1.num_batches_tracked"] == 0


def test_wrong_names_and_shapes_are_told(tmp_path, state):
    path = tmp_path / "a.pt"
    torch.save({**{f"x{i}": torch.zeros(1) for i in range(5)}, "0.bias": torch.zeros(2)}, path)
    with pytest.raises(ModelError) as caught:
        load(path)
    assert str(caught.value) == (
        "a.pt does not fit tiny: weights 7 missing (0.weight, 1.weight, 1.bias, …) "
        "and 5 unexpected (x0, x1, x2, …)."
    )
    torch.save({**state, "4.weight": torch.zeros(4, 71)}, path)
    with pytest.raises(
        ModelError, match=r"'4\.weight' has the shape \[4, 71\], but \[classes, 72\]"
    ):
        load(path)
    torch.save(state, path)
    with pytest.raises(ModelError, match="Similar names: resnet18"):
        load_checkpoint(path, "resnet_18", NAMES, (8, 8))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("suffix", ["safetensors", "pt"])
def test_weights_that_are_not_numbers_are_refused(tmp_path, state, value, suffix):
    state["4.bias"][1] = value
    path = tmp_path / f"a.{suffix}"
    (torch.save if suffix == "pt" else save_file)(state, path)
    with pytest.raises(ModelError, match=r"'4\.bias' holds NaN or infinite"):
        load(path)


def test_a_small_file_cannot_describe_a_huge_tensor(tmp_path, state):
    path = tmp_path / "bomb.pt"
    torch.save({**state, "4.weight": torch.zeros(1).expand(40_000_000_000)}, path)
    assert os.path.getsize(path) < 10_000
    with pytest.raises(ModelError, match=r"has the shape \[40000000000\]"):
        load(path)


def test_a_tensor_that_the_pickle_makes_itself_is_refused(tmp_path, state):
    class Maker:
        def __reduce__(self):
            return torch.Tensor, (4,)

    path = tmp_path / "a.pt"
    torch.save(state, path)
    content = pickle.dumps({"4.bias": Maker()}, protocol=2)
    rewritten(path, lambda name, old: content if name.endswith("data.pkl") else old)
    with pytest.raises(ModelError, match=r"'4\.bias' is not an ordinary tensor"):
        load(path)


def test_compressed_archives_are_refused(tmp_path, state):
    path = tmp_path / "a.pt"
    torch.save(state, path)
    with zipfile.ZipFile(path) as source:
        members = {info.filename: source.read(info) for info in source.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in members.items():
            target.writestr(name, content)
    with pytest.raises(ModelError, match=r"not written by torch\.save"):
        load(path)


def test_records_shorter_than_described_are_refused(tmp_path, state):
    path = tmp_path / "a.pt"
    torch.save(state, path)
    rewritten(path, lambda name, old: old[:8] if "/data/" in name else old)
    with pytest.raises(ModelError, match="damaged or incomplete"):
        load(path)


@pytest.mark.parametrize("suffix", ["safetensors", "pt"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_truncated_files_are_refused(tmp_path, state, suffix, share):
    path = tmp_path / f"a.{suffix}"
    (torch.save if suffix == "pt" else save_file)(state, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ModelError, match="damaged"):
        load(path)


def test_a_whole_pickled_module_is_refused_and_runs_nothing(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    for content in (nn.Linear(2, 2), {"a": Evil()}):
        torch.save(content, tmp_path / "a.pt") if isinstance(content, nn.Module) else None
        if not isinstance(content, nn.Module):
            rewritten(
                tmp_path / "a.pt",
                lambda name, old, c=content: pickle.dumps(c, 2) if "data.pkl" in name else old,
            )
        with pytest.raises(ModelError, match="whole pickled model or other Python objects"):
            load(tmp_path / "a.pt")
    assert not (tmp_path / "ran").exists()


@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_torchscript_and_exported_programs_are_refused(tmp_path):
    torch.jit.trace(nn.Flatten(), torch.zeros(1, 2)).save(tmp_path / "a.pt")
    with pytest.raises(ModelError, match="TorchScript program"):
        load(tmp_path / "a.pt")
    with zipfile.ZipFile(tmp_path / "a.pt2", "w") as archive:
        archive.writestr("a/archive_format", "pt2")
        archive.writestr("a/models/model.json", "{}")
    with pytest.raises(ModelError, match="exported program"):
        load(tmp_path / "a.pt2")


def test_old_and_foreign_formats_are_refused(tmp_path, state):
    path = tmp_path / "a.pth"
    torch.save(state, path, _use_new_zipfile_serialization=False)
    with pytest.raises(ModelError, match="pickle in an old format"):
        load(path)
    with tarfile.open(path, "w") as tar:
        tar.addfile(tarfile.TarInfo("storages"), io.BytesIO())
    with pytest.raises(ModelError, match="pickle in an old format"):
        load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/readme.txt", "hello")
    with pytest.raises(ModelError, match="ZIP archive but not a checkpoint"):
        load(path)
    for content in (b"", b"hello, this is text", b"\x89PNG\r\n"):
        path.write_bytes(content)
        with pytest.raises(ModelError, match="is not a checkpoint; save it with safetensors"):
            load(path)
    with pytest.raises(ModelError, match="There is no file"):
        load(tmp_path / "none.pt")


@pytest.mark.parametrize("content", [[1, 2], {}, {"weight": 3}, torch.ones(1)])
def test_what_is_not_a_state_dict_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(ModelError, match="state dict"):
        load(tmp_path / "a.pt")


def test_files_above_the_limit_are_refused_unread(tmp_path):
    with (tmp_path / "a.pt").open("wb") as file:
        file.truncate(2_000_000_001)  # sparse: takes no room
    with pytest.raises(ModelError, match="larger than 2 GB"):
        load(tmp_path / "a.pt")


def test_training_only_heads_and_old_densenet_names(tmp_path):
    path = tmp_path / "a.safetensors"
    torch.manual_seed(0)
    state = build_network("googlenet", 3).state_dict()
    save_file({**state, "aux1.fc1.bias": torch.zeros(2), "aux2.x": torch.zeros(1)}, path)
    clf = load_checkpoint(path, "googlenet", NAMES, (32, 32))
    assert torch.equal(clf.module.state_dict()["fc.weight"], state["fc.weight"])
    state = build_network("densenet121", 3).state_dict()
    old = {
        key.replace(".norm1.", ".norm.1.").replace(".conv2.", ".conv.2."): value
        for key, value in state.items()
    }
    assert set(old) != set(state)
    save_file(old, path)
    clf = load_checkpoint(path, "densenet121", NAMES, (32, 32))
    name = "features.denseblock1.denselayer1.conv2.weight"
    assert torch.equal(clf.module.state_dict()[name], state[name])


def test_parameter_counts():
    # Conv 3*2*9 + 2, BatchNorm 2 + 2, Linear 72*3 + 3.
    assert parameter_count("tiny", 3) == 56 + 4 + 219
