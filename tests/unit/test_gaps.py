"""Pixels without data: training draws where there is data, scores leave the rest out."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from baselines.bicubic import BicubicLinear
from ssif.bands import Bands
from ssif.data.patches import TrainingSet, draw_patches, draw_queries
from ssif.errors import UserError
from ssif.metrics import evaluate

BANDS = Bands.from_centres(np.arange(400, 701, 10), 10)
OPTIONS = {"seed": 3, "batch": 6, "lr_sizes": [4, 8], "scales": (1.0, 4.0), "counts": (31, 31), "antialias": False}
PATCHES = {"seed": 3, "batch": 5, "lr_size": 6, "scale": 2, "count": 31, "antialias": False}


@pytest.fixture
def data() -> TrainingSet:
    """Two scenes of 40 x 52 pixels, one with a slanted edge and one with holes, where the HSI is -1."""
    torch.manual_seed(0)
    row, column = torch.meshgrid(torch.arange(40), torch.arange(52), indexing="ij")
    known = torch.stack([row + 2 * column < 90, torch.ones(40, 52, dtype=torch.bool)])
    known[1, 10:14, ::9] = False
    hsi = torch.rand(2, 40, 52, 31)
    return TrainingSet(torch.where(known[..., None], hsi, -1), hsi[..., :3], BANDS, known)


def test_queries_are_pixels_with_data(data):
    scenes = set()
    for step in range(40):
        batch = draw_queries(data, step, **OPTIONS, places=data.places())
        assert batch.target.min() >= 0
        assert batch.target.shape[1] == OPTIONS["lr_sizes"][step % 2] ** 2
        scenes |= set(batch.scenes.tolist())
    assert scenes == {0, 1}


def test_a_crop_with_few_pixels_with_data_asks_them_again(data):
    known = torch.zeros_like(data.known)
    known[0, 7, 9] = known[0, 8, 9] = True
    few = replace(data, known=known)
    batch = draw_queries(few, 0, **OPTIONS | {"scales": (1.0, 1.0)}, places=few.places())
    assert len(torch.unique(batch.target.flatten(0, 1), dim=0)) == 2


def test_queries_are_as_before_if_all_pixels_have_data(data):
    whole = replace(data, known=None)
    assert whole.places() is None
    one, other = draw_queries(whole, 0, **OPTIONS), draw_queries(whole, 0, **OPTIONS, places=whole.places())
    assert torch.equal(one.target, other.target)


def test_patches_have_data_everywhere(data):
    places, seen = data.places(12), set()
    for step in range(40):
        batch = draw_patches(data, step, **PATCHES, places=places)
        assert batch.hr_hsi.shape == (5, 31, 12, 12) and batch.hr_hsi.min() >= 0
        seen |= set(batch.scenes.tolist())
    assert seen == {0, 1}
    # Each place is the upper left of a crop with data, and there is no other.
    windows = data.known.unfold(1, 12, 1).unfold(2, 12, 1).flatten(-2).all(dim=-1)
    assert torch.equal(places, windows.nonzero())
    with pytest.raises(UserError, match="no training scene has 39 x 39 pixels with data everywhere"):
        data.places(39)


def test_scores_of_the_known_pixels_are_those_of_an_image_cut_to_them():
    torch.manual_seed(0)
    truth = torch.rand(5, 30, 40, dtype=torch.float64)
    prediction = (truth + 0.1 * torch.randn_like(truth)).clamp(0, 1)
    known = torch.zeros(30, 40, dtype=torch.bool)
    known[4:25, 7:33] = True
    wanted = evaluate(prediction[:, 4:25, 7:33], truth[:, 4:25, 7:33], 4)
    prediction[:, ~known] = 0.5
    assert evaluate(prediction, truth, 4, known) == pytest.approx(wanted, rel=1e-12)
    assert evaluate(prediction, truth, 4, torch.ones_like(known)) == pytest.approx(evaluate(prediction, truth, 4))
    known[14, 12:31:10] = False
    known[:14], known[15:] = False, False
    with pytest.raises(UserError, match="11 x 11 px with data everywhere"):
        evaluate(prediction, truth, 4, known)


def test_the_linear_map_is_fitted_to_the_known_pixels(data):
    fitted, wanted = BicubicLinear(3, BANDS), BicubicLinear(3, BANDS)
    fitted.fit(data)
    pairs = data.hsi[data.known], data.msi[data.known]
    wanted.fit(TrainingSet(pairs[0][None, None], pairs[1][None, None], BANDS))
    torch.testing.assert_close(fitted.weight, wanted.weight)
