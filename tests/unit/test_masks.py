"""Where a file says by a mask or by transparency that there is no data: it reads as NaN, and a prediction keeps it."""

import numpy as np
import pytest
import rasterio
from PIL import Image as Picture
from rasterio.enums import ColorInterp

from ssif.bands import Bands
from ssif.formats import create_image, open_image
from ssif.formats.header import Header

RNG = np.random.default_rng(0)


def read(path) -> tuple[Header, np.ndarray]:
    with open_image(path) as image:
        header = image.header
        whole = image.read(slice(0, header.height), slice(0, header.width))
        assert np.array_equal(image.read(slice(2, 5), slice(1, 4)), whole[2:5, 1:4], equal_nan=True)
        return header, whole


def geotiff(path, stored: np.ndarray, **options):
    height, width, count = stored.shape
    profile = {"driver": "GTiff", "height": height, "width": width, "count": count, "dtype": stored.dtype}
    target = rasterio.open(path, "w", **profile, transform=rasterio.Affine(10, 0, 0, 0, -10, 0), **options)
    target.write(stored.transpose(2, 0, 1))
    return target


@pytest.fixture
def hidden():
    """Pixels of a 6 x 7 image that have no data."""
    its = np.zeros((6, 7), dtype=bool)
    its[2:4, 1:3] = True
    return its


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_the_mask_of_a_geotiff(tmp_path, hidden, dtype):
    stored = RNG.integers(1, 200, (6, 7, 3)).astype(dtype)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), geotiff(tmp_path / "a.tif", stored) as target:
        target.write_mask(~hidden)
    header, found = read(tmp_path / "a.tif")
    assert header.count == 3 and header.masked and header.nodata is None
    assert np.array_equal(found, np.where(hidden[..., None], np.nan, stored), equal_nan=True)


def test_transparency_of_a_geotiff_is_no_band(tmp_path, hidden):
    stored = RNG.integers(0, 256, (6, 7, 4)).astype(np.uint8)
    stored[..., 3] = np.where(hidden, 0, 130)
    geotiff(tmp_path / "a.tif", stored, photometric="RGB", alpha="YES").close()
    header, found = read(tmp_path / "a.tif")
    assert header.count == 3 and header.notes == ("the last band is transparency; pixels where it is 0 have no data",)
    assert np.array_equal(found, np.where(hidden[..., None], np.nan, stored[..., :3]), equal_nan=True)


def test_four_bands_of_8_bit_with_wavelengths_are_four_bands(tmp_path):
    """GDAL writes the fourth of them as transparency where nobody tells it otherwise."""
    stored = RNG.integers(0, 256, (6, 7, 4)).astype(np.uint8)
    stored[0, 0, 3] = 0
    with geotiff(tmp_path / "a.tif", stored) as target:
        assert target.colorinterp[3] == ColorInterp.alpha
        for i, centre in enumerate((0.65, 0.55, 0.45, 0.8), start=1):
            target.update_tags(i, ns="IMAGERY", CENTRAL_WAVELENGTH_UM=centre, FWHM_UM=0.1)
    header, found = read(tmp_path / "a.tif")
    assert header.count == 4 and not header.masked and np.array_equal(found, stored)


@pytest.mark.parametrize("bands", [None, Bands([[600, 700], [500, 600], [400, 500], [700, 900]])])
def test_four_bands_of_8_bit_there_and_back(tmp_path, bands):
    stored = RNG.integers(0, 256, (6, 7, 4)).astype(np.float32)
    with create_image(tmp_path / "a.tif", Header(6, 7, 4, "uint8", bands)) as write:
        write(stored)
    header, found = read(tmp_path / "a.tif")
    assert header.count == 4 and not header.masked and np.array_equal(found, stored)


@pytest.mark.parametrize("count", [2, 4])
def test_transparency_of_a_picture(tmp_path, hidden, count):
    stored = RNG.integers(0, 256, (6, 7, count)).astype(np.uint8)
    stored[..., -1] = np.where(hidden, 0, 255)
    Picture.fromarray(stored).save(tmp_path / "a.png")
    header, found = read(tmp_path / "a.png")
    assert header.count == count - 1
    assert np.array_equal(found, np.where(hidden[..., None], np.nan, stored[..., :-1]), equal_nan=True)
