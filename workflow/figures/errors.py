"""Where a prediction is wrong, in space and over wavelength (paper Figure 8)."""

import math

import numpy as np
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec

from ssif.bands import Bands
from workflow.figures import style

RGB = (650, 550, 460)  # nm
STRETCH = (2, 98)  # percentiles of the truth
CLIP = 99  # percentile of the errors of all images
TIMES = 1000  # errors are printed times this
IMAGE = 0.64  # share of an image in the width of an image and a curve


@style.styled()
def draw(images: dict[str, np.ndarray], truth: np.ndarray, bands: Bands, *, scale: float, footer: str) -> Figure:
    """For every image: pseudo-RGB, map of the mean squared error over bands, and mean over pixels of the error of each band.

    images: label -> [C, H, W] in [0, 1], all of one size; truth [C, H, W], whose pseudo-RGB comes last; bands: C, in nm.
    Stretch, colour scale and axes are the same for all images, so that they can be compared; errors are times 1000. Strips
    that are taller than wide are turned a quarter to the left.
    """
    nearest = [int(np.abs(bands.centres - wavelength).argmin()) for wavelength in RGB]
    dark, bright = np.percentile(truth[nearest], STRETCH, axis=(1, 2), keepdims=True)
    of_pixels, of_bands = {}, {}
    for label, image in images.items():
        square = TIMES * (image - truth) ** 2
        of_pixels[label], of_bands[label] = square.mean(axis=0), square.mean(axis=(1, 2))
    clip = np.percentile(list(of_pixels.values()), CLIP)

    figure = style.new()
    height, across, blocks = _layout(figure, len(images) + 1, style.lying(truth[0]).shape)
    panels = [figure.add_subplot(block[0]) for block in blocks]
    maps = [figure.add_subplot(block[1]) for block in blocks[:-1]]
    for letter, (label, cube), axes in zip(style.LETTERS, (images | {"truth": truth}).items(), panels):
        stretched = np.clip((cube[nearest] - dark) / np.maximum(bright - dark, 1e-6), 0, 1)
        axes.imshow(style.lying(stretched.transpose(1, 2, 0)))
        axes.set_title(f"({letter}) {label}", loc="left")
    for error, axes in zip(of_pixels.values(), maps):
        shown = axes.imshow(style.lying(error), vmin=0, vmax=clip)
    for axes in panels + maps:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)

    curve = None
    for index, (error, block) in enumerate(zip(of_bands.values(), blocks)):
        curve = figure.add_subplot(block[2], sharex=curve, sharey=curve)
        curve.plot(*_broken(bands, error), color=style.BLUE)
        curve.set_ylabel(f"MSE ×\xa0{TIMES}")
        lowest = index + across >= len(images)
        curve.tick_params(labelbottom=lowest)
        curve.set_xlabel("wavelength (nm)" if lowest else "")
    curve.set_ylim(bottom=0)

    beside_truth = figure.add_subplot(blocks[-1][3])
    beside_truth.set_axis_off()
    place = beside_truth.inset_axes([0.05, 0.6, 0.9, 0.14])
    bar = figure.colorbar(shown, cax=place, orientation="horizontal", extend="max")
    bar.set_label(f"maps: MSE over bands ×\xa0{TIMES},\nclipped at the {CLIP}th percentile")
    wavelengths = ", ".join(f"{bands.centres[index]:.0f}" for index in nearest)
    stretch = f"{STRETCH[0]}-{STRETCH[1]} % stretch of the truth"
    note = (
        f"p = {scale:g}; pseudo-RGB of the bands at {wavelengths} nm, {stretch}; curves: MSE over pixels ×\xa0{TIMES}"
    )
    return style.frame(figure, height, note, footer)


def _broken(bands: Bands, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centres and values [C] with a NaN in each gap of the spectrum, so that no line crosses it."""
    places = style.gaps(bands, widths=2)
    return np.insert(bands.centres, places, np.nan), np.insert(values, places, np.nan)


def _layout(figure: Figure, count: int, shape: tuple[int, int]) -> tuple[float, int, list[tuple[SubplotSpec, ...]]]:
    """Height in inches, blocks per row, and for each block its places: pseudo-RGB, map, curve, and all three but pseudo-RGB.

    The images of a strip lie above each other beside the curve, in one block per row if very long; other images stand side by
    side.
    """
    aspect = shape[1] / shape[0]
    across = 1 if aspect >= 5 else 2
    down = math.ceil(count / across)
    blocks = [divmod(index, across) for index in range(count)]
    if aspect >= 2:
        grid = figure.add_gridspec(2 * down, 2 * across, width_ratios=[IMAGE, 1 - IMAGE] * across)
        # 0.62 in for the numbers beside a curve, 0.32 in for the title above an image and the space around.
        height = 2 * IMAGE * (style.WIDTH / across - 0.62) / aspect + 0.32
        places = [
            (grid[2 * row, 2 * column], grid[2 * row + 1, 2 * column], grid[2 * row : 2 * row + 2, 2 * column + 1],
             grid[2 * row + 1, 2 * column : 2 * column + 2])
            for row, column in blocks
        ]  # fmt: skip
    else:
        grid = figure.add_gridspec(down, 3 * across, width_ratios=[1, 1, 1.2] * across)
        height = 0.92 / aspect + 0.22
        places = [
            (grid[row, 3 * column], grid[row, 3 * column + 1], grid[row, 3 * column + 2],
             grid[row, 3 * column + 1 : 3 * column + 3])
            for row, column in blocks
        ]  # fmt: skip
    return down * height + 0.35, across, places
