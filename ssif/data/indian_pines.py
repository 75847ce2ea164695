"""Indian Pines (AVIRIS, 145 x 145, 200 bands of 400-2499 nm, CC BY 3.0), a part of the package tensorly."""

from pathlib import Path

import numpy as np

from ssif.bands import Bands
from ssif.data.raw import Dataset, LandCover, Scene, check_cube, sha256

# The 8 of 16 classes that lie on both sides of the split. Of the rest, four are only in training, four only in test.
CLASSES = {
    2: "corn, no till",
    5: "grass, pasture",
    6: "grass, trees",
    10: "soybean, no till",
    11: "soybean, min till",
    12: "soybean, clean",
    15: "buildings, grass, trees, drives",
    16: "stone, steel, towers",
}
MARGIN = 1  # columns between the test region and the first training pixel; class 16 has few pixels beyond


def read(data_dir: Path | None = None) -> Dataset:
    """Indian Pines, uint16: test [144, 48, 200] from the left, train [145, 97, 200] right of it.

    Bands are centre +- 5 nm, sorted by centre (tensorly's list is not sorted at three places, where detectors overlap).
    The scale is the maximum of the cube. `data_dir` is an argument of every reader, which this one does not use.
    """
    import tensorly.datasets  # here and below, because tensorly is optional

    shipped = tensorly.datasets.load_indian_pines()
    centres = np.asarray(shipped.ticks[-1])
    order = np.argsort(centres, kind="stable")
    path = Path(tensorly.datasets.__file__).parent / "data" / "Indian_pines_corrected.npy"
    cube = check_cube(np.asarray(shipped.tensor)[:, :, order], len(centres), path).astype(np.uint16)
    sources = {path.name: sha256(path)}
    return Dataset(
        name="indian_pines",
        bands=Bands.from_centres(centres[order], 10),
        scale=float(cube.max()),
        scenes=(
            Scene("indian_pines_train", "train", cube[:, 48:], sources),
            Scene("indian_pines_test", "test", cube[:144, :48], sources),
        ),
        choices={
            "split": "test rows 0-143, columns 0-47; train columns >= 48",
            "values": "divided by the maximum of the whole cube",
            "bands": "centre +- 5 nm, sorted by centre",
        },
    )


def read_land_cover(data_dir: Path | None = None) -> LandCover:
    """Land cover of both scenes: the 8 classes that occur in both. `data_dir` is not used."""
    import tensorly.datasets

    labels = np.asarray(tensorly.datasets.load_indian_pines().ticks[0], dtype=np.uint8)
    labels = np.where(np.isin(labels, list(CLASSES)), labels, 0).astype(np.uint8)
    train = labels[:, 48:].copy()
    train[:, :MARGIN] = 0
    path = Path(tensorly.datasets.__file__).parent / "data" / "Indian_pines_gt.npy"
    return LandCover(
        name="indian_pines",
        maps={"indian_pines_train": train, "indian_pines_test": labels[:144, :48]},
        names=CLASSES,
        sources={path.name: sha256(path)},
        choices={
            "classes": "the 8 of 16 that lie in both parts",
            "training pixels": f"columns from {48 + MARGIN}, {MARGIN} from the test region",
        },
    )
