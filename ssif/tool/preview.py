"""A picture of a prediction (`ssif predict --preview`): input and output in pseudo-RGB and the spectra of a few pixels."""

from pathlib import Path

import numpy as np

from ssif.bands import Bands
from ssif.formats import open_image
from ssif.formats.header import Image
from ssif.io import whole_file

SIDE = 700  # largest number of rows and columns that are drawn
# Centre and width in nm of Gaussians that are about as wide as the colours of a camera.
RGB = ((610, 40), (545, 40), (460, 30))
QUANTILES = (0.1, 0.3, 0.5, 0.7, 0.9)  # quantiles of brightness of the pixels whose spectra are drawn


def preview(source: Path, out: Path, key: str | None = None, named: Bands | None = None) -> Path:
    """Draw `source` (its array `key`) and its prediction `out` as `out`.preview.png, and return that path.

    named: the bands of `source`, if its file does not contain them. Only some rows and columns are read, so the images may be
    of any size. Raises UserError if an image cannot be read.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import patheffects, pyplot

    halo = [patheffects.withStroke(linewidth=2, foreground="white")]
    path = out.with_name(f"{out.name}.preview.png")
    with open_image(source, key) as before, open_image(out) as after:
        low, high = thinned(before), thinned(after)
        bands, predicted = named or before.header.bands, after.header.bands
        places = chosen(high)
        order = np.arange(high.shape[-1]) if predicted is None else predicted.order
        axis = order if predicted is None else predicted.centres[order]
        figure, (left, middle, right) = pyplot.subplots(1, 3, figsize=(15, 5), layout="constrained")
        for axes, title, header, values, shown in (
            (left, "input", before.header, low, bands),
            (middle, "output", after.header, high, predicted),
        ):
            axes.set_title(f"{title}: {header.height} x {header.width} pixels, {header.count} bands", fontsize=10)
            axes.imshow(pseudo_rgb(values, shown), extent=(0, 1, 1, 0), aspect=header.height / header.width)
            axes.set(xticks=[], yticks=[])
        for number, (row, column) in enumerate(places, start=1):
            colour, place = f"C{number - 1}", ((column + 0.5) / high.shape[1], (row + 0.5) / high.shape[0])
            for axes in (left, middle):
                axes.plot(*place, "o", mfc="none", mec=colour, path_effects=halo)
                axes.annotate(
                    str(number), place, xytext=(4, 4), textcoords="offset points", color=colour, path_effects=halo
                )
            right.plot(axis, high[row, column, order], ".-", lw=1, ms=3, label=f"output {number}", color=colour)
            if bands is None or predicted is None:
                continue
            below = low[int(place[1] * low.shape[0]), int(place[0] * low.shape[1])]
            # Show the input's bands within the output's range: an infrared band would squeeze the others.
            near = (bands.edges[:, 1] > predicted.edges.min()) & (bands.edges[:, 0] < predicted.edges.max())
            centres, reach = bands.centres[near], bands.widths[near] / 2
            right.errorbar(centres, below[near], xerr=reach, fmt="s", ms=3, lw=1, alpha=0.6, color=colour)
        right.set_xlabel("band" if predicted is None else "wavelength (nm)")
        squares = bands is not None and predicted is not None
        right.set_title("output: lines" + ", input: squares as wide as its bands" * squares, fontsize=10)
        right.set_ylabel("value, in the units of the image")
        if places:
            right.legend(fontsize=8)
        with whole_file(path) as temporary:
            figure.savefig(temporary, format="png", dpi=120)
        pyplot.close(figure)
    return path


def preview_of(path: Path, key: str | None = None) -> Path:
    """Draw an image (its array `key`) and the spectra of a few pixels as `path`.preview.png, and return that path.

    Raises UserError if the image cannot be read.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    drawn = path.with_name(f"{path.name}.preview.png")
    with open_image(path, key) as image:
        values, header = thinned(image), image.header
    # A band without any data, such as one of water vapour, would leave no pixel with a whole spectrum.
    filled = np.isfinite(values).any(axis=(0, 1))
    if filled.any():
        values = values[..., filled]
    else:
        filled[:] = True
    bands = None if header.bands is None else Bands(header.bands.edges[filled])
    order = np.arange(values.shape[-1]) if bands is None else bands.order
    axis = order if bands is None else bands.centres[order]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 5), layout="constrained")
    left.set_title(f"{path.name}: {header.height} x {header.width} pixels, {header.count} bands", fontsize=10)
    left.imshow(pseudo_rgb(values, bands), extent=(0, 1, 1, 0), aspect=header.height / header.width)
    left.set(xticks=[], yticks=[])
    for number, (row, column) in enumerate(chosen(values), start=1):
        place, colour = ((column + 0.5) / values.shape[1], (row + 0.5) / values.shape[0]), f"C{number - 1}"
        left.plot(*place, "o", mfc="none", mec=colour)
        left.annotate(str(number), place, xytext=(4, 4), textcoords="offset points", color=colour)
        right.plot(axis, values[row, column, order], ".-", lw=1, ms=3, label=f"pixel {number}", color=colour)
    right.set_xlabel("band" if bands is None else "wavelength (nm)")
    right.set_ylabel("value, in the units of the image")
    if right.lines:
        right.legend(fontsize=8)
    with whole_file(drawn) as temporary:
        figure.savefig(temporary, format="png", dpi=120)
    pyplot.close(figure)
    return drawn


def thinned(image: Image) -> np.ndarray:
    """Every n-th row and column of an image, at most SIDE rows and columns [h, w, C]."""
    header = image.header
    step = -(-max(header.height, header.width) // SIDE)
    rows = [image.read(slice(top, top + 1), slice(0, header.width))[0, ::step] for top in range(0, header.height, step)]
    return np.stack(rows)


def pseudo_rgb(values: np.ndarray, bands: Bands | None) -> np.ndarray:
    """[h, w, C] -> [h, w, 3] in [0, 1], with one stretch; white without data.

    Red, green and blue are means over the bands, weighted as a camera sees them: single bands are noisy. If the bands are not
    visible, their last, middle and first are red, green and blue; without wavelengths the first, middle and last.
    """
    count = values.shape[-1]
    weights = np.eye(count)[[0, count // 2, count - 1] if bands is None else [count - 1, count // 2, 0]]
    if bands is not None and bands.edges.min() < 500 and bands.edges.max() > 600:
        centre, width = np.array(RGB).T[..., None]
        # A band counts by its width, and one that is far from a colour least: every row has a sum.
        weights = np.maximum(np.exp(-0.5 * ((bands.centres - centre) / width) ** 2), 1e-30) * bands.widths
        weights /= weights.sum(axis=1, keepdims=True)
    used = weights.any(axis=0) & (weights.max(axis=0) > 1e-4)
    shown = values[..., used] @ weights[:, used].T.astype(np.float32)
    if not np.isfinite(shown).any():
        return np.ones_like(shown)
    low, high = np.nanpercentile(shown, (1, 99))
    return np.nan_to_num(np.clip((shown - low) / max(high - low, 1e-9), 0, 1), nan=1.0)


def chosen(values: np.ndarray) -> list[tuple[int, int]]:
    """Row and column of one pixel per quantile of brightness, from the pixels with data."""
    bright = values.mean(axis=-1)
    order = np.argsort(bright, axis=None)[: np.isfinite(bright).sum()]
    indices = [order[int(q * (len(order) - 1))] for q in QUANTILES] if len(order) else []
    return [tuple(map(int, np.unravel_index(i, bright.shape))) for i in indices]
