"""Whether the disagreement of several networks shows where their mean is wrong (not in the paper)."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workflow.figures import style

PANEL = 2.4  # inches high
BINS = 20
SHARES = np.linspace(0, 0.95, 39)


@style.styled()
def draw(values: pd.DataFrame, *, notes: list[str], footer: str) -> Figure:
    """A row of panels for each scale p: error over deviation, and the error that remains without the most uncertain values.

    values: columns p, networks, deviation, error; a row for each value. notes: lines below the panels.
    """
    scales, counts = sorted(values["p"].unique()), sorted(values["networks"].unique())
    figure, legend = style.new(), {}
    panels = figure.subplots(len(scales), 2, squeeze=False)
    for letter, p, (left, right) in zip(style.LETTERS, scales, panels):
        left.set_title(f"({letter}) p = {p:g}", loc="left")
        left.set(xscale="log", yscale="log")
        for colour, count in zip(style.ordered(len(counts)), counts):
            found = values[(values["p"] == p) & (values["networks"] == count)]
            name = f"{count} networks"
            (legend[name],) = left.plot(*reliability(found), color=colour, marker="o", markersize=3)
            right.plot(SHARES, sparsification(found["error"], found["deviation"]), color=colour)
        (legend["error known"],) = right.plot(SHARES, sparsification(found["error"], found["error"]), "--", color="0.5")
        ends = left.get_xlim()
        (legend["error = deviation"],) = left.plot(ends, ends, ":", color="0.5")
        left.set(xlabel="standard deviation", ylabel="root mean square error")
        right.set(xlabel="share of values left out", ylabel="error that is left (share)", ylim=(0, 1.02))
        for axis in (left.xaxis, left.yaxis):
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter("")
    return style.frame(figure, len(scales) * PANEL, *notes, footer, legend=legend)


def reliability(values: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Mean deviation and root mean square error in BINS groups of equal size, from the smallest deviation to the largest."""
    order = np.argsort(values["deviation"].to_numpy(), kind="stable")
    deviations, errors = (np.array_split(values[name].to_numpy()[order], BINS) for name in ("deviation", "error"))
    return np.array([group.mean() for group in deviations]), np.array([np.sqrt((group**2).mean()) for group in errors])


def sparsification(error: pd.Series, by: pd.Series) -> np.ndarray:
    """Root mean square error without each of SHARES of the values, largest `by` first, divided by the error of all values."""
    squares = (error.to_numpy() ** 2)[np.argsort(by.to_numpy(), kind="stable")]
    kept = [squares[: max(1, round(len(squares) * (1 - share)))].mean() for share in SHARES]
    return np.sqrt(np.array(kept) / squares.mean())
