"""Speed of the rewritten decoder beside the literal equations, as a ratio within one run."""

import time

import numpy as np
import pytest
import torch

from ssif.bands import Bands
from ssif.coordinates import pixel_coordinates
from ssif.nets.ssif import SSIF
from tests import literal

BANDS = Bands.from_centres(np.linspace(430, 860, 102), 430 / 101)
CHUNK = 30_000  # LIIF's


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


@torch.inference_mode()
def literal_image(model, features, size):
    """The whole image by the literal equations, in LIIF's chunks."""
    height, width = size
    cell = torch.tensor([[2 / height, 2 / width]])
    parts = []
    for start in range(0, height * width, CHUNK):
        index = torch.arange(start, min(start + CHUNK, height * width))
        query = pixel_coordinates(index, height, width)[None]
        parts.append(literal.ssif(model, features, query, cell, BANDS).clamp(0, 1))
    return torch.cat(parts, dim=1).transpose(1, 2).unflatten(-1, size)


def test_rewritten_decoder_is_four_times_faster(model, benchmark, capsys):
    """LR 64 x 64 to 256 x 256, 102 bands, K = 64; process seconds of one thread, the two forms in turn."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    features, size = torch.rand(1, 64, 64, 64), (256, 256)
    seconds = {"literal": [], "rewritten": []}

    def timed(name, work):
        start = time.process_time()
        image = work()
        seconds[name].append(time.process_time() - start)
        return image

    def rewritten():
        return timed("rewritten", lambda: model.predict(features, size, BANDS))

    reference = timed("literal", lambda: literal_image(model, features, size))
    image = benchmark.pedantic(rewritten, rounds=3, warmup_rounds=1)
    timed("literal", lambda: literal_image(model, features, size))
    torch.set_num_threads(threads)

    torch.testing.assert_close(image, reference, atol=1e-5, rtol=0)
    ratio = min(seconds["literal"]) / min(seconds["rewritten"])
    benchmark.extra_info["literal / rewritten"] = round(ratio, 2)
    with capsys.disabled():
        print(
            f"\nliteral {min(seconds['literal']):.2f} s, rewritten {min(seconds['rewritten']):.2f} s: {ratio:.1f} times"
        )
    assert ratio >= 4
