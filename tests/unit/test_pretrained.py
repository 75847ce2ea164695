"""ssif.load: a network from its weights, and errors."""

import re

import numpy as np
import pytest
import torch

import ssif
from baselines.ciaosr import CiaoSR
from baselines.liif import LIIF
from baselines.lte import LTE
from ssif import cli, pretrained, published
from ssif.bands import Bands
from ssif.checkpoint import described, save_weights
from ssif.errors import UserError
from ssif.nets.plus import SSIFPlus
from ssif.nets.ssif import SSIF
from ssif.sensors import parse_bands

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
        (
            {"image": np.zeros((9, 12, 4))},
            "the image must be [h, w, 3] with the channels of nikon-d700, got the shape (9, 12, 4)",
        ),
        (
            {"image": np.full((9, 12, 3), 255)},
            "the values must be in [0, 1], got 255 to 255; divide the image by the largest",
        ),
        ({"image": np.full((9, 12, 3), -np.inf)}, "the values must be in [0, 1], got -inf to -inf"),
        ({"image": np.full((9, 12, 3), np.nan)}, "no pixel of the image has data"),
        ({"bands": Bands([[380, 400]])}, "trained on 395-705 nm, but Bands(C=1, 380-400 nm)"),
        (
            {"bands": Bands([[400, 500], [690, 720], [700, 710]])},
            "Bands(C=3, 400-720 nm) has bands outside: 690-720, 700-710 nm",
        ),
        ({"scale": 0.5}, "a scale p must be at least 1, got 0.5"),
        ({"scale": float("inf")}, "a scale p must be at most 10000, got inf"),
        ({"scale": None}, "give either a scale or a size"),
        ({"size": (20, 20)}, "give either a scale or a size"),
        (
            {"scale": None, "size": (8, 12)},
            "a size must be two whole numbers (H, W), at least the image's 9 x 12 pixels, got (8, 12)",
        ),
        ({"scale": None, "size": (9.5, 12)}, "a size must be two whole numbers (H, W)"),
        ({"scale": None, "size": (20,)}, "a size must be two whole numbers (H, W)"),
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
    # The image is wider than the network sees from the gap.
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
    for name, message in [
        (
            "plain",
            "does not name its network; ssif.load reads only weights of SSIF, SSIF\\+, LIIF, LTE, CiaoSR",
        ),
        ("torn", "cannot read"),
        ("none", "cannot read"),
    ]:
        with pytest.raises(UserError, match=message):
            ssif.load(tmp_path / f"{name}.safetensors")
    with pytest.raises(UserError, match="is a directory, not a file of weights"):
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


@pytest.fixture(params=[LIIF, LTE, CiaoSR])
def fixed_bands(request, tmp_path):
    """The file of a network for BANDS."""
    torch.manual_seed(0)
    network = request.param(3, bands=BANDS, encoder=SIZES["encoder"], hidden=16)
    path = tmp_path / "weights.safetensors"
    save_weights(network, path, described(network, CARD | {"input_bands": parse_bands("nikon-d700")[0].edges.tolist()}))
    return path, network.eval()


def test_a_network_of_fixed_bands_predicts_these_and_no_others(fixed_bands, image):
    path, network = fixed_bands
    loaded = ssif.load(path)
    ours = loaded.predict(image, Bands(BANDS.edges.copy()), scale=2.5)
    lr_msi = torch.tensor(image, dtype=torch.float32).permute(2, 0, 1)[None]
    assert np.array_equal(ours, network.predict(lr_msi, (22, 30), BANDS)[0].permute(1, 2, 0).detach().numpy())
    message = (
        f"this {network.name} was trained for Bands(C=31, 395-705 nm), not for Bands(C=8, 395-705 nm); train one model for"
        " each C"
    )
    with pytest.raises(UserError, match=rf"^{re.escape(message)}$"):
        loaded.predict(image, BANDS.parts(8), scale=2.5)


def test_published_weights_load_by_their_name(image, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    named, by_path = ssif.load("ssif-plus-cave"), ssif.load(published.FOLDER / "cave/cave.ssif+.s0.safetensors")
    assert named.card == by_path.card and named.name == by_path.name and named.name.startswith("cave.ssif+.s0.saf")
    assert np.array_equal(named.predict(image, BANDS, scale=2), by_path.predict(image, BANDS, scale=2))
    assert published.FILES.keys() >= {"ssif-plus-cave"}
    assert all(published.weights_file(name).is_file() for name in published.FILES)


def test_a_name_that_is_not_published_is_refused_with_the_known_ones(monkeypatch, tmp_path):
    monkeypatch.setattr(published, "FILES", {"one": "1.safetensors", "other": "2.safetensors"})
    monkeypatch.setattr(published, "FOLDER", tmp_path)
    with pytest.raises(UserError, match=r"^ssif-cave is neither a file nor one of the published weights: one, other$"):
        ssif.load("ssif-cave")
    lost = f"the weights one come with a clone of the repository, but {tmp_path / '1.safetensors'} is missing"
    with pytest.raises(UserError, match=rf"^{re.escape(lost)}$"):
        ssif.load("one")


def test_a_file_of_the_name_of_published_weights_comes_first(fixed_bands, monkeypatch, tmp_path):
    path, network = fixed_bands
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ssif-plus-cave").mkdir()
    with pytest.raises(UserError, match=r"^ssif-plus-cave is a directory, not a file of weights$"):
        ssif.load("ssif-plus-cave")
    (tmp_path / "ssif-plus-cave").rmdir()
    path.rename(tmp_path / "ssif-plus-cave")
    assert ssif.load("ssif-plus-cave").card["network"] == network.name
    (tmp_path / "ssif-plus-cave").rename(tmp_path / "ssif-plus-cave.safetensors")
    assert ssif.load("ssif-plus-cave.safetensors").card["network"] == network.name
    assert ssif.load("ssif-plus-cave").card["network"] == "SSIF+"


def ssif_command(monkeypatch, *arguments: str) -> None:
    monkeypatch.setattr("sys.argv", ["ssif", *arguments])
    cli.main()


def test_the_command_knows_published_weights_by_name(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    ssif_command(monkeypatch, "info", "ssif-plus-cave")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "ssif-plus-cave: SSIF+, 655928 parameters" and "wavelengths: [395.0, 705.0]" in lines
    np.savez("a.npz", cube=np.full((4, 5, 3), 0.5, np.float32))
    arguments = ["predict", "a.npz", "b.npy", "--scale", "2", "--bands", "400:700:31", "--input", "nikon-d700"]
    ssif_command(monkeypatch, *arguments, "--weights", "ssif-plus-cave")
    assert np.load("b.npy").shape == (8, 10, 31)
    with pytest.raises(SystemExit, match=r"^error: ssif-cave is neither a file nor one of the published weights: "):
        ssif_command(monkeypatch, *arguments, "--weights", "ssif-cave")
    monkeypatch.setenv("COLUMNS", "200")  # lines end at hyphens as well
    with pytest.raises(SystemExit):
        ssif_command(monkeypatch, "predict", "--help")
    text = " ".join(capsys.readouterr().out.split())
    assert f"or a published name: {', '.join(published.FILES)}; with several" in text


def test_the_command_predicts_with_a_network_of_fixed_bands(fixed_bands, monkeypatch, tmp_path):
    path, network = fixed_bands
    monkeypatch.chdir(tmp_path)
    np.savez("a.npz", cube=np.full((4, 5, 3), 0.5, np.float32))
    arguments = ["predict", "a.npz", "b.npy", "--weights", str(path), "--input", "nikon-d700", "--bands"]
    refused = (
        rf"^error: this {network.name} was trained for Bands\(C=31, 395-705 nm\), not for Bands\(C=2, 400-700 nm\); "
    )
    with pytest.raises(SystemExit, match=refused):
        ssif_command(monkeypatch, *arguments, "400:700:2")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "weights.safetensors"]
    with pytest.raises(SystemExit, match=refused):
        ssif_command(monkeypatch, *arguments, "400:700:2", "--extrapolate")
    ssif_command(monkeypatch, *arguments, "395:705:31")
    assert np.load("b.npy").shape == (4, 5, 31)
