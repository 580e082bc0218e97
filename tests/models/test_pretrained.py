"""torchvision's classifiers: facts without network, real loading, and being offline."""

import dataclasses
import hashlib
import http.server
import threading

import pytest
import torch
from torchvision import models

from xai_core.errors import ModelError
from xai_core.images import sample_image
from xai_core.models import load_classifier, pretrained
from xai_core.models.architectures import torchvision_names
from xai_core.models.pretrained import load_pretrained, pretrained_facts
from xai_core.progress import listening


@pytest.fixture(autouse=True)
def _hub(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))


def published(tmp_path, monkeypatch, name, url="http://127.0.0.1:9/{}", legacy=False):
    """A weights file of random numbers as if it were published; returns it and its network."""
    torch.manual_seed(0)
    options = {"googlenet": {"init_weights": False, "transform_input": True}}.get(name, {})
    net = models.get_model(name, weights=None, **options).eval()
    path = tmp_path / "weights"
    torch.save(net.state_dict(), path, _use_new_zipfile_serialization=not legacy)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    real = pretrained_facts(name)
    facts = dataclasses.replace(real, url=url.format(f"{name}-{digest[:8]}.pth"))
    monkeypatch.setattr(pretrained, "pretrained_facts", lambda _: facts)
    return path, facts, net


def put(path, facts):
    facts.file.parent.mkdir(parents=True)
    facts.file.write_bytes(path.read_bytes())


def test_facts_without_a_download():
    facts = pretrained_facts("resnet18")
    assert facts.url == "https://download.pytorch.org/models/resnet18-f37072fd.pth"
    assert facts.file.name == "resnet18-f37072fd.pth"
    assert facts.input_size == (224, 224)
    assert facts.crop == 224 / 256
    assert facts.mean == (0.485, 0.456, 0.406)
    assert facts.std == (0.229, 0.224, 0.225)
    assert facts.class_names[281] == "tabby"
    assert facts.parameters == 11_689_512
    assert facts.accuracy == 69.758
    assert facts.size_mb == 46.8  # 44.661 MiB


def test_every_classifier_has_facts():
    names = torchvision_names()
    assert len(names) == len(set(names)) >= 70
    assert not any(name.startswith("quantized") for name in names)
    for name in names:
        facts = pretrained_facts(name)
        assert len(facts.class_names) == 1000
        assert 0 < facts.crop <= 1
        assert facts.url.startswith("https://")
        assert pretrained._HASH_IN_NAME.search(facts.file.name)


@pytest.mark.parametrize(("name", "legacy"), [("squeezenet1_1", False), ("resnet18", True)])
def test_a_file_in_place_is_used_and_gives_torchvision_s_logits(
    tmp_path, monkeypatch, name, legacy
):
    path, facts, net = published(tmp_path, monkeypatch, name, legacy=legacy)
    put(path, facts)
    clf = load_classifier(name)
    picture = sample_image("cat")
    preset = models.get_model_weights(name).DEFAULT.transforms()
    with torch.no_grad():
        expected = net(preset(picture)[None])
    x = clf.preprocess([picture])
    assert torch.allclose(x[0], preset(picture), atol=1e-6)
    assert torch.allclose(clf.logits(x), expected, atol=1e-4)
    assert clf.class_names[281] == "tabby"
    assert clf.title == name


def test_googlenet_converts_its_input_as_its_weights_expect(tmp_path, monkeypatch):
    path, facts, net = published(tmp_path, monkeypatch, "googlenet")
    put(path, facts)
    clf = load_pretrained("googlenet")
    x = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        assert torch.allclose(clf.logits(x), net(x), atol=1e-5)


def test_a_wrong_file_is_refused(tmp_path, monkeypatch):
    path, facts, _ = published(tmp_path, monkeypatch, "squeezenet1_1")
    put(path, facts)
    with facts.file.open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelError, match="is not the file that its name promises"):
        load_pretrained("squeezenet1_1")


def test_offline_says_what_to_fetch_and_where_to_put_it(tmp_path, monkeypatch):
    # Port 9 of this machine (discard) refuses at once.
    _, facts, _ = published(tmp_path, monkeypatch, "squeezenet1_1")
    with pytest.raises(ModelError) as caught:
        load_pretrained("squeezenet1_1")
    assert str(caught.value) == (
        "The weights of squeezenet1_1 are not on this machine and could not be downloaded; "
        f"fetch {facts.url} and save it as {facts.file}."
    )
    assert list(facts.file.parent.iterdir()) == []


class Server:
    """A web server of this machine that answers every request with ``content``."""

    def __init__(self, content):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self):
        self.thread.start()
        return f"http://127.0.0.1:{self.server.server_port}/{{}}"

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def test_a_download_reports_progress_and_is_kept(tmp_path, monkeypatch):
    path, facts, _ = published(tmp_path, monkeypatch, "squeezenet1_1")
    heard = []
    with Server(path.read_bytes()) as url:
        facts = dataclasses.replace(facts, url=url.format(facts.file.name))
        monkeypatch.setattr(pretrained, "pretrained_facts", lambda _: facts)
        with listening(heard.append):
            load_pretrained("squeezenet1_1")
    assert heard == sorted(heard)
    assert len(heard) >= path.stat().st_size // 2**20
    assert heard[-1] == 1
    assert facts.file.read_bytes() == path.read_bytes()
    load_pretrained("squeezenet1_1")  # the server is gone: the kept file is used


def test_a_download_of_something_else_is_not_kept(tmp_path, monkeypatch):
    _, facts, _ = published(tmp_path, monkeypatch, "squeezenet1_1")
    with Server(b"<html>Log in to the network</html>") as url:
        facts = dataclasses.replace(facts, url=url.format(facts.file.name))
        monkeypatch.setattr(pretrained, "pretrained_facts", lambda _: facts)
        with pytest.raises(ModelError, match="could not be downloaded; fetch"):
            load_pretrained("squeezenet1_1")
    assert list(facts.file.parent.iterdir()) == []
