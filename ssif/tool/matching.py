"""Which bands of an image feed which channel of a network that was trained on another sensor's."""

import numpy as np

from ssif.bands import Bands
from ssif.errors import UserError

# The share of overlap in union from which a band stands for a channel by itself.
ALIKE = 0.5


def channel_matrix(found: Bands, wanted: Bands, good: tuple[bool, ...] = ()) -> np.ndarray:
    """Weights [c, C], rows summing to 1, from an image's bands `found` to the channels `wanted` of the weights.

    A channel takes the band that is most like it or, where none is alike (overlap over union below one half), the mean of
    those of which at least half lies in it, weighted by the overlap in nm, if the mean's centre lies in the middle half of
    the channel. Bands that are not `good` are left out. Raises UserError, naming both, where a channel has no such band.
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
            f"no band of the image fits {spelled(wanted, without)}: the weights take {spelled(wanted)}, the image has"
            f" {spelled(found)}{'' if usable.all() else ', some of them marked bad'}"
        )
    return matrix


def described(matrix: np.ndarray, found: Bands, wanted: Bands) -> list[str]:
    """A line for each channel: what it takes."""
    return [
        f"channel {channel + 1} ({_interval(wanted.edges[channel])} nm) takes"
        f" {'band' if np.count_nonzero(row) == 1 else 'the mean of bands'} {_taken(row, found)}"
        for channel, row in enumerate(matrix)
    ]


def spelled(bands: Bands, which: list[int] | None = None) -> str:
    """Bands as intervals, at most eight of them."""
    edges = bands.edges if which is None else bands.edges[which]
    shown = [_interval(interval) for interval in (edges if len(edges) <= 8 else edges[:4])]
    return ", ".join(shown) + (f", ... ({len(edges)} bands)" if len(edges) > 8 else "") + " nm"


def _taken(row: np.ndarray, found: Bands) -> str:
    taken = np.flatnonzero(row)
    return ", ".join(f"{band + 1} ({_interval(found.edges[band])} nm)" for band in taken[:6]) + (
        f", ... ({len(taken)} in all)" if len(taken) > 6 else ""
    )


def _interval(edges: np.ndarray) -> str:
    return f"{edges[0]:.6g}-{edges[1]:.6g}"
