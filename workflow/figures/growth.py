"""How the cost of an image grows with p, C, K and its size (`workflow.growth`; the paper has no such figure)."""

import pandas as pd
from matplotlib.figure import Figure

from workflow.figures import style

AXES = {"p": "scale p", "C": "bands C", "K": "wavelengths K a band", "side": "LR pixels a side"}
LOOKS = {
    "whole": ("measured", {"color": style.VERMILION, "marker": "o"}),
    "encoder": ("of which encoder", {"color": style.BLUE, "marker": "s"}),
    "least": ("least, by arithmetic", {"color": style.GREY, "linestyle": "--"}),
}


@style.styled()
def draw(table: pd.DataFrame, base: dict, *, footer: str) -> Figure:
    """Seconds over each of AXES on logarithmic scales. table: as of `workflow.growth.measured`; base: what stands still."""
    figure = style.new()
    panels = style.grid(figure, len(AXES), 2, "", sharey=True)
    for letter, (axis, label), axes in zip(style.LETTERS, AXES.items(), panels):
        its = table[table["axis"] == axis]
        drawn = {name: axes.loglog(its["value"], its[key], **look)[0] for key, (name, look) in LOOKS.items()}
        axes.set_xticks(its["value"], [f"{value:g}" for value in its["value"]])
        axes.minorticks_off()
        axes.set_xlabel(label)
        axes.set_title(f"({letter}) over {axis}", loc="left")
    for axes in panels[::2]:
        axes.set_ylabel("seconds an image")
    still = ", ".join(f"{AXES[axis]} = {value:g}" for axis, value in base.items())
    style.frame(figure, 4.4, f"one thread; where not on the axis: {still}", footer, legend=drawn)
    return figure
