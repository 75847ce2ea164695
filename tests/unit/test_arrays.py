"""Arrays of the field: `predict` takes and gives numpy with masks, torch and xarray, and bands in any form."""

import re
from datetime import datetime

import numpy as np
import pytest
import rioxarray
import torch
import xarray

from ssif.bands import Bands
from ssif.errors import UserError
from ssif.sensors import parse_bands
from tests.predicting import BANDS, RGB, small_model

VALUES = np.random.default_rng(0).random((9, 12, 3)).astype(np.float32)
CENTRES = RGB.centres.tolist()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def wanted(model):
    return model.predict(VALUES, BANDS, size=(18, 36))


def labelled(order=("y", "x", "wavelength"), band="wavelength", **attributes) -> xarray.DataArray:
    """VALUES with coordinates of pixel centres, wavelengths, a time and longitudes."""
    return xarray.DataArray(
        VALUES,
        dims=("y", "x", band),
        coords={
            "y": 5.1e6 - 10 * (np.arange(9) + 0.5), "x": 5e5 + 10 * (np.arange(12) + 0.5), "time": datetime(2024, 5, 1),
            "wavelength": (band, CENTRES, {"units": "nm"}), "lon": (("y", "x"), np.arange(108.0).reshape(9, 12)),
        },
        attrs=attributes,
    ).transpose(*order)  # fmt: skip


def test_torch_in_torch_out(model, wanted):
    found = model.predict(torch.from_numpy(VALUES).requires_grad_(), BANDS, size=(18, 36))
    assert isinstance(found, torch.Tensor) and np.array_equal(found.numpy(), wanted)
    half = torch.from_numpy(VALUES).bfloat16()
    assert np.array_equal(
        model.predict(half, BANDS, scale=2).numpy(), model.predict(half.float().numpy(), BANDS, scale=2)
    )


def test_a_masked_array_keeps_its_mask(model):
    image = np.ma.masked_array(VALUES, np.zeros(VALUES.shape, bool))
    image[4, 5, 1] = np.ma.masked
    found = model.predict(image, BANDS, scale=2)
    missing = np.zeros((18, 24), bool)
    missing[8:10, 10:12] = True
    assert np.array_equal(found.mask, np.broadcast_to(missing[..., None], found.shape))
    assert found.dtype == np.float32 and found.min() >= 0 and found.max() <= 1
    # A mask without a masked pixel is a mask, too.
    assert not model.predict(np.ma.masked_array(VALUES, False), BANDS, scale=2).mask.any()


@pytest.mark.parametrize("order", [("y", "x", "wavelength"), ("wavelength", "y", "x"), ("x", "wavelength", "y")])
def test_dimensions_go_by_name_and_coordinates_are_refined(model, wanted, order):
    found = model.predict(labelled(order), BANDS, size=(18, 36))
    assert found.dims == order
    assert np.array_equal(found.transpose("y", "x", "wavelength").values, wanted)
    assert np.allclose(found.y, 5.1e6 - 5 * (np.arange(18) + 0.5), rtol=0, atol=1e-6)
    assert np.allclose(found.x, 5e5 + 10 / 3 * (np.arange(36) + 0.5), rtol=0, atol=1e-6)
    assert np.allclose(found.wavelength, BANDS.centres) and found.wavelength.attrs["units"] == "nm"
    assert np.allclose(found.fwhm, BANDS.widths)
    assert found.time == np.datetime64("2024-05-01")
    # It is linear: one a column, twelve a row.
    rows, columns = (np.arange(18) + 0.5) / 2 - 0.5, (np.arange(36) + 0.5) / 3 - 0.5
    assert np.allclose(found.lon.transpose("y", "x"), 12 * rows[:, None] + columns)
    assert found.interp(wavelength=550.0).shape == tuple(
        {"y": 18, "x": 36}[name] for name in order if name != "wavelength"
    )


def test_bands_are_matched_by_wavelength_and_micrometres_stay(model, wanted):
    image = labelled()[..., ::-1]
    image = image.assign_coords(wavelength=("wavelength", image.wavelength.values / 1000, {"units": "um"}))
    found = model.predict(image, BANDS, size=(18, 36))
    assert np.array_equal(found.values, wanted)
    assert np.allclose(found.wavelength, BANDS.centres / 1000) and found.wavelength.attrs["units"] == "um"


def test_no_data_scale_and_unevenly_spaced_coordinates(model):
    stored = (labelled() * 10000).round().astype(np.int16)
    stored[4, 5, 1] = -9999
    attributes = {"scale_factor": 1e-4, "_FillValue": -9999, "long_name": ("red", "green", "blue"), "units": "1"}
    stored = stored.assign_attrs(attributes).assign_coords(y=np.arange(9.0) ** 2)
    found = model.predict(stored, BANDS, scale=2)
    values = np.where(stored == -9999, np.nan, stored * 1e-4).astype(np.float32)
    assert np.allclose(found, model.predict(values, BANDS, scale=2), atol=1e-6, equal_nan=True)
    assert np.isnan(found.values[8, 10]).all() and found.attrs == {"units": "1"}
    assert np.allclose(found.y[[0, 1, 2, 3]], [-0.25, 0.25, 0.75, 1.75])


def test_georeference_of_rioxarray(model, tmp_path):
    image = labelled(("wavelength", "y", "x")).drop_vars(["time", "lon"]).rio.write_crs(32632)
    image.rio.to_raster(tmp_path / "a.tif")
    opened = rioxarray.open_rasterio(tmp_path / "a.tif").assign_coords(wavelength=("band", CENTRES))
    found = model.predict(opened, "400:700:31", size=(18, 36))
    wanted = model.predict(VALUES, "400:700:31", size=(18, 36))
    assert found.dims == ("band", "y", "x") and np.allclose(found.transpose("y", "x", "band"), wanted, atol=1e-6)
    assert found.rio.crs.to_epsg() == 32632 and found.rio.bounds() == opened.rio.bounds()
    assert np.allclose(found.rio.transform()[:6], (10 / 3, 0, 5e5, 0, -5, 5.1e6))
    found.rio.to_raster(tmp_path / "b.tif")
    assert rioxarray.open_rasterio(tmp_path / "b.tif").rio.bounds() == opened.rio.bounds()


@pytest.mark.parametrize("bands", [
    "sentinel-2a:B2,B3", "400:700:31", Bands([[400, 450], [500, 600]]), [[400, 450], [500, 600]], np.arange(400, 701, 10),
])  # fmt: skip
def test_bands_in_any_form(model, bands):
    intervals = bands if isinstance(bands, Bands) else None
    if isinstance(bands, str):
        intervals = parse_bands(bands)[0]
    elif intervals is None:
        intervals = Bands(bands) if np.ndim(bands) == 2 else Bands.from_centres(bands, 10)
    found = model.predict(VALUES, bands, scale=2)
    assert np.array_equal(found, model.predict(VALUES, intervals, scale=2))


@pytest.mark.parametrize(
    ("image", "bands", "message"),
    [
        (VALUES, [550.0], "band widths are missing and cannot be computed from a single band"),
        (VALUES, [[[400, 500]]], "bands must be Bands, the name of a sensor, START:STOP:COUNT, centres [C] or intervals [C, 2]"),
        (VALUES, ["a", "b"], "bands must be Bands"),
        (VALUES, None, "bands must be Bands"),
        (VALUES, "no-sensor", "no-sensor"),
        (labelled().rename(y="north"), BANDS, "the array must have three dimensions: rows"),
        (labelled().to_dataset(name="cube"), BANDS, "the image must be a DataArray, got a Dataset; choose one of its variables: cube"),
        (labelled().assign_coords(wavelength=[900.0, 1000.0, 1100.0]), BANDS, "no band of the image fits"),
        (labelled()[..., :2], BANDS, "no band of the image fits"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(model, image, bands, message):
    with pytest.raises(UserError, match=re.escape(message)):
        model.predict(image, bands, scale=2)
