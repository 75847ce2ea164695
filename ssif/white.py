"""White: the value that is 1 to a network. The brightness of an image without its hot pixels, and whether a white fits it."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ssif.errors import UserError

RARE = 1000  # one pixel in this many may be brighter than white
FAR = 20  # an image that is brighter or darker than white by more than this factor is on another scale
# Whites of values without a unit of their own: of reflectance, and the largest numbers of 8 and 16 bits.
RELATIVE = (1.0, 255.0, 65535.0)


def bright(strips: Iterable[np.ndarray], pixels: int) -> float:
    """The value that one pixel in a thousand, and at least one, exceeds in the brightest band.

    It is taken band by band, because a thousandth of all values may be a large part of the brightest band. strips:
    [n, C] each and `pixels` in all; values that are not finite count as 0. Keeps a thousandth of them in memory.
    """
    count, top = min(max(1, pixels // RARE) + 1, pixels), None
    for strip in strips:
        values = np.where(np.isfinite(strip), strip, 0)
        top = values if top is None else np.concatenate([top, values])
        if len(top) > count:
            top = np.partition(top, -count, axis=0)[-count:]
    return float(top.min(axis=0).max())


def fits(brightness: float, white: float) -> bool:
    """Whether an image of this `brightness` can be on the scale of `white`."""
    return white / FAR <= brightness <= white * FAR


def check_white(values: np.ndarray, white: float, remedy: str, path: Path | None = None) -> str:
    """A warning for pixels [n, C] that are on another scale than `white`, "" if they fit.

    Raises UserError, which ends with `remedy`, if most values lie outside 0 to `white`. path: the file, which both then name.
    """
    file = f"{path}: " if path else ""
    above, below = np.count_nonzero(values > white), np.count_nonzero(values < 0)
    if above + below > values.size / 2:
        raise UserError(
            f"{file}most values are above {white:g}; give the value of a perfectly white surface {remedy}"
            if above > below else f"{file}most values are below 0, but radiance and reflectance are not negative"
        )  # fmt: skip
    brightness = bright([values], len(values))
    if fits(brightness, white):
        return ""
    return f"{file}its bright values are near {brightness:g}, on another scale than {white:g}, the value of white"
