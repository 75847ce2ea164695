"""MST++: its published size, its plain form, and what it does with small, odd and black images."""

import pytest
import torch

from baselines.mst import MST, reflected
from tests.networks import assert_equal_to_plain, count, randomised
from tests.plain import mst as plain


def test_the_sizes_are_the_published_ones():
    counts = [count(lambda n=n: MST(3, 31, size="lr", stages=n)) for n in (1, 2, 3)]
    assert counts == [546_199, 1_082_912, 1_619_625] and count(lambda: MST(3, 31, size="hr")) == counts[-1]


def test_other_bands_change_the_first_and_the_last_convolution_alone():
    assert count(lambda: MST(4, 102, size="lr")) == 1_619_625 + 9 * 31 + 9 * 31 * (102 - 31)


@pytest.mark.parametrize("bands", [3, 5])
@pytest.mark.parametrize("size", [(8, 8), (9, 6), (3, 5)])
def test_outputs_and_gradients_are_those_of_the_plain_form(bands, size):
    """With as many bands as the width there is one more skip connection."""
    model, x = randomised(MST(2, bands, size="lr", width=3, stages=2)), torch.rand(2, 2, *size, dtype=torch.double)
    assert_equal_to_plain(model, lambda tape, x: plain.mst(tape, x, stages=2), list(model.parameters()), x)


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (4, 3), (8, 17)])
def test_images_of_any_size_are_served(size):
    x = torch.rand(1, 3, *size)
    assert MST(3, 6, size="hr", width=4, stages=1)(x).shape == (1, 6, *size)
    height, width = reflected(x).shape[2:]
    assert height % 8 == width % 8 == 0 and torch.equal(reflected(x)[:, :, : size[0], : size[1]], x)


def test_a_black_image_has_finite_gradients():
    model = MST(3, 4, size="lr", width=4, stages=1)
    output = model(torch.zeros(1, 3, 8, 8))
    output.sum().backward()
    assert torch.isfinite(output).all() and all(torch.isfinite(p.grad).all() for p in model.parameters())


def test_a_part_of_an_image_is_not_predicted_as_the_whole():
    """Attention sums over all pixels: beyond the reach of the convolutions, half an image still feels the other half."""
    model, x = randomised(MST(3, 4, size="lr", width=4, stages=1)), torch.rand(1, 3, 16, 128, dtype=torch.double)
    assert (model(x[..., :64]) - model(x)[..., :64])[..., :8].abs().max() > 1e-6


def test_the_rate_falls_from_4e_4_to_1e_6():
    rates = [4e-4 * MST.decay(done) for done in (0, 0.5, 1)]
    assert rates == pytest.approx([4e-4, 2.005e-4, 1e-6])
