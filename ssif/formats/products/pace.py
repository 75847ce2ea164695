"""PACE OCI L2: surface reflectance `rhos` [line, pixel, wavelength] with wavelengths `wavelength_3d` in nm."""

import h5py
import numpy as np

from ssif.formats.header import Header, Window
from ssif.formats.products import hdf5_product
from ssif.instruments import EVENLY_SPACED

CUBE = "geophysical_data/rhos"
PARAMETERS = "sensor_band_parameters"
HYPERSPECTRAL = 5.0  # nm, full width at half maximum
# Nominal centre -> width in nm of the SWIR bands; each SWIR detector has one band.
SWIR = {centre: width for centre, _, count, width in EVENLY_SPACED["pace-oci"] if count == 1}
NEAR = 10.0  # largest distance in nm from the nominal centre


def _described(file: h5py.File) -> tuple[Header, Window]:
    cube, centres = hdf5_product.array(file, CUBE), hdf5_product.numbers(file, f"{PARAMETERS}/wavelength_3d")
    if hdf5_product.item(file, f"{PARAMETERS}/fwhm") is not None:
        widths, notes = hdf5_product.numbers(file, f"{PARAMETERS}/fwhm"), ()
    else:
        near = [[width for nominal, width in SWIR.items() if abs(centre - nominal) <= NEAR] for centre in centres]
        widths = np.array([found[0] if found else HYPERSPECTRAL for found in near])
        notes = (
            f"the file has no band widths; they are set to {HYPERSPECTRAL:g} nm, and to the nominal widths of OCI in the SWIR",
        )
    (scale,), (offset,) = hdf5_product.attribute(cube, "scale_factor", 1), hdf5_product.attribute(cube, "add_offset", 0)
    places = hdf5_product.places(file, "navigation_data/latitude", "navigation_data/longitude", cube.shape)
    return hdf5_product.swath(
        cube, centres, widths, -32767, scale=float(scale), offset=float(offset), swath=places, notes=notes
    )


PRODUCT = hdf5_product.product("PACE OCI L2", ".nc", _described, (CUBE,))
