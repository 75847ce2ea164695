"""The header in formats with named arrays (HDF5, .mat, NumPy): each part is a field with a name."""

from collections.abc import Callable

import numpy as np

from ssif.errors import UserError
from ssif.formats.header import LARGEST_PIECE, Header, one
from ssif.formats.wavelengths import read_axis, written

# Field -> all of the names that it may have.
ALIASES = {
    "wavelengths": ("wavelengths", "wavelength", "wavelengths_nm", "wavelength_nm", "wl"),
    "widths": ("widths", "fwhm", "fwhm_nm", "width"),
    "good": ("good", "bbl", "good_wavelengths"),
    "nodata": ("nodata", "_FillValue", "data_ignore_value"),
}
# Every name that `header` asks for.
NAMES = (
    "crs", "provenance", "band_names", "wavelength_units", "scale_factor", "add_offset", "transform",
    *(alias for aliases in ALIASES.values() for alias in aliases),
)  # fmt: skip
CUBE = "cube"
LONGEST = 10**6  # numbers in a field


def fields(header: Header) -> dict:
    """Name -> string, number or list: the fields of a header. Shape and type are those of the array."""
    found = {"crs": header.crs, "provenance": header.provenance, "band_names": list(header.names)}
    if header.bands is not None:
        found["wavelengths"], found["widths"] = written(header.bands, header.unit)
        found["wavelength_units"] = {"nm": "nanometers", "µm": "micrometers"}[header.unit]
    if header.scale is not None:
        found |= {"scale_factor": header.scale, "add_offset": header.offset}
    found |= {"nodata": header.nodata, "transform": header.transform, "good": list(map(int, header.good))}
    return {name: value for name, value in found.items() if value is not None and value != "" and value != []}


def header(shape: tuple[int, ...], dtype, get: Callable[[str], object]) -> Header:
    """The Header of an array [H, W, C] or [H, W]. `get(name)` returns a field as an array or a string, or None."""
    if len(shape) not in (2, 3):
        raise UserError(f"the array must be [height, width, bands], got the shape {list(shape)}")
    count = shape[2] if len(shape) == 3 else 1
    bands, unit, notes = None, "nm", ()
    values = _field(get, "wavelengths")
    if values is not None:
        # Intervals stay [C, 2]. Centres become [C]; in MATLAB they are a row or a column of a matrix.
        values = np.asarray(values) if np.shape(values) == (count, 2) else np.ravel(values)
        if len(shape) == 3 and len(values) == shape[0] != count:
            raise UserError(
                f"the axes {list(shape)} look like [bands, height, width]; save the array as [height, width, bands]"
            )
        widths = _field(get, "widths")
        widths = None if widths is None else np.ravel(widths)
        bands, unit, notes = read_axis(values, widths, _string(_field(get, "wavelength_units")))
    scale, offset, nodata, transform, good = (
        _numbers(get, name) for name in ("scale_factor", "add_offset", "nodata", "transform", "good")
    )
    if offset is not None and scale is None:
        scale = [1.0]
    if transform is not None and len(transform) != 6:
        raise UserError(f"the transform must have 6 numbers, got {len(transform)}")
    names = _field(get, "band_names")
    return Header(
        height=shape[0],
        width=shape[1],
        count=count,
        dtype=dtype,
        bands=bands,
        names=() if names is None else tuple(map(_string, np.ravel(names))),
        good=() if good is None or all(good) else tuple(flag != 0 for flag in good),
        unit=unit,
        nodata=None if nodata is None else nodata[0],
        scale=None if scale is None else one(scale),
        offset=0.0 if offset is None else one(offset),
        crs=_string(_field(get, "crs")),
        transform=None if transform is None else tuple(transform),
        provenance=_string(_field(get, "provenance")),
        notes=notes,
    )


def choose_array(shapes: dict[str, tuple[int, ...]], key: str | None) -> str:
    """The name of the array that is the image: `key`, else `cube`, else the only array with three axes.

    Raises UserError, with a list of the arrays, if none or several could be the image.
    """
    listed = ", ".join(f"{name} {list(shape)}" for name, shape in list(shapes.items())[:20]) or "none"
    if key is not None:
        if key not in shapes:
            raise UserError(f"has no array {key!r}; arrays found: {listed}")
        return key
    cubes = [name for name, shape in shapes.items() if len(shape) == 3]
    if CUBE in cubes:
        return CUBE
    if len(cubes) != 1:
        raise UserError(
            f"the file must have one array with three axes; otherwise name the array with --key; arrays found: {listed}"
        )
    return cubes[0]


def check_piece(nbytes: int, what: str) -> None:
    """Raise UserError if a piece that must be in memory at once has more than LARGEST_PIECE bytes."""
    if nbytes > LARGEST_PIECE:
        raise UserError(
            f"{what} takes {nbytes / 2**30:.1f} GiB in memory at once; save it as ENVI, GeoTIFF, .npy or HDF5 in small"
            " chunks, which are read part by part"
        )


def _field(get, name: str):
    found = (get(alias) for alias in ALIASES.get(name, (name,)))
    return next((value for value in found if value is not None), None)


def _numbers(get, name: str) -> list[float] | None:
    value = _field(get, name)
    if value is None:
        return None
    try:
        numbers = np.ravel(value).astype(np.float64).tolist()
    except (TypeError, ValueError):
        numbers = []
    if not numbers:
        raise UserError(f"{name} is not a number: {str(value)[:80]}")
    return numbers


def _string(value) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray):
        return _string(value.ravel()[0]) if value.size else ""
    # Broken UTF-16 can be neither printed nor written.
    return "" if value is None else str(value).encode("utf-8", "replace").decode()
