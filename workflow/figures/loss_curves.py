"""How the loss fell in training (for the report; the paper has no such figure)."""

import math
import re
import textwrap
from itertools import cycle

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from workflow.figures import style

TOGETHER = 8  # largest number of curves in one panel of the whole width
PANELS, ACROSS = 30, 3  # largest number of small panels in a figure, and in a row
LETTERS = 28  # in a label above a small panel; a longer label would make the panels narrow


@style.styled()
def draw(curves: dict[str, pd.DataFrame], *, footer: str) -> Figure:
    """Loss over steps: the logged values, faint, and their running median. The axis is logarithmic unless the loss is.

    curves: label -> columns step and loss, as in a run's train.jsonl, and the validation score if there is one, which is drawn
    dotted. Up to eight curves share one panel. More get a small panel each; beyond thirty, several in turn share a panel.
    """
    items = list(curves.items())
    share = len(items) if len(items) <= TOGETHER else math.ceil(len(items) / PANELS)
    groups = [items[start : start + share] for start in range(0, len(items), share)]
    small = len(groups) > 1
    across = ACROSS if small else 1

    positive = all((curve["loss"] > 0).all() for curve in curves.values())
    figure, lines = style.new(), 0
    panels = style.grid(figure, len(groups), across, "step", sharey=True)
    for group, axes in zip(groups, panels):
        colours = cycle((*style.COLOURS, style.BLACK))
        legend = {label: _plot(axes, curve, colour, positive) for (label, curve), colour in zip(group, colours)}
        if small:
            names = [_in_lines(label) for label in legend]
            lines = max(lines, sum(name.count("\n") + 1 for name in names))
            axes.legend(
                legend.values(), names, loc="lower left", bbox_to_anchor=(0, 1), borderpad=0.2, borderaxespad=0,
                handlelength=1, labelspacing=0.1,
            )  # fmt: skip
    if positive:
        # Write plain numbers, because the exponents of powers of ten are too small to read.
        panels[0].yaxis.set_major_locator(LogLocator(subs=(1, 3) if small else (1, 2, 5)))
        panels[0].yaxis.set_major_formatter("{x:g}")
        panels[0].yaxis.set_minor_locator(NullLocator())
    for axes in panels[::across]:
        axes.set_ylabel("loss")
    # Inches: a small panel with its labels, at most ten rows of them on a page.
    height = 0.3 + math.ceil(len(groups) / across) * (0.74 + 0.13 * lines) if small else 2.8
    return style.frame(figure, height, footer, legend=None if small else legend)


def _in_lines(label: str) -> str:
    """The parts of a run's name, as many per line as fit."""
    parts = re.sub(r"\.(?=[a-zA-Z])", " ", label)  # not the point of a number
    return "\n".join(textwrap.wrap(parts, LETTERS, break_long_words=False, break_on_hyphens=False))


def _plot(axes: Axes, curve: pd.DataFrame, colour: str, positive: bool):
    """Draw one curve and return the artist of its running median over a twentieth of the points."""
    smooth = curve["loss"].rolling(2 * (len(curve) // 40) + 1, center=True, min_periods=1).median()
    axes.plot(curve["step"], curve["loss"], color=colour, alpha=0.3, linewidth=0.6)
    if positive:
        axes.set_yscale("log")
    if "validation" in curve:
        scored = curve.dropna(subset="validation")
        axes.plot(scored["step"], scored["validation"], color=colour, linestyle=":")
    return axes.plot(curve["step"], smooth, color=colour)[0]
