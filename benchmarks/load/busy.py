"""``python -m benchmarks.load.busy FILE``: heatmaps, one after the other, at the lowest priority.

As the workbench's worker computes them, in a process of its own; their number is in FILE.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

METHODS = ("gradcam", "integrated_gradients", "smoothgrad", "guided_backprop")


def main(file: Path) -> None:
    """Compute until killed."""
    os.nice(19)
    import torch

    from xai_core.explainers import explain
    from xai_core.models import load_classifier

    clf = load_classifier("vgg-tiny")
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(1, 3, *clf.input_size, generator=generator)
    targets = clf.logits(x).argmax(1)
    done = 0
    while True:
        for method in METHODS:
            explain(clf, x, targets, method=method)
            done += 1
            file.write_text(str(done))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
