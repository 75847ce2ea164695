"""ENVI: a header (.hdr) beside raw data in any interleave and byte order.

GDAL reads and writes the pixels, but the fields of a header are read here. GDAL (3.10) silently drops a line of 10,000 letters
and all fields after it, such as the scale of 500 bands. `spectral` (0.25) decodes a header by the locale of the machine, reads
it whole at any size, keeps double spaces in names, and does not see the end of a list with text after the brace.
"""

import re
from contextlib import contextmanager
from pathlib import Path

from ssif.errors import UserError
from ssif.formats import raster
from ssif.formats.header import Header, Image, Kind, one
from ssif.formats.wavelengths import read_axis, written
from ssif.io import whole_files

LONGEST = 2**24  # bytes of a header
COMMENT = re.compile("^;.*\n?", re.MULTILINE)
# A name and its text; the text of a list may go on for many lines.
FIELD = re.compile(r"^([^=\n]*)=[ \t]*(\{[^}]*\}?|.*)", re.MULTILINE)
# Fields that stay true of a prediction.
FACTS = (
    "sensor type", "acquisition time", "sun azimuth", "sun elevation", "cloud cover", "security tag", "product type",
)  # fmt: skip
DATA = (".img", ".dat", ".bsq", ".bil", ".bip", ".raw", "")


def header_of(path: Path) -> Path | None:
    """The header beside an ENVI data file, or None."""
    names = [name for end in (".hdr", ".HDR") for name in (path.with_suffix(end), path.with_name(path.name + end))]
    return next((name for name in names if name.is_file()), None)


def _data_of(header: Path) -> Path:
    """The data file beside a header."""
    stem = header.with_suffix("")
    for suffix in (spelling for known in DATA for spelling in (known, known.upper())):
        if (data := stem.with_name(stem.name + suffix)).is_file():
            return data
    raise UserError(f"there is no data file beside it; looked for {stem.name} with {', '.join(DATA[:-1])} or no suffix")


def _read(path: Path, key: str | None = None) -> list[Path]:
    data = _data_of(path) if path.suffix.lower() == ".hdr" else path
    header = header_of(data)
    if header is None:
        raise UserError(f"the ENVI header {data.with_suffix('.hdr').name} is missing")
    return [data, header]


def _open(path: Path, key: str | None) -> Image:
    data, hdr = _read(path)
    fields = _fields(hdr)

    def describe(source) -> Header:
        header = _header(source, fields)
        _check_size(data, fields, header)
        return header

    return raster.open_raster(data, "ENVI", describe)


def _fields(header: Path) -> dict[str, str]:
    """Name in small letters -> text; a list is in braces."""
    if header.stat().st_size > LONGEST:
        raise UserError(f"{header.name} is not an ENVI header: it has more than {LONGEST >> 20} MiB")
    try:
        text = header.read_text("utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{header.name} is not text in UTF-8") from None
    if not text.startswith("ENVI"):
        raise UserError(f"{header.name} is not an ENVI header: it does not begin with ENVI")
    found = {" ".join(name.lower().split()): value.strip() for name, value in FIELD.findall(COMMENT.sub("", text))}
    if torn := [name for name, value in found.items() if value.startswith("{") and not value.endswith("}")]:
        raise UserError(f"{header.name} is torn: the list of {torn[0]} has no end")
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
        nodata=next(iter(_numbers(fields, "data ignore value")), None),
        provenance=_text(fields.get("description", "")),
        facts={name: _text(fields[name]) for name in FACTS if name in fields},
        notes=notes,
        **_scale(fields),
    )


def _scale(fields: dict[str, str]) -> dict:
    """Scale and offset, from gains and offsets or from the factor by which reflectance was multiplied."""
    gains, offsets = _numbers(fields, "data gain values"), _numbers(fields, "data offset values")
    factor = _numbers(fields, "reflectance scale factor")[:1]
    if factor and not factor[0] > 0:
        raise UserError(f"the reflectance scale factor must be positive, got {factor[0]:g}")
    if factor and any(abs(gain * factor[0] - 1) > 1e-6 for gain in gains):
        raise UserError(f"gain values {gains[:3]} and reflectance scale factor {factor[0]:g} disagree")
    gains = gains or [1 / value for value in factor]
    return {"scale": one(gains or [1.0]), "offset": one(offsets or [0.0])} if gains or offsets else {}


def _check_size(data: Path, fields: dict[str, str], header: Header) -> None:
    if fields.get("file compression", "0") != "0":
        # GDAL unpacks gzip, and only then is the length of the data known.
        return
    wanted = header.nbytes + int(sum(_numbers(fields, "header offset")))
    if data.stat().st_size != wanted:
        raise UserError(
            f"the header's {header.height} x {header.width} x {header.count} values of {header.dtype} make {wanted} bytes,"
            f" but the file has {data.stat().st_size}"
        )


def _list(text: str) -> list[str]:
    return [item for item in re.split(r"\s*,\s*", _text(text)) if item]


def _text(braced: str) -> str:
    return " ".join(braced.strip("{}").split())


def _numbers(fields: dict[str, str], name: str) -> list[float]:
    try:
        return [float(item) for item in _list(fields.get(name, ""))]
    except ValueError:
        raise UserError(f"the {name} are not numbers: {fields[name][:80]}") from None


def _written(path: Path) -> list[Path]:
    data = path.with_suffix(".img") if path.suffix.lower() == ".hdr" else path
    return [data, data.with_suffix(".hdr")]


@contextmanager
def _create(path: Path, header: Header):
    data, hdr = _written(path)
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
        # GDAL always writes the path of the file as the description.
        made = folder / hdr.name
        _, fields = re.split(r"(?<=\})\n(?=samples)", made.read_text("utf-8"), maxsplit=1)
        description = re.sub("[{}]", "", header.provenance)
        made.write_text(f"ENVI\ndescription = {{{description}}}\n{fields}", "utf-8")


def _braced(items) -> str:
    return "{" + ", ".join(map(str, items)) + "}"


KIND = Kind("ENVI", (".hdr", ".img", ".dat", ".bsq", ".bil", ".bip"), _open, _create, _written, _read)
