"""Speed of the classifier's dense pass beside the exact one, as a ratio within one run."""

import time

import pytest
import torch

from baselines.a2s2k import A2S2K

IMAGE, BANDS = (40, 40), 102


@pytest.fixture
def model():
    torch.manual_seed(0)
    return A2S2K(BANDS, 9, kernels=24, patch=11).eval()


def test_dense_against_exact(model, benchmark):
    """Every pixel of one image, from its own window and in one convolutional pass, on one thread."""
    padded = torch.randn(1, IMAGE[0] + 10, IMAGE[1] + 10, BANDS)
    places = torch.cartesian_prod(torch.zeros(1, dtype=torch.long), torch.arange(IMAGE[0]), torch.arange(IMAGE[1]))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        started = time.process_time()
        exact = model.classify(padded, places).view(IMAGE)
        seconds = time.process_time() - started
        dense = benchmark.pedantic(lambda: timed(model.classify_all, padded[0]), rounds=3)
    finally:
        torch.set_num_threads(threads)
    benchmark.extra_info["exact/dense"] = round(seconds / dense[1], 1)
    benchmark.extra_info["agreement"] = round((exact == dense[0]).float().mean().item(), 3)
    print(f"\nexact {seconds:.1f} s, dense {dense[1]:.2f} s: {seconds / dense[1]:.0f} times; {benchmark.extra_info}")
    assert seconds / dense[1] > 20


def timed(work, *arguments):
    started = time.process_time()
    return work(*arguments), time.process_time() - started
