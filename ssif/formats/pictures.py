"""Ordinary image files: PNG and JPEG. They have no wavelengths; values are 8 or 16 bit."""

import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image as Picture

from ssif.errors import UserError
from ssif.formats import raster
from ssif.formats.header import Header, Image, Kind
from ssif.io import whole_file

DRIVERS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP"}


def _open(path: Path, key: str | None) -> Image:
    _check_whole(path)
    return raster.open_raster(path, DRIVERS[path.suffix.lower()], _header)


def _check_whole(path: Path) -> None:
    """Decode it once by Pillow, which raises for a torn file; GDAL would give zeros or grey."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Picture.DecompressionBombWarning)
        try:
            with Picture.open(path) as picture:
                picture.load()
        except Picture.DecompressionBombError:
            raise UserError("has too many pixels for such a file; save it as GeoTIFF") from None


def _header(source) -> Header:
    from rasterio.enums import ColorInterp

    if ColorInterp.palette in source.colorinterp:
        raise UserError("has a palette; save it as RGB or grey")
    # These formats have it last.
    transparent = source.colorinterp[-1] == ColorInterp.alpha
    notes = ("the transparency is left out",) if transparent else ()
    return Header(**raster.basics(source) | {"count": source.count - transparent, "notes": notes})


@contextmanager
def _create(path: Path, header: Header):
    driver = DRIVERS[path.suffix.lower()]
    types = {"PNG": (np.uint8, np.uint16)}.get(driver, (np.uint8,))
    if header.count not in (1, 3) or header.dtype not in types:
        raise UserError(
            f"{path}: a {driver} file holds 1 or 3 bands of 8 bit{' or 16' * (driver == 'PNG')}, not"
            f" {header.count} of {header.dtype}"
        )
    with whole_file(path) as temporary, raster.created(temporary, header, driver, lambda target: None) as write:
        yield write


KIND = Kind("image", tuple(DRIVERS), _open, _create)
