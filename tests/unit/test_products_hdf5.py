"""Products in HDF5: PRISMA L2C and L2D, EMIT L2A and PACE OCI L2.

No product may be kept here: small files are written in the documented layouts, with the arrays and attributes that are
read, of a few pixels and bands.
"""

import h5py
import numpy as np
import pytest
import rasterio

from ssif.bands import Bands
from ssif.data import cubes, folder
from ssif.errors import UserError
from ssif.formats import open_image, read_files
from ssif.formats.products import product_of
from ssif.formats.products.hdf5_product import NO_PLACES, SWATH
from ssif.tool.about import about
from ssif.tool.request import Wanted
from tests.predicting import read, run, small_model
from tests.products import FIELDS, write_emit, write_pace, write_prisma

RGB = Bands([[430, 470], [530, 570], [630, 670]])


@pytest.fixture
def prisma(tmp_path):
    return write_prisma(tmp_path / "cubes")


@pytest.fixture
def emit(tmp_path):
    return write_emit(tmp_path / "cubes")


@pytest.fixture
def pace(tmp_path):
    return write_pace(tmp_path / "cubes")


def test_prisma(prisma):
    header, values = read(prisma)
    assert header.bands.centres.tolist() == [650, 550, 450, 2100, 1000] and set(header.bands.widths) == {10}
    assert (header.height, header.width, header.nodata, header.good) == (8, 6, 0, ())
    assert header.transform == (30, 0, 5e5 - 15, 0, -30, 6e6 + 15)
    assert rasterio.CRS.from_wkt(header.crs).to_epsg() == 32633
    assert (
        "the wavelengths do not increase; the bands keep the order of the file" in header.notes
        and NO_PLACES not in header.notes
    )
    with h5py.File(prisma) as file:
        vnir, swir = (file[f"{FIELDS}/{name}_Cube"][:].transpose(0, 2, 1) for name in ("VNIR", "SWIR"))
    truth = np.concatenate([vnir[..., :3] / 65535 * 1.5, swir / 65535 * 1.25], axis=-1)
    truth[0, 0] = truth[1, 1, 1] = truth[1, 1, 2] = truth[1, 2, 0] = np.nan
    assert np.allclose(values, truth, atol=1e-6, equal_nan=True) and values[2, 3, 1] == pytest.approx(1.5)
    with open_image(prisma) as image:
        assert np.array_equal(image.read(slice(1, 4), slice(2, 5)), values[1:4, 2:5], equal_nan=True)
    assert read_files(prisma) == [prisma] and "5 bands of uint16" in about(prisma)
    # Any other array has a name.
    assert "8 x 4 pixels, 6 bands" in about(prisma, f"{FIELDS}/VNIR_Cube")


def test_corners_of_prisma_may_be_those_of_the_pixels(prisma):
    with h5py.File(prisma, "r+") as file:
        corners = {"ULcorner_easting": 5e5 - 15, "ULcorner_northing": 6e6 + 15}
        corners |= {"LRcorner_easting": 5e5 + 165, "LRcorner_northing": 6e6 - 225}
        file.attrs.update({f"Product_{name}": value for name, value in corners.items()})
    assert read(prisma)[0].transform == (30, 0, 5e5 - 15, 0, -30, 6e6 + 15)


def test_prisma_l2c_has_no_place(prisma):
    truth = read(prisma)[1]
    with h5py.File(prisma, "r+") as file:
        file.move("HDFEOS/SWATHS/PRS_L2D_HCO", "HDFEOS/SWATHS/PRS_L2C_HCO")
        del file.attrs["Epsg_Code"]
    header, values = read(prisma)
    assert header.transform is None and header.crs == "" and header.notes[-1] == NO_PLACES
    assert np.array_equal(values, truth, equal_nan=True)


def test_emit(emit):
    header, values = read(emit)
    assert header.bands.centres.tolist() == [450, 550, 650, 850, 1380]
    assert header.bands.widths.tolist() == [8.5, 8.25, 8, 8, 9]
    assert header.good == (True, True, True, True, False) and header.nodata == -9999 and header.scale is None
    assert header.transform is None and SWATH in header.notes
    assert np.isnan(values[0, 0]).all() and np.isnan(values).sum() == 6 and np.isnan(values[2, 2, 0])
    assert values[1, 1, 0] == np.float32(-0.002) and values[3, 3, 1] == 1.25
    text = about(emit)
    assert "5 bands of float32, 4 of them good" in text and "note: the image is in the geometry of the swath" in text


def test_pace(pace):
    header, values = read(pace)
    assert header.bands.centres.tolist() == [450, 550, 650, 655, 2131] and header.bands.widths.tolist() == [
        5,
        5,
        5,
        5,
        50,
    ]
    assert header.nodata == -32767 and header.scale == 1 and header.good == () and SWATH in header.notes
    assert (
        "the file has no band widths; they are set to 5 nm, and to the nominal widths of OCI in the SWIR"
        in header.notes
    )
    assert np.isnan(values[0, 0]).all() and np.isnan(values).sum() == 6
    assert values[1, 1, 0] == np.float32(-0.002) and values[3, 3, 1] == 1.25


def test_pace_with_widths_and_scaled_integers(pace):
    with h5py.File(pace, "r+") as file:
        del file["geophysical_data/rhos"]
        stored = np.full((8, 6, 5), 1000, np.int16)
        stored[0, 0], stored[1, 1] = -32767, -2
        file["geophysical_data/rhos"] = stored
        file["geophysical_data/rhos"].attrs.update(
            {"_FillValue": np.int16([-32767]), "scale_factor": 1e-4, "add_offset": 0.05}
        )
        file["sensor_band_parameters/fwhm"] = np.float32([6, 7, 8, 9, 40])
    header, values = read(pace)
    assert header.bands.widths.tolist() == [6, 7, 8, 9, 40] and not any(
        "no band widths" in note for note in header.notes
    )
    assert (header.scale, header.offset, header.nodata) == (1e-4, 0.05, -32767)
    assert (
        np.isnan(values[0, 0]).all() and values[1, 1, 0] == np.float32(0.0498) and values[4, 4, 0] == np.float32(0.15)
    )


@pytest.mark.parametrize("name", ["prisma", "emit", "pace"])
def test_a_prediction_and_a_data_set(request, tmp_path, name):
    path = request.getfixturevalue(name)
    run(path, tmp_path / "fine.tif", small_model(tmp_path, input_bands=RGB.edges.tolist()), Wanted(RGB, scale=2))
    header, values = read(tmp_path / "fine.tif")
    assert values.shape == (16, 12, 3) and np.isnan(values[:2, :2]).all() and np.isfinite(values[8:]).all()
    assert header.transform == ((15, 0, 5e5 - 15, 0, -15, 6e6 + 15) if name == "prisma" else None)
    for beside in ("RFLUNCERT_001", "MASK_001"):
        (path.parent / f"EMIT_L2A_{beside}_20220903T163129_2224611_012.nc").write_bytes(path.read_bytes())
    assert cubes.cube_files(str(path.parent)) == [path]
    data = folder.read("mine", str(path.parent), region=(3, 0, 1, 3))
    assert len(data.bands) == (4 if name == "emit" else 5) and next(iter(data.scenes)).hsi.shape[:2] == (4, 6)


def changed(path, name, value):
    """A dataset or an attribute of the file with another value; None deletes it."""
    with h5py.File(path, "r+") as file:
        place = file if name in file else file.attrs
        if name in place:
            del place[name]
        if value is not None:
            place[name] = value


@pytest.mark.parametrize(
    "product, name, value, message",
    [
        ("prisma", "List_Cw_Vnir", [650, 550], "VNIR_Cube has 4 bands, but 2 wavelengths, 4 widths and 4 flags"),
        ("prisma", "CNM_SWIR_SELECT", [1, 1, 1], "SWIR_Cube has 2 bands, but 2 wavelengths, 2 widths and 3 flags"),
        ("prisma", "List_Fwhm_Swir", None, "has no attribute 'List_Fwhm_Swir' of numbers"),
        ("prisma", "L2ScaleVnirMax", "much", "has no attribute 'L2ScaleVnirMax' of numbers"),
        ("prisma", "L2ScaleVnirMax", 0.0, "the scale factor must be finite and not 0"),
        ("prisma", "Epsg_Code", 1, "Epsg_Code 1 is not a coordinate reference system: "),
        ("prisma", "Product_ULcorner_easting", None, "has no attribute 'Product_ULcorner_easting'"),
        ("prisma", f"{FIELDS}/SWIR_Cube", None, "has no array 'HDFEOS/.*/SWIR_Cube' of numbers with 3 axes"),
        ("prisma", f"{FIELDS}/SWIR_Cube", np.ones((8, 2, 6)), "SWIR_Cube is not of type uint16"),
        ("prisma", f"{FIELDS}/VNIR_PIXEL_L2_ERR_MATRIX", np.ones((8, 3, 6)), "or its error matrix has another shape"),
        ("emit", "sensor_band_parameters/wavelengths", np.ones(4), "wavelengths"),
        ("emit", "sensor_band_parameters/fwhm", np.ones(4), "each of the 5 bands needs a positive width"),
        ("emit", "sensor_band_parameters/good_wavelengths", np.uint8([0, 1]), "2 good-band flags for 5 bands"),
        ("emit", "sensor_band_parameters/wavelengths", None, "has no array 'sensor_band_parameters/wavelengths'"),
        ("emit", "reflectance", np.ones((8, 6, 4)), "5 wavelengths for 4 bands"),
        ("emit", "reflectance", np.ones((8, 6)), "has no array 'reflectance' of numbers with 3 axes"),
        ("pace", "sensor_band_parameters/wavelength_3d", None, "has no array 'sensor_band_parameters/wavelength_3d'"),
        ("pace", "sensor_band_parameters/wavelength_3d", [450.0, 460.0], "2 wavelengths for 5 bands"),
        ("pace", "sensor_band_parameters/wavelength_3d", [450.0, 460.0, 1, np.nan, 2], "wavelengths must be positive"),
    ],
)
def test_bad_contents(request, product, name, value, message):
    path = request.getfixturevalue(product)
    changed(path, name, value)
    with pytest.raises(UserError, match=rf"(?s)^{path}: .*{message}[^\n]*\Z"):
        open_image(path)


def test_detectors_of_two_sizes(prisma):
    for name in ("Cube", "PIXEL_L2_ERR_MATRIX"):
        changed(prisma, f"{FIELDS}/SWIR_{name}", np.ones((7, 2, 6), np.uint16))
    with pytest.raises(UserError, match="VNIR_Cube has 8 x 6 pixels, but SWIR_Cube has 7 x 6"):
        open_image(prisma)


@pytest.mark.parametrize("product", ["prisma", "emit", "pace"])
def test_a_file_that_is_cut_off(request, product):
    path = request.getfixturevalue(product)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match=rf"^{path}: is not a whole {path.suffix} file \([^\n]+\Z"):
        open_image(path)


def test_values_in_other_files_are_not_read(emit, tmp_path):
    (tmp_path / "secret").write_bytes(bytes(8 * 6 * 5 * 4))
    with h5py.File(emit, "r+") as file:
        del file["reflectance"]
        file.create_dataset(
            "reflectance", (8, 6, 5), "f4", external=[(str(tmp_path / "secret"), 0, h5py.h5f.UNLIMITED)]
        )
    with pytest.raises(UserError, match="the values of /reflectance lie in other files, which are not read"):
        open_image(emit)
    changed(emit, "reflectance", h5py.ExternalLink("other.nc", "/reflectance"))
    assert product_of(emit) is None


def test_other_netcdf_is_no_product(emit):
    changed(emit, "sensor_band_parameters", None)
    assert product_of(emit) is None
