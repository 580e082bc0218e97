"""``explain``: heatmaps of photos, as pictures and as data."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xai_core.cli.meter import Meter
from xai_core.cli.options import add_model, given_facts, load_model, method_settings
from xai_core.errors import ImageError, MethodError, ModelError, XaiError

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from xai_core.cache import Cache
    from xai_core.display import Display
    from xai_core.export import Explanation
    from xai_core.models import Classifier
    from xai_core.provenance import ModelFacts

SAMPLE = "sample:"
KEPT = ".results"
KEPT_BYTES = 2**40


@dataclass(frozen=True)
class Photo:
    """A photo in front of the model: as named on the command line, seen, fed and classified."""

    name: str
    crop: Image.Image
    hash: str
    x: Tensor
    target: int
    probability: float


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    text = "explain photos with one or more methods"
    parser = commands.add_parser(
        "explain",
        help=text,
        description=text.capitalize() + ". Writes heatmaps/*.png, "
        "heatmaps.png, heatmaps.svg, relevance.npz, heatmaps.csv and run.json. Maps that DIR "
        "already holds are not computed again.",
    )
    parser.add_argument("photos", nargs="+", metavar="PHOTO", help="a file, or sample:NAME")
    add_model(parser)
    parser.add_argument(
        "--methods",
        default="saliency,gradcam",
        metavar="IDS",
        help="method ids with commas between (see `methods`), or all (default: %(default)s)",
    )
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="where to write")
    parser.add_argument(
        "--target",
        action="append",
        metavar="CLASS",
        help="class to explain, by name or number, "
        "or auto for the predicted one (the default); given once, or once for every photo",
    )
    parser.add_argument(
        "--param", action="append", default=[], metavar="METHOD.NAME=VALUE", help="a setting"
    )
    parser.add_argument("--layer", metavar="NAME", help="layer, for all methods that have one")
    group = parser.add_argument_group("drawing")
    group.add_argument(
        "--stage",
        default="signed",
        choices=("signed", "channels", "map", "map*image"),
        help="the signed sum of channels, or a stage that the APEM metric measures",
    )
    group.add_argument("--show", default="all", choices=("all", "positive", "absolute"))
    group.add_argument("--clip", type=float, metavar="PERCENT", help="saturate from a percentile")
    group.add_argument("--colormap", default="", metavar="NAME", help="default: fits --show")
    group.add_argument("--opacity", type=float, default=0.8, help="0 to 1 (default: %(default)s)")
    group.add_argument("--enlarge", default="nearest", choices=("nearest", "bilinear"))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Compute what is missing, then write everything; 1 if a photo or a method failed."""
    from xai_core.cache import Cache
    from xai_core.display import Display
    from xai_core.explainers import METHODS
    from xai_core.export import write_file
    from xai_core.provenance import ModelFacts

    display = Display(
        arguments.show,
        arguments.clip,
        arguments.colormap,
        arguments.opacity,
        arguments.enlarge,
        arguments.stage,
    )
    chosen = METHODS if arguments.methods == "all" else arguments.methods.split(",")
    names = list(dict.fromkeys(name.strip() for name in chosen))
    settings = method_settings(names, arguments.param, arguments.layer)
    clf = load_model(arguments)
    model = ModelFacts(arguments.model, clf.fingerprint, clf.class_names, given_facts(arguments))
    files = list(dict.fromkeys(arguments.photos))
    targets = _targets(clf, arguments.target or ["auto"], len(files))
    costs = [METHODS[name].cost(settings[name]) for _ in files for name in names]
    arguments.out.mkdir(parents=True, exist_ok=True)
    meter, failures, results = Meter(costs), 0, []
    cache = Cache(arguments.out / KEPT, disk_bytes=KEPT_BYTES, memory_bytes=0)
    for file, target in zip(files, targets, strict=True):
        try:
            photo = _photo(clf, file, target)
        except ImageError as error:
            meter.say(str(error))
            meter.drop(len(names))
            failures += 1
            continue
        for name in names:
            try:
                results.append(_explained(clf, photo, name, settings[name], cache, meter))
            except (MethodError, ModelError) as error:
                meter.say(f"{name}: {error}")
                failures += 1
    if not results:
        raise XaiError("Nothing could be explained.")
    for path, data in _outputs(results, display, model, arguments.out):
        write_file(path, data)
    return 1 if failures else 0


def _targets(clf: Classifier, words: list[str], photos: int) -> list[int | None]:
    """The class of every photo; None for the predicted one."""
    if len(words) not in (1, photos):
        raise ModelError(
            f"{len(words)} targets were given for {photos} photos: give one, or one for each."
        )
    known = [None if word == "auto" else clf.class_index(word) for word in words]
    return known * photos if len(words) == 1 else known


def _photo(clf: Classifier, name: str, target: int | None) -> Photo:
    import torch

    from xai_core.images import image_hash, read_image, sample_image, visible_crop

    if name.startswith(SAMPLE):
        image = sample_image(name.removeprefix(SAMPLE))
    else:
        try:
            data = Path(name).read_bytes()
        except OSError as error:
            raise ImageError(f"'{name}' cannot be read: {error.strerror}.") from error
        image = read_image(data, name)
    x = clf.preprocess([image]).to(dtype=clf.dtype, device=clf.device)
    with torch.no_grad():
        probabilities = clf.logits(x)[0].double().softmax(0)
    explained = int(probabilities.argmax()) if target is None else target
    crop = visible_crop(image, clf.input_size, clf.crop)
    return Photo(name, crop, image_hash(image), x, explained, float(probabilities[explained]))


def _explained(
    clf: Classifier,
    photo: Photo,
    name: str,
    settings: dict[str, Any],
    cache: Cache,
    meter: Meter,
) -> Explanation:
    """From ``cache`` if it is there, else computed and kept."""
    from xai_core.cache import Result, content_key
    from xai_core.explainers import explain
    from xai_core.export import Explanation

    key = content_key("explain", clf.fingerprint, photo.hash, photo.target, name, settings)
    result = cache.get(key)
    if result is not None:
        meter.skip(f"{photo.name} {name}, already there")
    else:
        with meter.step(f"{photo.name} {name}"):
            began = time.perf_counter()
            relevance = explain(clf, photo.x, photo.target, method=name, **settings)
            facts = {"seconds": time.perf_counter() - began}
            result = Result({"relevance": relevance[0].cpu().numpy()}, facts)
            cache.put(key, result)
    return Explanation(
        image_name=photo.name,
        image=photo.crop,
        image_hash=photo.hash,
        method=name,
        settings=settings,
        target=photo.target,
        class_name=clf.class_names[photo.target],
        probability=photo.probability,
        relevance=result.arrays["relevance"],
        seconds=result.facts["seconds"],
        pixels=clf.pixels(photo.x)[0].cpu().numpy(),
    )


def _outputs(
    results: list[Explanation], display: Display, model: ModelFacts, out: Path
) -> Iterator[tuple[Path, bytes]]:
    """Every file with its bytes, ``run.json`` last."""
    from xai_core.explainers import METHODS
    from xai_core.export import csv_bytes, file_names, relevance_npz, table
    from xai_core.figures import grid_figure, heatmap_figure, to_png, to_svg
    from xai_core.provenance import command_line, run_json

    for name, item in zip(file_names(results), results, strict=True):
        yield out / "heatmaps" / f"{name}.png", to_png(heatmap_figure(item, display))
    figure = grid_figure(results, display, {name: m.title for name, m in METHODS.items()})
    yield out / "heatmaps.png", to_png(figure)
    yield out / "heatmaps.svg", to_svg(figure)
    yield out / "relevance.npz", relevance_npz(results)
    yield out / "heatmaps.csv", csv_bytes(table(results))
    command = command_line(model, results, display, str(out))
    yield out / "run.json", run_json(model, results, display, command)
