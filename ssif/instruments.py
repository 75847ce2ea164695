"""The numbers of the sensors that have a name. docs/sensors.md says where they come from."""

from functools import cache
from pathlib import Path

import numpy as np

from ssif import channels
from ssif.bands import Bands
from ssif.channels import Channel, Sensor
from ssif.errors import UserError, choose

CAVE = Bands.from_centres(np.arange(400, 701, 10), 10)

# The names of satellite and instrument in the package pyrsr.
MEASURED = {
    "sentinel-2a": ("Sentinel-2A", "MSI"),
    "sentinel-2b": ("Sentinel-2B", "MSI"),
    "landsat-7": ("Landsat-7", "ETM+"),
    "landsat-8": ("Landsat-8", "OLI_TIRS"),
    "landsat-9": ("Landsat-9", "OLI_TIRS"),
}

# For each detector: centres of the first and the last band in nm, number of bands, and their width.
EVENLY_SPACED = {
    "prisma": [(404.6, 1005.4, 66, 12), (924.6, 2500.4, 173, 12)],
    "emit": [(381.0, 2492.9, 285, 8.5)],
    "desis": [(402.0, 1000.0, 235, 3.5)],
    "hyperion": [(355.6, 1057.7, 70, 10.9), (851.9, 2577.1, 172, 10.9)],
    "pace-oci": [
        (342.5, 887.5, 110, 5), (940, 940, 1, 45), (1038, 1038, 1, 75), (1250, 1250, 1, 30), (1378, 1378, 1, 15), (1615, 1615, 1, 75),
        (2130, 2130, 1, 50), (2260, 2260, 1, 75),
    ],
}  # fmt: skip
# Intervals and centres in nm, in the order of the channels, and the integer weights of the Nikon D700 on CAVE's bands.
TABLES = Path(__file__).with_name("sensor_tables")

# Name -> origin of the numbers.
SENSORS = {
    "nikon-d700": "weights on CAVE's 31 bands, at half maximum",
    "ikonos": "nominal edges",
    "quickbird": "published, at half maximum",
    "worldview-2": "nominal edges",
    "worldview-3": "published, at half maximum",
    **dict.fromkeys(MEASURED, "measured responses in pyrsr, at half maximum"),
    "enmap": "centres and widths of an L2A product",
    "aviris": "centres of a calibration, widths by the steps between them",
    **dict.fromkeys(EVENLY_SPACED, "nominal: evenly spaced in the published range"),
}


@cache
def named_sensor(name: str) -> Sensor:
    """A sensor of SENSORS. Raises UserError for an unknown one, and if it needs pyrsr and that is not installed."""
    choose("sensor", name, SENSORS)
    if name in EVENLY_SPACED:
        detectors = [(np.linspace(first, last, n), width) for first, last, n, width in EVENLY_SPACED[name]]
        edges = np.concatenate([Bands.from_centres(centres, width).edges for centres, width in detectors])
        return Sensor(tuple(f"B{i}" for i in range(1, len(edges) + 1)), Bands(edges))
    if (TABLES / f"{name}.csv").exists():
        return channels.read(TABLES / f"{name}.csv")
    try:
        from pyrsr.rsr import RSR_reader
    except ImportError:
        raise UserError(f"{name} needs the package pyrsr: pip install ssif-bench[sensors]") from None
    tables = RSR_reader(*MEASURED[name], no_thermal=True, no_pan=True)
    # Some tables of pyrsr are in micrometres.
    unit = {channel: 1000 if table[-1, 0] < 100 else 1 for channel, table in tables.items()}
    return Sensor.of_responses(
        [Channel(f"B{channel}", table[:, 0] * unit[channel], table[:, 1]) for channel, table in tables.items()]
    )
