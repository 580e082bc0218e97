"""The first whole number of steps after which the network gives another class.

Every number below it is asked too, because a class may come back. The questions of many pictures
and directions go through the network together. Where the answer of a batch is so close that its
rounding could decide, the picture is asked again alone: the numbers are those of a plain loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from xai_core.device import pieces
from xai_core.explainers.batches import answer_bytes, batch_size, weight_bytes
from xai_core.models.classifier import Classifier
from xai_core.progress import advance

# Batches and single pictures differ by some roundings of the largest score; this is many times as
# much, and still happens to few.
CLOSE = 2000
# As measured on a processor: larger batches are no quicker, and ask more numbers in vain.
ENOUGH = 16

Observer = Callable[[int, int, int, Tensor], None]


class Asker:
    """Pictures in front of the network, and the ways along which they are moved.

    Args:
        clf: the classifier.
        x: where each search begins, [N, 3, H, W].
        classes: the class that it begins with, int64 [N].
        steps: [N, M, 3, H, W]; the first of a picture's M directions to change decides.
        observer: called with every answer, as (picture, steps, direction, logits [K]).
    """

    def __init__(
        self,
        clf: Classifier,
        x: Tensor,
        classes: Tensor,
        steps: Tensor,
        observer: Observer | None = None,
    ) -> None:
        self.clf, self.x, self.classes, self.steps = clf, x, classes, steps
        self.observer = observer
        self.size = questions_at_once(clf, x)

    def first_changes(self, most: int) -> list[int | None]:
        """How often a step must be taken until the class changes for the first time.

        Args:
            most: the largest number that is tried.

        Returns:
            For each picture the number, up to ``most``, or None.
        """
        found: list[int | None] = [None] * len(self.x)
        open_, asked = list(range(len(self.x))), 0
        while open_ and asked < most:
            each = max(1, self.size // (self.steps.shape[1] * len(open_)))
            together = range(asked + 1, min(asked + each, most) + 1)
            for image, epsilon in self.changed([(i, e) for i in open_ for e in together]):
                known = found[image]
                found[image] = epsilon if known is None else min(known, epsilon)
            open_, asked = [i for i in open_ if found[i] is None], together[-1]
            whole = len(self.x) * most  # a picture that has its number counts as done
            advance(whole - len(open_) * (most - asked), whole)
        return found

    def changed(self, rows: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """Those (picture, steps) of ``rows`` at which some direction has another class."""
        ways = range(self.steps.shape[1])
        questions = [(image, epsilon, way) for image, epsilon in rows for way in ways]
        answers = self.answers(questions)
        found = {question[:2]: None for question, a in zip(questions, answers, strict=True) if a[0]}
        return list(found)

    def answers(self, questions: Sequence[tuple[int, int, int]]) -> list[tuple[bool, float]]:
        """Whether each (picture, steps, direction) has another class, as if it were asked alone.

        Returns:
            For each that, and by how much the class leads before the best other one, or follows.
        """

        def asked(start: int, end: int) -> list[tuple[bool, float]]:
            return self._batch(questions[start:end])

        found: list[tuple[bool, float]] = []
        for _, _, answers in pieces(len(questions), self.size, asked):
            found += answers
        return found

    @torch.no_grad()
    def _batch(self, questions: Sequence[tuple[int, int, int]]) -> list[tuple[bool, float]]:
        images, times, ways = (torch.tensor(column) for column in zip(*questions, strict=True))
        factors = times.to(self.x)[:, None, None, None]
        probes = self.x[images] + factors * self.steps[images, ways]
        classes = self.classes[images]
        logits = self.clf.logits(_laid_out(probes))
        own = logits.gather(1, classes[:, None])
        others = logits.scatter(1, classes[:, None], -torch.inf).amax(1, keepdim=True)
        leads = (own - others)[:, 0]
        rounding = CLOSE * torch.finfo(logits.dtype).eps * logits.abs().amax(1)
        answers = leads < 0
        # So written, scores that are no numbers are asked again too.
        for index in (~(leads.abs() > rounding)).nonzero()[:, 0].tolist():
            alone = self.clf.logits(probes[index : index + 1]).argmax(1)
            answers[index] = alone[0] != classes[index]
        if self.observer is not None:
            for question, scores in zip(questions, logits, strict=True):
                self.observer(*question, scores)
        return list(zip(answers.tolist(), leads.tolist(), strict=True))


def questions_at_once(clf: Classifier, x: Tensor) -> int:
    """Pictures that go through the network together."""
    size = batch_size(x, answer_bytes(clf, x), weight_bytes(clf))
    return min(size, ENOUGH) if x.device.type == "cpu" else size


def _laid_out(probes: Tensor) -> Tensor:
    # A processor takes two thirds of the time for batches with the channels last.
    if probes.device.type != "cpu":
        return probes
    return probes.contiguous(memory_format=torch.channels_last)
