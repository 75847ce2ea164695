"""Draw the picture of the front page: python docs/pictures/front.py results/data/cave.h5 docs/pictures/front.png

Needs CAVE as `python -m workflow.prepare --dataset cave --config config/cave.yaml` prepares it.
"""

import sys

import numpy as np
import torch

import ssif
from ssif.data.degrade import downsample
from ssif.data.store import Store
from workflow.figures import style

SCENE, SCALE = "thread_spools", 4
PIXELS = {"A": (400, 186), "B": (207, 360), "C": (160, 196)}
BANDS = (460, 540, 620)


def main() -> None:
    store = Store(sys.argv[1])
    hsi, msi = (image.numpy() for image in store.scene(SCENE))
    low = downsample(torch.from_numpy(msi).permute(2, 0, 1)[None], (hsi.shape[0] // SCALE, hsi.shape[1] // SCALE))
    low = low[0].permute(1, 2, 0).numpy().clip(0, 1)
    image = ssif.load("ssif-plus-cave").predict(low, size=hsi.shape[:2], bands=store.bands)
    with style.styled():
        figure = style.new()
        figure.set_size_inches(9, 3.1)
        panels = figure.add_gridspec(1, 4, width_ratios=[1, 0.62, 0.05, 1.35])
        shown = figure.add_subplot(panels[0])
        shown.imshow((low / low.max()) ** (1 / 2.2), interpolation="nearest")
        shown.set_title(f"RGB image, {low.shape[0]} x {low.shape[1]} pixels", loc="left")
        stack = panels[1].subgridspec(3, 1, hspace=0.06)
        for row, nm in enumerate(BANDS):
            band = figure.add_subplot(stack[row])
            index = int(np.abs(store.bands.centres - nm).argmin())
            band.imshow(image[..., index] ** (1 / 2.2), cmap="gray", vmin=0)
            band.text(0.03, 0.06, f"{nm} nm", color="white", transform=band.transAxes)
            if row == 0:
                band.set_title(f"3 of 31 bands, {hsi.shape[0]} x {hsi.shape[1]}", loc="left")
            band.set_axis_off()
        curves = figure.add_subplot(panels[3])
        for (name, (row, column)), colour in zip(PIXELS.items(), (style.GREEN, style.VERMILION, style.ORANGE)):
            shown.plot(column / SCALE, row / SCALE, "o", mfc="none", mec="white", ms=8)
            shown.text(column / SCALE + 5, row / SCALE - 4, name, color="white")
            curves.plot(store.bands.centres, hsi[row, column], color=colour)
            curves.plot(store.bands.centres, image[row, column], "--", color=colour)
            curves.text(705, hsi[row, column, -1], name, color=colour, va="center")
        curves.plot([], [], color=style.BLACK, label="measured")
        curves.plot([], [], "--", color=style.BLACK, label="predicted")
        curves.set_xlabel("wavelength (nm)")
        curves.set_title("spectra of three pixels: reflectance", loc="left")
        curves.legend(frameon=False)
        shown.set_axis_off()
        figure.savefig(sys.argv[2], dpi=130)


main()
