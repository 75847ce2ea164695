"""GeoTIFF, with wavelengths in the tags that GDAL has for them: CENTRAL_WAVELENGTH_UM and FWHM_UM of each band."""

import tempfile
from contextlib import contextmanager
from pathlib import Path

from ssif.errors import UserError
from ssif.formats import raster
from ssif.formats.header import Header, Image, Kind, one
from ssif.formats.wavelengths import read_axis, written
from ssif.io import check_room, whole_file


def _open(path: Path, key: str | None) -> Image:
    return raster.open_raster(path, "GTiff", _header)


def _header(source) -> Header:
    # GDAL calls the fourth of four bands of 8 bit transparency, but a band with a wavelength is a band.
    transparent = raster.is_transparent(source) and not _has_wavelength(source, source.count)
    masks = raster.masks(source, transparent)
    indexes = source.indexes[: masks["count"]]
    bands, unit, notes = _axis(source, indexes)
    scales, offsets, descriptions = (
        values[: len(indexes)] for values in (source.scales, source.offsets, source.descriptions)
    )
    scaled = any(scale != 1 for scale in scales) or any(offsets)
    good = tuple(_is_good(source.tags(i)) for i in indexes)
    if source.transform.is_identity and (source.gcps[0] or source.rpcs):
        notes += ("ground control points and sensor models are not kept, so the output has no coordinates",)
    return Header(
        **raster.basics(source) | masks | {"notes": notes + masks["notes"]},
        bands=bands,
        names=tuple(map(str, descriptions)) if all(descriptions) else (),
        good=() if all(good) else good,
        unit=unit,
        nodata=source.nodata,
        scale=one(scales) if scaled else None,
        offset=one(offsets) if scaled else 0.0,
        provenance=source.tags().get("provenance", ""),
    )


def _has_wavelength(source, index: int) -> bool:
    return "CENTRAL_WAVELENGTH_UM" in source.tags(index, ns="IMAGERY") or "wavelength" in source.tags(index)


def _is_good(tags: dict[str, str]) -> bool:
    """Whether a band is good by its tag `good`, which other programs call `bbl`."""
    flag = tags.get("good", tags.get("bbl", "1"))
    try:
        return float(flag) != 0
    except ValueError:
        raise UserError(f"the tag that says whether a band is good must be 0 or 1, got {flag[:80]!r}") from None


def _axis(source, indexes):
    """Bands, unit and notes from the IMAGERY domain, else from the bands' `wavelength` tags that older programs write."""
    imagery = [source.tags(i, ns="IMAGERY") for i in indexes]
    plain = [source.tags(i) for i in indexes]
    for tags, centre, width, unit in (
        (imagery, "CENTRAL_WAVELENGTH_UM", "FWHM_UM", "micrometers"),
        (plain, "wavelength", "fwhm", plain[0].get("wavelength_units")),
    ):
        named = [centre in tag for tag in tags]
        if any(named):
            if not all(named):
                raise UserError(f"{named.count(False)} of {len(named)} bands have no wavelength")
            widths = [tag[width] for tag in tags] if all(width in tag for tag in tags) else None
            bands, unit, notes = read_axis([tag[centre] for tag in tags], widths, unit)
            return bands, source.tags().get("wavelength_units", unit), notes
    return None, "nm", ()


TILE = 256
# BigTIFF is for files that may pass 4 GiB. By default GDAL calls the fourth of four bands of 8 bit transparency.
COMMON = {"BIGTIFF": "IF_SAFER", "photometric": "MINISBLACK"}


@contextmanager
def _create(path: Path, header: Header):
    def describe(target) -> None:
        if header.scale is not None:
            target.scales, target.offsets = [header.scale] * header.count, [header.offset] * header.count
        if header.names:
            target.descriptions = header.names
        if header.bands is not None:
            for i, (centre, width) in enumerate(zip(*written(header.bands, "µm")), start=1):
                target.update_tags(i, ns="IMAGERY", CENTRAL_WAVELENGTH_UM=centre, FWHM_UM=width)
            target.update_tags(wavelength_units=header.unit)
        for i, good in enumerate(header.good, start=1):
            target.update_tags(i, good=int(good))
        if header.provenance:
            target.update_tags(provenance=header.provenance)

    # The rows come from top to bottom and become strips. GDAL then makes tiles of them in bounded memory.
    with whole_file(path) as temporary, tempfile.TemporaryDirectory(dir=temporary.parent) as folder:
        strips = Path(folder, "strips.tif")
        with raster.created(strips, header, "GTiff", describe, interleave="pixel", **COMMON) as write:
            yield write
        check_room(temporary, header.nbytes)
        predictor = 3 if header.dtype.kind == "f" else 2
        with raster.gdal(f"{path} cannot be written: "):
            from rasterio.shutil import copy

            if header.overviews:
                copy(strips, temporary, driver="COG", COMPRESS="DEFLATE", PREDICTOR="YES", BIGTIFF="IF_SAFER")
            else:
                tiles = {"TILED": True, "BLOCKXSIZE": TILE, "BLOCKYSIZE": TILE, "INTERLEAVE": "PIXEL"}
                copy(strips, temporary, driver="GTiff", COMPRESS="DEFLATE", PREDICTOR=predictor, **tiles, **COMMON)


KIND = Kind("GeoTIFF", (".tif", ".tiff"), _open, _create, copies=2)
