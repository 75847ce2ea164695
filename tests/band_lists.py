"""The band lists of real sensors: overlapping detectors (EnMAP, AVIRIS), water gaps (HySpex), widths said (EnMAP) or not."""

import csv
from pathlib import Path

import numpy as np

from ssif.bands import Bands
from ssif.formats.wavelengths import read_axis

REAL = ("enmap_l2a", "aviris_224", "hyspex_gaps")


def rows(name: str) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Centres and widths [C] in nm, None where the list has none, and which bands are good, in the list's order."""
    with open(Path(__file__).parent / "unit" / "bands" / f"{name}.csv", newline="") as file:
        its = list(csv.DictReader(file))
    widths = [row["fwhm_nm"] for row in its]
    return (
        np.array([float(row["centre_nm"]) for row in its]),
        np.array(widths, dtype=float) if all(widths) else None,
        np.array([row["good"] == "1" for row in its]),
    )


def real_bands(name: str, bad: bool = False) -> Bands:
    """The good bands, or all, as a file with this list gives them: in the list's order."""
    centres, widths, good = rows(name)
    return Bands(read_axis(centres, widths, "nm")[0].edges[good | bad])
