"""Illuminants of the CIE over bands. `light_tables/cie_illuminants.csv` has the values of CIE 15:2004 (Colorimetry) in steps of
5 nm, taken from the package colour-science 0.4.7."""

from functools import cache
from pathlib import Path

import numpy as np

from ssif import channels
from ssif.bands import Bands, around, interpolation_matrix

ILLUMINANTS = ("D65", "A", "FL11")
RANGE = (380, 780)  # nm, the ends of the table
TABLE = Path(__file__).with_name("light_tables") / "cie_illuminants.csv"


@cache
def _powers() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Name -> wavelengths [T] in nm and relative spectral power [T]."""
    return {each.name: (each.nm, each.response) for each in channels.read(TABLE).responses}


def shines_on(bands: Bands) -> bool:
    """Whether the table has light for all of these bands."""
    # The first and the last value of the table also stand for 2.5 nm beyond it.
    return bool(RANGE[0] <= bands.edges.min() and bands.edges.max() <= RANGE[1])


def illuminant(name: str, bands: Bands) -> np.ndarray:
    """Relative power [C] of an illuminant: its mean over each band, over the largest; linear between table values."""
    nm, power = _powers()[name]
    mean = interpolation_matrix(around(nm), bands) @ power
    return mean / mean.max()
