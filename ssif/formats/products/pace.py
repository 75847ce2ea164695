"""PACE OCI L2: surface reflectance `rhos` [line, pixel, wavelength], the wavelengths in nm in `wavelength_3d`."""

from pathlib import Path

import h5py
import numpy as np

from ssif.formats.header import Header, Image, Window
from ssif.formats.products import cubes
from ssif.formats.products.product import Product

CUBE = "geophysical_data/rhos"
PARAMETERS = "sensor_band_parameters"
HYPERSPECTRAL = 5.0  # nm, full width at half maximum
# Nominal centre -> width in nm of the bands of the SWIR detectors.
SWIR = {940: 45, 1038: 75, 1250: 30, 1378: 15, 1615: 75, 2130: 50, 2260: 75}
NEAR = 10.0  # nm that a band may be away from the nominal centre


def _open(path: Path, key: str | None) -> Image:
    return cubes.opened(path, key, _described)


def _described(file: h5py.File) -> tuple[Header, Window]:
    cube, centres = cubes.array(file, CUBE), cubes.numbers(file, f"{PARAMETERS}/wavelength_3d")
    notes, widths = (), cubes.find(file, f"{PARAMETERS}/fwhm")
    if widths is None:
        widths = np.array([_nominal(centre) for centre in centres])
        notes = (f"no band widths: they are taken to be {HYPERSPECTRAL:g} nm, in the SWIR the nominal ones of OCI",)
    else:
        widths = cubes.numbers(file, f"{PARAMETERS}/fwhm")
    scaled = "scale_factor" in cube.attrs
    scale, offset = (float(cubes.attribute(cube, *it)[0]) for it in (("scale_factor", 1.0), ("add_offset", 0.0)))
    return cubes.swath(
        cube, centres, widths, -32767, scale=scale if scaled else None, offset=offset if scaled else 0.0, notes=notes
    )


def _nominal(centre: float) -> float:
    return next((width for middle, width in SWIR.items() if abs(centre - middle) <= NEAR), HYPERSPECTRAL)


PRODUCT = Product("PACE OCI L2", lambda path: cubes.holds(path, ".nc", CUBE), _open)
