"""Bands as a user writes them (`ssif predict --bands SPEC`): a sensor, a CSV, or START:STOP:COUNT."""

import csv
from pathlib import Path

import numpy as np

from ssif.bands import Bands
from ssif.errors import UserError
from ssif.sensors import SENSORS, sensor_bands

FORMS = "a sensor (ssif sensors), a CSV of intervals or of responses, or START:STOP:COUNT in nm"


def parse_bands(spec: str) -> tuple[Bands, list[str]]:
    """Bands in nm, and their names where they have any.

    A CSV whose header has `start` and `end` (nm, with `name` if wanted) holds intervals, any other a sensor's responses
    (`ssif.sensors.msi_matrix`). START:STOP:COUNT is COUNT equal intervals side by side. Raises UserError, one line, for
    anything else.
    """
    if spec in SENSORS:
        return sensor_bands(spec)
    if spec.lower().endswith(".csv"):
        return _csv(Path(spec))
    if spec.count(":") == 2:
        return _range(spec), []
    raise UserError(f"{spec!r} is no bands: want {FORMS}; known sensors: {', '.join(SENSORS)}")


def listed(bands: Bands, names: list[str]) -> str:
    """A line for each band (`ssif bands`)."""
    width = max([4, *map(len, names)])
    lines = [f"band {'name':<{width}} {'start':>9} {'end':>9} {'centre':>9} {'width':>9}  nm"]
    for i, ((start, end), name) in enumerate(zip(bands.edges, names or [""] * len(bands)), start=1):
        lines.append(f"{i:>4} {name:<{width}} {start:>9.2f} {end:>9.2f} {(start + end) / 2:>9.2f} {end - start:>9.2f}")
    return "\n".join(lines)


def _range(spec: str) -> Bands:
    try:
        start, stop, count = (float(part) for part in spec.split(":"))
    except ValueError:
        raise UserError(f"{spec!r}: START, STOP and COUNT are numbers") from None
    if not (np.isfinite([start, stop, count]).all() and start < stop and count >= 1 and count == int(count)):
        raise UserError(f"{spec!r}: want START below STOP in nm and a whole COUNT of at least 1")
    if count > 10_000:
        raise UserError(f"{spec!r}: at most 10000 bands")
    edges = np.linspace(start, stop, int(count) + 1)
    return Bands(np.stack([edges[:-1], edges[1:]], axis=-1))


def _csv(path: Path) -> tuple[Bands, list[str]]:
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file, skipinitialspace=True)
            header = [name.strip() for name in rows.fieldnames or []]
            if not {"start", "end"} <= set(header):
                return sensor_bands(str(path))
            rows.fieldnames = header
            found = list(rows)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"cannot read bands from {path}: {error}") from None
    try:
        bands = Bands([[float(row["start"]), float(row["end"])] for row in found])
    except (TypeError, ValueError) as error:
        raise UserError(f"{path}: {error}") from None
    return bands, [(row["name"] or "").strip() for row in found] if "name" in header else []
