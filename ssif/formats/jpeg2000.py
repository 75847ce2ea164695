"""JPEG 2000, which has no wavelengths and is only read."""

from pathlib import Path

from ssif.formats import raster
from ssif.formats.header import Header, Image, Kind


def _open(path: Path, key: str | None) -> Image:
    def describe(source) -> Header:
        return Header(
            **raster.basics(source) | raster.masks(source, raster.is_transparent(source)), nodata=source.nodata
        )

    return raster.open_raster(path, "JP2OpenJPEG", describe)


KIND = Kind("JPEG 2000", (".jp2", ".j2k"), _open)
