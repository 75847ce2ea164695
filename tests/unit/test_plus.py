"""SSIF+: its linear part, its map, and its equality with bicubic sampling and a linear map before training."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from baselines.bicubic import BicubicLinear
from ssif.bands import Bands, resampling_matrix
from ssif.coordinates import pixel_coordinates
from ssif.data.degrade import downsample
from ssif.data.patches import Queries, TrainingSet
from ssif.nets.bilinear import BilinearDecoder, interpolate
from ssif.nets.linear import LinearSpectra
from ssif.nets.plus import ANGLE, FLOOR, PLACES, Pixels, SSIFPlus

BANDS = Bands.from_centres(np.arange(400, 701, 10), 10)
SIZES = {
    "encoder": {"name": "edsr", "blocks": 1, "channels": 6}, "hidden": 16, "dim": 5,
    "spectral_hidden": 12, "frequencies": 4, "lambda_min": 3.0, "lambda_max": 500.0, "k": 4,
}  # fmt: skip


def scenes(channels: int = 3) -> TrainingSet:
    """Two scenes whose spectra are a linear function of the MSI."""
    torch.manual_seed(3)
    msi, weight = torch.rand(2, 20, 24, channels), torch.rand(31, channels) / channels
    return TrainingSet(F.linear(msi, weight), msi, BANDS)


def untrained(channels: int = 3) -> SSIFPlus:
    torch.manual_seed(0)
    model = SSIFPlus(channels, bands=BANDS, **SIZES).eval()
    model.fit(scenes(channels))
    return model


def trained(channels: int = 3) -> SSIFPlus:
    """A model whose last layers are not zero."""
    model = untrained(channels)
    maps = [layer for each in model.spectra.maps for layer in (each.encoder.mlp[-1], each.context)]
    for layer in (model.decoder.last, *maps):
        for parameter in layer.parameters():
            torch.nn.init.normal_(parameter, std=0.2)
    return model


@pytest.mark.parametrize("size", [(17, 23), (34, 46), (50, 61), (136, 184)])
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_sampling_on_a_pixel_grid_is_a_resize(size, mode):
    image = torch.rand(2, 3, 17, 23)
    query = pixel_coordinates(torch.arange(size[0] * size[1]), *size).expand(2, -1, 2)
    sampled = interpolate(image, query, mode).transpose(1, 2).unflatten(-1, size)
    resized = F.interpolate(image, size=size, mode=mode, align_corners=False)
    torch.testing.assert_close(sampled, resized, atol=1e-5, rtol=0)


def test_the_linear_part_is_found_and_travels_with_the_weights():
    model, data = untrained(), scenes()
    weight, bias = model.spectra.linear.to_bands(BANDS)
    torch.testing.assert_close(F.linear(data.msi, weight), data.hsi, atol=1e-4, rtol=0)
    torch.testing.assert_close(bias, torch.zeros(31), atol=1e-4, rtol=0)
    assert not any("linear" in name for name, _ in model.named_parameters())
    model, other = trained(), SSIFPlus(3, bands=BANDS, **SIZES).eval()
    other.load_state_dict(model.state_dict())
    lr_msi = torch.rand(1, 3, 8, 8)
    assert torch.equal(model.predict(lr_msi, (20, 20), BANDS), other.predict(lr_msi, (20, 20), BANDS))


def test_relative_least_squares_divide_by_the_brightness():
    data = scenes()
    data = TrainingSet(data.hsi + 0.1 * torch.rand(2, 20, 24, 31), data.msi, BANDS)
    fitted = LinearSpectra(3, BANDS, dark=0.01)
    fitted.fit(data)
    x, y = F.pad(data.msi.flatten(0, 2).double(), (0, 1), value=1), data.hsi.flatten(0, 2).double()
    brightness = x[:, :3].sum(dim=1, keepdim=True) + 0.01
    expected = torch.linalg.lstsq(x / brightness, y / brightness).solution.T
    torch.testing.assert_close(fitted.weight.double(), expected[:, :3], atol=1e-5, rtol=0)
    torch.testing.assert_close(fitted.bias.double(), expected[:, 3], atol=1e-5, rtol=0)


@pytest.mark.parametrize("bands", [BANDS, BANDS.parts(8), BANDS.parts(48), Bands([[405, 432], [410, 555], [600, 601]])])
@pytest.mark.parametrize("size", [(9, 11), (18, 22), (33, 40)])
@pytest.mark.parametrize("channels", [3, 4, 10])
def test_untrained_it_is_bicubic_sampling_and_the_linear_map(bands, size, channels):
    lr_msi, row = torch.rand(2, channels, 9, 11), BicubicLinear(channels, bands=BANDS)
    row.fit(scenes(channels))
    ours = untrained(channels).predict(lr_msi, size, bands)
    torch.testing.assert_close(ours, row.predict(lr_msi, size, bands), atol=1e-4, rtol=0)


def test_its_spectra_are_the_equation_of_the_protocol():
    """The plain computation of sampled channels, residual and map of each query, band by band."""
    model, lr_msi, bands = trained(), torch.rand(2, 3, 9, 11), BANDS.parts(8)
    query, cell = torch.rand(2, 30, 2) * 2 - 1, torch.full((2, 2), 0.05)
    bright = lr_msi.sum(1, keepdim=True) + 1e-3
    colour = torch.cat([3 * lr_msi / bright - 1, bright.log() / 3], 1)
    inputs = torch.cat([2 * lr_msi.sqrt() - 1, colour], 1)
    hidden = model.decoder(model.decoder.prepare(model.encoder(inputs)), query, cell)
    largest = F.max_pool2d(bright, 3, 1, 1)
    msi = interpolate(lr_msi, query, "bicubic") + model.decoder.last(hidden) * interpolate(largest, query, "bilinear")
    n = msi.clamp(min=0).sum(-1, keepdim=True) + 1e-3
    model.spectra.linear.bias.uniform_(-0.1, 0.1)
    resampling = torch.tensor(resampling_matrix(BANDS, bands)).float()
    linear, offset = resampling @ model.spectra.linear.weight, resampling @ model.spectra.linear.bias
    expected = torch.zeros(2, 30, 8)
    for each in model.spectra.maps:
        x = (each.first(torch.cat([3 * msi / n - 1, n.log() / 3], -1)) + hidden @ each.context.weight.T).relu()
        for layer in each.middle:
            x = layer(x).relu()
        for band, (start, end) in enumerate(bands.edges):
            places = torch.tensor([start + (i + 0.5) / 4 * (end - start) for i in range(4)])
            embedding = each.encoder(places).mean(0)
            straight = msi @ linear[band] + offset[band]
            expected[..., band] += (n[..., 0] * (x @ embedding[:-1] + embedding[-1]) + straight) / 5
    torch.testing.assert_close(model(lr_msi, query, cell, bands), expected, atol=1e-5, rtol=1e-4)


def test_the_map_is_nearly_homogeneous():
    """A pixel and one four times as bright have the same colour, except for DARK and for the log of the brightness.

    The test leaves out the offset of the linear part.
    """
    model = trained()
    with torch.no_grad():
        for each in model.spectra.maps:
            each.first.weight[:, -1] = 0
            each.context.weight.zero_()
        model.spectra.linear.bias.zero_()
        model.decoder.last.weight.zero_()
        model.decoder.last.bias.zero_()
    lr_msi = 0.05 + torch.rand(1, 3, 6, 6) / 5
    query, cell = torch.rand(1, 30, 2) * 2 - 1, torch.full((1, 2), 0.1)
    once, more = (model(scale * lr_msi, query, cell, BANDS) for scale in (1, 4))
    torch.testing.assert_close(4 * once, more, atol=0.02, rtol=0.02)


def test_the_field_learns_the_channels_alone():
    model, lr_msi = trained(), torch.rand(2, 3, 9, 11)
    query, cell, msi = torch.rand(2, 30, 2) * 2 - 1, torch.full((2, 2), 0.05), torch.rand(2, 30, 3)
    batch = Queries(lr_msi, query, cell, torch.rand(2, 30, 31), msi, BANDS, torch.Generator(), torch.zeros(2))
    loss = model.loss(batch)
    found, _ = model.super_resolve(model.encode(lr_msi), query, cell)
    assert float(loss.detach()) == pytest.approx(float((found - msi).abs().mean().detach()), rel=1e-6)
    loss.backward()
    assert all(parameter.grad is None for parameter in model.spectra.parameters())


def test_the_loss_of_the_map_is_the_log_of_the_error_and_the_angle():
    spectra = trained().spectra.eval()
    batch = Pixels(torch.rand(2, 30, 3), torch.rand(2, 30, 16), torch.rand(2, 30, 31), BANDS, torch.zeros(2))
    each, target = spectra.readout_each(BANDS)(spectra(batch.msi, batch.hidden)), batch.target.double()
    each = [values.detach().double() for values in each]
    logs = [
        math.log(float(((values[n, :, band] - target[n, :, band]) ** 2).mean()) + FLOOR)
        for values in each
        for n in range(2)
        for band in range(31)
    ]
    angles = [
        math.acos(float(a @ b / a.norm() / b.norm()))
        for values in each
        for a, b in zip(values.flatten(0, 1), target.flatten(0, 1))
    ]
    assert float(spectra.loss(batch).detach()) == pytest.approx(np.mean(logs) + ANGLE * np.mean(angles), rel=1e-5)


@pytest.mark.parametrize("channels", [3, 4])
def test_gradients_of_the_map_are_finite_on_black_and_on_parallel_spectra(channels):
    spectra = untrained(channels).spectra.train()
    msi, hidden = torch.rand(2, 20, channels), torch.rand(2, 20, 16)
    msi[0] = 0
    target = ((spectra.eval().readout(BANDS)(spectra(msi, hidden)) + 1) / 2).detach()
    spectra.train().loss(Pixels(msi, hidden, target, BANDS, torch.zeros(2))).backward()
    assert all(torch.isfinite(p.grad).all() for p in spectra.parameters() if p.grad is not None)


@pytest.mark.parametrize("scale", [1.0, 2.0, 3.7])
@pytest.mark.parametrize("antialias", [False, True])
def test_the_pixels_of_the_map_are_those_of_whole_decimated_scenes(scale, antialias):
    model, data = trained(), scenes()
    data = TrainingSet(torch.arange(2 * 20 * 24 * 31.0).reshape(2, 20, 24, 31), data.msi, BANDS)
    pixels = model.pixels(data, scale, antialias, torch.Generator().manual_seed(1))
    assert pixels.msi.shape == (2, PLACES, 3) and pixels.hidden.shape == (2, PLACES, 16)
    size = round(20 / scale), round(24 / scale)
    for scene in range(2):
        # The spectrum of each pixel holds its place.
        place = (pixels.target[scene, :, 0] / 31).long() - scene * 20 * 24
        assert len(place.unique()) == 20 * 24
        lr_msi = downsample(data.msi[scene].movedim(-1, 0)[None], size, antialias)
        every = pixel_coordinates(torch.arange(20 * 24), 20, 24)[None]
        msi, hidden = model.super_resolve(model.encode(lr_msi), every, torch.tensor([[2 / 20, 2 / 24]]))
        torch.testing.assert_close(pixels.msi[scene], msi[0, place], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(pixels.hidden[scene], hidden[0, place], atol=1e-5, rtol=1e-4)


def test_the_decoded_image_has_no_seams():
    """Values on either side of a border between LR pixels, and of their centres, differ in proportion to their distance."""
    torch.manual_seed(0)
    decoder = BilinearDecoder(4, 16, 3)
    table = decoder.prepare(torch.rand(1, 4, 8, 8))
    places = torch.arange(1, 16) / 8 - 1
    for axis in (0, 1):
        query = torch.full((2, 15, 2), 0.1)
        query[0, :, axis], query[1, :, axis] = places - 1e-5, places + 1e-5
        below, above = decoder(table.expand(2, -1, -1, -1), query, torch.full((2, 2), 0.05))
        assert (below - above).abs().max() < 1e-3
