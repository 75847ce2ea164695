"""Products in HDF5 or netCDF-4: arrays by name, and images in the geometry of the swath."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from ssif.errors import UserError
from ssif.formats import fields, hdf5
from ssif.formats.header import Header, Image, Kind, Window
from ssif.formats.wavelengths import read_axis
from ssif.hdf5 import opened, own

GEOMETRY = "the image is in the geometry of the swath"
SWATH = f"{GEOMETRY}: a netCDF output has latitudes and longitudes, other formats have no coordinates"
NO_PLACES = f"{GEOMETRY} and has no coordinates"


def holds(path: Path, suffix: str, *names: str) -> bool:
    """Whether `path` is an HDF5 file with this suffix and all of these groups and datasets."""
    if path.suffix.lower() != suffix or not path.is_file() or not h5py.is_hdf5(path):
        return False
    with opened(path) as file:
        return all(item(file, name) is not None for name in names)


def product(
    name: str, suffix: str, describe: Callable[[h5py.File], tuple[Header, Window]], *layouts: tuple[str, ...]
) -> Kind:
    """A product in files that hold all names of one of the `layouts`. `describe(file)` returns the header and the windows; with
    a key, the image is that array, as in any HDF5 file."""

    def opened(path: Path, key: str | None) -> Image:
        return hdf5.image_of(path, describe) if key is None else hdf5.KIND.open(path, key)

    return Kind(name, (), opened, matches=lambda path: any(holds(path, suffix, *names) for names in layouts))


def item(file: h5py.File, name: str) -> h5py.Group | h5py.Dataset | None:
    """What the file itself has under a path. Links are not followed."""
    found = file
    for part in name.split("/"):
        found = own(found, part) if isinstance(found, h5py.Group) else None
    return found


def array(file: h5py.File, name: str, axes: int = 3) -> h5py.Dataset:
    """A dataset of numbers with so many axes. Raises UserError if there is none or it cannot be read safely."""
    found = item(file, name)
    if not isinstance(found, h5py.Dataset) or found.dtype.kind not in "iuf" or found.ndim != axes:
        raise UserError(f"has no array {name!r} of numbers with {axes} axes, which such a product has")
    hdf5.check_readable(found)
    return found


def numbers(file: h5py.File, name: str) -> np.ndarray:
    """A short dataset [n] as float64."""
    found = array(file, name, axes=1)
    if found.size > fields.LONGEST:
        raise UserError(f"{name!r} has {found.size} numbers, more than any image has bands")
    return found[:].astype(np.float64)


def attribute(owner: h5py.HLObject, name: str, default: float | None = None) -> np.ndarray:
    """An attribute of numbers as float64 [n]. Raises UserError if there is neither an attribute nor a default."""
    if name in owner.attrs and owner.attrs.get_id(name).dtype.kind in "iufS":
        return np.ravel(owner.attrs[name]).astype(np.float64)
    if default is None:
        raise UserError(f"has no attribute {name!r} of numbers, which such a product has")
    return np.array([default], dtype=np.float64)


def places(
    file: h5py.File, latitudes: str, longitudes: str, shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray] | None:
    """Latitudes and longitudes [h, w] in degrees; None if the file has none for each pixel."""
    found = [item(file, name) for name in (latitudes, longitudes)]
    if any(not isinstance(each, h5py.Dataset) or each.shape != shape[:2] for each in found):
        return None
    return tuple(array(file, name, axes=2)[:].astype(np.float64) for name in (latitudes, longitudes))


def swath(cube: h5py.Dataset, centres: np.ndarray, widths: np.ndarray, fill: float, **parts) -> tuple[Header, Window]:
    """Header and windows of an array [line, pixel, band].

    centres, widths: of the bands, in nm. fill: the no-data value if the array has no _FillValue. parts: of the Header.
    """
    bands, unit, notes = read_axis(centres, widths, "nm")
    notes += (*parts.pop("notes", ()), SWATH if parts.get("swath") else NO_PLACES)
    (nodata,) = attribute(cube, "_FillValue", fill)
    height, width, count = cube.shape
    header = Header(height, width, count, cube.dtype, bands, unit=unit, nodata=float(nodata), notes=notes, **parts)
    return header, lambda rows, columns: cube[rows, columns]
