"""Chikusei (Yokoya and Iwasaki 2016, CC BY 3.0): one airborne scene, 128 bands of 363-1018 nm, with SSPSR's crop and split."""

from pathlib import Path

from ssif.data import placed
from ssif.data.cubes import Cube, Part
from ssif.data.raw import Dataset
from ssif.errors import UserError

WHAT = "the cube of Chikusei, an ENVI .bsq with its .hdr (https://hf.co/datasets/danaroth/chikusei)"
BANDS = 128
ROWS, COLUMNS = slice(106, 2410), slice(143, 2191)
SIDE = 512  # pixels; side of the test images, which are the uppermost rows of the crop
# Evenly spaced centres, 363 to 1018 nm, if the file does not say them; the even spacing is a choice of this benchmark.
HALF = (1018 - 363) / (BANDS - 1) / 2
SPACED = f"{363 - HALF}:{1018 + HALF}:{BANDS}"


def read(data_dir: Path | None = None) -> Dataset:
    """Chikusei, float32: four test scenes [512, 512, 128], train [1792, 2048, 128] below them; the maximum of the crop is 1.

    The folder chikusei has the cube, and may have the labels beside it. Raises UserError unless it has exactly one cube, of 128
    bands and with the pixels of the crop.
    """
    cubes = [Cube.of(path) for path in placed.paths("chikusei", WHAT, data_dir=data_dir)]
    cubes = [cube for cube in cubes if cube.header.count == BANDS]
    if len(cubes) != 1:
        raise UserError(f"put {WHAT} into the folder chikusei; it has {len(cubes)} cubes of {BANDS} bands")
    (cube,) = cubes
    cube = (cube if cube.bands else Cube.of(cube.path, bands=SPACED)).sorted()
    if cube.size[0] < ROWS.stop or cube.size[1] < COLUMNS.stop:
        raise UserError(
            f"{cube.path} has {cube.size[0]} x {cube.size[1]} pixels, but must have at least {ROWS.stop} x {COLUMNS.stop}"
        )
    below = ROWS.start + SIDE
    lefts = range(COLUMNS.start, COLUMNS.stop, SIDE)
    parts = [Part("chikusei_train", "train", cube, slice(below, ROWS.stop), COLUMNS)]
    parts += [
        Part(f"chikusei_test_{number}", "test", cube, slice(ROWS.start, below), slice(left, left + SIDE))
        for number, left in enumerate(lefts, start=1)
    ]
    split = f"rows 107-2410, columns 144-2191 of the scene; its uppermost {SIDE} rows test, the others train"
    return placed.dataset("chikusei", parts, None, split)
