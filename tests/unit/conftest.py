"""What the tests of `ssif predict` are given (tests/predicting.py)."""

import numpy as np
import pytest

from tests.predicting import small_model


@pytest.fixture
def model(tmp_path):
    """A small network of a made-up camera, its weights in `tmp_path`."""
    return small_model(tmp_path)


@pytest.fixture
def values():
    """An image [9, 12, 3] in [0, 1] for it, one pixel without data."""
    its = np.random.default_rng(0).random((9, 12, 3)).astype(np.float32)
    its[3, 4] = np.nan
    return its
