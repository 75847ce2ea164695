"""Speed of the rewritten decoder beside the literal equations and beside the machine's own matrix products."""

import numpy as np
import pytest
import torch

from ssif.bands import Bands
from ssif.coordinates import pixel_coordinates
from ssif.inference import CHUNK
from ssif.nets.ssif import SSIF
from tests import literal

pytestmark = pytest.mark.slow

BANDS = Bands.from_centres(np.linspace(430, 860, 102), 430 / 101)
SIZE = (512, 512)
LITERAL_CHUNK = 30_000  # LIIF's


class Identity(torch.nn.Module):
    """In place of the encoder, which both forms share: the image is its own feature map."""

    out_channels = 64

    def forward(self, x):
        return x


@pytest.fixture
def model():
    torch.manual_seed(0)
    network = SSIF(
        64, variant="RF-UF", k=64, encoder={"name": "edsr", "blocks": 0}, pixel_decoder="liif", hidden=256, dim=256,
        spectral_decoder="D", spectral_hidden=512, frequencies=16, lambda_min=1.34, lambda_max=500.0,
    )  # fmt: skip
    network.encoder = Identity()
    return network.eval()


def queries(start: int, stop: int) -> torch.Tensor:
    """Coordinates of these pixels of an image of SIZE."""
    return pixel_coordinates(torch.arange(start, stop), *SIZE)[None]


CELL = torch.tensor([[2 / SIZE[0], 2 / SIZE[1]]])


@torch.inference_mode()
def literal_image(model, features):
    """The whole image by the literal equations, in LIIF's chunks."""
    parts, pixels = [], SIZE[0] * SIZE[1]
    for start in range(0, pixels, LITERAL_CHUNK):
        query = queries(start, min(start + LITERAL_CHUNK, pixels))
        parts.append(literal.ssif(model, features, query, CELL, BANDS).clamp(0, 1))
    return torch.cat(parts, dim=1).transpose(1, 2).unflatten(-1, SIZE)


def test_rewritten_decoder_is_six_times_faster(model, benchmark, report, seconds, one_thread):
    """LR 64 x 64 to 512 x 512, 102 bands, K = 64, the two forms in turn."""
    features, images = torch.rand(1, 64, 64, 64), {}
    rewritten, plain = [], []
    for _ in range(2):
        rewritten.append(seconds(lambda: images.update(ours=model.predict(features, SIZE, BANDS))))
        plain.append(seconds(lambda: images.update(literal=literal_image(model, features))))
    benchmark.pedantic(lambda: model.predict(features, SIZE, BANDS), rounds=1)
    torch.testing.assert_close(images["ours"], images["literal"], atol=1e-5, rtol=0)
    ratio = min(plain) / min(rewritten)
    report(literal_seconds=min(plain), rewritten_seconds=min(rewritten), ratio=ratio)
    assert ratio >= 6


@torch.inference_mode()
def test_trunk_reaches_most_of_the_rate_of_matrix_products(model, benchmark, report, seconds, product_rate):
    """12 h^2 multiply-adds a pixel, counting nothing else that the trunk does, in chunks as `render` takes them."""
    table, pixels, chunk = model.encode(torch.rand(1, 64, 64, 64)), 32 * CHUNK["cpu"], CHUNK["cpu"]

    def trunk() -> None:
        for start in range(0, pixels, chunk):
            model.trunk(table, queries(start, start + chunk), CELL)

    taken = seconds(trunk, rounds=5)
    benchmark.pedantic(trunk, rounds=1)
    rate = 12 * 256**2 * pixels / taken
    report(trunk_gmac_per_second=rate / 1e9, product_gmac_per_second=product_rate / 1e9, share=rate / product_rate)
    assert rate >= 0.6 * product_rate
