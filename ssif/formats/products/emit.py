"""EMIT L2A: `reflectance` [downtrack, crosstrack, bands], NaN or -9999 without data, with a list of good wavelengths."""

from pathlib import Path

import h5py

from ssif.formats.header import Header, Image, Window
from ssif.formats.products import hdf5_product
from ssif.formats.products.product import Product

PARAMETERS = "sensor_band_parameters"


def _open(path: Path, key: str | None) -> Image:
    return hdf5_product.image_of(path, key, _described)


def _described(file: h5py.File) -> tuple[Header, Window]:
    centres, widths, flags = (
        hdf5_product.numbers(file, f"{PARAMETERS}/{name}") for name in ("wavelengths", "fwhm", "good_wavelengths")
    )
    good = () if flags.all() else tuple((flags != 0).tolist())
    cube = hdf5_product.array(file, "reflectance")
    places = hdf5_product.places(file, "location/lat", "location/lon", cube.shape)
    return hdf5_product.swath(cube, centres, widths, -9999, good=good, swath=places)


PRODUCT = Product("EMIT L2A", lambda path: hdf5_product.holds(path, ".nc", "reflectance", PARAMETERS), _open)
