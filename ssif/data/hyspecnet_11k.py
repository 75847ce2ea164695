"""HySpecNet-11k (Fuchs and Demir 2023, CC0): EnMAP patches, 128 x 128, 224 bands of 418-2446 nm, in the hard split, by tile."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from ssif.bands import Bands
from ssif.data import placed
from ssif.data.cubes import Cube, opened
from ssif.data.raw import Dataset

WHERE = "of the hard split of HySpecNet-11k (https://hf.co/datasets/torchgeo/hyspecnet), one cube of 224 bands each,"
SIZE = (128, 128)
# Places of the bands that EnMAP's L2A products mark bad, 1331 to 1391 nm, where water vapour absorbs the light.
BAD = range(129, 135)
WHITE = 10_000  # reflectance 1, if the files hold whole numbers without a scale factor


def read(data_dir: Path | None = None) -> Dataset:
    """HySpecNet-11k, float32 reflectance cut to [0, 1]: the patches in hyspecnet_11k/train and hyspecnet_11k/test.

    Six bands, and those that the files mark bad, are left out. Raises UserError for a folder without patches, for a patch of
    another size and for one that is in both folders.
    """
    train, test = (
        [
            _good(cube)
            for cube in opened(
                placed.paths(f"hyspecnet_11k/{split}", f"the {split} patches {WHERE}", data_dir=data_dir), bands="enmap"
            )
        ]
        for split in ("train", "test")
    )
    white = 1 if train[0].relative else WHITE
    return placed.dataset("hyspecnet_11k", placed.apart(train, test, SIZE), white, "the hard split, by tile")


def _good(cube: Cube) -> Cube:
    good = ~np.isin(cube.order, BAD)
    return replace(cube, order=cube.order[good], bands=Bands(cube.bands.edges[good]))
