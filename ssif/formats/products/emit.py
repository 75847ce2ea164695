"""EMIT L2A: `reflectance` [downtrack, crosstrack, bands], NaN or -9999 without data, with a list of good wavelengths."""

import h5py

from ssif.formats.header import Header, Window
from ssif.formats.products import hdf5_product

PARAMETERS = "sensor_band_parameters"


def _described(file: h5py.File) -> tuple[Header, Window]:
    centres, widths, flags = (
        hdf5_product.numbers(file, f"{PARAMETERS}/{name}") for name in ("wavelengths", "fwhm", "good_wavelengths")
    )
    good = () if flags.all() else tuple((flags != 0).tolist())
    cube = hdf5_product.array(file, "reflectance")
    places = hdf5_product.places(file, "location/lat", "location/lon", cube.shape)
    return hdf5_product.swath(cube, centres, widths, -9999, good=good, swath=places)


PRODUCT = hdf5_product.product("EMIT L2A", ".nc", _described, ("reflectance", PARAMETERS))
