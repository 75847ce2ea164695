"""Draw the picture of the front page: python docs/pictures/front.py results/data/cave.h5 docs/pictures/front.png

Needs CAVE as `python -m workflow.prepare --dataset cave --config config/cave.yaml` prepares it.
"""

import sys

import matplotlib
import numpy as np
import torch

import ssif
from ssif.data.degrade import downsample
from ssif.data.store import Store
from workflow.figures import style

SCENE, SCALE = "thread_spools", 4
PIXELS = {"A": (400, 186), "B": (207, 360), "C": (160, 196)}
SHOWN, OFFSET = range(450, 701, 50), 60  # nm; pixels between two bands of the stack
GAMMA = 1 / 2.2


def main() -> None:
    store = Store(sys.argv[1])
    hsi, msi = (image.numpy() for image in store.scene(SCENE))
    height, width = hsi.shape[:2]
    low = downsample(torch.from_numpy(msi).permute(2, 0, 1)[None], (height // SCALE, width // SCALE))
    low = low[0].permute(1, 2, 0).numpy().clip(0, 1)
    image = ssif.load("ssif-plus-cave").predict(low, size=(height, width), bands=store.bands)
    with style.styled():
        figure = style.new()
        figure.set_size_inches(10, 3.3)
        panels = figure.add_gridspec(1, 3, width_ratios=[1, 1.25, 1.35])
        shown = figure.add_subplot(panels[0])
        shown.imshow((low / low.max()) ** GAMMA, interpolation="nearest")
        shown.set_title(f"in: {low.shape[0]} x {low.shape[1]} pixels, red, green and blue", loc="left")
        shown.set_axis_off()
        stack = figure.add_subplot(panels[1])
        for back, nm in enumerate(SHOWN):
            left, bottom = (len(SHOWN) - 1 - back) * np.array([OFFSET, OFFSET])
            band = image[..., int(np.abs(store.bands.centres - nm).argmin())]
            grey = (band / np.quantile(band, 0.995)).clip(0, 1)[..., None] ** GAMMA
            colour = 0.2 + 0.8 * np.array(matplotlib.colormaps["turbo"]((nm - 380) / 340)[:3])
            stack.imshow(grey * colour, extent=(left, left + width, bottom, bottom + height), zorder=back)
            edge = matplotlib.patches.Rectangle(
                (left, bottom), width, height, fill=False, ec="white", lw=1, zorder=back
            )
            stack.add_patch(edge)
        stack.autoscale(enable=False)
        most = (len(SHOWN) - 1) * OFFSET
        stack.set(xlim=(0, width + most), ylim=(0, height + most))
        stack.set_title(f"out: {height} x {width} pixels, {len(store.bands.centres)} bands (six shown)", loc="left")
        stack.set_axis_off()
        curves = figure.add_subplot(panels[2])
        for (name, (row, column)), colour in zip(PIXELS.items(), (style.GREEN, style.VERMILION, style.ORANGE)):
            shown.plot(column / SCALE, row / SCALE, "o", mfc="none", mec="white", ms=8)
            shown.text(column / SCALE + 5, row / SCALE - 4, name, color="white")
            curves.plot(store.bands.centres, hsi[row, column], color=colour)
            curves.plot(store.bands.centres, image[row, column], "--", color=colour)
            curves.text(705, hsi[row, column, -1], name, color=colour, va="center")
        curves.plot([], [], color=style.BLACK, label="measured")
        curves.plot([], [], "--", color=style.BLACK, label="predicted")
        curves.set_xlabel("wavelength (nm)")
        curves.set_title("reflectance of three pixels", loc="left")
        curves.legend(frameon=False)
        figure.savefig(sys.argv[2], dpi=130)


main()
