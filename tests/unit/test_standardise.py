"""The transform of a classifier's images: what it is fitted on, against scikit-learn, and what it refuses."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from ssif.errors import UserError
from workflow.land_use.windows import PREPROCESS, Standardise

BANDS = 6


def image(seed: int, height: int = 20, width: int = 15) -> torch.Tensor:
    """Correlated bands of different levels and deviations, raw units of some thousand."""
    draws = np.random.default_rng(seed)
    mixed = draws.normal(size=(height, width, BANDS)) @ draws.normal(size=(BANDS, BANDS))
    return torch.tensor(3000 + 200 * np.arange(BANDS) + 150 * mixed)


TRAINING = torch.stack([image(0), image(1)])


def test_zscore_gives_every_band_mean_0_and_deviation_1():
    found = torch.stack([Standardise(TRAINING)(one) for one in TRAINING]).reshape(-1, BANDS)
    assert found.mean(dim=0).abs().max() < 1e-10
    assert found.std(dim=0, correction=0).allclose(torch.ones(BANDS, dtype=torch.float64))
    # Band by band: a band depends on no other.
    matrix = Standardise(TRAINING).matrix
    assert torch.equal(matrix, torch.diag(matrix.diagonal()))


def test_whitening_is_that_of_scikit_learn():
    pixels = TRAINING.reshape(-1, BANDS).numpy()
    expected = PCA(whiten=True).fit(pixels)
    standardise = Standardise(TRAINING, "pca_whiten")
    found = standardise(image(2)).reshape(-1, BANDS).numpy()
    # scikit-learn divides by n - 1, and its components have signs of their own.
    other = expected.transform(image(2).reshape(-1, BANDS).numpy()) * np.sqrt(len(pixels) / (len(pixels) - 1))
    assert np.abs(found) == pytest.approx(np.abs(other), rel=1e-8)
    white = torch.stack([standardise(one) for one in TRAINING]).reshape(-1, BANDS)
    assert torch.cov(white.T, correction=0).allclose(torch.eye(BANDS, dtype=torch.float64), atol=1e-9)


def test_per_image_whitens_each_image_by_itself():
    found = Standardise(TRAINING, "per_image")(image(2)).reshape(-1, BANDS)
    assert found.mean(dim=0).abs().max() < 1e-9
    assert torch.cov(found.T, correction=0).allclose(torch.eye(BANDS, dtype=torch.float64), atol=1e-9)


@pytest.mark.parametrize("kind", ["zscore", "pca_whiten"])
def test_the_transform_does_not_depend_on_the_images_that_it_meets(kind):
    """No leakage: one test image transformed between two others, or alone, is the same to the last bit."""
    alone = Standardise(TRAINING, kind)(image(2))
    standardise = Standardise(TRAINING, kind)
    before = standardise.mean.clone(), standardise.matrix.clone()
    standardise(5 * image(3))
    assert torch.equal(standardise(image(2)), alone)
    standardise(image(4) / 3)
    assert torch.equal(before[0], standardise.mean) and torch.equal(before[1], standardise.matrix)
    # A pixel's values depend on this pixel alone.
    changed = image(2)
    changed[3:] *= 2
    assert torch.equal(standardise(changed)[:3], alone[:3])


@pytest.mark.parametrize("kind", PREPROCESS)
def test_a_band_without_variance_is_0(kind):
    flat = TRAINING.clone()
    flat[..., 2] = 1000
    found = Standardise(flat, kind)(flat[0])
    assert found.isfinite().all() and found.abs().max() < 20
    if kind == "zscore":
        assert (found[..., 2] == 0).all()


@pytest.mark.parametrize("factor", [1 / 6500, 65535 / 4000])
def test_another_radiometric_scale_is_refused(factor):
    with pytest.raises(UserError, match=r"on another radiometric scale: its bright pixels are at .*; give it in their"):
        Standardise(TRAINING)(2 * factor * image(2))


@pytest.mark.parametrize("factor", [1 / 3, 3])
def test_a_darker_or_brighter_image_is_not(factor):
    assert Standardise(TRAINING)(factor * image(2)).isfinite().all()


def test_another_number_of_bands_and_an_unknown_kind_are_refused():
    with pytest.raises(UserError, match="trained on 6 bands, but this image has 5"):
        Standardise(TRAINING)(image(2)[..., :5])
    with pytest.raises(UserError, match="unknown preprocess 'log'; known: pca_whiten, per_image, zscore"):
        Standardise(TRAINING, "log")
