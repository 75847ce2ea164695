"""What the readers of a data set hand on: scenes in raw units with their bands and origin, and land cover."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ssif.bands import Bands
from ssif.errors import UserError


@dataclass(frozen=True)
class Scene:
    """One image: `hsi` [H, W, C] in raw units, `split` train or test, `sources` file name -> sha256.

    `msi` [H, W, c] in [0, 1] only where the data set ships one; otherwise it is simulated from the HSI.
    """

    name: str
    split: str
    hsi: np.ndarray
    sources: dict[str, str]
    msi: np.ndarray | None = None


@dataclass(frozen=True)
class Dataset:
    """A data set as read: scenes come one at a time, a value in [0, 1] is raw / `scale`, `choices` go into the store."""

    name: str
    bands: Bands
    scale: float
    scenes: Iterable[Scene]
    choices: dict[str, str]


@dataclass(frozen=True)
class LandCover:
    """Land cover of the scenes of a data set: `maps` scene -> uint8 [H, W] of ids, 0 for none; `names` id -> name.

    `other_names` are those by which the same ids are found elsewhere; `sources` and `choices` as of a Dataset. In
    training scenes pixels that are not to be learned from, such as near the test region, are 0.
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
        raise UserError(f"{origin}: want [height, width, {bands} bands], got shape {cube.shape}")
    if not np.isfinite(cube).all():
        raise UserError(f"{origin}: {np.count_nonzero(~np.isfinite(cube))} values are NaN or infinite")
    if cube.min() < 0:
        raise UserError(f"{origin}: holds negative values down to {cube.min():g}; want radiance or reflectance")
    return cube


def check_labels(cover: LandCover, path: Path) -> None:
    """Raise a UserError that names `path` for an id in a map that has no name."""
    for scene, labels in cover.maps.items():
        if unknown := sorted(set(np.unique(labels).tolist()) - {0, *cover.names}):
            raise UserError(
                f"{path}: unknown class id {', '.join(map(str, unknown))} in {scene};"
                f" known: {', '.join(map(str, cover.names))}, and 0 for none"
            )


def sha256(*paths: Path) -> str:
    """Hash of the contents of one file, or of several in the order given."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()
