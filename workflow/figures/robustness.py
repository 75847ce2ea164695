"""What each method loses under each change of the scene or of its input (not in the paper)."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import SymmetricalLogLocator

from workflow.figures import style

LINE = 0.165  # inches of a change
METRICS = {"mpsnr_lost": "PSNR lost (dB)", "sam_lost": "SAM added (degrees)"}
LINEAR = 1  # dB or degrees up to which the axis is linear; beyond, logarithmic


@style.styled()
def draw(tidy: pd.DataFrame, *, footer: str) -> Figure:
    """A row of panels for each scale p, a panel for each metric, a line for each change, a marker for each method.

    tidy: columns model, title (of the change), change, p and METRICS; the clean input has no line.
    """
    shown = tidy[tidy["change"] != "clean"]
    scales, names = sorted(shown["p"].unique()), list(shown["title"].unique())
    figure, legend = style.new(), {}
    panels = figure.subplots(len(scales), len(METRICS), sharey=True, sharex="col", squeeze=False)
    for letter, p, row in zip(style.LETTERS, scales, panels):
        row[0].set_title(f"({letter}) p = {p:g}", loc="left")
        for (metric, label), axes in zip(METRICS.items(), row):
            axes.set_xscale("symlog", linthresh=LINEAR)
            axes.margins(x=0.06)
            for model, found in shown[shown["p"] == p].groupby("model", sort=False):
                places = [names.index(title) for title in found["title"]]
                look = style.look(model) | {"linestyle": "none"}
                (legend[model],) = axes.plot(found[metric], places, label=model, **look)
            axes.axvline(0, color="0.4", linewidth=0.6, zorder=0)
            axes.xaxis.set_major_locator(SymmetricalLogLocator(base=10, linthresh=LINEAR, subs=(1, 3)))
            axes.xaxis.set_major_formatter("{x:g}")
            axes.set_yticks(range(len(names)), names)
            axes.set_ylim(len(names) - 0.5, -0.5)
            axes.set_xlabel(label if p == scales[-1] else "")
    return style.frame(figure, len(scales) * (LINE * len(names) + 0.2) + 0.35, footer, legend=legend)
