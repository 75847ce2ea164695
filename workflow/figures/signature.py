"""The spectrum of one pixel at several numbers of bands (paper Figure 1)."""

import math

import numpy as np
from matplotlib.figure import Figure

from ssif.bands import Bands
from workflow.figures import style

PANEL = 1.4  # inches high


@style.styled()
def draw(
    spectra: dict[int, tuple[Bands, np.ndarray]],
    truth: tuple[Bands, np.ndarray],
    pixel: tuple[int, int],
    *,
    scale: float,
    footer: str,
) -> Figure:
    """A panel for each C: the predicted values as steps over the intervals of their bands, on the true spectrum in black.

    spectra: C -> its bands and values [C]; truth: the sensor's bands and values; pixel: (row, column) in the HR image.
    No line crosses a gap between two bands. If C exceeds the sensor's number of bands, the title says that no truth exists.
    """
    across = 2 if len(spectra) == 4 else min(3, len(spectra))
    figure = style.new()
    panels = style.grid(figure, len(spectra), across, "wavelength (nm)", sharex=True, sharey=True)
    legend = {}
    for letter, (count, (bands, values)), axes in zip(style.LETTERS, spectra.items(), panels):
        # The prediction is thinner, so that both lines are visible where they agree.
        (legend[f"truth, C = {len(truth[0])}"],) = axes.plot(*_steps(*truth), color=style.BLACK, linewidth=1.4)
        (legend["predicted"],) = axes.plot(*_steps(bands, values), color=style.VERMILION, linewidth=0.8)
        known = "" if count <= len(truth[0]) else " (interpolated: no truth)"
        axes.set_title(f"({letter}) C = {count}{known}", loc="left")
    for axes in panels[::across]:
        axes.set_ylabel("value")
    note = f"pixel in row {pixel[0]}, column {pixel[1]}; p = {scale:g}"
    return style.frame(figure, PANEL * math.ceil(len(spectra) / across) + 0.3, note, footer, legend=legend)


def _steps(bands: Bands, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Start and end of each band with its value twice, a NaN between bands that do not touch: [2C + gaps] each."""
    # Published centres are rounded, so neighbours may be a tenth of a band apart.
    places = 2 * style.gaps(bands, widths=0.2)
    return np.insert(bands.edges.ravel(), places, np.nan), np.insert(np.repeat(values, 2), places, np.nan)
