"""ARAD_1K (Arad et al. 2022, the NTIRE 2022 challenge on spectral recovery): 950 scenes, 482 x 512, 31 bands of 400-700 nm."""

from pathlib import Path

from ssif.data import placed
from ssif.data.raw import Dataset

WHERE = "cubes of ARAD_1K (.mat, after a registration at CodaLab, competition 721)"
WHAT = {"train": f"the 900 training {WHERE}", "test": f"the 50 validation {WHERE}"}
SIZE = (482, 512)
# Papers train on 897 of the 900 training scenes, so 897 are enough.
COUNTS = {"train": range(897, 901), "test": range(50, 51)}
# Published scores leave out this many pixels at each side, which leaves the central half of the columns.
BORDER = 128


def read(data_dir: Path | None = None) -> Dataset:
    """ARAD_1K, float32 in [0, 1]: the 900 training cubes in arad_1k/train, the 50 of the validation in arad_1k/test.

    Each file has the array `cube`, 482 x 512 x 31 in MATLAB's order of axes. Raises UserError for missing files and for a cube
    of another size.
    """
    parts = placed.folders("arad_1k", WHAT, SIZE, COUNTS, data_dir, key="cube", bands="395:705:31")
    return placed.dataset("arad_1k", parts, 1, "the challenge's training and validation scenes", border=BORDER)
