"""Responses and wavelength samplers of the SSIF variants."""

import math

import pytest
import torch

from ssif.bands import Bands
from ssif.nets.spectral import SpectralEncoder
from ssif.response import INTEGRATED, VARIANTS, damping, sample

BANDS = Bands([[400, 410], [405, 465], [600, 601]])


@pytest.mark.parametrize("k", [1, 2, 16, 64])
@pytest.mark.parametrize("variant", VARIANTS)
def test_weights_sum_to_one_and_wavelengths_stay_in_their_band(variant, k):
    wavelengths, weights = sample(variant, BANDS, k, torch.Generator().manual_seed(0))
    assert wavelengths.shape == weights.shape == (3, 1 if variant in ("M", *INTEGRATED) else k)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(3, dtype=torch.float64))
    start, end = torch.tensor(BANDS.edges).unbind(-1)
    assert (wavelengths >= start[:, None]).all() and (wavelengths <= end[:, None]).all()


@pytest.mark.parametrize("variant", ["RF-GF", "RF-UF"])
def test_fixed_points_with_k_1_are_ssif_m(variant):
    for ours, middle in zip(sample(variant, BANDS, 1), sample("M", BANDS, 16)):
        assert torch.equal(ours, middle)


def test_fixed_points_by_hand():
    wavelengths, weights = sample("RF-UF", Bands([[400, 440]]), 4)
    assert wavelengths.tolist() == [[405, 415, 425, 435]]
    assert weights.tolist() == [[0.25] * 4]
    # sigma = 40 / 6, so the points lie 2.25 and 0.75 sigma from the centre.
    _, weights = sample("RF-GF", Bands([[400, 440]]), 4)
    far, near = math.exp(-(2.25**2) / 2), math.exp(-(0.75**2) / 2)
    expected = torch.tensor([[far, near, near, far]], dtype=torch.float64) / (2 * (far + near))
    torch.testing.assert_close(weights, expected)


def test_gaussian_samples_have_sigma_a_sixth_of_the_width():
    wavelengths, _ = sample("RF-GS", Bands([[400, 460]]), 200_000, torch.Generator().manual_seed(0))
    # Truncated at 3 sigma: the standard deviation of the standard normal falls to 0.98658.
    assert abs(wavelengths.mean() - 430) < 0.1
    assert abs(wavelengths.std() - 10 * 0.98658) < 0.05


def test_uniform_samples_fill_the_band():
    wavelengths, _ = sample("RF-US", Bands([[400, 460]]), 200_000, torch.Generator().manual_seed(0))
    assert abs(wavelengths.mean() - 430) < 0.2 and abs(wavelengths.std() - 60 / math.sqrt(12)) < 0.1


@pytest.mark.parametrize("variant", ["RF-GS", "RF-US"])
def test_sampled_variants_draw_anew(variant):
    generator = torch.Generator().manual_seed(0)
    first, second = (sample(variant, BANDS, 4, generator)[0] for _ in range(2))
    assert not torch.equal(first, second)


def test_fourier_features_are_equation_9():
    encoder = SpectralEncoder(dim=5, hidden=8, frequencies=3, lambda_min=2.0, lambda_max=50.0)
    features = encoder.features(torch.tensor([431.0]))
    expected = [f(431 / (2 * 25 ** (t / 2))) for t in range(3) for f in (math.sin, math.cos)]
    assert torch.allclose(features[0], torch.tensor(expected, dtype=torch.float64))
    assert encoder(torch.full((3, 4), 500.0)).shape == (3, 4, 5)


def test_damping_by_hand():
    factors = torch.tensor([40 / math.pi, 20 / math.pi, 1e9])
    bands = Bands([[400, 440]])
    # The interval is half a period of the first factor, a whole period of the second and a small part of the third.
    assert damping("RF-UI", bands, factors)[0].tolist() == pytest.approx([2 / math.pi, 0, 1], abs=1e-7)
    sigma = 40 / 6
    gaussian = [math.exp(-((sigma * math.pi / period) ** 2) / 2) for period in (40, 20)]
    assert damping("RF-GI", bands, factors)[0].tolist() == pytest.approx([*gaussian, 1], abs=1e-6)
    assert damping("RF-UF", bands, factors).tolist() == [[1, 1, 1]]


@pytest.mark.parametrize(("sampled", "integrated"), [("RF-UF", "RF-UI"), ("RF-GF", "RF-GI")])
def test_integrated_features_are_what_many_samples_average_to(sampled, integrated):
    encoder = SpectralEncoder(dim=5, hidden=8, frequencies=6, lambda_min=3.0, lambda_max=500.0)
    wavelengths, weights = sample(sampled, BANDS, 4000)
    many = (weights[..., None] * encoder.features(wavelengths)).sum(dim=1)
    centres = sample(integrated, BANDS, 1)[0][:, 0]
    whole = encoder.features(centres, damping(integrated, BANDS, encoder.factors))
    # A Gaussian that is truncated at 3 sigma has 0.3 per cent less weight.
    torch.testing.assert_close(whole, many, rtol=0, atol=1e-5 if integrated == "RF-UI" else 6e-3)
