"""Products of DLR, EnMAP L2A and DESIS L2A: a GeoTIFF (...-SPECTRAL_IMAGE.TIF) with metadata (...-METADATA.XML) beside it.

EnMAP has 224 bands in the order of the file, VNIR before SWIR, which overlap. DESIS has 235 bands from 400 to 1000 nm, or fewer
if they were binned.
"""

import re
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from ssif.errors import UserError
from ssif.formats import raster
from ssif.formats.header import Header, Image, Kind, one
from ssif.formats.products.metadata import number, read_xml
from ssif.formats.wavelengths import read_axis

NODATA = -32768
SAMPLED = 3  # number of rows that are searched for bands without data
PARTS = r"-(SPECTRAL_IMAGE(_COG)?\.tiff?|METADATA\.xml)"


def _product(name: str, start: str, band: str, tags: tuple[str, str, str, str]) -> Kind:
    """A product whose file names begin with the pattern `start`.

    The metadata have an element `band` for each band, with four `tags`: centre and width in nm, gain and offset.
    """
    pattern = re.compile(start + r".*" + PARTS, re.IGNORECASE)

    def opened(path: Path, key: str | None) -> Image:
        image, metadata = _pair(path)
        root = read_xml(metadata)
        return raster.open_raster(image, "GTiff", lambda source: _header(source, root.findall(f".//{{*}}{band}"), tags))

    return Kind(
        name,
        (),
        opened,
        read=lambda path, key: _pair(path),
        matches=lambda path: pattern.fullmatch(path.name) is not None,
    )


def _pair(path: Path) -> list[Path]:
    """The image and the metadata; `path` is one of them. Raises UserError if the image is missing."""
    start = re.sub(f"{PARTS}$", "", path.name, flags=re.IGNORECASE)
    files = [file for file in sorted(path.parent.iterdir()) if file.name.startswith(start)]
    parts = [file for file in files if re.fullmatch(PARTS, file.name[len(start) :], re.IGNORECASE)]
    metadata = next((file for file in parts if _is_xml(file)), path.with_name(f"{start}-METADATA.XML"))
    image = path if not _is_xml(path) else next((file for file in parts if not _is_xml(file)), None)
    if image is None:
        raise UserError(f"the image {start}-SPECTRAL_IMAGE.TIF is missing; it belongs beside the metadata")
    return [image, metadata]


def _is_xml(path: Path) -> bool:
    return path.suffix.lower() == ".xml"


def _header(source, found: list[Element], tags: tuple[str, ...]) -> Header:
    if len(found) != source.count:
        raise UserError(f"the metadata describe {len(found)} bands, but the image has {source.count}")
    centres, widths, gains, offsets = ([number(band, tag) for band in found] for tag in tags)
    bands, unit, notes = read_axis(centres, widths, "nm")
    nodata = NODATA if source.nodata is None else source.nodata
    good = _filled(source, nodata)
    return Header(
        **raster.basics(source),
        bands=bands,
        good=() if good.all() else tuple(good.tolist()),
        unit=unit,
        nodata=nodata,
        scale=one(gains),
        offset=one(offsets),
        notes=notes,
    )


def _filled(source, nodata: float) -> np.ndarray:
    """Whether each band has data, [C]; all true if none has. Bands in the absorption of water vapour may have none.

    The metadata do not mark these bands, so a few rows are read.
    """
    rows = np.linspace(0, source.height, SAMPLED + 2).astype(int)[1:-1]
    filled = np.zeros(source.count, bool)
    for row in rows:
        filled |= (source.read(window=((row, row + 1), (0, source.width))) != nodata).any(axis=(1, 2))
    return filled | ~filled.any()


ENMAP = _product(
    "EnMAP L2A",
    r"ENMAP\d\d-.{4}L2A-",
    "bandCharacterisation/{*}bandID",
    ("wavelengthCenterOfBand", "FWHMOfBand", "GainOfBand", "OffsetOfBand"),
)
DESIS = _product(
    "DESIS L2A",
    "DESIS-HSI-L2A-",
    "bandCharacterisation/{*}band",
    ("wavelengthCenterOfBand", "wavelengthWidthOfBand", "gainOfBand", "offsetOfBand"),
)
