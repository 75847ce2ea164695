"""The spectral axis of a file: centres or intervals, with or without widths, in nanometres or micrometres."""

import numpy as np

from ssif.bands import Bands, around
from ssif.errors import UserError

NM_PER = {"nm": 1.0, "µm": 1000.0}
SPELLINGS = {
    "nm": ("nm", "nanometer", "nanometers", "nanometre", "nanometres"),
    "µm": ("µm", "μm", "um", "micron", "microns", "micrometer", "micrometers", "micrometre", "micrometres"),
}
UNSAID = ("", "unknown", "none")


def read_axis(values, widths, unit: str | None) -> tuple[Bands, str, tuple[str, ...]]:
    """Bands in nm, the unit ("nm" or "µm") and notes on assumptions, from the wavelengths of a file.

    values: centres [C] or intervals [C, 2]. widths: full width at half maximum [C]; with None a band is as wide as the smaller
    step to its neighbours. Bands may overlap and come in any order; each keeps its interval and its place in the file.
    Raises UserError for values that are no wavelengths, for mixed or wrong units, and for widths that cannot be known.
    """
    values = _numbers(values, "wavelengths")
    unit, notes = _unit(values, unit)
    nm = np.round(values * NM_PER[unit], 6)
    if nm.ndim == 2 and nm.shape[1] == 2:
        bands = Bands(nm)
    elif nm.ndim == 1:
        if widths is None:
            bands = around(nm)
            notes += ("the file has no band widths, so each band is as wide as the smaller step to its neighbours",)
        else:
            full = np.round(_numbers(widths, "band widths") * NM_PER[unit], 6)
            if full.shape != nm.shape or (full <= 0).any():
                raise UserError(f"each of the {len(nm)} bands needs a positive width, got {full.tolist()}")
            bands = Bands.from_centres(nm, full)
    else:
        raise UserError(f"wavelengths must be C centres or C rows of [start, end], got the shape {values.shape}")
    if (np.diff(bands.centres) < 0).any():
        notes += ("the wavelengths do not increase; the bands keep the order of the file",)
    ordered = bands.edges[np.argsort(bands.centres, kind="stable")]
    if (ordered[1:, 0] < ordered[:-1, 1] - 1e-6).any():
        notes += ("bands overlap; each keeps its own interval",)
    return bands, unit, notes


def written(bands: Bands, unit: str) -> tuple[list[float], list[float]]:
    """Centres and widths in `unit`, to be written into a file."""
    return tuple(np.round(values / NM_PER[unit], 9).tolist() for values in (bands.centres, bands.widths))


def _numbers(values, what: str) -> np.ndarray:
    try:
        values = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise UserError(f"{what} are not numbers: {str(values)[:80]}") from None
    if values.size == 0 or not np.isfinite(values).all() or values.min() <= 0:
        raise UserError(f"{what} must be positive, got {str(values.tolist())[:80]}")
    return values


def _unit(values: np.ndarray, said: str | None) -> tuple[str, tuple[str, ...]]:
    """The unit, and a note if only the values tell it: imaged light has 0.1 to 100 µm."""
    low, high = values.min(), values.max()
    if low < 100 <= high:
        raise UserError(f"wavelengths from {low:g} to {high:g} mix nanometres and micrometres")
    by_value = "nm" if low >= 100 else "µm"
    spelled = (said or "").strip().lower()
    if spelled in UNSAID:
        return by_value, (f"the wavelengths have no unit; {low:g} to {high:g} can only be in {by_value}",)
    unit = next((unit for unit, spellings in SPELLINGS.items() if spelled in spellings), None)
    if unit is None:
        raise UserError(f"unknown unit of wavelengths {said!r}; known: nanometers, micrometers")
    if unit != by_value:
        raise UserError(f"wavelengths from {low:g} to {high:g} cannot be in {said}")
    return unit, ()
