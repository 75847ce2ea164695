"""Ordinary image files: PNG and JPEG. They have no wavelengths; values are 8 or 16 bit."""

from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ssif.errors import UserError
from ssif.formats import raster
from ssif.formats.header import Header, Image, Kind
from ssif.io import whole_file

DRIVERS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP"}


def _open(path: Path, key: str | None) -> Image:
    source = raster.open_raster(path, DRIVERS[path.suffix.lower()])
    from rasterio.enums import ColorInterp

    colours = list(source.colorinterp)
    if ColorInterp.palette in colours:
        source.close()
        raise UserError(f"{path} has a palette; save it as RGB or grey")
    bands = [i for i, colour in enumerate(colours, start=1) if colour != ColorInterp.alpha]
    header = Header(source.height, source.width, len(bands), source.dtypes[0], **raster.georeference(source))
    if len(bands) < len(colours):
        header = Header(**vars(header) | {"notes": ("the transparency is left out",)})
    return raster.image(path, source, header, bands)


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
