"""Coordinates of pixels on no regular grid, such as latitudes and longitudes of a swath, interpolated to finer pixels."""

import numpy as np

LATITUDES, LONGITUDES = ("lat", "latitude", "latitudes"), ("lon", "longitude", "longitudes")


def refined(centres: np.ndarray, count: int, rows: slice = slice(None)) -> np.ndarray:
    """Centres [n, ...], interpolated along the first axis to `count` finer ones over the same extent, or some `rows`; float64.

    Piecewise linear; beyond the first and last centre the steps continue.
    """
    n = len(centres)
    place = (np.arange(count)[rows] + 0.5) * n / count - 0.5
    first = np.clip(np.floor(place).astype(int), 0, max(n - 2, 0))
    step = centres[np.minimum(first + 1, n - 1)].astype(np.float64) - centres[first]
    return centres[first] + (place - first).reshape(-1, *[1] * (centres.ndim - 1)) * step


def refined_grid(name: str, values: np.ndarray, size: tuple[int, int], rows: slice = slice(None)) -> np.ndarray:
    """A coordinate [h, w] called `name`, interpolated to the finer pixels `size` (H, W), or to some `rows` of them.

    Longitudes may pass 180 degrees.
    """
    degrees = name.lower() in LONGITUDES
    if degrees:
        values = np.unwrap(np.unwrap(values.astype(np.float64), period=360, axis=0), period=360, axis=1)
    found = refined(refined(values, size[0], rows).T, size[1]).T
    return (found + 180) % 360 - 180 if degrees else found
