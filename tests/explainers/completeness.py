"""What the relevance of a difference from a baseline adds up to."""

import torch

from xai_core.explainers import explain
from xai_core.explainers.baselines import references


def assert_complete(method, clf, x, targets, baseline):
    """The relevance adds up to f_y(x) - f_y(x_0), which is not nothing."""
    relevance = explain(clf, x, targets, method, baseline=baseline)
    change = clf.logits(x) - clf.logits(references(clf, x, baseline)[0])
    wanted = change.gather(1, torch.tensor(targets)[:, None])[:, 0]
    assert wanted.abs().min() > 1e-4
    torch.testing.assert_close(relevance.sum((1, 2, 3)), wanted, rtol=0, atol=TOLERANCE[method])


# Rescale's ratio loses digits where an activation's input hardly changes.
TOLERANCE = {"deeplift": 1e-9, "deeplift_rc": 1e-12}
