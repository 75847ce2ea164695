"""The format of a file, by its suffix."""

from pathlib import Path

from ssif.errors import UserError
from ssif.formats import envi, geotiff, hdf5, jpeg2000, matlab, netcdf, numpy_files, pictures
from ssif.formats.header import Kind

KINDS = [
    envi.KIND, geotiff.KIND, jpeg2000.KIND, netcdf.KIND, netcdf.ZARR, hdf5.KIND, matlab.KIND, numpy_files.KIND, pictures.KIND,
]  # fmt: skip
SUFFIXES = tuple(suffix for kind in KINDS for suffix in kind.suffixes)


def kind_of(path: Path) -> Kind:
    """The format of a file. ENVI data beside a header may have any suffix.

    Raises UserError, with a list of the known suffixes, for an unknown format.
    """
    suffix = path.suffix.lower()
    for kind in KINDS:
        if suffix in kind.suffixes:
            return kind
    if envi.header_of(path) is not None:
        return envi.KIND
    raise UserError(f"{path}: unknown format {suffix or 'without a suffix'!r}; known: {', '.join(SUFFIXES)}")
