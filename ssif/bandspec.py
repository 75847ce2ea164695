"""Bands as a user writes them on a command line: a sensor, a CSV or a range (docs/sensors.md)."""

import math
from pathlib import Path

import numpy as np

from ssif.bands import Bands
from ssif.channels import read_lines
from ssif.errors import UserError, choose
from ssif.sensors import SENSORS, sensor_bands

MOST = 10_000  # bands of a range; more can only be a slip


def parse_bands(spec: str) -> tuple[Bands, list[str]]:
    """Bands and their names from one of

    - the name of a sensor (`ssif.sensors.SENSORS`);
    - FILE.csv with the columns `start` and `end` in nm and, if wanted, `name`: a row a band;
    - FILE.csv with any other header: response curves (`ssif.channels.read`);
    - START:STOP:COUNT in nm: COUNT equal intervals that lie side by side.

    Bands without a name are called after their interval. Raises UserError for anything else.
    """
    if spec.endswith(".csv"):
        header, *rows = read_lines(Path(spec))
        columns = [name.strip().lower() for name in header.split(",")]
        return _intervals(spec, columns, rows) if {"start", "end"} <= set(columns) else sensor_bands(spec)
    if ":" in spec:
        return _range(spec)
    return sensor_bands(choose("bands (a sensor, FILE.csv or START:STOP:COUNT in nm)", spec, SENSORS))


def table(bands: Bands, names: list[str]) -> str:
    """A line a band: index, name, start, end, centre and width in nm."""
    wide = max(map(len, [*names, "name"]))
    lines = [f"{'':>4}  {'name':<{wide}}  {'start':>8} {'end':>8} {'centre':>8} {'width':>8}  nm"]
    for index, (name, edges, centre, width) in enumerate(zip(names, bands.edges, bands.centres, bands.widths)):
        numbers = " ".join(f"{value:8.2f}" for value in (*edges, centre, width))
        lines.append(f"{index:>4}  {name:<{wide}}  {numbers}")
    return "\n".join(lines)


def _range(spec: str) -> tuple[Bands, list[str]]:
    try:
        start, stop, count = (kind(part) for kind, part in zip((float, float, int), spec.split(":"), strict=True))
    except ValueError:
        raise UserError(f"{spec!r} is not START:STOP:COUNT, two wavelengths in nm and a whole number") from None
    if not 0 < start < stop < math.inf:
        raise UserError(f"{spec!r}: want 0 < START < STOP in nm")
    if not 1 <= count <= MOST:
        raise UserError(f"{spec!r}: want a COUNT from 1 to {MOST}")
    cuts = np.linspace(start, stop, count + 1)
    return _named(Bands(np.stack([cuts[:-1], cuts[1:]], axis=-1)))


def _intervals(path: str, columns: list[str], rows: list[str]) -> tuple[Bands, list[str]]:
    edges, names = [], []
    for number, row in enumerate(rows, 2):
        if not row.strip():
            continue
        try:
            fields = dict(zip(columns, row.split(","), strict=True))
            edges.append([float(fields["start"]), float(fields["end"])])
        except ValueError:
            raise UserError(
                f"{path}, line {number}: want {', '.join(columns)} with numbers in nm, got {row!r}"
            ) from None
        names.append(fields.get("name", "").strip())
    bands, default = _named(Bands(edges))
    return bands, [name or other for name, other in zip(names, default)]


def _named(bands: Bands) -> tuple[Bands, list[str]]:
    return bands, [f"{start:g}-{end:g}" for start, end in bands.edges]
