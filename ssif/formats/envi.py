"""ENVI: a header (.hdr) beside raw data in any interleave and byte order."""

import re
from contextlib import contextmanager
from pathlib import Path

from ssif.errors import UserError
from ssif.formats import raster
from ssif.formats.header import Header, Image, Kind
from ssif.formats.wavelengths import read_axis, written
from ssif.io import whole_files

LONGEST = 2**24  # bytes of a header
# Fields that stay true of a prediction.
FACTS = (
    "sensor type",
    "acquisition time",
    "sun azimuth",
    "sun elevation",
    "cloud cover",
    "security tag",
    "product type",
)
DATA = (".img", ".dat", ".bsq", ".bil", ".bip", ".raw", "")


def header_of(path: Path) -> Path | None:
    """The header beside an ENVI data file, or None."""
    found = [
        candidate
        for suffix in (".hdr", ".HDR")
        for candidate in (path.with_suffix(suffix), path.with_name(path.name + suffix))
    ]
    return next((header for header in found if header.is_file()), None)


def _data_of(header: Path) -> Path:
    """The data file beside a header."""
    stem = header.with_suffix("")
    suffixes = [spelling for suffix in DATA for spelling in (suffix, suffix.upper())]
    found = [path for path in (stem.with_name(stem.name + suffix) for suffix in suffixes) if path.is_file()]
    if not found:
        raise UserError(f"no data file beside it; looked for {stem.name} with {', '.join(DATA[:-1])} or nothing")
    return found[0]


def _read(path: Path) -> list[Path]:
    data = _data_of(path) if path.suffix.lower() == ".hdr" else path
    its_header = header_of(data)
    if its_header is None:
        raise UserError(f"its ENVI header {data.with_suffix('.hdr').name} is missing")
    return [data, its_header]


def _open(path: Path, key: str | None) -> Image:
    data, its_header = _read(path)
    fields = _fields(its_header)

    def describe(source) -> Header:
        header = _header(source, fields)
        _check_size(data, fields, header)
        return header

    return raster.open_raster(data, "ENVI", describe)


def _fields(header: Path) -> dict[str, str]:
    """Name in small letters -> text, in braces where it is a list. Read here, because GDAL leaves out long lists in silence."""
    with open(header, "rb") as stream:
        if not stream.read(4).startswith(b"ENVI"):
            raise UserError(f"{header.name} is no ENVI header: it does not begin with ENVI")
        try:
            text = stream.read(LONGEST).decode()
        except UnicodeDecodeError:
            raise UserError(f"{header.name} is not text in UTF-8") from None
        if stream.read(1):
            raise UserError(f"{header.name} is no ENVI header: it has more than {LONGEST >> 20} MiB")
    found, name, parts = {}, "", []
    for line in text.splitlines():
        if line.startswith(";"):
            continue
        if not parts:
            name, equals, line = line.partition("=")
            if not equals:
                continue
        parts.append(line.strip())
        # A list may go on for many lines.
        if not parts[0].startswith("{") or "}" in line:
            found[" ".join(name.lower().split())] = " ".join(parts)
            parts = []
    if parts:
        raise UserError(f"{header.name} is torn: the list of {name.strip()} has no end")
    return found


def _header(source, fields: dict[str, str]) -> Header:
    bands, unit, notes = None, "nm", ()
    if "wavelength" in fields:
        widths = _list(fields["fwhm"]) if "fwhm" in fields else None
        bands, unit, notes = read_axis(_list(fields["wavelength"]), widths, fields.get("wavelength units"))
    names = tuple(_list(fields.get("band names", "")))
    good = tuple(flag != 0 for flag in _numbers(fields, "bbl"))
    return Header(
        **raster.basics(source),
        bands=bands,
        names=() if names == tuple(f"Band {i}" for i in source.indexes) else names,
        good=() if all(good) else good,
        unit=unit,
        nodata=_numbers(fields, "data ignore value")[0] if fields.get("data ignore value") else None,
        provenance=_text(fields.get("description", "")),
        facts={name: _text(fields[name]) for name in FACTS if name in fields},
        notes=notes,
        **_scale(fields),
    )


def _scale(fields: dict[str, str]) -> dict:
    """Scale and offset, from gains and offsets or from the factor by which reflectance was multiplied."""
    gains, offsets = _numbers(fields, "data gain values"), _numbers(fields, "data offset values")
    factor = _numbers(fields, "reflectance scale factor")
    if gains and factor and any(abs(gain * factor[0] - 1) > 1e-6 for gain in gains):
        raise UserError(f"gain values {gains[:3]} and reflectance scale factor {factor[0]:g} disagree")
    if not gains and not offsets and not factor:
        return {}
    if factor and not factor[0] > 0:
        raise UserError(f"a reflectance scale factor is positive, got {factor[0]:g}")
    return {
        "scale": raster.one(gains) if gains else 1 / factor[0] if factor else 1.0,
        "offset": raster.one(offsets or [0.0]),
    }


def _check_size(data: Path, fields: dict[str, str], header: Header) -> None:
    if fields.get("file compression", "0") != "0":
        # GDAL unpacks gzip; how long the data are is known when they are read.
        return
    wanted = int((_numbers(fields, "header offset") or [0])[0]) + header.nbytes
    if data.stat().st_size != wanted:
        raise UserError(
            f"the header's {header.height} x {header.width} x {header.count} values of {header.dtype} make {wanted} bytes,"
            f" the file has {data.stat().st_size}"
        )


def _list(text: str) -> list[str]:
    return [item for item in re.split(r"\s*,\s*", _text(text)) if item]


def _text(braced: str) -> str:
    return " ".join(braced.strip().strip("{}").split())


def _numbers(fields: dict[str, str], name: str) -> list[float]:
    try:
        return [float(item) for item in _list(fields.get(name, ""))]
    except ValueError:
        raise UserError(f"{name} are not numbers: {fields[name][:80]}") from None


def _written(path: Path) -> list[Path]:
    data = path.with_suffix(".img") if path.suffix.lower() == ".hdr" else path
    return [data, data.with_suffix(".hdr")]


@contextmanager
def _create(path: Path, header: Header):
    data, its_header = _written(path)
    interleave = {".bsq": "bsq", ".bil": "bil"}.get(data.suffix.lower(), "bip")

    def describe(target) -> None:
        tags = {}
        if header.bands is not None:
            centres, widths = written(header.bands, header.unit)
            unit = {"nm": "Nanometers", "µm": "Micrometers"}[header.unit]
            tags |= {"wavelength": _braced(centres), "fwhm": _braced(widths), "wavelength_units": unit}
        tags |= {name.replace(" ", "_"): re.sub(r"[{}\n]", "", text) for name, text in header.facts.items()}
        if header.names:
            target.descriptions = [re.sub(r"[{},\s]+", " ", name) for name in header.names]
        if header.good:
            tags["bbl"] = _braced(map(int, header.good))
        if header.scale is not None:
            target.scales, target.offsets = [header.scale] * header.count, [header.offset] * header.count
            # Many programs know this field alone.
            if header.scale > 0 and header.offset == 0:
                tags["reflectance_scale_factor"] = 1 / header.scale
        target.update_tags(ns="ENVI", **tags)

    with whole_files(data) as folder:
        with raster.created(folder / data.name, header, "ENVI", describe, interleave=interleave) as write:
            yield write
        # GDAL puts the path of the file here, whatever it is told.
        text = folder / its_header.name
        description = "description = {" + re.sub(r"[{}]", "", header.provenance) + "}"
        written_by_gdal = re.compile(r"description = \{.*?\}(?=\nsamples)", re.DOTALL)
        text.write_text(written_by_gdal.sub(lambda _: description, text.read_text("utf-8"), count=1), "utf-8")


def _braced(items) -> str:
    return "{" + ", ".join(map(str, items)) + "}"


KIND = Kind("ENVI", (".hdr", ".img", ".dat", ".bsq", ".bil", ".bip"), _open, _create, _written, _read)
