"""Harvard (Chakrabarti and Zickler 2011): 50 scenes, 31 bands of 420-720 nm."""

from pathlib import Path

from ssif.data import placed
from ssif.data.cubes import opened_cubes
from ssif.data.raw import Dataset

WHAT = "the 50 .mat files of Harvard's CZ_hsdb (https://hf.co/datasets/danaroth/harvard)"
COUNT = 50
TEST = 5  # one scene in this many is for testing


def read(data_dir: Path | None = None) -> Dataset:
    """Harvard, float32, scaled by the largest value of all scenes: the arrays `ref` in harvard/CZ_hsdb. Every
    fifth file in ASCII order is for testing.

    The masks `lbl` and the 27 scenes of CZ_hsdbi are not used. Raises UserError unless there are 50 files.
    """
    cubes = opened_cubes(placed.paths("harvard/CZ_hsdb", WHAT, range(COUNT, COUNT + 1), data_dir), "ref", "415:725:31")
    return placed.dataset("harvard", placed.every(TEST, cubes), None, f"every {TEST}th scene in ASCII order tests")
