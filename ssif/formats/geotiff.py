"""GeoTIFF, with wavelengths where GDAL keeps them: CENTRAL_WAVELENGTH_UM and FWHM_UM of each band."""

from contextlib import contextmanager
from pathlib import Path

from ssif.errors import UserError
from ssif.formats import raster
from ssif.formats.header import Header, Image, Kind
from ssif.formats.wavelengths import read_axis, written
from ssif.io import whole_file


def _open(path: Path, key: str | None) -> Image:
    return raster.open_raster(path, "GTiff", _header)


def _header(source) -> Header:
    bands, unit, notes = _axis(source)
    scaled = any(scale != 1 for scale in source.scales) or any(source.offsets)
    tags = source.tags()
    good = tuple(source.tags(i).get("good", "1") != "0" for i in source.indexes)
    return Header(
        **raster.basics(source),
        bands=bands,
        names=tuple(map(str, source.descriptions)) if all(source.descriptions) else (),
        good=() if all(good) else good,
        unit=unit,
        nodata=source.nodata,
        scale=raster.one(source.scales) if scaled else None,
        offset=raster.one(source.offsets) if scaled else 0.0,
        provenance=tags.get("provenance", ""),
        notes=notes,
    )


def _axis(source):
    """From the IMAGERY domain, else from `wavelength` tags of the bands, as older programs write them."""
    imagery = [source.tags(i, ns="IMAGERY") for i in source.indexes]
    plain = [source.tags(i) for i in source.indexes]
    for tags, centre, width, unit in (
        (imagery, "CENTRAL_WAVELENGTH_UM", "FWHM_UM", "micrometers"),
        (plain, "wavelength", "fwhm", plain[0].get("wavelength_units")),
    ):
        named = [centre in its for its in tags]
        if any(named):
            if not all(named):
                raise UserError(f"{named.count(False)} of {len(named)} bands have no wavelength")
            widths = [its[width] for its in tags] if all(width in its for its in tags) else None
            bands, unit, notes = read_axis([its[centre] for its in tags], widths, unit)
            return bands, source.tags().get("wavelength_units", unit), notes
    return None, "nm", ()


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

    # Strips, because rows come from top to bottom; BigTIFF where the file may pass 4 GiB.
    options = {"interleave": "pixel", "BIGTIFF": "IF_SAFER"}
    with whole_file(path) as temporary, raster.created(temporary, header, "GTiff", describe, **options) as write:
        yield write


KIND = Kind("GeoTIFF", (".tif", ".tiff"), _open, _create)
