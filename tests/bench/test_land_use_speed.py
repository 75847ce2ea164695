"""Speed of the classifier's dense pass beside the exact one, as a ratio within one run."""

import time

import torch

from baselines.a2s2k import A2S2K

HEIGHT, WIDTH, BANDS, PATCH = 40, 40, 102, 11


def test_a_map_is_at_least_twenty_times_faster_dense(benchmark):
    """Every pixel of one image, from its own window and in one convolutional pass, on one thread."""
    torch.manual_seed(0)
    model = A2S2K(BANDS, 9, kernels=24, patch=PATCH).eval()
    images = torch.randn(1, HEIGHT + PATCH - 1, WIDTH + PATCH - 1, BANDS)
    places = torch.cartesian_prod(torch.zeros(1, dtype=torch.long), torch.arange(HEIGHT), torch.arange(WIDTH))
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        exact = _seconds(lambda: model.classify(images, places))
        dense = min(_seconds(lambda: model.classify_all(images[0])) for _ in range(3))
        benchmark.pedantic(lambda: model.classify_all(images[0]), rounds=1)
    finally:
        torch.set_num_threads(before)
    benchmark.extra_info["exact/dense"] = round(exact / dense, 1)
    print(f"\nexact {exact:.1f} s, dense {dense:.2f} s: {exact / dense:.0f} times")
    assert exact / dense > 20


def _seconds(work) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started
