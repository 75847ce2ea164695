"""ICVL (Arad and Ben-Shahar 2016): 202 scenes, 1392 x 1300, 31 bands of 400-700 nm."""

from pathlib import Path

import h5py

from ssif.data import placed
from ssif.data.cubes import opened_cubes
from ssif.data.raw import Dataset
from ssif.errors import UserError
from ssif.formats import hdf5, torn

WHAT = "the 202 .mat files of ICVL (https://hf.co/datasets/danaroth/icvl)"
COUNT = 202
BANDS = 31
TEST = 10  # one scene in this many is for testing


def read(data_dir: Path | None = None) -> Dataset:
    """ICVL, float32, scaled by the largest value of all scenes: the cubes in icvl. Every tenth in ASCII order is for testing.

    Raises UserError unless there are 202, each with one array of 31 bands.
    """
    paths = placed.paths("icvl", WHAT, range(COUNT, COUNT + 1), data_dir)
    cubes = opened_cubes(paths, _key(paths[0]), "395:705:31")
    return placed.dataset("icvl", placed.every(TEST, cubes), None, f"every {TEST}th scene in ASCII order tests")


def _key(path: Path) -> str:
    """The name of the array of 31 bands; a file may also hold an RGB image."""
    with torn.one_line(path), h5py.File(path, "r") as file:
        found = [name for name, shape in hdf5.shapes(file).items() if len(shape) == 3 and shape[0] == BANDS]
        if len(found) != 1:
            raise UserError(f"the file must have one array of {BANDS} bands, found {', '.join(found) or 'none'}")
        return found[0]
