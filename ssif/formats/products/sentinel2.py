"""Sentinel-2 L2A: a .SAFE folder. The image has the bands of one resolution (`key`: 10m, 20m or 60m)."""

import re
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from ssif.channels import Channel
from ssif.errors import UserError, choose
from ssif.formats import raster
from ssif.formats.header import Header, Image, Kind, one
from ssif.formats.products.metadata import number, read_xml, text
from ssif.formats.wavelengths import read_axis

METADATA = "MTD_MSIL2A.xml"
RESOLUTIONS = ("10m", "20m", "60m")
NODATA, SATURATED = 0, 65535
SHIFT, SHIFTED = -1000.0, 4.0  # an offset of stored values, and the first processing baseline with it


def _matches(path: Path) -> bool:
    return path.name == METADATA or (path.is_dir() and (path.suffix == ".SAFE" or (path / METADATA).is_file()))


def _open(path: Path, key: str | None) -> Image:
    folder = _folder(path)
    root = read_xml(folder / METADATA)
    files = _files(folder, root, key)
    for file in files.values():
        if not file.is_file():
            raise UserError(f"{METADATA} lists {file.relative_to(folder)}, which is missing")
    with ExitStack() as stack:
        images = [
            stack.enter_context(raster.open_raster(file, "JP2OpenJPEG", lambda source: Header(**raster.basics(source))))
            for file in files.values()
        ]
        parts = [image.header for image in images]
        if len({(part.height, part.width, part.count, part.dtype) for part in parts}) > 1 or parts[0].count > 1:
            raise UserError(
                f"the bands of {key or RESOLUTIONS[0]} differ in size or type, or have more than one channel"
            )
        header = _header(parts[0], root, list(files))
        close = stack.pop_all().close

    def window(rows: slice, columns: slice) -> np.ndarray:
        values = np.concatenate([image.read(rows, columns) for image in images], axis=-1).astype(header.dtype)
        values[values == SATURATED] = NODATA
        return values

    return Image(path, header, window, close)


def _folder(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def _files(folder: Path, root: Element, key: str | None) -> dict[str, Path]:
    """Band -> file, for one resolution in the list of the metadata. No path leads out of the folder."""
    size = choose("resolution", key or RESOLUTIONS[0], RESOLUTIONS)
    pattern = re.compile(rf"GRANULE/[^/]+/IMG_DATA/R{size}/[^/]+_(B\w\w)_{size}")
    listed = [(element.text or "").strip() for element in root.iter("IMAGE_FILE")]
    found = [(match[1], folder / f"{name}.jp2") for name in listed if (match := pattern.fullmatch(name))]
    if not found or len(found) != len(dict(found)):
        raise UserError(f"{METADATA} lists {len(found)} images of {size}, but must list one for each band of one tile")
    return dict(sorted(found))


def _header(first: Header, root: Element, names: list[str]) -> Header:
    known = {element.get("physicalBand"): element for element in root.iter("Spectral_Information")}
    physical = [re.sub("^B0", "B", name) for name in names]
    if missing := [name for name in physical if name not in known]:
        raise UserError(f"{METADATA} has no Spectral_Information of {', '.join(missing)}")
    bands, unit, notes = read_axis([_interval(name, known[name]) for name in physical], None, "nm")
    quantification = number(root, "BOA_QUANTIFICATION_VALUE")
    shifts = [SHIFT if number(root, "PROCESSING_BASELINE") >= SHIFTED else 0.0] * len(names)
    if root.find(".//BOA_ADD_OFFSET") is not None:
        shifts = [number(root, f"BOA_ADD_OFFSET[@band_id='{known[name].get('bandId')}']") for name in physical]
    offset = one([shift / quantification for shift in shifts])
    return replace(
        first,
        count=len(names),
        bands=bands,
        names=tuple(names),
        unit=unit,
        nodata=NODATA,
        scale=1 / quantification,
        offset=offset,
        notes=notes,
    )


def _interval(name: str, element: Element) -> tuple[float, float]:
    """A band in nm: the half maximum of its response, or the range from MIN to MAX if the metadata have no response."""
    low, high = number(element, "MIN"), number(element, "MAX")
    if element.find(".//VALUES") is None:
        return low, high
    response = np.array(text(element, "VALUES").split(), dtype=np.float64)
    return Channel(name, np.linspace(low, high, len(response)), response).half_maximum()


def _read(path: Path, key: str | None) -> list[Path]:
    metadata = _folder(path) / METADATA
    return [metadata, *_files(metadata.parent, read_xml(metadata), key).values()]


PRODUCT = Kind("Sentinel-2 L2A", (), _open, read=_read, matches=_matches)
