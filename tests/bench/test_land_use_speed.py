"""Speed of the classifier's dense pass beside the exact one, as a ratio within one run."""

import pytest
import torch

from workflow.land_use.a2s2k import A2S2K

# As the other benchmarks: `make bench`, not `make test`.
pytestmark = pytest.mark.slow

HEIGHT, WIDTH, BANDS, PATCH = 40, 40, 102, 11


def test_a_map_is_at_least_twenty_times_faster_dense(benchmark, report, seconds, one_thread):
    """Every pixel of one image, from its own window and in one convolutional pass, on one thread."""
    torch.manual_seed(0)
    model = A2S2K(BANDS, 9, kernels=24, patch=PATCH).eval()
    images = torch.randn(1, HEIGHT + PATCH - 1, WIDTH + PATCH - 1, BANDS)
    places = torch.cartesian_prod(torch.zeros(1, dtype=torch.long), torch.arange(HEIGHT), torch.arange(WIDTH))
    exact = seconds(lambda: model.classify(images, places))
    dense = seconds(lambda: model.classify_all(images[0]), rounds=3)
    benchmark.pedantic(lambda: model.classify_all(images[0]), rounds=1)
    report(exact=exact, dense=dense, ratio=exact / dense)
    assert exact / dense > 20
