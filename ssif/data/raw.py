"""What the readers of data sets return: scenes in raw units with their bands and source files, and land cover."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ssif.bands import Bands
from ssif.errors import UserError


@dataclass(frozen=True)
class Scene:
    """One image: `hsi` [H, W, C] in raw units, `split` "train" or "test", `sources` file name -> sha256.

    msi: [H / n, W / n, c] in [0, 1] if the data set has its own, with a whole n; None if it is to be simulated from the HSI.
    Pixels that are masked or NaN in either have no data.
    """

    name: str
    split: str
    hsi: np.ndarray
    sources: dict[str, str]
    msi: np.ndarray | None = None


@dataclass(frozen=True)
class Dataset:
    """A data set. scenes: read one at a time; scale: the raw value that becomes 1; choices: for the record in the store;
    msi_bands, msi_white: of MSIs that come with the scenes, bands and physical value that became 1, None if not known.

    border: if it is not 0, test scenes are scored twice, as a whole and without this many pixels at each side.
    """

    name: str
    bands: Bands
    scale: float
    scenes: Iterable[Scene]
    choices: dict[str, str]
    msi_bands: Bands | None = None
    msi_white: float | None = None
    border: int = 0


@dataclass(frozen=True)
class LandCover:
    """Land cover of the scenes of a data set: `maps` scene -> uint8 [H, W] of ids, 0 for none; `names` id -> name.

    other_names: the names that other publications use; sources, choices: as in Scene and Dataset. In training scenes, pixels
    that must not be used for training, such as those near the test region, are 0.
    """

    name: str
    maps: dict[str, np.ndarray]
    names: dict[int, str]
    sources: dict[str, str]
    choices: dict[str, str]
    other_names: dict[int, str] = field(default_factory=dict)


def check_cube(cube: np.ndarray, bands: int, origin) -> np.ndarray:
    """Return `cube` if it is [H, W, `bands`], finite and not negative; else raise a UserError that names `origin`."""
    if cube.ndim != 3 or cube.shape[2] != bands:
        raise UserError(f"{origin}: the cube must be [height, width, {bands} bands], got the shape {cube.shape}")
    if not np.isfinite(cube).all():
        raise UserError(f"{origin}: {np.count_nonzero(~np.isfinite(cube))} values are NaN or infinite")
    if cube.min() < 0:
        raise UserError(
            f"{origin}: there are negative values down to {cube.min():g}, but radiance and reflectance are not negative"
        )
    return cube


def check_labels(cover: LandCover, path: Path) -> None:
    """Raise a UserError that names `path` if a map holds an id without a name."""
    for scene, labels in cover.maps.items():
        if unknown := sorted(set(np.unique(labels).tolist()) - {0, *cover.names}):
            raise UserError(
                f"{path}: unknown class id {', '.join(map(str, unknown))} in {scene};"
                f" known: {', '.join(map(str, cover.names))}, and 0 for none"
            )


def sha256(*paths: Path) -> str:
    """Hash of the contents of the files, one after the other."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()
