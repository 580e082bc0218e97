"""How true the times left are that are told: ``python -m benchmarks.times_left``.

An engine of its own, with one worker and an empty cache, explains pictures as the page for
comparing does, with the page's first methods and with integrated gradients of many steps, and then
runs a sanity sweep of vgg-tiny; each once alone and once beside a second owner who also computes.
The table says what was told when 5, 25, 50 and 75 % of the time had gone by, and how long it then
really took. A time told may fall short by a third; where it falls short by more, the line says so.

Nothing is measured when the first one starts, so that "estimating" is what is told at its
beginning. Run it on a machine that does nothing else: what others take of it, nobody can foresee.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from xai_core import tasks
from xai_core.cache import Cache
from xai_core.explainers.choices import Choice
from xai_core.images import sample_images
from xai_core.jobs import Engine, Task
from xai_core.randomization.layer_groups import Layer
from xai_core.randomization.steps import Test
from xai_core.tasks import Inquiry, Subject

SHARES = (0.05, 0.25, 0.5, 0.75)
SHORT = 2 / 3  # of the time that it took: less must not be told
POLL_S = 0.1
SIX = ("saliency", "input_x_gradient", "gradcam", "guided_backprop", "lrp_epsilon", "deeplift")
MODEL = "vgg-tiny"


class Bench:
    """An engine with what is known of a model and some pictures.

    Args:
        engine: who computes.
        pictures: how many of the samples.
        steps: of integrated gradients.
        seeds: of a sweep.
    """

    def __init__(self, engine: Engine, pictures: int, steps: int, seeds: int) -> None:
        self.engine, self.seeds = engine, seeds
        self.model = {"source": MODEL}
        self.facts = self._only(tasks.describe(self.model))
        self.fingerprint = str(self.facts["fingerprint"])
        self.size: tuple[int, int] = tuple(self.facts["input_size"])
        self.pictures = pictures
        self.choices = [Choice(name) for name in SIX]
        self.many = Choice("integrated_gradients", {"steps": steps})

    def _only(self, task: Task) -> dict:
        job = self.engine.submit([task], "preparing")
        job.wait()
        return dict(job.results[task.key].facts)

    def subjects(self, target: int) -> list[Subject]:
        """Sample pictures; another class makes other tasks of the same kinds."""
        found = []
        for sample in sample_images()[: self.pictures]:
            image = sample.loader().convert("RGB").resize(self.size[::-1])
            pixels = np.asarray(image, np.float32).transpose(2, 0, 1) / 255
            found.append(Subject(sample.id, pixels, target))
        return found

    def compared(self, target: int) -> list[Task]:
        """What the page for comparing asks for."""
        asked = (self.model, self.fingerprint, self.subjects(target), [*self.choices, self.many])
        return list(tasks.explain_all(*asked).values())

    def swept(self, target: int) -> list[Task]:
        """What the page of sanity checks asks for."""
        told = self._only(tasks.describe_layers(self.model))["layers"]
        inquiry = Inquiry(
            self.model,
            self.fingerprint,
            self.size,
            [Layer(name, tuple(parameters)) for name, parameters in told],
            self.subjects(target),
            [*self.choices, replace(self.many, settings={"steps": 20})],
            Test(seeds=tuple(range(self.seeds))),
            ["ssim"],
        )
        return inquiry.tasks(lambda key: False)


def watched(engine: Engine, asked: Sequence[Task]) -> tuple[list[tuple[float, float | None]], bool]:
    """Seconds since the beginning with the time left then told, and whether all went well."""
    job, began = engine.submit(asked, "me"), time.monotonic()
    told = []
    while not job.wait(POLL_S):
        told.append((time.monotonic() - began, job.outlook.left))
    return [*told, (time.monotonic() - began, 0.0)], not job.errors


@contextmanager
def second_owner(engine: Engine, asked: Sequence[Task]) -> Iterator[None]:
    """Within the block somebody else's tasks are computed, too."""
    job = engine.submit(asked, "somebody else")
    yield
    job.cancel()


def report(title: str, told: list[tuple[float, float | None]]) -> bool:
    """Print a line of the table; whether no time told fell short."""
    whole, kept = told[-1][0], True
    words = []
    for share in SHARES:
        at, left = min(told, key=lambda one: abs(one[0] - share * whole))
        true = whole - at
        short = left is not None and left < SHORT * true
        kept &= not short
        words.append(f"{_seconds(left):>10} {true:6.0f} s{'!' if short else ' '}")
    known = [(at, left) for at, left in told if left is not None]
    ends = [at + left for at, left in known]
    climbed = max((b - min(ends[: i + 1]) for i, b in enumerate(ends)), default=0.0)
    first = known[0][0] if known else whole
    print(f"{title:34} {whole:5.0f} s {''.join(words)} {first:5.1f} s {climbed:6.0f} s", flush=True)
    return kept


def _seconds(left: float | None) -> str:
    return "estimating" if left is None else f"{left:.0f} s"


def main(options: argparse.Namespace) -> int:
    """Run everything and print the table."""
    heads = "".join(f"{f'told at {share:.0%}, true':>20}" for share in SHARES)
    print(f"{'work':34} {'took':>7} {heads} {'first':>7} {'later':>8}")
    kept = True
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(1, None, Cache(Path(folder)))
        try:
            bench = Bench(engine, options.pictures, options.steps, options.seeds)
            works = {"six methods and many steps": bench.compared, "sweep": bench.swept}
            for number, (title, asked) in enumerate(works.items()):
                for again in range(2):
                    run = partial(watched, engine, asked(10 * number + again))
                    told, well = run()
                    kept &= well and report(f"{title}, {('first', 'again')[again]}", told)
                with second_owner(engine, bench.compared(90 + number)):
                    told, well = watched(engine, asked(10 * number + 5))
                kept &= well and report(f"{title}, beside another", told)
        finally:
            engine.close()
    print("first: when a time was told; later: by how much the end was told later than before")
    return 0 if kept else 1


def read(words: Sequence[str] | None = None) -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.times_left", description=__doc__)
    add = partial(parser.add_argument, type=int, metavar="N")
    add("--pictures", default=3)
    add("--steps", default=400, help="of integrated gradients")
    add("--seeds", default=1, help="of the sweep")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main(read()))
