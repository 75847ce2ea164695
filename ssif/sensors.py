"""Sensors and other bands as a user writes them, and the HR-MSI that a sensor would take (paper A.5; docs/sensors.md)."""

import math
import re
from pathlib import Path

import numpy as np

from ssif import channels
from ssif.bands import Bands, coverage
from ssif.channels import Sensor, interval_names
from ssif.errors import UserError, choose
from ssif.instruments import CAVE, SENSORS, named_sensor

COVERED = 0.99  # share of a sensor's band that the bands of a cube must cover
MOST = 10_000  # bands of a range; more can only be a slip


def parse_sensor(spec: str) -> Sensor:
    """Channels from one of

    - the name of a sensor (`ssif.instruments.SENSORS`);
    - FILE.csv with intervals or response curves (`ssif.channels.read`);
    - either of them, a colon and some of its channels (`Sensor.only`): sentinel-2a:B2,B3,B4,B8 or landsat-8:2-5;
    - START:STOP:COUNT in nm: COUNT equal intervals that lie side by side.

    Bands without a name are called after their interval. Raises UserError for anything else.
    """
    if re.match(r"[\d.:-]", spec) and csv_of(spec) is None:
        return _range(spec)
    base, wanted = split_spec(spec)
    if _is_csv(base):
        sensor = channels.read(Path(base))
    else:
        sensor = named_sensor(choose("bands (a sensor, FILE.csv or START:STOP:COUNT in nm)", base, SENSORS))
    return sensor if wanted is None else sensor.only(wanted)


def split_spec(spec: str) -> tuple[str, str | None]:
    """The sensor or the file that a spec begins with, and the channels that it names after the colon, None for all."""
    base, colon, wanted = spec.rpartition(":")
    return (spec, None) if not colon or _is_csv(spec) else (base, wanted)


def _is_csv(spec: str) -> bool:
    return spec.lower().endswith(".csv")


def csv_of(spec: str) -> Path | None:
    """The file that a spec begins with, None if it begins with a sensor."""
    base, _ = split_spec(spec)
    return Path(base) if _is_csv(base) else None


def parse_bands(spec: str) -> tuple[Bands, list[str]]:
    """The bands and the names of `parse_sensor`."""
    sensor = parse_sensor(spec)
    return sensor.bands, list(sensor.names)


def _range(spec: str) -> Sensor:
    try:
        start, stop, count = (kind(part) for kind, part in zip((float, float, int), spec.split(":"), strict=True))
    except ValueError:
        raise UserError(f"{spec!r} is not START:STOP:COUNT (two wavelengths in nm and a whole number)") from None
    if not 0 < start < stop < math.inf:
        raise UserError(f"{spec!r}: START must be above 0 and below STOP, in nm")
    if not 1 <= count <= MOST:
        raise UserError(f"{spec!r}: COUNT must be from 1 to {MOST}")
    cuts = np.linspace(start, stop, count + 1)
    bands = Bands(np.stack([cuts[:-1], cuts[1:]], axis=-1))
    return Sensor(tuple(interval_names(bands)), bands)


def msi_matrix(spec: str, bands: Bands) -> np.ndarray:
    """Weights [c, C] from a spectrum on `bands` to the c channels of a sensor (`Sensor.weights_on`); rows sum to 1.

    nikon-d700 has a table on CAVE's bands only. Raises UserError for an unknown sensor, for other bands than the table's, and for
    a channel without response on `bands`.
    """
    sensor = parse_sensor(spec)
    if split_spec(spec)[0] == "nikon-d700" and bands != CAVE:
        raise UserError(
            f"nikon-d700 is known only on 31 bands, 400-700 nm in steps of 10 nm, but the data have {bands}"
        )
    return sensor.weights_on(bands, spec)


def covered(source: Bands, spec: str) -> tuple[Bands, list[str], list[str]]:
    """The bands of a sensor that `source` covers, their names, and the names of the other bands.

    Raises UserError if `source` covers none.
    """
    bands, names = parse_bands(spec)
    inside = coverage(source, bands) >= COVERED
    if not inside.any():
        raise UserError(f"no band of {spec} lies inside {source}")
    names = np.array(names)
    return Bands(bands.edges[inside]), names[inside].tolist(), names[~inside].tolist()


def listing(sensor: Sensor) -> str:
    """A line a band: index, name, start, end, centre and width in nm."""
    wide, bands = max(map(len, [*sensor.names, "name"])), sensor.bands
    lines = [f"{'':>4}  {'name':<{wide}}  {'start':>8} {'end':>8} {'centre':>8} {'width':>8}  nm"]
    for index, (name, edges, centre, width) in enumerate(zip(sensor.names, bands.edges, bands.centres, bands.widths)):
        numbers = " ".join(f"{value:8.2f}" for value in (*edges, centre, width))
        lines.append(f"{index:>4}  {name:<{wide}}  {numbers}")
    return "\n".join(lines)


def catalogue() -> str:
    """One line per sensor: name, number of channels, wavelengths and origin."""
    lines = []
    for name, origin in SENSORS.items():
        try:
            sensor = named_sensor(name)
            edges = sensor.bands.edges
            facts = f"{len(sensor.names):>3} channels  {edges.min():>5.0f}-{edges.max():.0f} nm"
        except UserError as error:
            facts, origin = "", str(error)
        lines.append(f"{name:<12} {facts:<26} {origin}")
    return "\n".join(lines)
