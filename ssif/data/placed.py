"""Data sets whose cubes the user puts into the data folder, because their owners ask for a registration or the files have no
fixed address. docs/protocol.md gives their layouts and splits."""

from collections import Counter
from pathlib import Path

import numpy as np

from ssif.data.cubes import Cube, Part, cube_files, of_one_size, opened_cubes, whole_cube
from ssif.data.fetch import data_folder
from ssif.data.folder import scene_of
from ssif.data.raw import Dataset
from ssif.errors import UserError


def paths(place: str, what: str, counts: range | None = None, data_dir: Path | None = None) -> list[Path]:
    """The cubes in the folder `place` of the data folder, sorted by name.

    what: the files, and where they come from; counts: how many there may be, None for any number. Raises UserError, saying
    which files go where, if there are none or too few or too many.
    """
    folder = data_folder(data_dir) / place
    found = cube_files(str(folder)) if folder.is_dir() and any(folder.iterdir()) else []
    if not found or (counts and len(found) not in counts):
        raise UserError(
            f"put {what} into {folder}, which has {len(found)} of them, or name the data folder with SSIF_DATA or --data-dir"
        )
    return found


def every(step: int, cubes: list[Cube]) -> list[Part]:
    """Whole cubes; the last of each `step` is for testing."""
    return [whole_cube(cube, "train" if number % step else "test") for number, cube in enumerate(cubes, start=1)]


def folders(
    name: str, what: dict[str, str], size: tuple[int, int], counts: dict[str, range], data_dir: Path | None, **of
) -> list[Part]:
    """The cubes in the folders <name>/train and <name>/test, whole.

    what, counts: as of `paths`, for each of both; size: rows and columns of every cube; of: arguments of `opened_cubes`. Raises
    UserError as they do, for a cube of another size and for one that is in both folders.
    """
    found = {split: paths(f"{name}/{split}", what[split], counts.get(split), data_dir) for split in ("train", "test")}
    parts = [
        whole_cube(cube, cube.path.parent.name)
        for cube in opened_cubes([path for split in found.values() for path in split], **of)
    ]
    for part in parts:
        if part.size != size:
            raise UserError(
                f"{part.cube.path} has {part.size[0]} x {part.size[1]} pixels, but must have {size[0]} x {size[1]}"
            )
    repeated, count = Counter(part.name for part in parts).most_common(1)[0]
    if count > 1:
        raise UserError(f"{repeated} is in both {name}/train and {name}/test")
    return parts


def dataset(name: str, parts: list[Part], white: float | None, split: str, border: int = 0) -> Dataset:
    """The parts as a data set. white: the value that becomes 1, None for the largest value of all parts; split: its description
    for the record; border: as in `Dataset`."""
    parts, cut = of_one_size(parts)
    scale = white or max(float(np.nanmax(strip, initial=0)) for part in parts for strip in part.strips())
    values = f"divided by {scale:g}" + (
        "; larger values are cut to it" if white else ", the largest value of all scenes"
    )
    counts = ", ".join(f"{sum(part.split == kind for part in parts)} {kind}" for kind in ("train", "test"))
    choices = {"split": f"{counts}: {split}", "values": values} | cut
    if border:
        choices["scored"] = f"whole, and in columns marked central without {border} pixels at each side"
    return Dataset(
        name, parts[0].cube.bands, scale, (scene_of(part, scale, scale) for part in parts), choices, border=border
    )
