"""The changes of the table of robustness, each against a number that is known without the code."""

import numpy as np
import pytest
import torch

from ssif.bands import Bands
from ssif.data.degrade import downsample
from ssif.errors import UserError
from ssif.illuminants import illuminant, shines_on
from ssif.perturbations import (
    CLEAN,
    changes,
    gaussian_decimation,
    gaussian_noise,
    jpeg,
    left_out,
    metamers,
    misregistered,
    poisson_noise,
    rounded,
    shifted,
)
from ssif.sensors import msi_matrix

CAVE = Bands.from_centres(np.arange(400, 701, 10), 10)
RESPONSE = torch.from_numpy(msi_matrix("nikon-d700", CAVE)).float()
CAMERA = "400:700:3"


def draws() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def hsi() -> torch.Tensor:
    """A scene [31, 48, 64] whose values come near neither 0 nor 1."""
    return torch.rand(31, 48, 64, generator=torch.Generator().manual_seed(0)) * 0.3 + 0.35


@pytest.fixture
def msi(hsi) -> torch.Tensor:
    return torch.einsum("kc,chw->khw", RESPONSE, hsi)


def every(**other) -> dict:
    """Change by name and value."""
    found = changes(**({"bands": CAVE, "response": RESPONSE, "camera": CAMERA, "antialias": False} | other))
    return {(change.name, change.value): change for change in found}


def channels(spectra: torch.Tensor) -> torch.Tensor:
    return torch.einsum("kc,chw->khw", RESPONSE.double(), spectra.double())


@pytest.mark.parametrize("a", [0, 0.5, 1.5])
def test_metamers_have_the_channels_of_the_scene_and_other_spectra(hsi, a):
    changed = metamers(hsi, RESPONSE, a)
    unclipped = (changed >= 0).all(dim=0)
    assert unclipped.float().mean() > 0.5
    torch.testing.assert_close(channels(changed)[:, unclipped], channels(hsi)[:, unclipped], atol=1e-6, rtol=0)
    # What changes is the metameric black alone, by 1 - a.
    black = hsi - metamers(hsi, RESPONSE, 0)
    assert black.abs().mean() > 0.05
    torch.testing.assert_close(hsi - changed, (1 - a) * black, atol=1e-6, rtol=0)


def test_the_metamer_of_a_spectrum_that_the_channels_determine_is_itself():
    spectra = torch.einsum("kc,khw->chw", RESPONSE, torch.rand(3, 4, 5))
    torch.testing.assert_close(metamers(spectra, RESPONSE, 0), spectra, atol=1e-6, rtol=0)


def test_metamers_are_clipped_at_0_and_the_share_is_told():
    # In the two outermost bands the camera is nearly blind, so almost nothing is left of a light there.
    spectra = torch.zeros(31, 4, 4)
    spectra[30] = 1
    change = every()["metamers", "0"]
    lr_msi, truth, clipped = change.see("a", spectra, channels(spectra).float(), (2, 2), False, None)
    exact = metamers(spectra, RESPONSE, 0)
    assert clipped == pytest.approx((exact < 0).float().mean().item()) and 0 < clipped < 1
    assert truth.min() == 0
    # The input is that of the clipped spectra.
    torch.testing.assert_close(lr_msi, channels(exact.clamp(min=0)).float()[:, :2, :2], atol=1e-6, rtol=0)


@pytest.mark.parametrize("noise", [gaussian_noise, poisson_noise])
@pytest.mark.parametrize("snr", [30, 20])
def test_noise_has_the_ratio_that_was_asked_for(noise, snr):
    image = torch.rand(3, 200, 200, generator=torch.Generator().manual_seed(1)) ** 2
    error = (noise(image, draws(), snr) - image).double()
    assert 10 * (image.double().square().mean() / error.square().mean()).log10() == pytest.approx(snr, abs=0.1)
    assert abs(error.mean()) < 3 * error.std() / error.numel() ** 0.5


def test_poisson_noise_grows_with_the_root_of_the_light():
    image = torch.cat([torch.full((1, 200, 200), 0.1), torch.full((1, 200, 200), 0.4)])
    dark, bright = (poisson_noise(image, draws(), 20) - image).std(dim=(1, 2))
    assert bright / dark == pytest.approx(2, rel=0.05)


def test_draws_follow_from_scene_and_change_alone(hsi, msi):
    change, other = every()["Gaussian noise", "30"], every()["Gaussian noise", "20"]
    see = lambda which, scene: which.see(scene, hsi, msi, (12, 16), False, None)[0]  # noqa: E731
    assert torch.equal(see(change, "a"), see(change, "a"))
    assert not torch.equal(see(change, "a"), see(change, "b"))
    clean = see(CLEAN, "a")
    correlation = torch.corrcoef(torch.stack([(see(each, "a") - clean).flatten() for each in (change, other)]))[0, 1]
    assert abs(correlation) < 0.2


@pytest.mark.parametrize("count", [3, 4, 1])
@pytest.mark.parametrize("quality", [95, 65])
def test_a_jpeg_of_a_grey_image_is_the_image(count, quality):
    image = torch.full((count, 20, 30), 128 / 255)
    torch.testing.assert_close(jpeg(image, None, quality), image)


def test_a_jpeg_is_worse_at_a_lower_quality_and_keeps_the_order_of_channels():
    rows = torch.linspace(0, 1, 64)[:, None].expand(64, 48)
    image = torch.stack([rows, 0.5 * rows, 1 - rows])
    good, bad = ((jpeg(image, None, quality) - image).abs().mean() for quality in (95, 65))
    assert 0 < good < bad < 0.03
    torch.testing.assert_close(jpeg(image[:2], None, 95), image[:2], atol=0.02, rtol=0)


def test_eight_bits():
    image = torch.tensor([[[-0.1, 0.0, 0.5, 0.7001, 1.2]]])
    assert (rounded(image) * 255).tolist() == [[[0, 0, 128, 179, 255]]]


@pytest.mark.parametrize(("factor", "share"), [("0.5", 0), ("2", 0.25)])
def test_exposure_is_clipped_to_white(factor, share):
    msi = torch.tensor([[0.2, 0.4], [0.1, 0.8]])[None].repeat_interleave(4, 1).repeat_interleave(4, 2)
    lr_msi, _, clipped = every()["exposure", factor].see("a", torch.zeros(31, 8, 8), msi, (2, 2), True, None)
    blocks = downsample(msi[None], (2, 2), True)[0]
    torch.testing.assert_close(lr_msi, (float(factor) * blocks).clamp(max=1))
    assert clipped == share and lr_msi.max() <= 1 and every()["exposure", factor].exposure == float(factor)


def test_illuminants_of_the_cie():
    # Relative power at 560 nm is 100 for A and D65, and A is that of a black body of 2856 K.
    narrow = Bands.from_centres([450, 560, 700], 1e-3)
    body = lambda nm: nm**-5.0 / (np.exp(1.435e7 / (2848 * nm)) - 1)  # noqa: E731
    np.testing.assert_allclose(illuminant("A", narrow), body(narrow.centres) / body(700), rtol=1e-4)
    np.testing.assert_allclose(illuminant("D65", narrow), np.array([117.008, 100, 71.6091]) / 117.008, rtol=1e-4)
    # FL11 has lines at 545 and 610 nm and nearly nothing between its lines.
    light = dict(zip(CAVE.centres, illuminant("FL11", CAVE)))
    assert min(light[550], light[610]) > 0.5 and max(light[520], light[570], light[670]) < 0.1
    assert all(illuminant(name, CAVE).max() == 1 for name in ("D65", "A", "FL11"))
    assert shines_on(CAVE) and not shines_on(Bands([[400, 900]]))


def test_a_light_changes_truth_and_input_alike(hsi, msi):
    change, light = every()["illuminant", "A"], illuminant("A", CAVE)
    lr_msi, truth, clipped = change.see("a", hsi, msi, (12, 16), False, None)
    torch.testing.assert_close(truth, hsi * torch.from_numpy(light).float()[:, None, None])
    torch.testing.assert_close(lr_msi, downsample(channels(truth).float()[None], (12, 16))[0])
    assert clipped == 0 and change.dimmed == pytest.approx(np.mean(-20 * np.log10(light)))


def test_the_mtf_at_the_nyquist_frequency():
    """A wave of two LR pixels that is a crest at one LR centre and a trough at the next."""
    p, size = 8, 32
    places = torch.arange(p * size, dtype=torch.float64)
    wave = torch.cos(torch.pi * (places - (p - 1) / 2) / p)
    image = wave[None, None].expand(1, p * size, -1)
    inside = gaussian_decimation(image, (size, size))[0, 8, 8:-8]
    torch.testing.assert_close(inside.abs(), torch.full_like(inside, 0.3), atol=1e-3, rtol=0)
    assert inside[0] * inside[1] < 0
    torch.testing.assert_close(gaussian_decimation(torch.ones(2, 30, 40), (7, 10)), torch.ones(2, 7, 10))


def test_a_box_mean():
    image = torch.rand(3, 12, 8)
    lr_msi = every()["decimation", "box mean"].see("a", torch.zeros(31, 12, 8), image, (3, 2), False, None)[0]
    torch.testing.assert_close(lr_msi, image.reshape(3, 3, 4, 2, 4).mean(dim=(2, 4)))


@pytest.mark.parametrize("p", [3, 4])
def test_the_grid_is_shifted_by_half_a_pixel(p):
    """On a plane the samples are those of places half an LR pixel further on both axes."""
    rows, columns = torch.meshgrid(torch.arange(40.0 * p), torch.arange(40.0 * p), indexing="ij")
    plane = (0.002 * rows - 0.001 * columns)[None]
    shift = every()["grid shift", "0.5"]
    moved = shift.see("a", torch.zeros(31, 1, 1), plane, (40, 40), False, None)[0]
    difference = (moved - downsample(plane[None], (40, 40))[0])[0, 10:-10, 10:-10]
    torch.testing.assert_close(
        difference, torch.full_like(difference, 0.002 * p / 2 - 0.001 * p / 2), atol=2e-5, rtol=0
    )


def test_only_the_outer_channels_are_misregistered():
    msi = torch.rand(4, 30, 30)
    moved = misregistered(msi, 2)
    torch.testing.assert_close(moved[1:3], msi[1:3])
    torch.testing.assert_close(moved[0, 12:-12], msi[0, 10:-14], atol=1e-5, rtol=0)
    torch.testing.assert_close(moved[3, :, 12:-12], msi[3, :, 10:-14], atol=1e-5, rtol=0)
    torch.testing.assert_close(shifted(msi, 0, 0), msi, atol=1e-6, rtol=0)


def test_another_camera_of_as_many_channels(hsi, msi):
    lr_msi, truth, _ = every()["camera", CAMERA].see("a", hsi, msi, (12, 16), False, None)
    own = torch.from_numpy(msi_matrix(CAMERA, CAVE)).float()
    torch.testing.assert_close(lr_msi, downsample(torch.einsum("kc,chw->khw", own, hsi)[None], (12, 16))[0])
    assert truth is hsi
    with pytest.raises(UserError, match=r"camera 400:700:4 has 4 channel\(s\), but the input has 3"):
        every(camera="400:700:4")


def test_the_clean_input_comes_first_and_is_that_of_the_protocol(hsi, msi):
    assert next(iter(every())) == ("clean", "input")
    lr_msi, truth, clipped = CLEAN.see("a", hsi, msi, (12, 16), True, None)
    assert torch.equal(lr_msi, downsample(msi[None], (12, 16), True)[0]) and truth is hsi and clipped == 0


def test_gaps_are_filled_where_the_input_is_made_anew(hsi, msi):
    known = torch.ones(48, 64, dtype=torch.bool)
    known[20:22, 30:32] = False
    holed = torch.where(known, hsi, 0)
    lr_msi, _, _ = every()["metamers", "0.5"].see("a", holed, msi, (48, 64), False, known)
    assert lr_msi[:, 20:22, 30:32].min() > 0.3


def test_what_does_not_apply_is_left_out_and_said():
    needing = {"metamers", "illuminant", "camera"}
    assert not needing & {name for name, _ in every(response=None)}
    assert left_out(CAVE, None, "") == [
        "Metamers, illuminants and another camera do not apply, because no response simulates the input."
    ]
    assert left_out(CAVE, RESPONSE, CAMERA) == []
    assert left_out(CAVE, RESPONSE, "") == [
        "There is no other camera, because the preset does not name one (`camera`)."
    ]
    wide = Bands.from_centres(np.arange(400, 901, 50), 50)
    response = torch.from_numpy(msi_matrix("ikonos", wide)).float()
    assert "illuminant" not in {name for name, _ in every(bands=wide, response=response, camera="")}
    assert "380-780 nm" in left_out(wide, response, CAMERA)[0]
    assert ("decimation", "plain bicubic") in every(antialias=True)
