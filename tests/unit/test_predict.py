"""`ssif predict`: input and output of every format."""

from dataclasses import replace

import numpy as np
import pytest
import rasterio

from ssif.bands import Bands
from ssif.channels import Sensor
from ssif.errors import UserError
from ssif.formats.header import Header
from ssif.sensors import parse_sensor
from ssif.tool.preview import preview, pseudo_rgb
from tests.predicting import BANDS, HEADER, RGB, WANTED, read, run, small_model, write


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
    lines = run(source, tmp_path / "b.npy", model)
    header, found = read(tmp_path / "b.npy")
    assert np.abs(found - model.predict(values, BANDS, scale=2.5)).max() < 1e-5 and header.dtype == np.float32
    assert found.std() > 0.01
    assert lines[1:4] == [f"channel {i} ({a}-{b} nm) takes band {i} ({a}-{b} nm)" for i, (a, b) in
                        enumerate(((600, 700), (500, 600), (400, 500)), start=1)]  # fmt: skip


def test_bands_are_found_by_wavelength_whatever_their_order(tmp_path, model, values):
    """The red, green and blue of the network are found among blue, green, a bad red, infrared and red."""
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
    lines = run(source, tmp_path / "b.png", model)
    wanted = model.predict(stored / 255, BANDS, scale=2.5)
    assert np.abs(read(tmp_path / "b.png")[1] / 255 - wanted).max() < 0.51 / 255
    assert "the channels are taken as those of a camera, in this order; values count as linear in light" in lines[0]
    run(source, tmp_path / "c.tif", model)
    header, found = read(tmp_path / "c.tif")
    # The values are in the units of the picture, but not rounded.
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
    lines = run(source, tmp_path / "b.npy", model)
    assert any("are outside 0 to 1 and were clipped" in line for line in lines)


def test_clipped_values_are_counted(tmp_path, model, values):
    values[0, 0] = (-0.1, 0.5, 1.2)
    source = write(tmp_path / "a.npy", replace(HEADER, dtype="float32", nodata=None, scale=None), values)
    lines = run(source, tmp_path / "b.npy", model, replace(WANTED, tile=100))
    assert f"{2 / (9 * 12 * 3 - 3):.2%} of its values are outside 0 to 1 and were clipped" in lines[-2]


@pytest.mark.parametrize(
    ("dtype", "before", "after"),
    [("float32", -9999.0, -9999.0), ("float32", 0.0, np.nan), ("float64", -1e300, np.nan), ("uint16", 0.0, 0.0),
     ("uint16", 65535.0, 65535.0), ("int16", -9999.0, -9999.0), ("uint16", -9999.0, None), ("uint8", 0.0, np.nan)],
)  # fmt: skip
def test_the_value_of_no_data(tmp_path, model, values, dtype, before, after):
    white = 200.0 if dtype == "uint8" else 10000.0
    header = replace(HEADER, dtype=dtype, nodata=before, scale=None)
    if before == -9999.0 and dtype == "uint16":
        values[3, 4] = 0.5
    source = write(tmp_path / "a.npy", header, white * values)
    for out in ("b.tif", "b.hdr"):
        run(source, tmp_path / out, model, replace(WANTED, white=white))
        header, found = read(tmp_path / out)
        assert header.nodata == after or (np.isnan(header.nodata) and np.isnan(after)), out
        assert np.isnan(found[8, 10]).all() == (after is not None) and np.isfinite(found[:4]).all()


def test_what_a_mask_hides_stays_hidden(tmp_path, model, values):
    values[3, 4] = 0.5
    source = write(tmp_path / "a.tif", replace(HEADER, nodata=None), values)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(source, "r+") as target:
        target.write_mask(np.arange(108).reshape(9, 12) != 3 * 12 + 4)
    run(source, tmp_path / "b.tif", model, replace(WANTED, scale=2))
    header, found = read(tmp_path / "b.tif")
    missing = np.zeros((18, 24), dtype=bool)
    missing[6:8, 8:10] = True
    assert header.dtype == np.float32 and np.array_equal(np.isnan(found).all(axis=-1), missing)


def test_a_picture_says_what_it_leaves_out(tmp_path, model, values):
    source = write(tmp_path / "a.tif", HEADER, values)
    assert f"{tmp_path / 'b.png'}: a picture cannot hold wavelengths or coordinates" in run(
        source, tmp_path / "b.png", model
    )
    assert read(tmp_path / "b.png")[0].provenance.endswith("; ssif predict in out")


@pytest.mark.parametrize("name", ["a.tif", "a.png"])
def test_a_preview(tmp_path, model, values, name):
    picture = name == "a.png"
    header = Header(9, 12, 3, "uint8") if picture else HEADER
    source = write(tmp_path / name, header, 255 * np.nan_to_num(values) if picture else values)
    run(source, tmp_path / "b.h5", model)
    path = preview(tmp_path / "b.h5", source)
    assert path.name == "b.h5.preview.png" and path.stat().st_size > 10_000


def test_a_preview_of_bands_that_the_command_line_named(tmp_path, model, values):
    source = write(tmp_path / "a.npy", replace(HEADER, bands=None, dtype="float32", scale=None, nodata=None), values)
    run(source, tmp_path / "b.h5", model, replace(WANTED, input=Sensor(("R", "G", "B"), RGB)))
    unnamed, named, swapped = (
        preview(tmp_path / "b.h5", source, named=bands).read_bytes() for bands in (None, RGB, Bands(RGB.edges[::-1]))
    )
    assert unnamed != named != swapped


def test_an_image_without_wavelengths_has_the_bands_of_the_training(tmp_path, model):
    values = np.random.default_rng(3).random((6, 7, 4)).astype(np.float32)
    np.save(tmp_path / "a.npy", values[..., :3])
    lines = run(tmp_path / "a.npy", tmp_path / "b.npy", model)
    assert lines[0].endswith("a.npy: the channels are taken as those of a camera, in this order")
    assert np.abs(read(tmp_path / "b.npy")[1] - model.predict(values[..., :3], BANDS, scale=2.5)).max() < 1e-5
    np.save(tmp_path / "four.npy", values)
    with pytest.raises(UserError, match="has no wavelengths; give its bands with --input"):
        run(tmp_path / "four.npy", tmp_path / "c.npy", model)
    # --input trained holds even against the file, but not for another number of channels.
    with pytest.raises(UserError, match=r"has 4 channels, but these weights take 3: a camera, 600-700"):
        run(tmp_path / "four.npy", tmp_path / "c.npy", model, replace(WANTED, as_trained=True))
    others = Header(6, 7, 3, "float32", Bands([[700, 800], [800, 900], [900, 1000]]))
    source = write(tmp_path / "other.tif", others, values[..., :3])
    with pytest.raises(UserError, match="no band of the image fits"):
        run(source, tmp_path / "c.tif", model)
    run(source, tmp_path / "c.tif", model, replace(WANTED, as_trained=True))
    assert np.array_equal(read(tmp_path / "c.tif")[1], read(tmp_path / "b.npy")[1])


def test_channels_are_taken_by_their_names(tmp_path):
    """The file has the bands of Sentinel-2 in the order of their wavelengths, the weights red first."""
    sensor = parse_sensor("sentinel-2a:B4,B3,B2")
    model = small_model(
        tmp_path, msi="sentinel-2a:B4,B3,B2", input_bands=sensor.bands.edges.tolist(), wavelengths=[395, 705]
    )
    values = np.random.default_rng(3).random((6, 7, 3)).astype(np.float32)
    wanted = model.predict(values[..., ::-1], BANDS, scale=2.5)
    source = write(tmp_path / "a.tif", Header(6, 7, 3, "float32", names=("B02", "B03", "B04")), values)
    lines = run(source, tmp_path / "b.tif", model)
    assert lines[0].endswith("taken as those of sentinel-2a:B4,B3,B2, by their names")
    assert np.abs(read(tmp_path / "b.tif")[1] - wanted).max() < 1e-5
    # --input may name more channels than the file has, if the file names its own.
    named = parse_sensor("sentinel-2a")
    run(source, tmp_path / "c.tif", model, replace(WANTED, input=named))
    assert np.abs(read(tmp_path / "c.tif")[1] - wanted).max() < 1e-5
    unnamed = write(tmp_path / "d.tif", Header(6, 7, 3, "float32", names=("x", "y", "z")), values)
    with pytest.raises(UserError, match="has 3 bands, but --input names 13"):
        run(unnamed, tmp_path / "e.tif", model, replace(WANTED, input=named))


@pytest.mark.parametrize(
    "names",
    [
        ("Band 1 (450 nm)", "Band 2 (550 nm)", "Band 3 (650 nm)"),
        ("450.0 Nanometers", "550 NM", "650nm"),
        ("0.45 µm", "0.55 um", "red 650 nm"),
    ],
)
def test_wavelengths_in_the_names_of_bands(tmp_path, names):
    source = write(tmp_path / "a.tif", Header(6, 7, 3, "float32", names=names), np.zeros((6, 7, 3), np.float32))
    header, _ = read(source)
    assert header.bands == Bands([[400, 500], [500, 600], [600, 700]])
    assert "the wavelengths come from the names of the bands" in header.notes[0]


@pytest.mark.parametrize(
    "names",
    [
        ("450 nm", "550 nm", "x"),
        ("450 nm", "450 nm", "650 nm"),
        ("450-500 nm", "550 nm", "650 nm"),
        ("1 nm", "2 nm", "3 nm"),
    ],
)
def test_names_that_are_no_wavelengths(tmp_path, names):
    source = write(tmp_path / "a.tif", Header(6, 7, 3, "float32", names=names), np.zeros((6, 7, 3), np.float32))
    assert read(source)[0].bands is None


def test_a_preview_of_one_image(tmp_path, values):
    path = preview(write(tmp_path / "a.tif", HEADER, values))
    assert path.name == "a.tif.preview.png" and path.stat().st_size > 10_000
    np.save(tmp_path / "b.npy", values)
    assert preview(tmp_path / "b.npy").exists()
    with pytest.raises(UserError, match=r"c\.tif does not exist"):
        preview(tmp_path / "c.tif")


def test_colours_are_means_over_bands():
    """Noise of single bands averages out: a red spectrum with noise is red in every pixel."""
    bands = Bands.from_centres(np.arange(400, 701, 2), 2)
    noise = np.random.default_rng(0).normal(0, 0.3, (20, 20, len(bands)))
    red, green, blue = np.moveaxis(pseudo_rgb((bands.centres > 580) + noise, bands), -1, 0)
    assert (red > green + 0.2).all() and (red > blue + 0.2).all()
