"""Ordinary image files: PNG, JPEG and BMP, of 8 or 16 bit, and JPEG 2000, which is only read. They have no wavelengths."""

import warnings
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import ExifTags
from PIL import Image as Picture

from ssif.errors import UserError
from ssif.formats import raster
from ssif.formats.header import Header, Image, Kind
from ssif.io import whole_file

DRIVERS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP"}
# Driver -> the names of a line of text in GDAL, which writes, and Pillow, which reads. BMP has no room for a text.
TEXT = {"PNG": ("DESCRIPTION", "Description"), "JPEG": ("COMMENT", "comment")}


def _open(path: Path, key: str | None) -> Image:
    driver = DRIVERS[path.suffix.lower()]
    turned, text = _decoded(path, TEXT.get(driver, ("", ""))[1])

    def describe(source) -> Header:
        header = _header(source)
        notes = ("EXIF says that the camera was turned, but the pixels are used as they are stored",) if turned else ()
        return replace(header, notes=header.notes + notes, provenance=text)

    return raster.open_raster(path, driver, describe)


def _decoded(path: Path, text: str) -> tuple[bool, str]:
    """Whether the camera was turned, and the line named `text`.

    Pillow decodes the file once because it raises an error for a torn one. GDAL would return zeros or grey.
    """
    with warnings.catch_warnings():
        # Pillow warns of very large pictures and of broken EXIF. Neither is a reason to refuse a photo.
        warnings.simplefilter("ignore")
        try:
            with Picture.open(path) as picture:
                picture.load()
                found = picture.info.get(text, "")
                line = found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)
                return picture.getexif().get(ExifTags.Base.Orientation, 1) != 1, line
        except Picture.DecompressionBombError:
            raise UserError("has too many pixels for this format; save it as GeoTIFF") from None


def _header(source) -> Header:
    from rasterio.enums import ColorInterp

    with suppress(Exception):
        # For broken EXIF, GDAL raises an error once, at the first question. The pixels are whole.
        source.colorinterp  # noqa: B018
    if ColorInterp.palette in source.colorinterp:
        raise UserError("has a palette; save it as RGB or grey")
    return Header(**raster.basics(source) | raster.masks(source, raster.is_transparent(source)))


@contextmanager
def _create(path: Path, header: Header):
    driver = DRIVERS[path.suffix.lower()]
    types = {"PNG": (np.uint8, np.uint16)}.get(driver, (np.uint8,))
    if header.count not in (1, 3) or header.dtype not in types:
        raise UserError(
            f"{path}: a {driver} file can hold 1 or 3 bands of 8{' or 16' * (driver == 'PNG')} bits, not"
            f" {header.count} of {header.dtype}"
        )
    options = {TEXT[driver][0]: header.provenance} if header.provenance and driver in TEXT else {}
    with (
        whole_file(path) as temporary,
        raster.created(temporary, header, driver, lambda target: None, **options) as write,
    ):
        yield write


def _open_jpeg_2000(path: Path, key: str | None) -> Image:
    def describe(source) -> Header:
        masks = raster.masks(source, raster.is_transparent(source))
        return Header(**raster.basics(source) | masks, nodata=source.nodata)

    return raster.open_raster(path, "JP2OpenJPEG", describe)


KIND = Kind("image", tuple(DRIVERS), _open, _create)
JPEG_2000 = Kind("JPEG 2000", (".jp2", ".j2k"), _open_jpeg_2000)
