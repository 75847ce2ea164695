"""The shift between two images of one place, by phase correlation, and its removal."""

import numpy as np
from scipy import ndimage

FINE = 20  # the shift is searched in steps of 1 / FINE pixels
BLUR = 0.2  # cycles per pixel; higher frequencies are aliased differently in the two images and say little of the shift


def shift(image: np.ndarray, reference: np.ndarray) -> tuple[float, float]:
    """Rows and columns, to about a tenth of a pixel, by which `image` [h, w] lies below and to the right of `reference` [h, w].

    The values need not have one unit. Pixels without data (NaN) take the mean of the rest.
    """
    whole = [round(steps) for steps in _peak(image, reference)]
    # The windows of `_peak` fade out at the same edges of both images, which draws a large shift towards 0. The shift is
    # therefore found again on the parts that show the same place.
    ends = [side - abs(steps) for side, steps in zip(image.shape, whole)]
    image = image[tuple(slice(max(steps, 0), max(steps, 0) + end) for steps, end in zip(whole, ends))]
    reference = reference[tuple(slice(max(-steps, 0), max(-steps, 0) + end) for steps, end in zip(whole, ends))]
    rows, columns = (steps + rest for steps, rest in zip(whole, _peak(image, reference)))
    return rows, columns


def _peak(image: np.ndarray, reference: np.ndarray) -> tuple[float, float]:
    """The place of the peak of the phase correlation, looked for among whole pixels and then in steps of 1 / FINE."""
    window = np.outer(*(np.hanning(side + 2)[1:-1] for side in image.shape))
    first, second = (np.fft.fft2(np.nan_to_num(each - np.nanmean(each)) * window) for each in (image, reference))
    product = first * second.conj()
    product /= np.maximum(np.abs(product), 1e-9 * np.abs(product).max() or 1)
    frequencies = [np.fft.fftfreq(side) for side in image.shape]
    product *= np.exp(-0.5 * np.add.outer(*(f**2 for f in frequencies)) / BLUR**2)
    peak = np.unravel_index(np.fft.ifft2(product).real.argmax(), image.shape)
    places = [
        (place + side // 2) % side - side // 2 + np.arange(-FINE, FINE + 1) / FINE
        for place, side in zip(peak, image.shape)
    ]
    rows, columns = (np.exp(2j * np.pi * np.outer(place, f)) for place, f in zip(places, frequencies))
    near = (rows @ product @ columns.T).real
    row, column = np.unravel_index(near.argmax(), near.shape)
    return float(places[0][row]), float(places[1][column])


def shifted_with_gaps(image: np.ndarray, rows: float, columns: float) -> np.ndarray:
    """Image [h, w, c] moved down and to the right by cubic splines; NaN where its neighbours have no data or are outside."""
    missing = ~np.isfinite(image).all(axis=-1)
    moved = [
        ndimage.shift(np.nan_to_num(band), (rows, columns), order=3, mode="nearest")
        for band in np.moveaxis(image, -1, 0)
    ]
    gone = ndimage.shift(missing.astype(float), (rows, columns), order=1, mode="constant", cval=1) > 1e-6
    return np.where(gone[..., None], np.nan, np.stack(moved, axis=-1)).astype(np.float32)
