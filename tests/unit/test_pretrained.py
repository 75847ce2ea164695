"""ssif.load: a network from its weights alone, and what it refuses."""

import re

import numpy as np
import pytest
import torch

import ssif
from ssif import pretrained
from ssif.bands import Bands
from ssif.checkpoint import described, save_weights
from ssif.errors import UserError
from ssif.nets.plus import SSIFPlus
from ssif.nets.ssif import SSIF

BANDS = Bands.from_centres(np.arange(400, 701, 10), 10)
SIZES = {
    "variant": "RF-UF", "encoder": {"name": "edsr", "blocks": 1, "channels": 6}, "pixel_decoder": "liif", "hidden": 16, "dim": 5,
    "spectral_decoder": "D", "spectral_hidden": 12, "frequencies": 4, "lambda_min": 3.0, "lambda_max": 500.0, "k": 4,
}  # fmt: skip
CARD = {"msi": "nikon-d700", "wavelengths": [395.0, 705.0], "scales": [1, 8]}
NOT_PLUS = ("variant", "pixel_decoder", "spectral_decoder")
PLUS = {key: value for key, value in SIZES.items() if key not in NOT_PLUS}
NETWORKS = {"SSIF": lambda: SSIF(3, **SIZES), "SSIF+": lambda: SSIFPlus(3, bands=BANDS, **PLUS)}


@pytest.fixture(params=NETWORKS)
def network(request):
    torch.manual_seed(0)
    model = NETWORKS[request.param]().eval()
    if request.param == "SSIF+":
        model.spectra.linear.weight.uniform_(0, 0.3)
    return model


@pytest.fixture
def loaded(network, tmp_path):
    save_weights(network, tmp_path / "weights.safetensors", described(network, CARD))
    return ssif.load(tmp_path / "weights.safetensors")


@pytest.fixture
def image():
    return np.random.default_rng(0).random((9, 12, 3))


def test_it_predicts_what_the_network_predicts(network, loaded, image):
    bands = Bands([[400, 450], [455, 456], [500, 700]])
    ours = loaded.predict(image, bands, scale=2.5)
    assert ours.shape == (22, 30, 3) and ours.dtype == np.float32
    lr_msi = torch.tensor(image, dtype=torch.float32).permute(2, 0, 1)[None]
    theirs = network.predict(lr_msi, (22, 30), bands)[0].permute(1, 2, 0)
    assert np.array_equal(ours, theirs.numpy())
    assert np.array_equal(loaded.predict(image, bands, size=(22, 30)), ours)
    assert {key: loaded.card[key] for key in CARD} == CARD


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": np.zeros((9, 12, 4))}, "want an image [h, w, 3] of nikon-d700, got shape (9, 12, 4)"),
        ({"image": np.full((9, 12, 3), 255)}, "want values in [0, 1], got 255 to 255; divide by the largest"),
        ({"image": np.full((9, 12, 3), -np.inf)}, "want values in [0, 1], got -inf to -inf"),
        ({"image": np.full((9, 12, 3), np.nan)}, "no pixel of the image has data"),
        ({"bands": Bands([[380, 400]])}, "trained on 395-705 nm; asked for Bands(C=1, 380-400 nm)"),
        (
            {"bands": Bands([[400, 500], [690, 720], [700, 710]])},
            "asked for Bands(C=3, 400-720 nm), outside of it 2: 690-720, 700-710 nm",
        ),
        ({"scale": 0.5}, "a scale p is at least 1, got 0.5"),
        ({"scale": float("inf")}, "a scale p is at most 10000, got inf"),
        ({"scale": None}, "give either a scale or a size"),
        ({"size": (20, 20)}, "give either a scale or a size"),
        ({"scale": None, "size": (8, 12)}, "a size is (H, W), at least the image's 9 x 12 pixels, got (8, 12)"),
        ({"scale": None, "size": (9.5, 12)}, "a size is (H, W)"),
        ({"scale": None, "size": (20,)}, "a size is (H, W)"),
    ],
)
def test_what_does_not_fit_is_refused(loaded, image, change, message):
    with pytest.raises(UserError, match=re.escape(message)):
        loaded.predict(**({"image": image, "bands": BANDS, "scale": 2} | change))


def test_a_large_image_goes_by_tiles(network, loaded, monkeypatch):
    image = np.random.default_rng(1).random((20, 30, 3)).astype(np.float32)
    whole = loaded.predict(image, BANDS, scale=1.5)
    monkeypatch.setattr(pretrained, "SIDE", 25)
    monkeypatch.setattr(pretrained, "TILE", 8)
    monkeypatch.setattr(network, "predict", None)
    assert np.abs(loaded.predict(image, BANDS, scale=1.5) - whole).max() < 1e-5


def test_gaps_stay_gaps_and_spoil_no_other_pixels(loaded, image):
    # Further from the gap than the network sees.
    image = np.tile(image, (1, 4, 1))
    whole = loaded.predict(image, BANDS, scale=2)
    image[4, 5, 1] = np.nan
    found = loaded.predict(image, BANDS, scale=2)
    missing = np.zeros((18, 96), dtype=bool)
    missing[8:10, 10:12] = True
    assert np.array_equal(np.isnan(found), np.broadcast_to(missing[..., None], found.shape))
    assert np.allclose(found[:, 40:], whole[:, 40:], atol=1e-6)


def test_other_files_are_refused(tmp_path, network):
    save_weights(network, tmp_path / "plain.safetensors")
    (tmp_path / "torn.safetensors").write_bytes((tmp_path / "plain.safetensors").read_bytes()[:100])
    for name, message in [("plain", "does not say which network"), ("torn", "cannot read"), ("none", "cannot read")]:
        with pytest.raises(UserError, match=message):
            ssif.load(tmp_path / f"{name}.safetensors")
    with pytest.raises(UserError, match="is a directory, not weights"):
        ssif.load(tmp_path)
    card = described(network, CARD)
    save_weights(network, tmp_path / "other.safetensors", card | {"arguments": card["arguments"] | {"hidden": 8}})
    with pytest.raises(UserError, match="does not hold the weights of this model"):
        ssif.load(tmp_path / "other.safetensors")


@pytest.mark.parametrize(
    "change",
    [{"arguments": None}, {"arguments": {"channels": 3}}, {"arguments": {"nonsense": 1}}, {"wavelengths": None},
     {"wavelengths": [700, 400]}, {"msi": 3}],
)  # fmt: skip
def test_a_broken_card_is_one_line(tmp_path, network, change):
    path = tmp_path / "weights.safetensors"
    save_weights(network, path, described(network, CARD) | change)
    with pytest.raises(UserError, match=r"weights\.safetensors: its card does not describe a network \(.*\)$"):
        ssif.load(path)
