"""What each method loses under each change of the scene or of its input (not in the paper)."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import SymmetricalLogLocator

from workflow.figures import style

LINE, MARKER = 0.11, 0.026  # inches of a change, and of each method in it
SPREAD = 0.33  # of a line, from its middle to the first and to the last marker
METRICS = {"mpsnr_lost": "PSNR lost (dB)", "sam_lost": "SAM added (degrees)"}
LINEAR = 1  # dB or degrees up to which the axis is linear; beyond, logarithmic


@style.styled()
def draw(tidy: pd.DataFrame, *, footer: str) -> Figure:
    """A row of panels for each scale p, a panel for each metric, a line for each change, and in it the markers of the methods, one
    below the other.

    tidy: columns model, title (of the change), change, p and METRICS; the clean input has no line.
    """
    shown = tidy[tidy["change"] != "clean"]
    scales, names, models = sorted(shown["p"].unique()), list(shown["title"].unique()), list(shown["model"].unique())
    below = dict(zip(models, np.linspace(-SPREAD, SPREAD, len(models)) if len(models) > 1 else [0]))
    figure, legend = style.new(), {}
    panels = figure.subplots(len(scales), len(METRICS), sharey=True, sharex="col", squeeze=False)
    for letter, p, row in zip(style.LETTERS, scales, panels):
        row[0].set_title(f"({letter}) p = {p:g}", loc="left")
        for (metric, label), axes in zip(METRICS.items(), row):
            axes.set_xscale("symlog", linthresh=LINEAR)
            axes.margins(x=0.06)
            axes.grid(visible=False, axis="y")
            for place in range(0, len(names), 2):
                axes.axhspan(place - 0.5, place + 0.5, color="0.95", zorder=0)
            for model, found in shown[shown["p"] == p].groupby("model", sort=False):
                places = [names.index(title) + below[model] for title in found["title"]]
                look = style.look(model) | {"linestyle": "none"}
                (legend[model],) = axes.plot(found[metric], places, label=model, **look)
            axes.axvline(0, color="0.4", linewidth=0.6, zorder=0)
            axes.xaxis.set_major_locator(SymmetricalLogLocator(base=10, linthresh=LINEAR, subs=(1, 3)))
            axes.xaxis.set_major_formatter("{x:g}")
            axes.set_yticks(range(len(names)), names)
            axes.set_ylim(len(names) - 0.5, -0.5)
            axes.set_xlabel(label if p == scales[-1] else "")
    return style.frame(
        figure, len(scales) * ((LINE + MARKER * len(models)) * len(names) + 0.2) + 0.35, footer, legend=legend
    )
