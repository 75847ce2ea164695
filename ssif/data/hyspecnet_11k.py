"""HySpecNet-11k (Fuchs and Demir 2023, CC0): EnMAP patches, 128 x 128, 224 bands of 418-2446 nm, in the hard split, by tile."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from ssif.data import placed
from ssif.data.raw import Dataset

WHERE = "patches of the hard split of HySpecNet-11k (https://hf.co/datasets/torchgeo/hyspecnet), one cube of 224 bands each,"
WHAT = {"train": f"the training {WHERE}", "test": f"the test {WHERE}"}
SIZE = (128, 128)
# Indices of the bands that EnMAP's L2A products mark bad, 1331 to 1391 nm, where water vapour absorbs the light.
BAD = range(129, 135)
WHITE = 10_000  # reflectance 1, if the files hold whole numbers without a scale factor


def read(data_dir: Path | None = None) -> Dataset:
    """HySpecNet-11k, float32 reflectance cut to [0, 1]: the patches in hyspecnet_11k/train and hyspecnet_11k/test.

    Six bands, and all bands that the files mark bad, are left out. Raises UserError for a folder without patches, for a patch
    of another size and for a patch that is in both folders.
    """
    parts = placed.folders("hyspecnet_11k", WHAT, SIZE, {}, data_dir, bands="enmap")
    white = 1 if parts[0].cube.relative else WHITE
    parts = [replace(part, cube=part.cube.only(~np.isin(part.cube.order, BAD))) for part in parts]
    return placed.dataset("hyspecnet_11k", parts, white, "the hard split, by tile")
