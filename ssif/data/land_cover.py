"""The land cover of a prepared data set: one HDF5 file beside it, which `ssif.data.prepare` writes."""

import json

from ssif.data import archive
from ssif.data.raw import LandCover, check_labels
from ssif.data.store import Store
from ssif.errors import UserError, flat


def load(store: Store, remedy: str = "prepare it again") -> LandCover:
    """The land cover of the scenes of `store`, from <data set>.land_cover.h5 beside it.

    Raises UserError if the file is missing or damaged, ending with the `remedy`, and for labels of another size than the image
    and for unknown ids.
    """
    path = store.path.with_suffix(".land_cover.h5")
    try:
        with archive.read(path) as file:
            maps = {scene: labels[()] for scene, labels in file["scenes"].items()}
            name, sources, choices = (json.loads(file.attrs[key]) for key in ("name", "sources", "choices"))
            names, other_names = (
                {int(number): text for number, text in json.loads(file.attrs[key]).items()}
                for key in ("names", "other_names")
            )
    except (OSError, KeyError) as error:
        raise UserError(f"{path} is not a prepared land cover ({flat(str(error))}): {remedy}") from None
    cover = LandCover(name, maps, names, sources, choices, other_names)
    check_labels(cover, path)
    for scene in store.splits:
        if scene not in maps:
            raise UserError(f"{path} has no labels of the scene {scene}")
        labels, size = maps[scene].shape, store.file[f"scenes/{scene}/hsi"].shape[:2]
        if labels != size:
            raise UserError(
                f"{path}: the labels of {scene} have {labels[0]} x {labels[1]} pixels, but its image has {size[0]} x {size[1]}"
            )
    return cover
