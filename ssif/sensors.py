"""Sensors by name: the wavelengths that their channels see, and the HR-MSI that they would take (paper A.5).

A sensor is given by intervals, by a table of weights on certain bands, or by measured responses, either those of the package
pyrsr or a CSV of the user's. docs/sensors.md says where the numbers come from.
"""

from pathlib import Path

import numpy as np

from ssif import channels
from ssif.bands import Bands, coverage, overlap_matrix
from ssif.channels import Channel
from ssif.errors import UserError, choose

# Edges in nm, in the order of the channels: nominal for IKONOS and WorldView-2, at half maximum for the rest.
INTERVALS = {
    "ikonos": {"red": (632, 698), "green": (506, 595), "blue": (445, 516), "NIR": (757, 853)},
    "quickbird": {"blue": (447, 511), "green": (499, 594), "red": (621, 687), "NIR": (756, 873)},
    "worldview-2": {
        "coastal": (400, 450), "blue": (450, 510), "green": (510, 580), "yellow": (585, 625), "red": (630, 690),
        "red edge": (705, 745), "NIR1": (770, 895), "NIR2": (860, 1040),
    },
    "worldview-3": {
        "coastal": (403, 449), "blue": (452, 510), "green": (511, 579), "yellow": (585, 623), "red": (631, 689),
        "red edge": (704, 742), "NIR1": (771, 891), "NIR2": (863, 948),
    },
}  # fmt: skip

# Nikon D700 on CAVE's 31 bands, 400 to 700 nm: integer weights, which are divided by the sum of their row (255, 203, 251).
_NIKON_D700 = {
    "red": "2 1 1 1 1 1 0 0 0 0 0 0 0 0 0 0 2 6 11 17 21 22 21 20 20 19 19 18 18 17 17",
    "green": "1 1 1 1 1 1 2 4 6 8 11 16 19 21 20 18 16 14 11 7 5 3 2 2 1 1 2 2 2 2 2",
    "blue": "7 10 15 19 25 29 30 29 27 22 16 9 2 0 0 0 0 0 0 0 1 1 1 1 1 1 1 1 1 1 1",
}
_CAVE = Bands.from_centres(np.arange(400, 701, 10), 10)

# The names of satellite and instrument in pyrsr.
MEASURED = {
    "sentinel-2a": ("Sentinel-2A", "MSI"),
    "sentinel-2b": ("Sentinel-2B", "MSI"),
    "landsat-7": ("Landsat-7", "ETM+"),
    "landsat-8": ("Landsat-8", "OLI_TIRS"),
    "landsat-9": ("Landsat-9", "OLI_TIRS"),
}

# Name -> origin of the numbers.
SENSORS = {
    "nikon-d700": "weights on CAVE's 31 bands, at half maximum",
    "ikonos": "nominal edges",
    "quickbird": "published, at half maximum",
    "worldview-2": "nominal edges",
    "worldview-3": "published, at half maximum",
} | dict.fromkeys(MEASURED, "measured responses in pyrsr, at half maximum")

COVERED = 0.99  # share of a sensor's band that the bands of a cube must cover


def sensor_bands(name: str) -> tuple[Bands, list[str]]:
    """The interval in nm that each channel of a sensor sees, and the names of the channels.

    name: one of SENSORS, or the path of a CSV of responses (`ssif.channels.read`), whose intervals end at half maximum.
    Raises UserError for an unknown sensor, and if a sensor needs pyrsr and it is not installed.
    """
    if name in INTERVALS:
        return Bands(list(INTERVALS[name].values())), list(INTERVALS[name])
    found = _channels(name)
    return Bands([channel.half_maximum() for channel in found]), [channel.name for channel in found]


def msi_matrix(sensor: str, bands: Bands) -> np.ndarray:
    """Weights [c, C] from a spectrum on `bands` to the c channels of `sensor` (as in `sensor_bands`); rows sum to 1.

    Intervals weigh bands by overlap, responses by their value at the centres of `bands`; nikon-d700 has a table on CAVE's
    bands only. Raises UserError for an unknown sensor, for other bands than the table's, and for a channel without response
    on `bands`.
    """
    if sensor in INTERVALS:
        return overlap_matrix(bands, sensor_bands(sensor)[0])
    if sensor == "nikon-d700" and bands != _CAVE:
        raise UserError(f"nikon-d700 is tabulated on 31 bands, 400-700 nm in steps of 10; the data has {bands}")
    return channels.weights_on(_channels(sensor), bands, sensor)


def covered(source: Bands, sensor: str) -> tuple[Bands, list[str], list[str]]:
    """The bands of a sensor that `source` covers, their names, and the names of the remaining bands.

    Raises UserError if it covers none.
    """
    bands, names = sensor_bands(sensor)
    inside = coverage(source, bands) >= COVERED
    if not inside.any():
        raise UserError(f"no band of {sensor} lies inside {source}")
    split = {flag: [name for name, flagged in zip(names, inside) if flagged == flag] for flag in (True, False)}
    return Bands(bands.edges[inside]), split[True], split[False]


def catalogue() -> str:
    """One line per sensor: name, number of channels, wavelengths and origin."""
    lines = []
    for name, origin in SENSORS.items():
        try:
            bands, names = sensor_bands(name)
            facts = f"{len(names):>2} channels  {bands.edges.min():>5.0f}-{bands.edges.max():.0f} nm"
        except UserError as error:
            facts, origin = "", str(error)
        lines.append(f"{name:<12} {facts:<26} {origin}")
    return "\n".join(lines)


def _channels(sensor: str) -> list[Channel]:
    if sensor.endswith(".csv"):
        return channels.read(Path(sensor))
    choose("sensor", sensor, SENSORS)
    if sensor == "nikon-d700":
        return [Channel(name, _CAVE.centres, np.array(row.split(), dtype=float)) for name, row in _NIKON_D700.items()]
    try:
        from pyrsr.rsr import RSR_reader
    except ImportError:
        raise UserError(f"{sensor} needs the package pyrsr: pip install ssif-bench[sensors]") from None
    tables = RSR_reader(*MEASURED[sensor], no_thermal=True, no_pan=True)
    # Some tables of pyrsr are in micrometres.
    unit = {name: 1000 if table[-1, 0] < 100 else 1 for name, table in tables.items()}
    return [Channel(f"B{name}", table[:, 0] * unit[name], table[:, 1]) for name, table in tables.items()]
