"""Band lists: made ones of detectors that overlap and of water gaps, and those of real sensors, where the user has them.

EnMAP (overlapping detectors, widths said), AVIRIS (overlapping, no widths) and HySpex (gaps, no widths) are read from
SSIF_DATA/bands/<name>.csv with columns centre_nm, fwhm_nm (empty: none said) and good (0 or 1).
"""

import csv

import numpy as np

from ssif.bands import Bands
from ssif.formats.wavelengths import read_axis
from tests.real_data import real

REAL = ("enmap_l2a", "aviris_224", "hyspex_gaps")
MADE = ("two_detectors", "gaps")


def rows(name: str) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Centres and widths [C] in nm, None where the list has none, and which bands are good, in the list's order."""
    if name == "two_detectors":
        # One after the other, as EnMAP lists them; they share 900 to 1000 nm.
        centres = np.concatenate([np.arange(420.0, 1000, 6.4), np.arange(903.0, 2440, 10.3)])
        widths = np.where(np.arange(len(centres)) < 91, 7.6, 11.2)
        return centres, widths, np.ones(len(centres), dtype=bool)
    if name == "gaps":
        centres = np.concatenate([np.arange(425.0, 1316, 5.97), np.arange(1500.0, 1780, 6), np.arange(2000.0, 2400, 6)])
        return centres, None, np.ones(len(centres), dtype=bool)
    with open(real(f"bands/{name}.csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    widths = [row["fwhm_nm"] for row in rows]
    return (
        np.array([float(row["centre_nm"]) for row in rows]),
        np.array(widths, dtype=float) if all(widths) else None,
        np.array([row["good"] == "1" for row in rows]),
    )


def listed_bands(name: str, bad: bool = False) -> Bands:
    """The good bands, or all, as a file with this list gives them: in the list's order."""
    centres, widths, good = rows(name)
    return Bands(read_axis(centres, widths, "nm")[0].edges[good | bad])
