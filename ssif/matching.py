"""Which bands of an image become the channels of a network that was trained on the bands of another sensor."""

import numpy as np

from ssif.bands import Bands
from ssif.channels import plain_name
from ssif.errors import UserError

# A band with at least this ratio of overlap to union can replace a channel by itself.
ALIKE = 0.5


def channel_matrix(found: Bands, wanted: Bands, good: tuple[bool, ...] = ()) -> np.ndarray:
    """Weights [c, C], rows summing to 1, from the bands `found` in an image to the channels `wanted` by the weights.

    A channel takes the most similar band. If no band is similar (overlap over union below one half), it takes the mean of the
    bands that are inside it by at least half, weighted by the overlap in nm, provided that the centre of the mean is in the
    middle half of the channel. Bands that are not `good` are left out. Raises UserError, naming both sides, for a channel
    without such bands.
    """
    usable = np.array(good, dtype=bool) if good else np.ones(len(found), dtype=bool)
    low = np.maximum(found.edges[:, 0], wanted.edges[:, None, 0])
    high = np.minimum(found.edges[:, 1], wanted.edges[:, None, 1])
    overlap = np.maximum(high - low, 0) * usable
    union = found.widths + wanted.widths[:, None] - overlap
    matrix, without = np.zeros((len(wanted), len(found))), []
    for channel, (length, alike) in enumerate(zip(overlap, overlap / union)):
        length = np.where(length >= found.widths / 2, length, 0)
        total = length.sum()
        if alike.max() >= ALIKE:
            matrix[channel, alike.argmax()] = 1
        elif total and abs((length * (low + high)[channel] / 2).sum() / total - wanted.centres[channel]) <= (
            wanted.widths[channel] / 4
        ):
            matrix[channel] = length / total
        else:
            without.append(channel)
    if without:
        raise UserError(
            f"no band of the image fits {listed(Bands(wanted.edges[without]))}: the weights take {listed(wanted)},"
            f" the image has {listed(found)}{'' if usable.all() else ', some of them marked bad'}"
        )
    return matrix


def by_name(names: tuple[str, ...], known: tuple[str, ...]) -> list[int]:
    """For each of the `names` in a file, its index among the `known` names of channels ("B02" is "B2", "Blue" is "blue"). Empty
    unless all names are known and different."""
    order = [plain_name(name) for name in known]
    places = [order.index(plain_name(name)) for name in names if plain_name(name) in order]
    return places if len(places) == len(names) == len(set(places)) else []


def matches(matrix: np.ndarray, found: Bands, wanted: Bands) -> list[str]:
    """One line per channel that names its bands."""
    lines = []
    for channel, row in enumerate(matrix):
        taken = np.flatnonzero(row)
        bands = ", ".join(f"{band + 1} ({_interval(found.edges[band])} nm)" for band in taken[:6])
        more = f", ... ({len(taken)} in all)" if len(taken) > 6 else ""
        kind = "band" if len(taken) == 1 else "the mean of bands"
        lines.append(f"channel {channel + 1} ({_interval(wanted.edges[channel])} nm) takes {kind} {bands}{more}")
    return lines


def listed(bands: Bands) -> str:
    """At most eight bands, as intervals."""
    shown = bands.edges if len(bands) <= 8 else bands.edges[:4]
    return ", ".join(map(_interval, shown)) + (f", ... ({len(bands)} bands)" if len(bands) > 8 else "") + " nm"


def _interval(edges: np.ndarray) -> str:
    return f"{edges[0]:.6g}-{edges[1]:.6g}"
