"""Which dimensions of a labelled array (netCDF, Zarr, xarray) are rows, columns and wavelengths, by their usual names."""

from collections.abc import Iterable

from ssif.errors import UserError

ROWS = ("y", "row", "rows", "lat", "latitude", "northing", "line", "lines", "downtrack", "height")
COLUMNS = (
    "x",
    "column",
    "columns",
    "col",
    "lon",
    "longitude",
    "easting",
    "sample",
    "samples",
    "crosstrack",
    "width",
    "pixels",
)
SPECTRUM = ("wavelength", "wavelengths", "band", "bands", "channel", "channels", "wl", "lambda", "spectral", "c")


def row_column_band(dimensions: Iterable[str]) -> tuple[str, str, str]:
    """The names of the dimensions of rows, of columns and of bands, among three.

    Raises UserError, naming what is there, if one is missing or there are more.
    """
    dimensions = list(map(str, dimensions))
    found = [[name for name in dimensions if name.lower() in known] for known in (ROWS, COLUMNS, SPECTRUM)]
    if len(dimensions) != 3 or any(len(names) != 1 for names in found):
        raise UserError(
            f"the array must have three dimensions: rows (such as {', '.join(ROWS[:4])}), columns ({', '.join(COLUMNS[:1] + COLUMNS[4:7])}) and"
            f" bands ({', '.join(SPECTRUM[:5])}); it has {', '.join(dimensions) or 'none'}"
        )
    return found[0][0], found[1][0], found[2][0]
