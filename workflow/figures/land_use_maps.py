"""Maps of the land cover that a classifier finds in images (paper Figure 9)."""

import math

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from workflow.figures import style


@style.styled()
def draw(
    maps: dict[str, tuple[np.ndarray, str]], labels: np.ndarray, names: dict[int, str], *, note: str, footer: str
) -> Figure:
    """The maps in turn, each above its caption, then the labels, black where there are none; all share one palette.

    maps: title -> ids [H, W] and caption; labels: ids [H, W], 0 for none; names: id -> name, at most nine. Strips that are
    taller than wide are turned a quarter to the left.
    """
    ids = sorted(names)
    colours = [style.BLACK, *style.CLASSES[: len(ids)]]
    palette = ListedColormap(colours)
    panels = maps | {"labels": (labels, f"{np.count_nonzero(labels)} pixels; black: none")}
    height, width = style.lying(labels).shape
    across = 2 if width >= 2 * height else 3
    figure = style.new()
    drawn = style.grid(figure, len(panels), across, "")
    for letter, axes, (title, (ids_of, caption)) in zip(style.LETTERS, drawn, panels.items()):
        number = np.searchsorted([0, *ids], style.lying(ids_of))
        axes.imshow(number, cmap=palette, vmin=-0.5, vmax=len(ids) + 0.5, interpolation="nearest")
        axes.set_title(f"({letter}) {title}", loc="left")
        axes.set(xticks=[], yticks=[])
        axes.set_xlabel(caption)
        axes.spines[:].set_visible(False)
    legend = {f"{number} {names[number]}": Patch(color=colour) for number, colour in zip(ids, colours[1:])}
    tall = height / width * (style.WIDTH - 0.3) / across
    return style.frame(figure, math.ceil(len(panels) / across) * (tall + 0.45) + 0.1, note, footer, legend=legend)
