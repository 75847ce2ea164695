"""PSNR over the multiply-adds of a prediction (not in the paper). The marker of a method grows with its network."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from workflow.figures import style

PANEL = 2.6  # inches high
# Area of a marker in points squared: the smallest, and the increase with the square root of the number of parameters.
SMALLEST, PER_ROOT = 16, 0.06


@style.styled()
def draw(points: pd.DataFrame, *, size: int, footer: str) -> Figure:
    """A panel for each scale p. points: columns model, p, psnr (dB), multiply_adds of an image of `size` x `size` pixels,
    seconds of a pass when the method was scored, parameters; a row for each method and p."""
    scales = sorted(points["p"].unique())
    figure, legend = style.new(), {}
    panels = style.grid(figure, len(scales), 2, f"multiply-adds for {size} x {size} pixels (10⁹)")
    for letter, p, axes in zip(style.LETTERS, scales, panels):
        axes.set_title(f"({letter}) p = {p:g}", loc="left")
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_ylabel(style.METRICS["mpsnr"])
        axes.margins(0.12)
        for row in points[points["p"] == p].itertuples():
            look = style.look(row.model)
            face = look["color"] if look["fillstyle"] == "full" else "none"
            area = SMALLEST + PER_ROOT * row.parameters**0.5
            # A cross has no interior to fill.
            fill = (
                {"color": look["color"]} if look["marker"] == "x" else {"edgecolors": look["color"], "facecolors": face}
            )
            marker = axes.scatter(row.multiply_adds / 1e9, row.psnr, s=area, marker=look["marker"], **fill)
            legend.setdefault(row.model, marker)
    words = [f"{model}: {_words(rows)}" for model, rows in points.groupby("model", sort=False)]
    notes = "Parameters, and seconds of a pass at each p: " + "; ".join(words)
    return style.frame(figure, -(-len(scales) // 2) * PANEL, notes, footer, legend=legend)


def _words(rows: pd.DataFrame) -> str:
    """The number of parameters (a range if networks of several p differ), and the seconds at each p."""
    least, most = rows["parameters"].min(), rows["parameters"].max()
    millions = [f"{count / 1e6:.2g}" for count in (least, most)]
    size = f"{'-'.join(dict.fromkeys(millions))} million" if most > 1e4 else f"{most}"
    seconds = "/".join(f"{value:.2g}" for value in rows.sort_values("p")["seconds"])
    return f"{size}, {seconds} s"
