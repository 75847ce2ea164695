"""`ssif predict`: from any format to any other, resumed after a stop, gaps kept, and what it refuses."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch

import ssif
from ssif.bands import Bands
from ssif.checkpoint import save_weights
from ssif.errors import UserError
from ssif.formats import create_image, open_image
from ssif.formats.header import Header
from ssif.nets.ssif import SSIF
from ssif.pretrained import described
from ssif.tool import predict as program
from ssif.tool.plan import Wanted
from ssif.tool.predict import predict
from ssif.tool.preview import preview

SIZES = {
    "encoder": {"name": "edsr", "blocks": 1, "channels": 8}, "pixel_decoder": "liif", "hidden": 16, "dim": 8,
    "spectral_decoder": "D", "spectral_hidden": 16, "frequencies": 4, "lambda_min": 3.0, "lambda_max": 500.0, "k": 4,
}  # fmt: skip
RGB = Bands([[600, 700], [500, 600], [400, 500]])
CARD = {"msi": "a camera", "wavelengths": [395.0, 705.0], "input_bands": RGB.edges.tolist()}
BANDS = Bands([[400, 450], [455, 456], [500, 700]])
WANTED = Wanted(BANDS, ("a", "b", "c"), scale=2.5, tile=5, command="ssif predict in out")
CRS = rasterio.CRS.from_epsg(32632).to_wkt()
HEADER = Header(
    9,
    12,
    3,
    "uint16",
    RGB,
    nodata=0,
    scale=1e-4,
    crs=CRS,
    transform=(10.0, 0.0, 500000.0, 0.0, -10.0, 5.1e6),
    unit="µm",
)


@pytest.fixture
def model(tmp_path):
    torch.manual_seed(0)
    network = SSIF(3, variant="RF-UF", **SIZES).eval()
    for parameter in network.decoder.parameters():
        parameter.data *= 2
    save_weights(network, tmp_path / "w.safetensors", described(network, CARD))
    return ssif.load(tmp_path / "w.safetensors")


@pytest.fixture
def values():
    its = np.random.default_rng(0).random((9, 12, 3)).astype(np.float32)
    its[3, 4] = np.nan
    return its


def write(path: Path, header: Header, values: np.ndarray) -> Path:
    with create_image(path, header) as target:
        target(values)
    return path


def read(path: Path) -> tuple[Header, np.ndarray]:
    with open_image(path) as image:
        return image.header, image.read(slice(0, image.header.height), slice(0, image.header.width))


def run(source: Path, out: Path, model, wanted=WANTED, **options) -> list[str]:
    said = []
    predict(source, out, model, wanted, say=said.append, **options)
    return said


@pytest.mark.parametrize("before", ["a.tif", "a.hdr", "a.mat", "a.h5", "a.npy", "a.npz"])
@pytest.mark.parametrize("after", ["b.tif", "b.bsq", "b.mat", "b.h5", "b.npy", "b.npz"])
def test_any_format_becomes_any_other(tmp_path, model, values, before, after):
    source = write(tmp_path / before, HEADER, values)
    run(source, tmp_path / after, model)
    header, found = read(tmp_path / after)
    assert (header.height, header.width, header.dtype, header.nodata, header.unit) == (22, 30, "uint16", 0, "µm")
    assert header.scale == pytest.approx(1e-4) and np.allclose(header.bands.edges, BANDS.edges, atol=1e-3)
    assert rasterio.CRS.from_wkt(header.crs).to_epsg() == 32632
    assert np.allclose(header.transform, (10 * 12 / 30, 0, 500000, 0, -10 * 9 / 22, 5.1e6))
    assert header.provenance.startswith("ssif ") and "w.safetensors (sha256" in header.provenance
    missing = np.isnan(found).all(axis=-1)
    assert missing[8:9, 10:12].all() and missing.sum() in (6, 9) and (np.isnan(found).any(axis=-1) == missing).all()
    assert sorted(path.name for path in tmp_path.iterdir() if ".part" in path.name) == []


def test_values_are_those_of_the_network(tmp_path, model, values):
    values[3, 4] = 0.25
    source = write(tmp_path / "a.npy", replace(HEADER, dtype="float32", nodata=None, scale=None), values)
    said = run(source, tmp_path / "b.npy", model)
    header, found = read(tmp_path / "b.npy")
    assert np.abs(found - model.predict(values, BANDS, scale=2.5)).max() < 1e-5 and header.dtype == np.float32
    assert found.std() > 0.01
    assert said[1:4] == [f"channel {i} ({a}-{b} nm) takes band {i} ({a}-{b} nm)" for i, (a, b) in
                        enumerate(((600, 700), (500, 600), (400, 500)), start=1)]  # fmt: skip


def test_bands_are_found_by_wavelength_whatever_their_order(tmp_path, model, values):
    """Blue, green, a bad red, infrared, red: the network's red, green, blue are picked out of them."""
    values[3, 4] = 0.25
    bands = Bands([[400, 500], [500, 600], [600, 700], [800, 900], [610, 690]])
    header = Header(9, 12, 5, "float32", bands, good=(True, True, False, True, True))
    mixed = np.stack([values[..., 2], values[..., 1], np.ones((9, 12)), np.ones((9, 12)), values[..., 0]], axis=-1)
    run(write(tmp_path / "a.h5", header, mixed), tmp_path / "b.npy", model)
    assert np.abs(read(tmp_path / "b.npy")[1] - model.predict(values, BANDS, scale=2.5)).max() < 1e-5


def test_a_hyperspectral_cube_is_averaged_into_the_channels(tmp_path, model):
    spectra = np.random.default_rng(1).random((6, 7, 30)).astype(np.float32)
    source = write(
        tmp_path / "a.h5", Header(6, 7, 30, "float32", Bands.from_centres(np.arange(405, 705, 10), 10)), spectra
    )
    run(source, tmp_path / "b.npy", model)
    image = np.stack(
        [spectra[..., part].mean(axis=-1) for part in (slice(20, 30), slice(10, 20), slice(0, 10))], axis=-1
    )
    assert np.abs(read(tmp_path / "b.npy")[1] - model.predict(image, BANDS, scale=2.5)).max() < 1e-5


def test_a_picture_is_taken_in_the_order_of_its_channels(tmp_path, model):
    stored = np.random.default_rng(2).integers(0, 256, (6, 7, 3)).astype(np.float32)
    source = write(tmp_path / "a.png", Header(6, 7, 3, "uint8"), stored)
    said = run(source, tmp_path / "b.png", model)
    wanted = model.predict(stored / 255, BANDS, scale=2.5)
    assert np.abs(read(tmp_path / "b.png")[1] / 255 - wanted).max() < 0.51 / 255
    assert said[0].endswith("a picture, its channels are taken for those of a camera, in their order")
    run(source, tmp_path / "c.tif", model)
    header, found = read(tmp_path / "c.tif")
    # In the picture's units, but without its steps.
    assert header.dtype == np.float32 and np.abs(found / 255 - wanted).max() < 1e-5


def test_white_scales_what_the_network_sees_and_what_comes_out(tmp_path, model, values):
    header = replace(HEADER, dtype="float32", nodata=None, scale=None)
    values[3, 4] = 0.25
    run(write(tmp_path / "a.npy", header, 50 * values), tmp_path / "b.npy", model, replace(WANTED, white=50.0))
    assert np.abs(read(tmp_path / "b.npy")[1] / 50 - model.predict(values, BANDS, scale=2.5)).max() < 1e-5


def test_a_few_bright_tiles_are_no_reason_to_stop(tmp_path, model):
    """A cloud fills whole tiles with values above 1."""
    values = np.full((40, 12, 3), 0.3, np.float32)
    values[:10] = 1.4
    source = write(tmp_path / "a.npy", Header(40, 12, 3, "float32", RGB), values)
    said = run(source, tmp_path / "b.npy", model)
    assert any("lie outside 0 to 1 and were clipped" in line for line in said)


def test_clipped_values_are_counted(tmp_path, model, values):
    values[0, 0] = (-0.1, 0.5, 1.2)
    source = write(tmp_path / "a.npy", replace(HEADER, dtype="float32", nodata=None, scale=None), values)
    said = run(source, tmp_path / "b.npy", model, replace(WANTED, tile=100))
    assert f"{2 / (9 * 12 * 3 - 3):.2%} of its values lie outside 0 to 1 and were clipped" in said[-2]


def test_it_goes_on_where_it_was_stopped(tmp_path, model, values, monkeypatch):
    source = write(tmp_path / "a.tif", HEADER, values)
    run(source, tmp_path / "whole.tif", model)
    rendered = []

    def stopped_after(count: int):
        def render(*arguments):
            if len(rendered) == count:
                raise KeyboardInterrupt
            rendered.append(arguments[3:5])
            return original(*arguments)

        return render

    original = program.render_tile
    for count in (2, 4):
        monkeypatch.setattr(program, "render_tile", stopped_after(count))
        with pytest.raises(KeyboardInterrupt):
            run(source, tmp_path / "b.tif", model)
        assert not (tmp_path / "b.tif").exists() and (tmp_path / "b.tif.part").exists()
        with open(tmp_path / "b.tif.part", "ab") as part:
            part.write(b"half a block")
    monkeypatch.setattr(program, "render_tile", stopped_after(1000))
    said = run(source, tmp_path / "b.tif", model)
    assert "4 of 6 tiles are done, going on from there" in " ".join(said)
    assert len(rendered) == len(set(map(str, rendered))) == 6
    assert (tmp_path / "b.tif").read_bytes() == (tmp_path / "whole.tif").read_bytes()


def test_the_work_of_another_prediction_is_refused(tmp_path, model, values, monkeypatch):
    source = write(tmp_path / "a.tif", HEADER, values)
    monkeypatch.setattr(program, "render_tile", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        run(source, tmp_path / "b.tif", model)
    with pytest.raises(UserError, match=r"b\.tif\.part is of another prediction \(tile: 5 there, 6 here\); delete it"):
        run(source, tmp_path / "b.tif", model, replace(WANTED, tile=6))
    (tmp_path / "b.tif.part").write_bytes(b"\x00\x01")
    with pytest.raises(UserError, match="is not of this program; delete it"):
        run(source, tmp_path / "b.tif", model)


@pytest.mark.parametrize(
    ("header", "change", "message"),
    [
        ({"bands": None}, {}, "does not say its wavelengths; name its bands with --input"),
        ({"bands": None}, {"input_bands": Bands([[400, 500]])}, "has 3 bands, --input names 1"),
        ({"bands": Bands([[900, 950], [500, 600], [400, 500]])}, {},
         "no band of the image fits 600-700 nm: the weights take 600-700, 500-600, 400-500 nm, the image has 900-950,"),
        ({"good": (False, True, True)}, {}, "some of them marked bad"),
        ({}, {"bands": Bands([[380, 400]])}, "trained on 395-705 nm; asked for"),
        ({}, {"scale": 0.5}, "a scale p is at least 1, got 0.5"),
        ({}, {"scale": None}, "give either a scale or a size"),
        ({}, {"white": -1.0}, "--white is a positive number"),
        ({"scale": None, "dtype": "uint16"}, {}, "uint16 without a scale factor: name the value"),
        ({"scale": 1.0}, {}, "most values lie above 1; name the value"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_and_nothing_written(tmp_path, model, values, header, change, message):
    header = replace(HEADER, **header)
    stored = np.where(np.isnan(values), 0.5, values) * 9999 + 1
    source = write(tmp_path / "a.npy", replace(header, scale=header.scale and 1.0), stored)
    if header.scale:
        text = (tmp_path / "a.json").read_text().replace('"scale_factor": 1.0', f'"scale_factor": {header.scale}')
        (tmp_path / "a.json").write_text(text)
    there = sorted(tmp_path.iterdir())
    with pytest.raises(UserError, match=re.escape(message)):
        run(source, tmp_path / "b.npy", model, replace(WANTED, **change))
    assert sorted(tmp_path.iterdir()) == there


def test_extrapolation_is_only_for_those_who_ask(tmp_path, model, values):
    source = write(tmp_path / "a.tif", HEADER, values)
    wanted = replace(WANTED, bands=Bands([[705, 750]]), names=(), extrapolate=True)
    run(source, tmp_path / "b.tif", model, wanted)
    assert np.allclose(read(tmp_path / "b.tif")[0].bands.edges, [[705, 750]])


def test_outputs_and_folders_that_cannot_be(tmp_path, model, values, monkeypatch):
    source = write(tmp_path / "a.tif", HEADER, values)
    (tmp_path / "b.hdr").write_text("")
    for out, message in [
        ("b.hdr", "b.hdr exists; remove it"), ("b.img", "b.hdr exists; remove it"), ("a.tif", "a.tif exists"),
        ("c.txt", "unknown format '.txt'"), ("none/c.tif", "is no directory"), ("c.png", "holds 1 or 3 bands"),
    ]:  # fmt: skip
        with pytest.raises(UserError, match=re.escape(message)):
            run(source, tmp_path / out, model, replace(WANTED, bands=Bands([[400, 500], [500, 600]]), names=()))
    monkeypatch.setattr(program.shutil, "disk_usage", lambda _: program.shutil._ntuple_diskusage(10, 5, 5))
    with pytest.raises(UserError, match=r"the disk has 0\.0 GiB left"):
        run(source, tmp_path / "c.tif", model)
    assert not [path for path in tmp_path.iterdir() if ".part" in path.name]


def test_an_image_without_any_data_is_refused(tmp_path, model):
    source = write(tmp_path / "a.tif", HEADER, np.full((9, 12, 3), np.nan, np.float32))
    with pytest.raises(UserError, match="no pixel has data"):
        run(source, tmp_path / "b.tif", model)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tif", "w.safetensors"]


@pytest.mark.parametrize("name", ["a.tif", "a.png"])
def test_a_preview(tmp_path, model, values, name):
    picture = name == "a.png"
    header = Header(9, 12, 3, "uint8") if picture else HEADER
    source = write(tmp_path / name, header, 255 * np.nan_to_num(values) if picture else values)
    run(source, tmp_path / "b.h5", model)
    path = preview(source, tmp_path / "b.h5")
    assert path.name == "b.h5.preview.png" and path.stat().st_size > 10_000
