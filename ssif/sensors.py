"""Multispectral sensors that simulate the HR-MSI from a hyperspectral cube (paper A.5).

A sensor is its nominal intervals, a table of weights on a given set of bands, or a CSV of measured responses.
"""

from pathlib import Path

import numpy as np

from ssif.bands import Bands, overlap_matrix
from ssif.errors import UserError, choose

# Nominal band edges in nm, in the order of the channels.
INTERVALS = {
    "ikonos": [[632, 698], [506, 595], [445, 516], [757, 853]],  # R, G, B, NIR
}

# Nikon D700 on CAVE's 31 bands, 400 to 700 nm; integer weights, each row divided by its sum (255, 203, 251).
_NIKON_D700 = {
    "red": "2 1 1 1 1 1 0 0 0 0 0 0 0 0 0 0 2 6 11 17 21 22 21 20 20 19 19 18 18 17 17",
    "green": "1 1 1 1 1 1 2 4 6 8 11 16 19 21 20 18 16 14 11 7 5 3 2 2 1 1 2 2 2 2 2",
    "blue": "7 10 15 19 25 29 30 29 27 22 16 9 2 0 0 0 0 0 0 0 1 1 1 1 1 1 1 1 1 1 1",
}


def msi_matrix(sensor: str, bands: Bands) -> np.ndarray:
    """Weights [c, C] that turn a spectrum on `bands` into the c channels of `sensor`; rows sum to 1.

    `sensor` is "nikon-d700" (CAVE's bands only), a name in INTERVALS (overlap-weighted mean over the nominal intervals)
    or the path of a CSV with a column of wavelengths in nm and one column of relative response for each channel.
    Raises UserError for an unknown sensor, bands it does not fit and a channel without response on `bands`.
    """
    if sensor.endswith(".csv"):
        return _measured(Path(sensor), bands)
    choose("sensor", sensor, ["nikon-d700", *INTERVALS])
    if sensor == "nikon-d700":
        if bands != Bands.from_centres(np.arange(400, 701, 10), 10):
            raise UserError(f"nikon-d700 is tabulated on 31 bands, 400-700 nm in steps of 10; the data has {bands}")
        weights = np.array([row.split() for row in _NIKON_D700.values()], dtype=np.float64)
        return weights / weights.sum(axis=1, keepdims=True)
    return overlap_matrix(bands, Bands(INTERVALS[sensor]))


def _measured(path: Path, bands: Bands) -> np.ndarray:
    """Responses of a CSV, interpolated to the centres of `bands`, zero outside the table; rows sum to 1."""
    try:
        table = np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2)
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read the sensor's responses from {path}: {error}") from None
    nm, responses = table[:, 0], table[:, 1:]
    if len(nm) < 2 or responses.shape[1] < 1 or (np.diff(nm) <= 0).any() or nm.max() < 100:
        raise UserError(f"{path}: want increasing wavelengths in nm, then one column of response for each channel")
    weights = np.stack([np.interp(bands.centres, nm, column, left=0, right=0) for column in responses.T])
    if (weights.sum(axis=1) <= 0).any():
        raise UserError(f"{path}: a channel has no response on {bands}")
    return weights / weights.sum(axis=1, keepdims=True)
