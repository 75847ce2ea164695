"""Wavelengths in the names of bands: "550 nm", "Band 3 (0.55 µm)", "560.2 Nanometers"."""

import re
from dataclasses import replace

from ssif.bands import around
from ssif.errors import UserError
from ssif.formats.header import Header
from ssif.formats.wavelengths import NM_PER, SPELLINGS

UNITS = {spelling: NM_PER[unit] for unit, spellings in SPELLINGS.items() for spelling in spellings}
# A number that ends a range does not match: "450-500 nm" is no centre.
WAVELENGTH = re.compile(rf"(?<![\d.–-])(\d+(?:\.\d+)?)\s*({'|'.join(UNITS)})\b", re.IGNORECASE)


def with_bands(header: Header) -> Header:
    """The header with bands from the names, if it has none and every name has one wavelength with a unit."""
    found = [WAVELENGTH.findall(name) for name in header.names]
    if header.bands is not None or not found or any(len(one) != 1 for one in found):
        return header
    try:
        bands = around([round(float(number) * UNITS[unit.lower()], 6) for ((number, unit),) in found])
    except UserError as error:
        note = f"the names of the bands look like wavelengths but cannot be used: {error}"
        return replace(header, notes=(*header.notes, note))
    note = (
        "the wavelengths come from the names of the bands; each band is as wide as the smaller step to its neighbours"
    )
    return replace(header, bands=bands, notes=(*header.notes, note))
