"""Spectral bands as wavelength intervals (paper section 3, Lambda), and resampling from one set of bands to another."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from ssif.errors import UserError


@dataclass(frozen=True, eq=False)
class Bands:
    """C bands as wavelength intervals in nm: `edges` [C, 2], each row [start, end] with start < end.

    Bands may differ in width, overlap and leave gaps. Raises UserError for an empty list, a wrong shape, values that are not
    finite, an interval without width, and values that can only be in micrometres.
    """

    edges: np.ndarray

    def __post_init__(self):
        edges = np.asarray(self.edges, dtype=np.float64)
        if edges.ndim != 2 or edges.shape[1] != 2 or len(edges) == 0:
            raise UserError(f"bands must be one or more rows of [start, end] in nm, got the shape {edges.shape}")
        if not np.isfinite(edges).all():
            raise UserError("the bands contain a value that is not finite")
        if edges.max() < 100:
            raise UserError(f"wavelengths up to {edges.max():g} look like micrometres; give them in nm")
        if (edges[:, 0] >= edges[:, 1]).any() or edges.min() <= 0:
            worst = int(np.argmin(np.minimum(edges[:, 1] - edges[:, 0], edges[:, 0])))
            raise UserError(f"band {worst} is {edges[worst].tolist()} nm; a band needs 0 < start < end")
        edges.setflags(write=False)
        object.__setattr__(self, "edges", edges)

    def __len__(self) -> int:
        return len(self.edges)

    def __eq__(self, other) -> bool:
        return isinstance(other, Bands) and np.array_equal(self.edges, other.edges)

    def __hash__(self) -> int:
        return hash(self.edges.tobytes())

    def __repr__(self) -> str:
        return f"Bands(C={len(self)}, {self.edges.min():g}-{self.edges.max():g} nm)"

    @classmethod
    def from_centres(cls, centres, width) -> "Bands":
        """Bands centre +- width/2 from centres [C] and one width or a width for each [C], in nm."""
        centres = np.asarray(centres, dtype=np.float64)
        return cls(np.stack([centres - width / 2, centres + width / 2], axis=-1))

    @property
    def centres(self) -> np.ndarray:
        """[C] nm."""
        return self.edges.mean(axis=1)

    @property
    def widths(self) -> np.ndarray:
        """[C] nm."""
        return self.edges[:, 1] - self.edges[:, 0]

    @property
    def order(self) -> np.ndarray:
        """[C] indices that sort the bands by centre; the bands in this order are the band axis."""
        return np.argsort(self.centres, kind="stable")

    def parts(self, count: int) -> "Bands":
        """`count` equal parts of the band axis, each with the wavelengths from its first to its last source band.

        For an evenly spaced sensor these are equal wavelength intervals. No part lies in a gap between two bands.
        `parts(len(self))` is `self`, in its own order; all other parts are in the order of the axis.
        """
        if count == len(self):
            return self
        # Parts that are finer than the bands could come out of order if the bands overlap. Cells do not overlap.
        return Bands(_between(_cuts(len(self), count), _axis(self) if count < len(self) else _cells(self)))

    def between(self, cuts: np.ndarray) -> "Bands":
        """The parts between neighbours of `cuts` [C + 1], increasing fractional indices on the band axis, 0 to len(self).

        If two bands overlap, a part ends half way between them. Otherwise it could end before it starts.
        """
        return Bands(_between(cuts, _cells(self)))


def around(nm) -> Bands:
    """Bands with the centres `nm` [C], each as wide as the smaller step to its neighbours, because the larger may be a gap.

    Where the wavelengths step back and then rise again, the bands of the next detector begin, which are not neighbours of the
    bands before. Raises UserError if there are no steps that tell the widths.
    """
    nm = np.asarray(nm, dtype=np.float64)
    detector = np.concatenate([[0], np.cumsum(np.diff(nm) < 0)])
    # If the wavelengths step back more often, they are not in the order of detectors.
    if np.bincount(detector).min() < 3:
        detector[:] = 0
    order = np.lexsort((nm, detector))
    steps = np.where(np.diff(detector[order]) == 0, np.diff(nm[order]), np.inf)
    if len(nm) < 2 or (steps <= 0).any():
        raise UserError(
            "the band widths are missing and cannot be computed from "
            + ("a single band" if len(nm) < 2 else "equal wavelengths")
        )
    half = np.minimum(np.append(np.inf, steps), np.append(steps, np.inf))[np.argsort(order)] / 2
    return Bands(np.stack([nm - half, nm + half], axis=-1))


@cache
def _axis(bands: Bands) -> np.ndarray:
    """The intervals [C, 2] nm that parts are cut from: the bands in the order of the axis if the parts of every count up to C
    are in order, otherwise `_cells`."""
    whole = bands.edges[bands.order]
    for count in range(1, len(bands) + 1):
        parts = _between(_cuts(len(bands), count), whole)
        if (parts[:, 0] >= parts[:, 1]).any() or (np.diff(parts, axis=0) < 0).any():
            return _cells(bands)
    return whole


@cache
def _cells(bands: Bands) -> np.ndarray:
    """Intervals [C, 2] nm without overlap, in the order of the axis: each band, cut at the midpoints to its neighbours' centres.

    Bands with the same centre get equal slices of one cell.
    """
    edges, centres = bands.edges[bands.order], bands.centres[bands.order]
    _, first, group, size = np.unique(np.round(centres, 6), return_index=True, return_inverse=True, return_counts=True)
    middle = (centres[first][1:] + centres[first][:-1]) / 2
    low, high = np.maximum.reduceat(edges[:, 0], first), np.minimum.reduceat(edges[:, 1], first)
    low[1:] = np.maximum(low[1:], middle)
    high[:-1] = np.minimum(high[:-1], middle)
    slices, before = ((high - low) / size)[group], np.arange(len(edges)) - first[group]
    after = size[group] - 1 - before
    return np.stack([low[group] + before * slices, high[group] - after * slices], axis=-1)


def _between(cuts: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Parts [count, 2] nm between neighbours of `cuts`, fractional indices into the intervals `edges` [C, 2] nm."""
    first = np.floor(cuts[:-1]).astype(int)
    last = np.ceil(cuts[1:]).astype(int) - 1
    width = edges[:, 1] - edges[:, 0]
    start = edges[first, 0] + (cuts[:-1] - first) * width[first]
    end = edges[last, 0] + (cuts[1:] - last) * width[last]
    return np.stack([start, end], axis=-1)


def _cuts(source: int, count: int) -> np.ndarray:
    """Fractional band indices [count + 1] that cut `source` bands into `count` equal parts."""
    if count < 1:
        raise UserError(f"a band count C must be at least 1, got {count}")
    return np.arange(count + 1) * source / count


def irregular_cuts(source: int, count: int, draws: np.ndarray) -> np.ndarray:
    """Fractional indices [count + 1] that cut `source` bands at random into `count` parts of at least one band each.

    draws [count - 1]: uniform in [0, 1) (paper A.3, irregularly spaced intervals). With count = source nothing is random.
    """
    inner = np.arange(1, count) + np.sort(draws) * (source - count)
    return np.concatenate([[0.0], inner, [float(source)]])


def parts_matrix(source: Bands, count: int) -> np.ndarray:
    """Weights [count, C_source], rows summing to 1, from `source` to `source.parts(count)`.

    A part is the mean over its piece of the band axis, in which a band counts by the share that is inside, so that
    count = C_source is the identity even if bands overlap. For count > C_source it is `interpolation_matrix`.
    """
    if count == len(source):
        return np.eye(count)
    if count > len(source):
        return interpolation_matrix(source, source.parts(count))
    return cuts_matrix(source, _cuts(len(source), count)) * count / len(source)


def cuts_matrix(source: Bands, cuts: np.ndarray) -> np.ndarray:
    """Share [C, C_source] of each source band that lies between neighbours of `cuts` [C + 1] (`Bands.between`)."""
    place = np.argsort(source.order)
    overlap = np.minimum(cuts[1:, None], place + 1) - np.maximum(cuts[:-1, None], place)
    return np.maximum(overlap, 0)


def overlap_matrix(source: Bands, target: Bands) -> np.ndarray:
    """Weights [C_target, C_source]: a target is the mean of the source bands, weighted by their overlap in nm.

    Rows sum to 1. Raises UserError for a target that no source band covers.
    """
    low = np.maximum(target.edges[:, None, 0], source.edges[None, :, 0])
    high = np.minimum(target.edges[:, None, 1], source.edges[None, :, 1])
    overlap = np.maximum(high - low, 0)
    total = overlap.sum(axis=1, keepdims=True)
    if (total == 0).any():
        start, end = target.edges[int(np.argmin(total))]
        raise UserError(f"no source band covers the band {start:g}-{end:g} nm; the source has {source}")
    return overlap / total


def coverage(source: Bands, target: Bands) -> np.ndarray:
    """Share [C_target] of the width of each target that source bands cover; overlaps of source bands count once."""
    edges = source.edges[np.argsort(source.edges[:, 0])]
    ends = np.maximum.accumulate(edges[:, 1])
    starts = np.maximum(edges[:, 0], np.concatenate([[0.0], ends[:-1]]))
    low, high = np.maximum(target.edges[:, None, 0], starts), np.minimum(target.edges[:, None, 1], ends)
    return np.maximum(high - low, 0).sum(axis=1) / target.widths


def interpolation_matrix(source: Bands, target: Bands) -> np.ndarray:
    """Weights [C_target, C_source]: mean over each target interval of the piecewise-linear spectrum through the centres.

    The spectrum is constant beyond the first and last centre; the integral is exact (a trapezium between all knots). Rows sum
    to 1. Raises UserError if a target leaves the range of the source.
    """
    low, high = source.edges.min(), source.edges.max()
    outside = (target.edges[:, 0] < low - 1e-6) | (target.edges[:, 1] > high + 1e-6)
    if outside.any():
        start, end = target.edges[int(np.argmax(outside))]
        raise UserError(f"the band {start:g}-{end:g} nm is not inside the source's {low:g}-{high:g} nm")
    # Bands with the same centre share the weight of the centre.
    centres, place, size = np.unique(source.centres, return_inverse=True, return_counts=True)
    weights = np.zeros((len(target), len(centres)))
    for row, (start, end) in zip(weights, target.edges):
        near = slice(max(np.searchsorted(centres, start, "right") - 1, 0), np.searchsorted(centres, end) + 1)
        known = centres[near]
        knots = np.concatenate([[start], known[(known > start) & (known < end)], [end]])
        values = np.stack([np.interp(knots, known, hat) for hat in np.eye(len(known))])
        row[near] = ((values[:, 1:] + values[:, :-1]) / 2 * np.diff(knots)).sum(axis=1) / (end - start)
    return weights[:, place] / size[place]


def resampling_matrix(source: Bands, target: Bands) -> np.ndarray:
    """Weights [C_target, C_source] of the protocol, rows summing to 1: `parts_matrix` if the targets are the parts of the
    source, else `overlap_matrix` or, if there are more targets than source bands, `interpolation_matrix`.
    """
    if target == source.parts(len(target)):
        return parts_matrix(source, len(target))
    return overlap_matrix(source, target) if len(target) <= len(source) else interpolation_matrix(source, target)
