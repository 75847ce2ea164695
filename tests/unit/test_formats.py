"""Every format there and back: values, wavelengths, no-data, scale, georeference; and files that others write."""

import json
import os
from dataclasses import replace

import h5py
import numpy as np
import pytest
import rasterio
import scipy.io
import spectral
from PIL import Image as Picture

from ssif.bands import Bands
from ssif.errors import UserError
from ssif.formats import create_image, matlab, open_image
from ssif.formats.header import Header
from ssif.io import this_machine

CUBES = ("a.hdr", "a.img", "a.bsq", "a.bil", "a.bip", "a.dat", "a.tif", "a.mat", "a.h5", "a.npy", "a.npz")
BANDS = Bands([[445, 515], [507, 595], [632, 697], [757, 852]])
CRS = rasterio.CRS.from_epsg(32632).to_wkt()
HEIGHT, WIDTH = 7, 11

PLAIN = Header(HEIGHT, WIDTH, 4, "float32", BANDS)
FULL = Header(
    HEIGHT, WIDTH, 4, "uint16", BANDS, names=("blue", "green", "red", "nir"), good=(True, True, False, True), nodata=0,
    scale=1e-4, offset=-0.1, crs=CRS, transform=(10.0, 0.0, 500000.0, 0.0, -20.0, 5.1e6), provenance="made, by a test",
)  # fmt: skip


def cube(header: Header) -> np.ndarray:
    """Physical values that the header's type holds exactly enough, one pixel of them without data."""
    values = np.random.default_rng(0).random((header.height, header.width, header.count)).astype(np.float32)
    if header.nodata is not None or header.dtype.kind == "f":
        values[2, 3] = np.nan
    return values


def write(path, header: Header, values: np.ndarray) -> None:
    with create_image(path, header) as target:
        target(values[:3])
        target(values[3:])


def read(path, **options) -> tuple[Header, np.ndarray]:
    with open_image(path, **options) as image:
        header = image.header
        whole = image.read(slice(0, header.height), slice(0, header.width))
        rows, columns = slice(header.height // 2, header.height), slice(1, 3)
        assert np.array_equal(image.read(rows, columns), whole[rows, columns], equal_nan=True)
        return header, whole


def same(found: Header, wanted: Header) -> None:
    for name in ("height", "width", "count", "dtype", "names", "good", "unit", "nodata", "provenance"):
        assert getattr(found, name) == getattr(wanted, name), name
    if wanted.bands is None:
        assert found.bands is None
    else:
        assert np.allclose(found.bands.edges, wanted.bands.edges, atol=1e-4, rtol=0)
    assert (found.scale is None) == (wanted.scale is None)
    assert np.allclose([found.scale or 1, found.offset], [wanted.scale or 1, wanted.offset])
    assert bool(found.crs) == bool(wanted.crs)
    if wanted.crs:
        assert rasterio.CRS.from_wkt(found.crs).to_epsg() == rasterio.CRS.from_wkt(wanted.crs).to_epsg()
    assert (found.transform is None) == (wanted.transform is None)
    if wanted.transform:
        assert np.allclose(found.transform, wanted.transform)


@pytest.mark.parametrize("name", CUBES)
@pytest.mark.parametrize("unit", ["nm", "µm"])
@pytest.mark.parametrize("header", [PLAIN, FULL], ids=["plain", "full"])
def test_there_and_back(tmp_path, name, unit, header):
    header = replace(header, unit=unit)
    values = cube(header)
    write(tmp_path / name, header, values)
    found, whole = read(tmp_path / name)
    same(found, header)
    tolerance = 0 if header.scale is None else 0.51 * header.scale
    assert np.allclose(whole, values, rtol=1e-6, atol=tolerance, equal_nan=True)
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]


@pytest.mark.parametrize("name", CUBES)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
def test_types_without_wavelengths(tmp_path, name, dtype):
    header = Header(HEIGHT, WIDTH, 2, dtype)
    values = np.arange(HEIGHT * WIDTH * 2, dtype=np.float32).reshape(HEIGHT, WIDTH, 2)
    write(tmp_path / name, header, values)
    found, whole = read(tmp_path / name)
    same(found, header)
    assert np.array_equal(whole, values)


def test_mat_becomes_version_7_3_where_5_is_too_small(tmp_path, monkeypatch):
    write(tmp_path / "5.mat", FULL, cube(FULL))
    monkeypatch.setattr(matlab, "LARGEST_V5", 100)
    write(tmp_path / "7.mat", FULL, cube(FULL))
    assert not h5py.is_hdf5(tmp_path / "5.mat") and h5py.is_hdf5(tmp_path / "7.mat")
    assert (tmp_path / "7.mat").read_bytes()[:19] == b"MATLAB 7.3 MAT-file"
    header, whole = read(tmp_path / "7.mat")
    same(header, FULL)
    assert np.array_equal(whole, read(tmp_path / "5.mat")[1], equal_nan=True)


@pytest.mark.parametrize(
    ("name", "count", "dtype"), [("a.png", 3, "uint8"), ("a.png", 1, "uint16"), ("a.bmp", 3, "uint8")]
)
def test_pictures(tmp_path, name, count, dtype):
    header = Header(HEIGHT, WIDTH, count, dtype)
    values = np.arange(HEIGHT * WIDTH * count, dtype=np.float32).reshape(HEIGHT, WIDTH, count)
    write(tmp_path / name, header, values)
    found, whole = read(tmp_path / name)
    same(found, header)
    assert np.array_equal(whole, values)
    assert np.array_equal(np.asarray(Picture.open(tmp_path / name)).reshape(values.shape), values)


def test_a_jpeg_and_a_picture_with_transparency(tmp_path):
    write(tmp_path / "a.jpg", Header(16, 16, 3, "uint8"), np.full((16, 16, 3), 100, np.float32))
    assert np.abs(read(tmp_path / "a.jpg")[1] - 100).max() <= 2
    rgba = np.full((5, 6, 4), 7, np.uint8)
    Picture.fromarray(rgba).save(tmp_path / "b.png")
    header, whole = read(tmp_path / "b.png")
    assert header.count == 3 and header.masked and (whole == 7).all()


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (Header(4, 4, 4, "uint8"), "can hold 1 or 3 bands of 8 or 16 bits, not 4 of uint8"),
        (Header(4, 4, 3, "float32"), "not 3 of float32"),
    ],
)
def test_what_a_picture_cannot_hold(tmp_path, header, message):
    with pytest.raises(UserError, match=message), create_image(tmp_path / "a.png", header):
        pass


@pytest.mark.parametrize("interleave", ["bsq", "bil", "bip"])
@pytest.mark.parametrize("byteorder", [0, 1])
@pytest.mark.parametrize("dtype", ["uint16", "int16", "float32", "float64"])
def test_envi_of_another_program(tmp_path, interleave, byteorder, dtype):
    values = np.random.default_rng(1).integers(0, 1000, (HEIGHT, WIDTH, 3)).astype(dtype)
    metadata = {"wavelength": [0.66, 0.56, 0.48], "fwhm": [0.06, 0.07, 0.07], "wavelength units": "Micrometers",
                "bbl": [1, 0, 1], "reflectance scale factor": 1000, "data ignore value": 5}  # fmt: skip
    spectral.envi.save_image(
        str(tmp_path / "a.hdr"), values, interleave=interleave, byteorder=byteorder, metadata=metadata, ext=".img"
    )
    header, whole = read(tmp_path / "a.hdr")
    assert header.bands == Bands([[630, 690], [525, 595], [445, 515]]) and header.unit == "µm"
    assert header.good == (True, False, True) and "do not increase" in header.notes[0]
    wanted = np.where(values == 5, np.nan, values / 1000)
    assert np.allclose(whole, wanted, equal_nan=True)
    if interleave == "bip":
        assert spectral.envi.open(str(tmp_path / "a.hdr")).bands.centers == [0.66, 0.56, 0.48]


@pytest.mark.parametrize(("scale", "said"), [(1e-4, "10000.0"), (1 / 65535, "65535.0"), (0.25, "4.0")])
def test_scaled_envi_has_equal_values_in_another_program(tmp_path, scale, said):
    header = replace(FULL, scale=scale, offset=0.0, nodata=None)
    stored = np.random.default_rng(2).integers(0, 2**16, (HEIGHT, WIDTH, 4)).astype(FULL.dtype)
    write(tmp_path / "a.hdr", header, header.physical(stored))
    theirs = spectral.envi.open(str(tmp_path / "a.hdr"))
    assert theirs.metadata["reflectance scale factor"] == said
    found, ours = read(tmp_path / "a.hdr")
    assert found.scale == scale and np.array_equal(ours, header.physical(stored))
    assert np.allclose(np.asarray(theirs.load()), ours, rtol=1e-6, atol=0)
    # An input's factor comes out again.
    write(tmp_path / "b.hdr", found, ours)
    assert spectral.envi.open(str(tmp_path / "b.hdr")).scale_factor == float(said)


def test_a_scale_that_the_factor_cannot_say_is_left_to_gains(tmp_path):
    for name, header in (("a", replace(FULL, offset=0.5)), ("b", replace(FULL, scale=None, offset=0.0))):
        write(tmp_path / f"{name}.hdr", header, cube(header))
        assert "reflectance scale factor" not in (tmp_path / f"{name}.hdr").read_text()


def test_ours_is_read_by_another_program(tmp_path):
    write(tmp_path / "a.hdr", FULL, cube(FULL))
    theirs = spectral.envi.open(str(tmp_path / "a.hdr"))
    assert np.allclose(theirs.bands.centers, BANDS.centres) and np.allclose(theirs.bands.bandwidths, BANDS.widths)
    assert theirs.metadata["bbl"] == [1, 1, 0, 1] and theirs.metadata["data ignore value"] == "0"
    assert np.array_equal(np.asarray(theirs.open_memmap()), FULL.stored(cube(FULL)))
    write(tmp_path / "b.mat", FULL, cube(FULL))
    variables = scipy.io.loadmat(tmp_path / "b.mat")
    assert np.array_equal(variables["cube"], FULL.stored(cube(FULL))) and list(variables["band_names"]) == [
        "blue ",
        "green",
        "red  ",
        "nir  ",
    ]
    write(tmp_path / "c.tif", FULL, cube(FULL))
    with rasterio.open(tmp_path / "c.tif") as source:
        assert source.tags(1, ns="IMAGERY")["CENTRAL_WAVELENGTH_UM"] == "0.48"
        assert source.transform == rasterio.Affine(*FULL.transform) and source.scales == (1e-4,) * 4


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_geotiff_with_the_tags_of_older_programs(tmp_path):
    with rasterio.open(tmp_path / "a.tif", "w", driver="GTiff", height=2, width=3, count=2, dtype="uint8") as target:
        for i, nm in enumerate((500, 600), start=1):
            target.update_tags(i, wavelength=nm, wavelength_units="Nanometers")
    assert read(tmp_path / "a.tif")[0].bands == Bands([[450, 550], [550, 650]])


@pytest.mark.parametrize("name", ["a.h5", "a.npz", "a.mat"])
def test_arrays_are_chosen_by_name(tmp_path, name):
    arrays = {"one": np.zeros((2, 3, 4)), "two": np.ones((2, 3, 5)), "label": np.zeros((2, 3))}
    if name == "a.h5":
        with h5py.File(tmp_path / name, "w") as file:
            for key, value in arrays.items():
                file[key] = value
    else:
        {"a.npz": lambda path: np.savez(path, **arrays), "a.mat": lambda path: scipy.io.savemat(path, arrays)}[name](
            tmp_path / name
        )
    assert read(tmp_path / name, key="two")[0].count == 5
    assert read(tmp_path / name, key="label")[0].count == 1
    with pytest.raises(UserError, match=r"with --key; arrays found: .*two \[2, 3, 5\]"):
        open_image(tmp_path / name)
    with pytest.raises(UserError, match="has no array 'three'"):
        open_image(tmp_path / name, key="three")


def test_hdf5_with_links_that_go_round(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a/b/cube"] = np.ones((2, 3, 4))
        file["a/b/up"], file["again"], file["0"] = file["a"], file["a/b/cube"], file["/"]
        file["soft"], file["nowhere"] = h5py.SoftLink("/a/b/cube"), h5py.SoftLink("/none")
        file["other"] = h5py.ExternalLink("none.h5", "/cube")
        file[b"\xff"] = np.ones((2, 3, 5))
    # One array, under the name that needs the fewest groups.
    assert read(tmp_path / "a.h5")[0].count == 4 and read(tmp_path / "a.h5", key="again")[0].count == 4


def test_hdf5_with_wavelengths_beside_the_cube(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["scene/reflectance"] = np.zeros((2, 3, 2), np.float32)
        file["scene/wavelength"] = [0.5, 0.6]
        file["scene/fwhm"] = [0.1, 0.1]
        file["scene"].attrs["wavelength_units"] = "micrometers"
    assert read(tmp_path / "a.h5")[0].bands == Bands([[450, 550], [550, 650]])


def test_npy_has_its_header_beside_it(tmp_path):
    write(tmp_path / "a.npy", FULL, cube(FULL))
    assert np.array_equal(np.load(tmp_path / "a.npy"), FULL.stored(cube(FULL)))
    assert json.loads((tmp_path / "a.json").read_text())["wavelength_units"] == "nanometers"
    np.save(tmp_path / "b.npy", np.zeros((2, 3)))
    assert read(tmp_path / "b.npy")[0].count == 1


def test_integers_keep_clear_of_the_no_data_value():
    header = Header(1, 1, 1, "uint8", nodata=0)
    values = np.array([[[0.2]], [[np.nan]], [[300]], [[-3]]], np.float32)
    assert header.stored(values).ravel().tolist() == [1, 0, 255, 1]
    assert np.array_equal(header.physical(header.stored(values)).ravel(), [1, np.nan, 255, 1], equal_nan=True)
    assert replace(header, nodata=255).stored(values).ravel().tolist() == [0, 255, 254, 0]
    assert replace(header, nodata=-9999.0).physical(np.array([[[241]]], np.uint8)) == 241
    with pytest.raises(UserError, match="no value that means no data"):
        replace(header, nodata=None).stored(values)


def test_a_killed_process_of_the_same_number_stops_nobody(tmp_path):
    (left := tmp_path / f".a.npz.{this_machine()}.{os.getpid()}.part").mkdir()
    (left / "a.json").write_text("{}")
    write(tmp_path / "a.npz", PLAIN, cube(PLAIN))
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_a_failed_write_leaves_nothing(tmp_path):
    for name in (*CUBES, "a.png"):
        header = Header(4, 4, 1, "uint8")
        with pytest.raises(RuntimeError), create_image(tmp_path / name, header) as target:
            target(np.zeros((2, 4, 1), np.float32))
            raise RuntimeError
        assert list(tmp_path.iterdir()) == [], name
