"""SSFIN: its published size, its plain form, and the weights of its loss."""

import pytest
import torch

from baselines.ssfin import SSFIN, side_weight
from ssif.data.patches import Patches
from tests.networks import assert_equal_to_plain, count, randomised
from tests.plain import ssfin as plain


def test_the_sizes_are_the_published_ones():
    assert (count(lambda: SSFIN(3, 31, 2)), count(lambda: SSFIN(4, 102, 2))) == (5_629_353, 5_712_584)


@pytest.mark.parametrize("scale", [1, 3, 4, 6, 8])
def test_the_size_at_another_scale_differs_by_the_upsampling_convolutions(scale):
    def upsampling(p: int) -> int:
        one, four = -(-64 // p**2), -(-256 // p**2)
        main = 9 * 320 * four * p * p + four * p * p + 9 * four * 64 + 64
        return main + 9 * 64 * one * p * p + one * p * p + 9 * one * 3 + 3

    assert count(lambda: SSFIN(3, 31, scale)) - count(lambda: SSFIN(3, 31, 2)) == upsampling(scale) - upsampling(2)


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_outputs_and_gradients_are_those_of_the_plain_form(scale):
    """At p = 3 the widths 4 n / p^2 and n / p^2 are rounded up, at p = 4 the second alone."""
    model = randomised(SSFIN(2, 5, scale, width=8, blocks=2, reduction=1))
    x = torch.rand(2, 2, 3, 4, dtype=torch.double)

    def in_plain(tape, x):
        return plain.ssfin(tape, x, scale=scale, blocks=2)

    assert_equal_to_plain(model.images, in_plain, list(model.parameters()), x)
    assert torch.equal(model(x), model.images(x)[0])


def test_the_weight_of_the_side_tasks_falls_to_nothing_before_the_end():
    epochs = {0: 0.5, 10: 0.5, 50: 0.5 * 2**-0.5, 90: 0, 100: 0}
    assert [side_weight(epoch / 100) for epoch in epochs] == pytest.approx(list(epochs.values()))


@pytest.mark.parametrize(("done", "expected"), [(0, 2), (0.5, 1 + 2**-0.5), (0.95, 1)])
def test_the_loss_weighs_its_three_images_by_the_progress_of_the_training(done, expected, monkeypatch):
    model = SSFIN(3, 5, 2, width=4, blocks=1)
    hr_msi, lr_hsi, hr_hsi = torch.rand(1, 3, 8, 8), torch.rand(1, 5, 4, 4), torch.rand(1, 5, 8, 8)
    batch = Patches(torch.rand(1, 3, 4, 4), hr_msi, lr_hsi, hr_hsi, None, done)
    monkeypatch.setattr(model, "images", lambda _: (hr_hsi - 1, lr_hsi + 1, hr_msi - 1))
    assert model.loss(batch).item() == pytest.approx(expected)
