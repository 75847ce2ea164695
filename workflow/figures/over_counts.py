"""PSNR, SSIM and SAM over the number of bands C (paper Figures 3, 4, 6 and 7, and any other ablation)."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ssif.errors import choose
from workflow.figures import style

PANEL = 1.75  # inches high
# How a value is written out: name, format, unit. The spaces do not break, so a value stays on one line.
VALUES = {"mpsnr": ("", "{:.1f}", "\xa0dB"), "ssim": ("SSIM\xa0", "{:.3f}", ""), "sam": ("SAM\xa0", "{:.1f}", "°")}
# How the labels of the neural fields begin.
FIELDS = ("SSIF", "LIIF", "LTE", "CiaoSR")
# If several models share an ablation, its first value is solid and filled, the second dashed and open, and so on.
LINES = [
    {"linestyle": line, "fillstyle": fill}
    for line, fill in (("-", "full"), ("--", "none"), (":", "bottom"), ("-.", "left"))
]


@style.styled()
def draw(cells: pd.DataFrame, *, scales: list, largest: int, key: str | None = None, footer: str) -> Figure:
    """A row of panels for each scale p, a column for each metric, a line for each model over C: mean and spread over the seeds.

    cells: columns model, value (of the hyper-parameter `key`; "" without a `key`), seed, p, C, mpsnr (dB), ssim,
    sam (degrees); a row for each seed, p and C. A model with one C is a marker. The panels are grey beyond `largest`, the C of
    the true images. The neural fields decide the y-range; a list below the panels gives the values outside it. Raises UserError
    for a scale without cells.
    """
    counts = sorted(cells["C"].unique())
    margin = max(0.04 * (counts[-1] - counts[0]), 0.5)
    right = counts[-1] + margin
    series = _series(cells, key)

    figure = style.new()
    panels = figure.subplots(len(scales), len(style.METRICS), sharex=True, squeeze=False)
    legend, notes = dict.fromkeys(label for label, _ in series.values()), []
    for letter, scale, row in zip(style.LETTERS, scales, panels):
        choose("scale p", scale, set(cells["p"]))
        row[0].set_title(f"({letter}) p = {scale:g}", loc="left")
        outside = {}
        for (metric, axis_label), axes in zip(style.METRICS.items(), row):
            lines = _lines(cells[cells["p"] == scale], metric)
            low, high = _range(lines)
            axes.set(xlim=(counts[0] - margin, right), ylim=(low, high), ylabel=axis_label)
            axes.set_xticks(_labelled(counts, largest))
            axes.set_xticks(counts, minor=True)
            if counts[-1] > largest:
                grey = axes.axvspan(largest, right, color="0.92", linewidth=0, zorder=0)
                legend[f"C > {largest}: interpolated reference"] = grey
            for name, line in lines.items():
                label, look = series[name]
                off = line[(line["mean"] < low) | (line["mean"] > high)]
                if len(off):
                    words = _words(off["mean"], metric, whole=len(off) == len(line))
                    outside.setdefault(label, []).append(words)
                if len(off) < len(line):
                    legend[label] = _plot(axes, line, label, look)
        if outside:
            listed = "; ".join(f"{label} {', '.join(words)}" for label, words in outside.items())
            notes.append(f"outside the range at p = {scale:g}: {listed}")
    for axes in panels[-1]:
        axes.set_xlabel("number of bands C")
    figure.align_ylabels(panels)
    legend = {label: artist for label, artist in legend.items() if artist is not None}
    return style.frame(figure, PANEL * len(scales) + 0.15, *notes, footer, legend=legend)


def _series(cells: pd.DataFrame, key: str | None) -> dict[tuple[str, str], tuple[str, dict]]:
    """(model, value) -> label and look, in the order of `cells`. The first line is the widest, so that all lines show where
    they coincide."""
    pairs = list(dict.fromkeys(zip(cells["model"], cells["value"])))
    values = list(dict.fromkeys(value for _, value in pairs if value))
    varied = {model for model, value in pairs if value}
    series = {}
    for (model, value), width, size in zip(pairs, np.linspace(1.8, 0.9, len(pairs)), np.linspace(6, 4, len(pairs))):
        look = style.look(model) | {"linewidth": width, "markersize": size}
        if value and len(varied) == 1:
            place = values.index(value)
            look |= {"color": style.ordered(len(values))[place], "marker": style.MARKERS[place % len(style.MARKERS)]}
        elif value:
            look |= LINES[values.index(value) % len(LINES)]
        series[model, value] = (f"{model}, {key} = {value}" if value else model, look)
    return series


def _lines(cells: pd.DataFrame, metric: str) -> dict[tuple[str, str], pd.DataFrame]:
    """(model, value) -> mean and std over the seeds, by C in increasing order; std is NaN for one seed."""
    groups = cells.groupby(["model", "value"], sort=False)
    return {name: group.groupby("C")[metric].agg(["mean", "std"]) for name, group in groups}


def _range(lines: dict[tuple[str, str], pd.DataFrame]) -> tuple[float, float]:
    """Range of the y-axis: all neural fields with their spread, and the bicubic line if that at most doubles the range."""

    def span(names) -> tuple[float, float]:
        chosen = pd.concat([lines[name] for name in names]).fillna({"std": 0})
        return (chosen["mean"] - chosen["std"]).min(), (chosen["mean"] + chosen["std"]).max()

    fields = [name for name in lines if name[0].startswith(FIELDS)] or list(lines)
    low, high = span(fields)
    if ("bicubic+linear", "") in lines:
        wider = span([*fields, ("bicubic+linear", "")])
        low, high = wider if wider[1] - wider[0] <= 2 * (high - low) else (low, high)
    # If all lines agree to half a per cent, draw them flat instead of magnifying their noise.
    padding = max(0.08 * (high - low), 0.0025 * abs(high))
    return low - padding, high + padding


def _plot(axes: Axes, line: pd.DataFrame, label: str, look: dict):
    """Draw one line and return the artist that stands for it in the legend."""
    several, spread = len(line) > 1, line["std"].notna().any()
    # A lone marker would be hidden under the lines.
    look = look if several else look | {"linestyle": "none", "zorder": 3}
    (drawn,) = axes.plot(line.index, line["mean"], label=label, **look)
    if spread and several:
        low, high = line["mean"] - line["std"], line["mean"] + line["std"]
        axes.fill_between(line.index, low, high, color=look["color"], alpha=0.18, linewidth=0)
    elif spread:
        axes.errorbar(line.index, line["mean"], line["std"], fmt="none", ecolor=look["color"], elinewidth=0.8)
    return drawn


def _words(off: pd.Series, metric: str, whole: bool) -> str:
    """The values outside the range: the span of a line that is entirely outside, else each value with its C."""
    name, written, unit = VALUES[metric]
    if not whole:
        return ", ".join(f"{name}{written.format(y)}{unit} at C\xa0=\xa0{count}" for count, y in off.items())
    ends = dict.fromkeys([written.format(off.min()), written.format(off.max())])
    return f"{name}{' to '.join(ends)}{unit}"


def _labelled(counts: list[int], largest: int) -> list[int]:
    """The counts that get a number on the axis: `largest`, both ends, then every other count with enough room."""
    room = (0.03 + 0.045 * len(str(counts[-1]))) * (counts[-1] - counts[0])
    kept = []
    for count in [*(count for count in counts if count == largest), counts[0], counts[-1], *counts]:
        if all(abs(count - other) >= room for other in kept):
            kept.append(count)
    return sorted(kept)
