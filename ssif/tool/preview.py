"""A picture of an image, or of a prediction and its input, in pseudo-RGB with the spectra of a few pixels."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from ssif.bands import Bands
from ssif.formats import open_image
from ssif.formats.header import Header
from ssif.io import whole_file

SIDE = 700  # largest number of rows and columns that are drawn
# Centre and width in nm of Gaussians that are about as wide as the colours of a camera.
RGB = ((610, 40), (545, 40), (460, 30))
QUANTILES = (0.1, 0.3, 0.5, 0.7, 0.9)  # quantiles of brightness of the pixels whose spectra are drawn


class Thinned(NamedTuple):
    """Every n-th row and column of an image, at most SIDE of each.

    values: [h, w, C] of the bands that have data somewhere. bands: of these values; None if they are unknown.
    """

    header: Header
    values: np.ndarray
    bands: Bands | None

    @classmethod
    def of(cls, path: Path, key: str | None = None, named: Bands | None = None) -> "Thinned":
        """Read a file (its array `key`). named: the bands, if they are not those in the file."""
        with open_image(path, key) as image:
            header = image.header
            step = -(-max(header.height, header.width) // SIDE)
            tops = range(0, header.height, step)
            values = np.stack([image.read(slice(top, top + 1), slice(0, header.width))[0, ::step] for top in tops])
        # With a band without data, such as one of water vapour, no pixel would have a whole spectrum.
        filled = np.isfinite(values).any(axis=(0, 1))
        filled |= not filled.any()
        bands = named or header.bands
        return cls(header, values[..., filled], None if bands is None else Bands(bands.edges[filled]))


def preview(path: Path, source: Path | None = None, key: str | None = None, named: Bands | None = None) -> Path:
    """Draw an image and the spectra of a few pixels as `path`.preview.png, and return that path.

    source: the input of a prediction, drawn on the left. key: the array of `source`, or of `path` if there is no source.
    named: the bands of `source`, if its file does not contain them. Only some rows and columns are read, so the images may
    have any size. Raises UserError if an image cannot be read.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import patheffects, pyplot

    halo = [patheffects.withStroke(linewidth=2, foreground="white")]
    drawn = path.with_name(f"{path.name}.preview.png")
    if source is None:
        before, after = None, Thinned.of(path, key)
        images = {path.name: after}
    else:
        before, after = Thinned.of(source, key, named), Thinned.of(path)
        images = {"input": before, "output": after}
    order = np.arange(after.values.shape[-1]) if after.bands is None else after.bands.order
    axis = order if after.bands is None else after.bands.centres[order]
    figure, (*places, right) = pyplot.subplots(
        1, len(images) + 1, figsize=(5 * (len(images) + 1), 5), layout="constrained"
    )
    for axes, (title, (header, values, bands)) in zip(places, images.items()):
        axes.set_title(f"{title}: {header.height} x {header.width} pixels, {header.count} bands", fontsize=10)
        axes.imshow(pseudo_rgb(values, bands), extent=(0, 1, 1, 0), aspect=header.height / header.width)
        axes.set(xticks=[], yticks=[])
    squares = before is not None and before.bands is not None and after.bands is not None
    for number, (row, column) in enumerate(chosen(after.values), start=1):
        height, width = after.values.shape[:2]
        colour, place = f"C{number - 1}", ((column + 0.5) / width, (row + 0.5) / height)
        for axes in places:
            axes.plot(*place, "o", mfc="none", mec=colour, path_effects=halo)
            axes.annotate(
                str(number), place, xytext=(4, 4), textcoords="offset points", color=colour, path_effects=halo
            )
        right.plot(axis, after.values[row, column, order], ".-", lw=1, ms=3, label=f"pixel {number}", color=colour)
        if squares:
            height, width = before.values.shape[:2]
            below = before.values[int(place[1] * height), int(place[0] * width)]
            # Show the input's bands within the output's range: an infrared band would squeeze the others.
            low, high = after.bands.edges.min(), after.bands.edges.max()
            near = (before.bands.edges[:, 1] > low) & (before.bands.edges[:, 0] < high)
            centres, reach = before.bands.centres[near], before.bands.widths[near] / 2
            right.errorbar(centres, below[near], xerr=reach, fmt="s", ms=3, lw=1, alpha=0.6, color=colour)
    right.set_xlabel("band" if after.bands is None else "wavelength (nm)")
    right.set_ylabel("value, in the units of the image")
    if source is not None:
        right.set_title("output: lines" + ", input: squares as wide as its bands" * squares, fontsize=10)
    if right.lines:
        right.legend(fontsize=8)
    with whole_file(drawn) as temporary:
        figure.savefig(temporary, format="png", dpi=120)
    pyplot.close(figure)
    return drawn


def pseudo_rgb(values: np.ndarray, bands: Bands | None) -> np.ndarray:
    """[h, w, C] -> [h, w, 3] in [0, 1], with one stretch for all colours; pixels without data are white.

    Red, green and blue are means over the bands with the weights of a camera, because single bands are noisy. If the bands are
    not visible, the last, middle and first band are red, green and blue. Without wavelengths, the first, middle and last are.
    """
    count = values.shape[-1]
    weights = np.eye(count)[[0, count // 2, count - 1] if bands is None else [count - 1, count // 2, 0]]
    if bands is not None and bands.edges.min() < 500 and bands.edges.max() > 600:
        centre, width = np.array(RGB).T[..., None]
        # Wide bands weigh more. The minimum keeps the sum of a row positive if all bands are far from a colour.
        weights = np.maximum(np.exp(-0.5 * ((bands.centres - centre) / width) ** 2), 1e-30) * bands.widths
        weights /= weights.sum(axis=1, keepdims=True)
    used = weights.any(axis=0) & (weights.max(axis=0) > 1e-4)
    shown = values[..., used] @ weights[:, used].T.astype(np.float32)
    if not np.isfinite(shown).any():
        return np.ones_like(shown)
    low, high = np.nanpercentile(shown, (1, 99))
    return np.nan_to_num(np.clip((shown - low) / max(high - low, 1e-9), 0, 1), nan=1.0)


def chosen(values: np.ndarray) -> list[tuple[int, int]]:
    """Row and column of one pixel for each quantile of brightness, among the pixels with data."""
    bright = values.mean(axis=-1)
    order = np.argsort(bright, axis=None)[: np.isfinite(bright).sum()]
    indices = [order[int(q * (len(order) - 1))] for q in QUANTILES] if len(order) else []
    return [tuple(map(int, np.unravel_index(i, bright.shape))) for i in indices]
