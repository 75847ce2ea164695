"""Tiles of any size are equal to the whole image; halo, no data and memory."""

import numpy as np
import pytest
import torch

from ssif.bands import Bands
from ssif.data.degrade import hr_size
from ssif.errors import UserError
from ssif.nets.plus import SSIFPlus
from ssif.nets.ssif import SSIF
from ssif.tiles import FILL, PixelAxis, check_tiles, filled, render_tiles

SOURCE = Bands.from_centres(np.arange(400, 701, 10), 10)
BANDS = Bands([[420, 450], [500, 505], [600, 700]])
ENCODERS = {
    "edsr": {"name": "edsr", "blocks": 2, "channels": 8},
    "rdn": {"name": "rdn", "blocks": 2, "channels": 8, "layers": 3, "growth": 8},
    "swinir": {"name": "swinir", "blocks": 1, "layers": 2, "width": 8, "heads": 2, "channels": 8, "window": 4},
}
SIZES = {"variant": "RF-UF", "pixel_decoder": "liif", "hidden": 16, "dim": 8, "spectral_decoder": "D",
         "spectral_hidden": 16, "frequencies": 4, "lambda_min": 3.0, "lambda_max": 500.0, "k": 4}  # fmt: skip


def network(encoder: str = "edsr", plus: bool = False, gain: float = 2.5, **changes):
    torch.manual_seed(0)
    sizes = SIZES | {"encoder": ENCODERS[encoder]} | changes
    if plus:
        unknown = ("variant", "pixel_decoder", "spectral_decoder")
        model = SSIFPlus(3, bands=SOURCE, **{key: value for key, value in sizes.items() if key not in unknown})
        model.spectra.linear.weight.data.uniform_(0, 0.3)
        for layer in (model.decoder.last, *(one.encoder.mlp[-1] for one in model.spectra.maps)):
            torch.nn.init.normal_(layer.weight, std=0.05)
    else:
        model = SSIF(3, **sizes)
        # A small last layer would hide differences.
        for parameter in model.decoder.parameters():
            parameter.data *= gain
    return model.eval().requires_grad_(False)


def tiled(model, image: np.ndarray, size: tuple[int, int], side: int) -> np.ndarray:
    return render_tiles(model, image, size, BANDS, side)


@pytest.fixture
def image():
    return np.random.default_rng(0).random((37, 45, 3)).astype(np.float32)


def whole(model, image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return model.predict(torch.from_numpy(image).permute(2, 0, 1)[None], size, BANDS)[0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize("plus", [False, True], ids=["ssif", "ssif+"])
@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("p", [1, 2, 3.7, 8])
def test_tiled_is_whole(image, encoder, plus, p):
    model, size = network(encoder, plus), hr_size(image.shape[:2], p)
    reference = whole(model, image, size)
    assert reference.std() > 0.04
    for side in (7, 16, 100):
        assert np.abs(tiled(model, image, size, side) - reference).max() < 1e-5, side


@pytest.mark.parametrize("pixel_decoder", ["lte", "ciaosr"])
@pytest.mark.parametrize("p", [1, 2, 3, 3.7, 5, 8])
def test_tiled_is_whole_with_every_decoder(image, pixel_decoder, p):
    model, size = network(pixel_decoder=pixel_decoder, gain=2), hr_size(image.shape[:2], p)
    reference = whole(model, image, size)
    assert reference.std() > 0.01
    for side in (7, 100):
        assert np.abs(tiled(model, image, size, side) - reference).max() < 1e-5, side


def test_a_size_of_its_own_for_each_axis(image):
    model = network()
    assert np.abs(tiled(model, image, (50, 200), 9) - whole(model, image, (50, 200))).max() < 1e-5


@pytest.mark.parametrize("encoder", ENCODERS)
def test_the_halo_is_what_a_value_depends_on_and_not_more(image, encoder):
    """A change just beyond the reach has no effect; a change at the reach has, at one of the places in a window."""
    model = network(encoder)
    lr_msi = torch.from_numpy(image).permute(2, 0, 1)[None].requires_grad_()
    before, after = [], []
    for middle in range(22, 22 + model.period):
        cell = torch.tensor([[2 / 37, 2 / 45]])
        # The query is beside the centre of the middle pixel, so that each neighbour counts in turn.
        reached = torch.zeros(45)
        for offset in (-1e-2, 1e-2):
            query = torch.tensor([[[0.0, (2 * middle + 1 + offset) / 45 - 1]]])
            with torch.enable_grad():
                value = model(lr_msi, query, cell, BANDS).sum()
            reached += torch.autograd.grad(value, lr_msi)[0][0].abs().sum(dim=(0, 1))
        columns = reached.nonzero().flatten()
        before.append(middle - columns.min())
        after.append(columns.max() - middle)
    assert max(before) == max(after) == model.reach


def test_pixels_without_data_stay_without_and_spoil_no_others(image):
    model, size = network(), (74, 90)
    holes = image.copy()
    holes[5, 6, 1] = np.nan
    holes[20:30, 10:30] = np.nan
    reference = tiled(model, holes, size, 100)
    missing = np.repeat(np.repeat(np.isnan(holes).any(axis=-1), 2, axis=0), 2, axis=1)
    assert np.array_equal(np.isnan(reference).all(axis=-1), missing)
    assert np.array_equal(np.isnan(reference).any(axis=-1), missing)
    for side in (7, 16):
        found = tiled(model, holes, size, side)
        assert np.allclose(found, reference, atol=1e-5, rtol=0, equal_nan=True), side
    untouched = reference[:, 80:]
    assert np.allclose(untouched, whole(model, image, size)[:, 80:], atol=1e-6)
    assert np.isnan(tiled(model, np.full_like(image, np.nan), size, 16)).all()


def test_filling_spreads_valid_values_a_few_pixels_far():
    values = torch.full((1, 12, 1), torch.nan)
    values[0, 0] = 0.25
    found = filled(values, torch.isfinite(values[..., 0]))
    assert torch.equal(found[0, 0, 0], torch.tensor([0.25] * (1 + FILL) + [0.5] * (11 - FILL)))


@pytest.mark.parametrize("low", [1, 5, 37])
@pytest.mark.parametrize("p", [1, 1.3, 2, 3.7, 8])
def test_tiles_cover_every_pixel_once(low, p):
    high = round(low * p)
    axis = PixelAxis(low, high)
    for side in (1, 2, 7, 50):
        pixels = [i for part in axis.parts(side) for i in range(high)[axis.upscaled(part)]]
        assert pixels == list(range(high))
        assert max(part.stop - part.start for part in axis.parts(side)) <= side


def test_a_tile_halves_itself_where_memory_runs_out(image, monkeypatch):
    model, size = network(), (74, 90)
    reference = tiled(model, image, size, 100)
    encode = SSIF.encode

    def small_machine(self, lr_msi):
        if lr_msi.shape[-1] * lr_msi.shape[-2] > 900:
            raise torch.OutOfMemoryError
        return encode(self, lr_msi)

    monkeypatch.setattr(SSIF, "encode", small_machine)
    assert np.abs(tiled(model, image, size, 100) - reference).max() < 1e-5
    monkeypatch.setattr(SSIF, "encode", lambda self, lr_msi: (_ for _ in ()).throw(torch.OutOfMemoryError()))
    with pytest.raises(torch.OutOfMemoryError):
        tiled(model, image[:5, :5], (10, 10), 100)


def test_a_decoder_that_needs_the_whole_image_is_refused():
    with pytest.raises(UserError, match="ITSRN depends on the whole image"):
        check_tiles(network(pixel_decoder="itsrn"))
    with pytest.raises(UserError, match="CiaoSR depends on the whole image"):
        check_tiles(network(pixel_decoder="ciaosr-nonlocal"))
    check_tiles(network())
