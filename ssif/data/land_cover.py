"""One HDF5 file of land cover beside a prepared data set: `prepare` writes it from the raw files, `load` reads it."""

import json
from pathlib import Path

import h5py
import numpy as np

from ssif.data import indian_pines, pavia_centre, synthetic
from ssif.data.raw import LandCover
from ssif.data.store import Store
from ssif.errors import UserError, choose
from ssif.io import whole_file

READERS = {
    "indian_pines": indian_pines.read_land_cover,
    "pavia_centre": pavia_centre.read_land_cover,
    "synthetic": synthetic.read_land_cover,
}


def prepare(name: str, path: Path, data_dir: Path | None = None) -> None:
    """Read the land cover of data set `name` and write `path`: maps, names, source hashes and choices."""
    cover = READERS[choose("data set with land cover", name, READERS)](data_dir)
    check(cover, path)
    with whole_file(path) as temporary, h5py.File(temporary, "w") as file:
        for scene, labels in cover.maps.items():
            file[f"scenes/{scene}"] = labels
        for key in ("name", "names", "other_names", "sources", "choices"):
            file.attrs[key] = json.dumps(getattr(cover, key))


def load(store: Store) -> LandCover:
    """The land cover of the scenes of `store`, from <data set>.land_cover.h5 beside it.

    Raises UserError where the file is missing or torn, has labels of another size than an image, or an unknown id.
    """
    path = store.path.with_suffix(".land_cover.h5")
    try:
        with h5py.File(path) as file:
            maps = {scene: labels[()] for scene, labels in file["scenes"].items()}
            name, sources, choices = (json.loads(file.attrs[key]) for key in ("name", "sources", "choices"))
            names, others = (
                {int(number): text for number, text in json.loads(file.attrs[key]).items()}
                for key in ("names", "other_names")
            )
    except (OSError, KeyError) as error:
        raise UserError(f"{path} is no prepared land cover ({error}); delete it and prepare again") from None
    cover = LandCover(name, maps, names, sources, choices, others)
    check(cover, path)
    for scene in store.splits:
        if scene not in maps:
            raise UserError(f"{path} has no labels of the scene {scene}")
        size = store.file[f"scenes/{scene}/hsi"].shape[:2]
        if maps[scene].shape != size:
            raise UserError(
                f"{path}: the labels of {scene} are {_by(maps[scene].shape)}, its image is {_by(size)} pixels"
            )
    return cover


def check(cover: LandCover, path: Path) -> None:
    """Raise a UserError that names `path` for an id in a map that has no name."""
    for scene, labels in cover.maps.items():
        if unknown := sorted(set(np.unique(labels).tolist()) - {0, *cover.names}):
            raise UserError(
                f"{path}: unknown class id {', '.join(map(str, unknown))} in {scene};"
                f" known: {', '.join(map(str, cover.names))}, and 0 for none"
            )


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
