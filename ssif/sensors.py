"""Sensors by name: the wavelengths that their channels see, and the HR-MSI that they would take (paper A.5).

A sensor is its intervals, a table of weights on a given set of bands, or measured responses: those of the package pyrsr, or a
CSV of the user's. docs/sensors.md says where the numbers come from.
"""

from pathlib import Path

import numpy as np

from ssif import curves
from ssif.bands import Bands, coverage, overlap_matrix
from ssif.curves import Curve
from ssif.errors import UserError, choose

_WORLDVIEW = ("coastal", "blue", "green", "yellow", "red", "red edge", "NIR1", "NIR2")
# Edges in nm, in the order of the channels: nominal of IKONOS and WorldView-2, at half maximum of the others.
INTERVALS = {
    "ikonos": {"red": (632, 698), "green": (506, 595), "blue": (445, 516), "NIR": (757, 853)},
    "quickbird": {"blue": (447, 511), "green": (499, 594), "red": (621, 687), "NIR": (756, 873)},
    "worldview-2": dict(
        zip(
            _WORLDVIEW,
            [(400, 450), (450, 510), (510, 580), (585, 625), (630, 690), (705, 745), (770, 895), (860, 1040)],
        )
    ),
    "worldview-3": dict(
        zip(
            _WORLDVIEW,
            [(403, 449), (452, 510), (511, 579), (585, 623), (631, 689), (704, 742), (771, 891), (863, 948)],
        )
    ),
}

# Nikon D700 on CAVE's 31 bands, 400 to 700 nm; integer weights, each row divided by its sum (255, 203, 251).
_NIKON_D700 = {
    "red": "2 1 1 1 1 1 0 0 0 0 0 0 0 0 0 0 2 6 11 17 21 22 21 20 20 19 19 18 18 17 17",
    "green": "1 1 1 1 1 1 2 4 6 8 11 16 19 21 20 18 16 14 11 7 5 3 2 2 1 1 2 2 2 2 2",
    "blue": "7 10 15 19 25 29 30 29 27 22 16 9 2 0 0 0 0 0 0 0 1 1 1 1 1 1 1 1 1 1 1",
}
_CAVE = Bands.from_centres(np.arange(400, 701, 10), 10)

# Satellite and instrument as pyrsr calls them.
MEASURED = {
    "sentinel-2a": ("Sentinel-2A", "MSI"),
    "sentinel-2b": ("Sentinel-2B", "MSI"),
    "landsat-7": ("Landsat-7", "ETM+"),
    "landsat-8": ("Landsat-8", "OLI_TIRS"),
    "landsat-9": ("Landsat-9", "OLI_TIRS"),
}

_PUBLISHED, _PYRSR = "published, at half maximum", "measured responses in pyrsr, at half maximum"
# Name -> where the numbers come from.
SENSORS = {
    "nikon-d700": "weights on CAVE's 31 bands, at half maximum",
    "ikonos": "nominal edges",
    "quickbird": _PUBLISHED,
    "worldview-2": "nominal edges",
    "worldview-3": _PUBLISHED,
} | dict.fromkeys(MEASURED, _PYRSR)


def sensor_bands(name: str) -> tuple[Bands, list[str]]:
    """The interval in nm that each channel of a sensor sees, and the channels' names.

    `name` is one of SENSORS or the path of a CSV of responses (`ssif.curves.read`), of which the intervals are those between
    the half maxima. Raises UserError for an unknown sensor and for one that needs pyrsr where that is not installed.
    """
    if name in INTERVALS:
        return Bands(list(INTERVALS[name].values())), list(INTERVALS[name])
    channels = _curves(name)
    return curves.intervals(channels), [curve.name for curve in channels]


def msi_matrix(sensor: str, bands: Bands) -> np.ndarray:
    """Weights [c, C] that turn a spectrum on `bands` into the c channels of `sensor`; rows sum to 1.

    `sensor` as in `sensor_bands`. Intervals weigh by overlap, responses by their value at the centres of `bands`, and
    nikon-d700 has its table, on CAVE's bands alone. Raises UserError for an unknown sensor, bands it does not fit and a
    channel without response on `bands`.
    """
    if sensor in INTERVALS:
        return overlap_matrix(bands, sensor_bands(sensor)[0])
    if sensor == "nikon-d700" and bands != _CAVE:
        raise UserError(f"nikon-d700 is tabulated on 31 bands, 400-700 nm in steps of 10; the data has {bands}")
    return curves.sampled(_curves(sensor), bands, sensor)


def catalogue() -> str:
    """A line a sensor: its name, number of channels, wavelengths and where they come from."""
    lines = []
    for name, origin in SENSORS.items():
        try:
            bands, names = sensor_bands(name)
            facts = f"{len(names):>2} channels  {bands.edges.min():>5.0f}-{bands.edges.max():.0f} nm"
        except UserError as error:
            facts, origin = "", str(error)
        lines.append(f"{name:<12} {facts:<26} {origin}")
    return "\n".join(lines)


def _curves(sensor: str) -> list[Curve]:
    if sensor.endswith(".csv"):
        return curves.read(Path(sensor))
    choose("sensor", sensor, SENSORS)
    if sensor == "nikon-d700":
        return [Curve(name, _CAVE.centres, np.array(row.split(), dtype=float)) for name, row in _NIKON_D700.items()]
    return _from_pyrsr(sensor)


def _from_pyrsr(sensor: str) -> list[Curve]:
    """The reflective channels; thermal and panchromatic ones are left out."""
    try:
        from pyrsr.rsr import RSR_reader
    except ImportError:
        raise UserError(f"{sensor} needs the package pyrsr: pip install ssif-bench[sensors]") from None
    tables = RSR_reader(*MEASURED[sensor], no_thermal=True, no_pan=True)
    # Some of its tables are in micrometres.
    unit = {name: 1000 if table[-1, 0] < 100 else 1 for name, table in tables.items()}
    return [Curve(f"B{name}", table[:, 0] * unit[name], table[:, 1]) for name, table in tables.items()]


COVERED = 0.99  # of a sensor's band, by bands of the cube


def covered(source: Bands, sensor: str) -> tuple[Bands, list[str], list[str]]:
    """The bands of a sensor that `source` covers, their names, and the names of the others.

    Raises UserError where it covers none.
    """
    bands, names = sensor_bands(sensor)
    inside = coverage(source, bands) >= COVERED
    if not inside.any():
        raise UserError(f"no band of {sensor} lies inside {source}")
    split = {flag: [name for name, flagged in zip(names, inside) if flagged == flag] for flag in (True, False)}
    return Bands(bands.edges[inside]), split[True], split[False]
