"""What holds for every test."""

import pytest
import torch


@pytest.fixture(autouse=True)
def _same_random_numbers():
    """Networks with random weights are the same ones, whichever tests ran before."""
    torch.manual_seed(0)
