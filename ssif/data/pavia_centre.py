"""Pavia Centre (ROSIS, 1096 x 715, 102 bands of 430-860 nm): one scene, cut into a training and a test part (paper A.5)."""

from pathlib import Path

import numpy as np

from ssif.bands import Bands
from ssif.data.fetch import locate
from ssif.data.raw import Dataset, LandCover, Scene, check_cube, sha256
from ssif.errors import UserError
from ssif.formats.matlab import read_mat

HOSTS = ["https://www.ehu.eus", "http://www.ehu.eus"]
SHAPE = (1096, 715, 102)
LABELS_SHA256 = "7eb54ab81b404dd3ae572e6d0ec211595029e5a847bec2cfb8f9e72d07066b69"

# Ids of Pavia_gt.mat. The names on the data's usual web page, which the paper uses, do not fit the spectra and shapes of ids 3
# and 5 to 9. The names in CLASSES do: 6 is a flat bridge deck of asphalt, 9 the shadow of this bridge.
CLASSES = {
    1: "water", 2: "trees", 3: "meadows", 4: "self-blocking bricks", 5: "bare soil", 6: "asphalt", 7: "bitumen",
    8: "tiles", 9: "shadows",
}  # fmt: skip
WEB_PAGE = {
    1: "Water", 2: "Trees", 3: "Asphalt", 4: "Self-Blocking Bricks", 5: "Bitumen", 6: "Tiles", 7: "Shadows",
    8: "Meadows", 9: "Bare Soil",
}  # fmt: skip
# The scene has two parts, joined where a strip was cut out. Windows of up to 11 pixels across the seam mix unrelated ground.
SEAM = slice(218, 228)
MARGIN = 5  # columns between the test region and the first training pixel

# The paper gives 430-860 nm and 102 bands; the even spacing is a choice of this benchmark.
BANDS = Bands.from_centres(np.linspace(430, 860, 102), 430 / 101)


def read(data_dir: Path | None = None) -> Dataset:
    """Pavia Centre from Pavia.mat: test [1024, 128, 102] from the upper left, train [1096, 587, 102] right of it.

    The scale is the maximum of the whole cube. Raises UserError for a wrong key or shape, NaN and negative values.
    """
    mirrors = [f"{host}/ccwintco/uploads/e/e3/Pavia.mat" for host in HOSTS]
    path = locate("Pavia.mat", mirrors, 124_000_000, "Pavia Centre, the whole scene", data_dir=data_dir)
    cube = read_mat(path, "pavia")
    if cube.shape != SHAPE:
        raise UserError(
            f"{path}: 'pavia' has the shape {cube.shape}, but must have {SHAPE} (the paper prints 1095 x 715)"
        )
    check_cube(cube, SHAPE[2], path)
    sources = {path.name: sha256(path)}
    return Dataset(
        name="pavia_centre",
        bands=BANDS,
        scale=float(cube.max()),
        # The 72 x 128 strip below the test block is left out because it touches the test pixels.
        scenes=(
            Scene("pavia_centre_train", "train", cube[:, 128:], sources),
            Scene("pavia_centre_test", "test", cube[:1024, :128], sources),
        ),
        choices={
            "split": "test rows 0-1023, columns 0-127; train columns >= 128",
            "values": "divided by the maximum of the whole cube",
            "bands": "102 evenly spaced centres, 430-860 nm, as wide as their spacing",
        },
    )


def read_land_cover(data_dir: Path | None = None) -> LandCover:
    """Land cover of both scenes from Pavia_gt.mat, ids 1-9, five of which do not occur in the test scene.

    Raises UserError if the file has another hash.
    """
    mirrors = [f"{host}/ccwintco/uploads/5/53/Pavia_gt.mat" for host in HOSTS]
    path = locate("Pavia_gt.mat", mirrors, 34_887, "Pavia Centre, land cover", LABELS_SHA256, data_dir)
    labels = read_mat(path, "pavia_gt")
    train = labels.copy()
    train[:, SEAM] = 0
    train = train[:, 128:]
    train[:, :MARGIN] = 0
    return LandCover(
        name="pavia_centre",
        maps={"pavia_centre_train": train, "pavia_centre_test": labels[:1024, :128]},
        names=CLASSES,
        other_names=WEB_PAGE,
        sources={path.name: sha256(path)},
        choices={
            "training pixels": f"columns from {128 + MARGIN}, {MARGIN} from the test region; not {SEAM.start}"
            f"-{SEAM.stop - 1}, beside the seam"
        },
    )
