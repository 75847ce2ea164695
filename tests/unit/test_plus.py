"""SSIF+: the linear spectral map below it, and where it equals the bicubic row."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from baselines.bicubic import BicubicLinear
from ssif.bands import Bands
from ssif.coordinates import pixel_coordinates
from ssif.data.patches import TrainingSet
from ssif.nets.plus import SSIFPlus, sample_bicubic

BANDS = Bands.from_centres(np.arange(400, 701, 10), 10)
SIZES = {
    "encoder": {"name": "edsr", "blocks": 1, "channels": 6}, "pixel_decoder": "liif", "hidden": 16, "dim": 5,
    "spectral_hidden": 12, "frequencies": 4, "lambda_min": 3.0, "lambda_max": 500.0, "k": 4,
}  # fmt: skip


@pytest.fixture
def scenes() -> TrainingSet:
    """Two scenes whose spectra are an affine function of the MSI, with the map that makes them."""
    torch.manual_seed(3)
    msi, weight, bias = torch.rand(2, 20, 24, 3), torch.rand(31, 3) / 4, torch.rand(31) / 4
    return TrainingSet(F.linear(msi, weight, bias), msi, BANDS)


def make(scenes: TrainingSet, decoder="D", residual=True) -> SSIFPlus:
    torch.manual_seed(0)
    model = SSIFPlus(3, bands=BANDS, variant="RF-UF", spectral_decoder=decoder, **SIZES).eval()
    model.fit(scenes)
    if not residual:
        for parameter in model.parameters():
            torch.nn.init.zeros_(parameter)
    return model


@pytest.mark.parametrize("size", [(17, 23), (34, 46), (50, 61), (136, 184)])
def test_sampling_on_a_pixel_grid_is_a_bicubic_resize(size):
    image = torch.rand(2, 3, 17, 23)
    query = pixel_coordinates(torch.arange(size[0] * size[1]), *size).expand(2, -1, 2)
    sampled = sample_bicubic(image, query).transpose(1, 2).unflatten(-1, size)
    resized = F.interpolate(image, size=size, mode="bicubic", align_corners=False)
    torch.testing.assert_close(sampled, resized, atol=1e-5, rtol=0)


def test_the_linear_map_is_found(scenes):
    model = make(scenes)
    weight, bias = model.linear.to_bands(BANDS)
    torch.testing.assert_close(F.linear(scenes.msi, weight, bias), scenes.hsi, atol=1e-4, rtol=0)
    assert not any(parameter is buffer for parameter in model.parameters() for buffer in model.linear.buffers())


@pytest.mark.parametrize("bands", [BANDS, BANDS.parts(8), BANDS.parts(48), Bands([[405, 432], [410, 555], [600, 601]])])
@pytest.mark.parametrize("size", [(9, 11), (18, 22), (33, 40)])
def test_without_its_network_it_is_the_bicubic_row(scenes, bands, size):
    lr_msi, row = torch.rand(2, 3, 9, 11), BicubicLinear(3, bands=BANDS)
    row.fit(scenes)
    ours = make(scenes, residual=False).predict(lr_msi, size, bands)
    torch.testing.assert_close(ours, row.predict(lr_msi, size, bands), atol=1e-5, rtol=0)


@pytest.mark.parametrize("decoder", ["D", "C"])
def test_its_network_is_ssif_added_to_the_map(scenes, decoder):
    whole, lr_msi = make(scenes, decoder), torch.rand(2, 3, 9, 11)
    query, cell, bands = torch.rand(2, 30, 2) * 2 - 1, torch.full((2, 2), 0.05), BANDS.parts(8)
    residual = super(SSIFPlus, whole)
    encoded = whole.decoder.prepare(whole.encoder(2 * lr_msi - 1))
    hidden = whole.decoder(encoded, query, cell)
    weight, bias = whole.linear.to_bands(bands)
    expected = residual.readout(bands)(hidden) / 2 + F.linear(sample_bicubic(lr_msi, query), weight, bias)
    torch.testing.assert_close(whole(lr_msi, query, cell, bands), expected, atol=1e-6, rtol=0)


def test_the_map_travels_with_the_weights_and_is_not_trained(scenes):
    model = make(scenes)
    assert {"linear.weight", "linear.bias"} <= model.state_dict().keys()
    assert not any(name.startswith("linear") for name, _ in model.named_parameters())
    other = SSIFPlus(3, bands=BANDS, variant="RF-UF", spectral_decoder="D", **SIZES).eval()
    other.load_state_dict(model.state_dict())
    lr_msi = torch.rand(1, 3, 8, 8)
    assert torch.equal(model.predict(lr_msi, (20, 20), BANDS), other.predict(lr_msi, (20, 20), BANDS))
