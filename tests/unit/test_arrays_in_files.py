"""netCDF, Zarr, JPEG 2000, archives and compressed ENVI in; netCDF and tiled GeoTIFF out, opened by xarray and rasterio."""

import gzip
import zipfile
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import rasterio
import xarray
from scipy.io import savemat

from ssif.bands import Bands
from ssif.errors import UserError
from ssif.formats import create_image, is_image, open_image, read_files
from ssif.formats.header import Header
from tests.predicting import BANDS, HEADER, RGB, WANTED, read, run, write

VALUES = np.random.default_rng(0).random((9, 12, 3)).astype(np.float32)
CENTRES = [450.0, 550.0, 650.0]


def dataset(order=("y", "x", "wavelength"), unit="nm", **names) -> xarray.Dataset:
    """A cube with coordinates of pixel centres, in UTM, wavelengths and widths; names: of the dimensions."""
    names = {name: names.get(name, name) for name in ("y", "x", "wavelength")}
    axes = {
        "y": 5.1e6 - 10 * (np.arange(9) + 0.5),
        "x": 5e5 + 10 * (np.arange(12) + 0.5),
        "wavelength": np.array(CENTRES) / (1 if unit == "nm" else 1000),
    }
    cube = xarray.DataArray(VALUES, dims=("y", "x", "wavelength"), coords=axes).transpose(*order)
    cube["wavelength"].attrs["units"] = unit
    found = xarray.Dataset({"reflectance": cube, "quality": (("y", "x"), np.zeros((9, 12), np.int8))})
    found["fwhm"] = ("wavelength", np.full(3, 20.0 if unit == "nm" else 0.02))
    found["reflectance"].attrs["grid_mapping"] = "crs"
    found["crs"] = ((), 0, {"crs_wkt": rasterio.CRS.from_epsg(32632).to_wkt()})
    return found.rename_dims({name: new for name, new in names.items() if new != name})


@pytest.mark.parametrize("order", [("y", "x", "wavelength"), ("wavelength", "y", "x"), ("x", "y", "wavelength")])
@pytest.mark.parametrize("unit", ["nm", "um"])
@pytest.mark.parametrize("kind", ["nc", "classic", "zarr2", "zarr3"])
def test_labelled_arrays_in_any_order(tmp_path, order, unit, kind):
    path = tmp_path / ("a.zarr" if kind.startswith("zarr") else "a.nc")
    if kind.startswith("zarr"):
        dataset(order, unit).to_zarr(path, zarr_format=int(kind[-1]))
    else:
        dataset(order, unit).to_netcdf(path, engine="scipy" if kind == "classic" else "h5netcdf")
    header, found = read(path)
    assert np.array_equal(found, VALUES)
    assert np.allclose(header.bands.edges, [[440, 460], [540, 560], [640, 660]])
    assert rasterio.CRS.from_wkt(header.crs).to_epsg() == 32632
    assert np.allclose(header.transform, (10, 0, 5e5, 0, -10, 5.1e6))
    assert is_image(path) and all(file.is_file() for file in read_files(path))
    with open_image(path) as image:
        assert np.array_equal(image.read(slice(2, 5), slice(3, 4)), VALUES[2:5, 3:4])


def test_packed_values_groups_and_degrees(tmp_path):
    values = np.where(VALUES > 0.9, np.nan, VALUES)
    cube = xarray.DataArray(values, dims=("lat", "lon", "band"), name="radiance")
    cube = cube.assign_coords(lat=50 - 0.01 * np.arange(9), lon=7 + 0.01 * np.arange(12))
    packed = {"dtype": "int16", "scale_factor": 1e-4, "add_offset": 0.1, "_FillValue": -1}
    cube.to_netcdf(tmp_path / "a.nc", engine="h5netcdf", encoding={"radiance": packed}, group="level/two")
    header, found = None, None
    with open_image(tmp_path / "a.nc", "level/two/radiance") as image:
        header, found = image.header, image.read(slice(0, 9), slice(0, 12))
    assert np.allclose(found, values, atol=1e-4, equal_nan=True) and header.nodata == -1
    assert rasterio.CRS.from_wkt(header.crs).to_epsg() == 4326 and header.bands is None
    assert np.allclose(header.transform, (0.01, 0, 6.995, 0, -0.01, 50.005))
    with pytest.raises(UserError, match="must have one array with three axes"), open_image(tmp_path / "a.nc"):
        pass


def test_dimensions_without_a_known_name_are_refused(tmp_path):
    xarray.Dataset({"cube": (("a", "b", "time"), VALUES)}).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    with pytest.raises(UserError, match=r"a\.nc: the array must have three dimensions: rows .*it has a, b, time"):
        open_image(tmp_path / "a.nc")
    (tmp_path / "torn.nc").write_bytes((tmp_path / "a.nc").read_bytes()[:900])
    with pytest.raises(UserError, match=r"torn\.nc: "):
        open_image(tmp_path / "torn.nc")
    (tmp_path / "empty.zarr").mkdir()
    with pytest.raises(UserError, match=r"empty\.zarr: "):
        open_image(tmp_path / "empty.zarr")


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_a_netcdf_file_is_what_xarray_expects(tmp_path, model, values, dtype):
    source = write(tmp_path / "a.tif", replace(HEADER, good=(True, True, False), names=("r", "g", "b")), values)
    run(
        write(tmp_path / "b.tif", replace(HEADER, dtype=dtype, scale=1e-4 if dtype == "uint16" else None), values),
        tmp_path / "b.nc",
        model,
    )
    header, found = read(tmp_path / "b.nc")
    assert (header.bands, header.names) == (BANDS, ("a", "b", "c"))
    with xarray.open_dataset(tmp_path / "b.nc", engine="h5netcdf", decode_coords="all") as opened:
        cube = opened["cube"]
        assert cube.dims == ("wavelength", "y", "x")
        assert np.allclose(cube.transpose("y", "x", "wavelength").values, found, atol=1e-6, equal_nan=True)
        assert (
            np.allclose(cube["wavelength"].values * 1000, BANDS.centres) and cube["wavelength"].attrs["units"] == "um"
        )
        import rioxarray  # noqa: F401

        assert cube.rio.crs.to_epsg() == 32632
        left, bottom, right, top = cube.rio.bounds()
        assert np.allclose((left, bottom, right, top), (5e5, 5.1e6 - 90, 5e5 + 120, 5.1e6))
    with create_image(tmp_path / "c.nc", read(source)[0]) as target:
        target(values)
    header, found = read(tmp_path / "c.nc")
    assert header.good == (True, True, False) and header.scale == pytest.approx(1e-4)
    assert np.allclose(found, values, atol=1e-4, equal_nan=True)


def test_a_geotiff_has_tiles_and_on_request_overviews(tmp_path, model):
    header = Header(200, 300, 3, "float32", RGB, transform=(10, 0, 5e5, 0, -10, 5.1e6), crs=HEADER.crs)
    values = np.random.default_rng(1).random((200, 300, 3)).astype(np.float32)
    source = write(tmp_path / "a.tif", header, values)
    wanted = replace(WANTED, scale=3, tile=None)
    run(source, tmp_path / "b.tif", model, wanted)
    run(source, tmp_path / "c.tif", model, replace(wanted, overviews=True))
    with rasterio.open(tmp_path / "b.tif") as plain, rasterio.open(tmp_path / "c.tif") as cog:
        assert (
            plain.block_shapes == [(256, 256)] * 3 and plain.compression.value == "DEFLATE" and not plain.overviews(1)
        )
        assert cog.overviews(1) and cog.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert np.array_equal(plain.read(), cog.read()) and plain.transform == cog.transform and plain.crs == cog.crs
    assert read(tmp_path / "b.tif")[0].bands == read(tmp_path / "c.tif")[0].bands
    assert np.allclose(read(tmp_path / "b.tif")[0].bands.edges, BANDS.edges)


def test_facts_of_an_envi_header_stay(tmp_path, model, values):
    source = write(tmp_path / "a.img", HEADER, values)
    with open(tmp_path / "a.hdr", "a") as text:
        text.write("sensor type = HySpex\nacquisition time = 2022-07-24T10:11:12Z\nmap info like = {gone}\n")
    run(source, tmp_path / "b.img", model)
    text = (tmp_path / "b.hdr").read_text()
    assert "sensor type = HySpex" in text and "acquisition time = 2022-07-24T10:11:12Z" in text and "gone" not in text


def test_a_compressed_envi_file_and_files_in_archives(tmp_path, values, monkeypatch):
    write(tmp_path / "a.img", HEADER, values)
    wanted = read(tmp_path / "a.img")[1]
    (tmp_path / "b.img").write_bytes(gzip.compress((tmp_path / "a.img").read_bytes()))
    (tmp_path / "b.hdr").write_text((tmp_path / "a.hdr").read_text() + "file compression = 1\n")
    assert np.array_equal(read(tmp_path / "b.img")[1], wanted, equal_nan=True)
    write(tmp_path / "c.tif", HEADER, values)
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        archive.write(tmp_path / "c.tif", "inside/c.tif")
    monkeypatch.chdir(tmp_path)
    for path in (Path(f"/vsizip/{tmp_path}/d.zip/inside/c.tif"), Path("/vsizip/d.zip/inside/c.tif")):
        assert np.array_equal(read(path)[1], wanted, equal_nan=True)
        assert [file.name for file in read_files(path)] == ["d.zip"]
    with pytest.raises(UserError, match="there is no such archive"):
        open_image("/vsizip/none.zip/c.tif")
    with pytest.raises(UserError, match=r"c\.img"):
        open_image("/vsizip/d.zip/inside/c.img")


def test_jpeg_2000_is_read_and_not_written(tmp_path):
    stored = np.random.default_rng(2).integers(0, 4000, (9, 12, 3)).astype(np.uint16)
    profile = {
        "driver": "JP2OpenJPEG",
        "height": 9,
        "width": 12,
        "count": 3,
        "dtype": "uint16",
        "QUALITY": 100,
        "REVERSIBLE": "YES",
    }
    with rasterio.open(
        tmp_path / "a.jp2", "w", **profile, crs="EPSG:32632", transform=rasterio.Affine(10, 0, 5e5, 0, -10, 5.1e6)
    ) as target:
        target.write(stored.transpose(2, 0, 1))
    header, found = read(tmp_path / "a.jp2")
    assert np.array_equal(found, stored) and header.bands is None and header.transform[:3] == (10, 0, 5e5)
    with pytest.raises(UserError, match="JPEG 2000 can be read but not written; choose"):
        create_image(tmp_path / "b.jp2", header)
    with pytest.raises(UserError, match="Zarr can be read but not written"):
        create_image(tmp_path / "b.zarr", header)


def test_bounds_of_wavelengths_are_the_bands(tmp_path):
    found = dataset().drop_vars("fwhm")
    found["wavelength"].attrs["bounds"] = "edges"
    found["edges"] = (("wavelength", "two"), np.array([[400.0, 500], [500, 600], [600, 700]]))
    found.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    assert read(tmp_path / "a.nc")[0].bands == Bands([[400, 500], [500, 600], [600, 700]])


@pytest.mark.parametrize(
    ("centre", "width"), [("wl", "fwhm_nm"), ("wavelength_nm", "width"), ("wavelengths_nm", "fwhm")]
)
def test_other_names_of_wavelengths_in_files_of_arrays(tmp_path, centre, width):
    fields = {centre: CENTRES, width: [20.0, 20, 20], "bbl": [1, 0, 1]}
    savemat(tmp_path / "a.mat", {"cube": VALUES} | fields)
    np.savez(tmp_path / "a.npz", cube=VALUES, **fields)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, values in ({"cube": VALUES} | fields).items():
            file[name] = values
    for suffix in ("mat", "npz", "h5"):
        header, found = read(tmp_path / f"a.{suffix}")
        assert header.bands == Bands([[440, 460], [540, 560], [640, 660]]) and header.good == (True, False, True)
        assert np.array_equal(found, VALUES)
