"""What all figures share: the style file, the look of every method, the frame with legend and footer, saving.

Figures are made without pyplot, so drawing needs no display and leaves no state behind.
"""

import math
import zlib
from pathlib import Path

import matplotlib
import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from ssif.bands import Bands
from ssif.seals import noted_file

WIDTH = 7.0  # inches
LETTERS = "abcdefghijklmnopqrstuvwxyz"

# Column of results/cells.csv -> label of its axis.
METRICS = {"mpsnr": "PSNR (dB) ↑", "ssim": "SSIM ↑", "sam": "SAM (degrees) ↓"}

# Okabe and Ito's colours for eight kinds of colour vision, without the yellow (too light on white) and with Tol's wine.
BLACK, GREY, BROWN = "#000000", "#7F7F7F", "#7A4B1E"
BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, WINE = COLOURS = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#882255"
)  # fmt: skip
MARKERS = "osD^vPX*ph"
# Tol's muted colours, for the classes of a map in the order of their ids.
CLASSES = ("#44AA99", "#117733", "#DDCC77", "#CC6677", "#999933", "#882255", "#332288", "#AA4499", "#88CCEE")

# Label of workflow.methods.METHODS -> colour, line, marker. Fields have filled markers, networks on a pixel grid open ones.
_FIELDS = {
    "bicubic+linear": (GREY, "--", "x"),
    "LIIF": (BLACK, "-", "*"),
    "SSIF-M": (GREEN, "-", "o"),
    "SSIF-RF-GS": (BLUE, "-", "s"),
    "SSIF-RF-GF": (SKY, "-", "D"),
    "SSIF-RF-GI": (WINE, "-", "X"),
    "SSIF-RF-US": (ORANGE, "-", "^"),
    "SSIF-RF-UF": (VERMILION, "-", "v"),
    "SSIF-RF-UI": (PURPLE, "-", "P"),
    "LTE": (BLACK, ":", "<"),
    "CiaoSR": (BLACK, "-.", ">"),
    "SSIF+": (BROWN, "-", "p"),
}
# Tol's muted colours; the open markers distinguish these methods from the fields.
_ON_GRID = {
    "RCAN+AWAN": ("#117733", "-", "o"),
    "AWAN+RCAN": ("#332288", "-", "s"),
    "AWAN+SSPSR": ("#AA4499", "-", "D"),
    "RC/AW+MoG-DCN": ("#999933", "-", "^"),
    "SSJSR-style, layer sizes ours": ("#CC6677", "-", "v"),
    "US3RN": ("#44AA99", "-", "P"),
    "RCAN+MST++": ("#117733", "--", "X"),
    "MST++ +RCAN": ("#332288", "--", "p"),
    "SSFIN": ("#882255", "--", "h"),
}


def styled():
    """A context, or decorator, in which figures are drawn and saved with the style file and no settings of the user."""
    return matplotlib.style.context(Path(__file__).with_name("ssif.mplstyle"), after_reset=True)


def look(model: str) -> dict:
    """Colour, linestyle, marker and fillstyle of a method by its label, the same in every figure.

    A chain that is trained as one network has the colour of the chain, a dotted line and half-filled markers. An unknown label
    gets a dash-dotted line whose colour and marker depend on the label alone.
    """
    number = zlib.crc32(model.encode())
    unknown = (COLOURS[number % len(COLOURS)], "-.", "ph8<>d"[number // len(COLOURS) % 6])
    colour, line, marker = (_FIELDS | _ON_GRID).get(model, unknown)
    fill = "none" if model in _ON_GRID else "full"
    return {"color": colour, "linestyle": line, "marker": marker, "fillstyle": fill}


def ordered(count: int) -> list:
    """`count` colours from dark to light along a colour map whose order is visible with every kind of colour vision."""
    # The lightest sixth is too faint on white.
    return list(matplotlib.colormaps["viridis"](np.linspace(0, 0.85, count)))


def gaps(bands: Bands, widths: float) -> np.ndarray:
    """Indices k of the bands that start more than `widths` median band widths after band k - 1 ends, as at water vapour."""
    return 1 + np.flatnonzero(bands.edges[1:, 0] - bands.edges[:-1, 1] > widths * np.median(bands.widths))


def lying(plane: np.ndarray) -> np.ndarray:
    """An image [H, W, ...], turned a quarter to the left if it is taller than wide."""
    return np.rot90(plane) if plane.shape[0] > plane.shape[1] else plane


def new() -> Figure:
    """An empty figure of the standard width; `frame` gives it its height."""
    figure = Figure(figsize=(WIDTH, WIDTH))
    FigureCanvasAgg(figure)
    return figure


def grid(figure: Figure, count: int, across: int, xlabel: str, **share) -> list[Axes]:
    """`count` panels, `across` per row; the lowest panel of each column has `xlabel`. share: sharex, sharey of the panels."""
    panels = list(figure.subplots(math.ceil(count / across), across, squeeze=False, **share).flat)
    for spare in panels[count:]:
        spare.remove()
    for axes in panels[max(count - across, 0) : count]:
        axes.tick_params(labelbottom=True)
        axes.set_xlabel(xlabel)
    return panels[:count]


def frame(figure: Figure, height: float, *notes: str, legend: dict | None = None) -> Figure:
    """The last step of every drawing, which returns the figure: set panels `height` inches high, a legend (label -> artist) below them, and the notes.

    Each note starts a new line; the last note is the footer with preset, data set and commit. The layout is then fixed, so
    that saving twice gives the same file.
    """
    renderer, inches, gap = figure.canvas.get_renderer(), figure.dpi_scale_trans, 0.06
    widest = (WIDTH - 2 * gap) * figure.dpi
    text = "\n".join(line for note in notes for line in _wrapped(note, widest, renderer))
    # The name of a scene may contain dollar signs.
    below = figure.text(gap, gap, text, transform=inches, va="bottom", linespacing=1.25, parse_math=False)
    bottom = below.get_window_extent(renderer).height / figure.dpi + 2 * gap
    if legend:
        for columns in range(min(6, len(legend)), 0, -1):
            drawn = figure.legend(
                legend.values(), legend.keys(), ncols=columns, loc="lower center", borderaxespad=0,
                bbox_to_anchor=(WIDTH / 2, bottom), bbox_transform=inches,
            )  # fmt: skip
            if columns == 1 or drawn.get_window_extent(renderer).width < widest:
                break
            drawn.remove()
        bottom += drawn.get_window_extent(renderer).height / figure.dpi
    total = height + bottom
    figure.set_figheight(total)
    figure.get_layout_engine().set(rect=(0, bottom / total, 1, height / total))
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    return figure


def _wrapped(note: str, widest: float, renderer) -> list[str]:
    """Lines no wider than `widest` pixels, broken at spaces."""
    lines = []
    for word in note.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        fits = renderer.get_text_width_height_descent(longer, FontProperties(), ismath=False)[0] <= widest
        lines[-1:] = [longer] if fits else [*lines[-1:], word]
    return lines


def save(figure: Figure, path: str | Path) -> None:
    """Write `path`.pdf and `path`.png (300 dpi), each whole or not at all, and the same bytes for the same figure."""
    # Matplotlib reads how to embed fonts when it saves a figure, not when it draws one.
    with styled():
        for kind, metadata in (("pdf", {"CreationDate": None}), ("png", None)):
            with noted_file(f"{path}.{kind}") as temporary:
                figure.savefig(temporary, format=kind, metadata=metadata)
