"""Ordinary image files: PNG and JPEG. They have no wavelengths; values are 8 or 16 bit."""

import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import ExifTags
from PIL import Image as Picture

from ssif.errors import UserError
from ssif.formats import raster
from ssif.formats.header import Header, Image, Kind
from ssif.io import whole_file

DRIVERS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP"}
# Driver -> what GDAL calls a line of text when it writes and when it reads the file; BMP has no room for one.
PROVENANCE = {"PNG": ("DESCRIPTION", "Description"), "JPEG": ("COMMENT", "COMMENT")}


def _open(path: Path, key: str | None) -> Image:
    turned = _is_turned(path)
    return raster.open_raster(path, DRIVERS[path.suffix.lower()], lambda source: _header(source, turned))


def _is_turned(path: Path) -> bool:
    """Whether the camera says that it was turned. Decodes the file once, by Pillow, which raises for a torn one; GDAL would
    give zeros or grey."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Picture.DecompressionBombWarning)
        try:
            with Picture.open(path) as picture:
                picture.load()
                return picture.getexif().get(ExifTags.Base.Orientation, 1) != 1
        except Picture.DecompressionBombError:
            raise UserError("has too many pixels for such a file; save it as GeoTIFF") from None


def _header(source, turned: bool) -> Header:
    from rasterio.enums import ColorInterp

    if ColorInterp.palette in source.colorinterp:
        raise UserError("has a palette; save it as RGB or grey")
    masks = raster.masks(source, raster.is_transparent(source))
    notes = masks["notes"]
    if turned:
        notes += ("EXIF says that the camera was turned: the pixels are taken as they are stored",)
    tags = source.tags()
    provenance = next((tags[read] for _, read in PROVENANCE.values() if read in tags), "")
    return Header(**raster.basics(source) | masks | {"notes": notes, "provenance": provenance})


@contextmanager
def _create(path: Path, header: Header):
    driver = DRIVERS[path.suffix.lower()]
    types = {"PNG": (np.uint8, np.uint16)}.get(driver, (np.uint8,))
    if header.count not in (1, 3) or header.dtype not in types:
        raise UserError(
            f"{path}: a {driver} file holds 1 or 3 bands of 8 bit{' or 16' * (driver == 'PNG')}, not"
            f" {header.count} of {header.dtype}"
        )
    options = {PROVENANCE[driver][0]: header.provenance} if header.provenance and driver in PROVENANCE else {}
    with (
        whole_file(path) as temporary,
        raster.created(temporary, header, driver, lambda target: None, **options) as write,
    ):
        yield write


KIND = Kind("image", tuple(DRIVERS), _open, _create)
