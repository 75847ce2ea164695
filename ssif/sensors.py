"""Sensors: the bands of each by name, and the matrix by which one simulates the HR-MSI from a cube (paper A.5).

A sensor is its intervals, a table of weights on CAVE's bands, or measured responses, from the package pyrsr or a CSV.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ssif.bands import Bands, overlap_matrix
from ssif.errors import UserError, choose

# Edges in nm, in the order of the channels. IKONOS and WorldView-2: nominal; the others: at half maximum.
INTERVALS = {
    "ikonos": {"red": [632, 698], "green": [506, 595], "blue": [445, 516], "nir": [757, 853]},
    "quickbird": {"blue": [447, 511], "green": [499, 594], "red": [621, 687], "nir": [756, 873]},
    "worldview-2": {
        "coastal": [400, 450], "blue": [450, 510], "green": [510, 580], "yellow": [585, 625],
        "red": [630, 690], "red edge": [705, 745], "nir1": [770, 895], "nir2": [860, 1040],
    },
    "worldview-3": {
        "coastal": [403, 449], "blue": [452, 510], "green": [511, 579], "yellow": [585, 623],
        "red": [631, 689], "red edge": [704, 742], "nir1": [771, 891], "nir2": [863, 948],
    },
}  # fmt: skip

# Sensors of which pyrsr has measured responses: satellite and instrument there. Without thermal and panchromatic bands.
MEASURED = {
    "landsat-7": ("Landsat-7", "ETM+"),
    "landsat-8": ("Landsat-8", "OLI_TIRS"),
    "landsat-9": ("Landsat-9", "OLI_TIRS"),
    "sentinel-2a": ("Sentinel-2A", "MSI"),
    "sentinel-2b": ("Sentinel-2B", "MSI"),
}

# Nikon D700 on CAVE's 31 bands, 400 to 700 nm; integer weights, each row divided by its sum (255, 203, 251).
_NIKON_D700 = {
    "red": "2 1 1 1 1 1 0 0 0 0 0 0 0 0 0 0 2 6 11 17 21 22 21 20 20 19 19 18 18 17 17",
    "green": "1 1 1 1 1 1 2 4 6 8 11 16 19 21 20 18 16 14 11 7 5 3 2 2 1 1 2 2 2 2 2",
    "blue": "7 10 15 19 25 29 30 29 27 22 16 9 2 0 0 0 0 0 0 0 1 1 1 1 1 1 1 1 1 1 1",
}
_NIKON_BANDS = Bands.from_centres(np.arange(400, 701, 10), 10)

SENSORS = ("nikon-d700", *INTERVALS, *MEASURED)


@dataclass(frozen=True)
class Response:
    """Relative responses [c, n] of the channels `names` at n increasing wavelengths `nm`."""

    nm: np.ndarray
    values: np.ndarray
    names: list[str]

    def half_maximum(self) -> Bands:
        """For each channel the outermost wavelengths at which it has half of its largest response."""
        return Bands([_half_maximum(self.nm, row) for row in self.values])


def sensor_bands(sensor: str) -> tuple[Bands, list[str]]:
    """The intervals of a sensor's channels in nm, and their names: of SENSORS or of a CSV of responses (`msi_matrix`).

    Measured responses give their width at half maximum. Raises UserError for an unknown sensor, a table that is none, and
    where pyrsr would be needed and is not installed.
    """
    if sensor in INTERVALS:
        return Bands(list(INTERVALS[sensor].values())), list(INTERVALS[sensor])
    response = _response(sensor)
    return response.half_maximum(), response.names


def msi_matrix(sensor: str, bands: Bands) -> np.ndarray:
    """Weights [c, C] that turn a spectrum on `bands` into the c channels of `sensor`; rows sum to 1.

    `sensor` is "nikon-d700" (CAVE's bands only), a name in INTERVALS (overlap-weighted mean over them), one in MEASURED,
    or the path of a CSV with a column of wavelengths in nm and one column of relative response for each channel; measured
    responses are taken at the centres of `bands`, as zero outside the table. Raises UserError for an unknown sensor,
    bands that it does not fit and a channel without response on `bands`.
    """
    if sensor in INTERVALS:
        return overlap_matrix(bands, Bands(list(INTERVALS[sensor].values())))
    if sensor == "nikon-d700":
        if bands != _NIKON_BANDS:
            raise UserError(f"nikon-d700 is tabulated on 31 bands, 400-700 nm in steps of 10; the data has {bands}")
        weights = _response(sensor).values
        return weights / weights.sum(axis=1, keepdims=True)
    response = _response(sensor)
    weights = np.stack([np.interp(bands.centres, response.nm, row, left=0, right=0) for row in response.values])
    if (weights.sum(axis=1) <= 0).any():
        raise UserError(f"{sensor}: a channel has no response on {bands}")
    return weights / weights.sum(axis=1, keepdims=True)


def listed() -> str:
    """A line for each sensor: its name, its channels, their range, and where the numbers come from (`ssif sensors`)."""
    lines = []
    for sensor in SENSORS:
        try:
            bands, names = sensor_bands(sensor)
        except UserError as error:
            lines.append(f"{sensor:<12} {error}")
            continue
        edges = f"{bands.edges.min():.0f}-{bands.edges.max():.0f} nm"
        lines.append(f"{sensor:<12} {len(bands):>2} channels, {edges:<12} {_origin(sensor)}: {', '.join(names)}")
    return "\n".join(lines)


def _origin(sensor: str) -> str:
    if sensor in MEASURED:
        return "half maximum of the measured responses (pyrsr)"
    if sensor == "nikon-d700":
        return "half maximum of its weights on CAVE's bands"
    return "nominal edges" if sensor in ("ikonos", "worldview-2") else "half maximum"


def _response(sensor: str) -> Response:
    if sensor.lower().endswith(".csv"):
        return _table(Path(sensor))
    choose("sensor", sensor, SENSORS)
    if sensor == "nikon-d700":
        values = np.array([row.split() for row in _NIKON_D700.values()], dtype=np.float64)
        return Response(_NIKON_BANDS.centres, values, list(_NIKON_D700))
    try:
        from pyrsr import RSR
    except ImportError:
        raise UserError(
            f"the responses of {sensor} are in the package pyrsr: pip install 'ssif-bench[sensors]'"
        ) from None
    measured = RSR(*MEASURED[sensor], no_thermal=True, no_pan=True)
    # Of some channels the measurement's noise leaves values just below zero.
    values = np.maximum([measured.rsrs[name] for name in measured.bands], 0)
    return Response(measured.rsrs_wvl, values, [f"B{name}" for name in measured.bands])


def _table(path: Path) -> Response:
    """Responses of a CSV."""
    try:
        header, *lines = path.read_text().splitlines() or [""]
        table = np.loadtxt(lines or ["0"], delimiter=",", ndmin=2)
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read the sensor's responses from {path}: {error}") from None
    nm, responses = table[:, 0], table[:, 1:]
    if len(nm) < 2 or responses.shape[1] < 1 or (np.diff(nm) <= 0).any() or nm.max() < 100:
        raise UserError(f"{path}: want increasing wavelengths in nm, then one column of response for each channel")
    if not np.isfinite(table).all() or (responses.max(axis=0) <= 0).any():
        raise UserError(f"{path}: a channel has no response, or one that is not finite")
    return Response(nm, responses.T, [name.strip() for name in header.split(",")[1:]])


def _half_maximum(nm: np.ndarray, response: np.ndarray) -> tuple[float, float]:
    half = response.max() / 2
    above = np.flatnonzero(response >= half)
    first, last = above[0], above[-1]
    # A response that is cut off above half ends where its table does, half a step beyond the last wavelength.
    start = (
        nm[0] - (nm[1] - nm[0]) / 2
        if first == 0
        else np.interp(half, response[first - 1 : first + 1], nm[first - 1 : first + 1])
    )
    if last == len(nm) - 1:
        return start, nm[-1] + (nm[-1] - nm[-2]) / 2
    return start, np.interp(half, response[[last + 1, last]], nm[[last + 1, last]])
