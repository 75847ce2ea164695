"""The embeddings of wavelengths by the spectral encoder (paper Figure 10)."""

import numpy as np
from matplotlib.figure import Figure

from workflow.figures import style

PANEL = 2.2  # inches high


@style.styled()
def draw(curves: dict[int, tuple[np.ndarray, np.ndarray]], *, footer: str) -> Figure:
    """A panel for each embedding width d with the d values over wavelength.

    curves: d -> wavelengths [n] in nm and values [n, d].
    """
    figure = style.new()
    row = figure.subplots(1, len(curves), sharex=True, sharey=True, squeeze=False)[0]
    colours, legend = style.ordered(max(curves)), {}
    for letter, (width, (wavelengths, values)), axes in zip(style.LETTERS, curves.items(), row):
        for number, (colour, curve) in enumerate(zip(colours, values.T), start=1):
            # Lines with neighbouring colours also differ in their dashes.
            label, line = f"dimension {number}", ("-", "--")[number % 2 - 1]
            (legend[label],) = axes.plot(wavelengths, curve, color=colour, linestyle=line, label=label)
        axes.set_title(f"({letter}) d = {width}", loc="left")
        axes.set_xlabel("wavelength (nm)")
    row[0].set_ylabel("value")
    return style.frame(figure, PANEL, footer, legend=legend)
