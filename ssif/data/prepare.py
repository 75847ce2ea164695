"""From the raw files of a data set to an HDF5 file of its images and one of its land cover (docs/results-format.md)."""

import json
from functools import partial
from importlib import import_module
from pathlib import Path

import numpy as np

from ssif.data import archive
from ssif.data.raw import Scene, check_labels, sha256
from ssif.data.readers import DATASETS, land_cover_reader, reader
from ssif.errors import UserError, choose
from ssif.sensors import msi_matrix, sensor_bands


def prepare(name: str, path: Path, msi: str, data_dir: Path | None = None, source: dict | None = None) -> None:
    """Read data set `name` and write `path`: scenes, wavelengths, split, scale, source hashes and every choice.

    msi: the sensor that simulates the HR-MSI (`ssif.sensors`), "own" for the images that the reader gives with the scenes, or
    "bmp" for the RGB images of CAVE. source: the arguments of `ssif.data.folder.read`, for a data set of the user's own.
    Raises UserError if a sensor is named for scenes with images of their own, if "own" is named for scenes without, and for
    masked pixels.
    """
    read = partial(import_module("ssif.data.folder").read, name, **source) if source else reader(name)
    if msi == "bmp":
        choose("data set with an RGB image of its own", name, [known for known, entry in DATASETS.items() if entry.rgb])
        dataset, matrix = read(data_dir, rgb="bmp"), None
    elif msi == "own":
        dataset, matrix = read(data_dir=data_dir), None
    else:
        dataset = read(data_dir=data_dir)
        matrix = msi_matrix(msi, dataset.bands)
    # The file of a sensor's responses is a source like the cubes, because the input of a network depends on it.
    sources = {msi: sha256(Path(msi))} if msi.endswith(".csv") else {}
    channels = None
    with archive.create(path) as file:
        for scene in dataset.scenes:
            group = file.create_group(f"scenes/{scene.name}")
            group.attrs["split"] = scene.split
            if np.ma.is_masked(scene.hsi):
                raise UserError(f"{scene.name} has masked pixels; crop the scene to pixels with data")
            archive.put(group, "hsi", scene.hsi)
            if matrix is None:
                image = _own_msi(scene, msi, channels)
                channels = image.shape[-1]
            elif scene.msi is None:
                image = scene.hsi @ (matrix.T / dataset.scale)
            else:
                raise UserError(f"{scene.name} has an image of its own, which msi: {msi} would replace; use msi: own")
            archive.put(group, "msi", image.astype(np.float32))
            sources |= scene.sources
        file["wavelengths"] = dataset.bands.edges
        if matrix is not None:
            file["msi_matrix"] = matrix
            file["msi_bands"] = sensor_bands(msi)[0].edges
        file.attrs["name"] = dataset.name
        file.attrs["scale"] = dataset.scale
        file.attrs["msi"] = msi
        file.attrs["sources"] = json.dumps(sources)
        file.attrs["choices"] = json.dumps({"values": f"divided by {dataset.scale:g}"} | dataset.choices)


def _own_msi(scene: Scene, msi: str, channels: int | None) -> np.ndarray:
    """The image [H, W, c] in [0, 1] that comes with a scene; `channels`: the c of the scenes before, if there are any."""
    if scene.msi is None:
        raise UserError(f"{scene.name} has no image of its own, which msi: {msi} needs; name a sensor instead")
    image, size = np.ma.filled(scene.msi.astype(np.float32), np.nan), scene.hsi.shape[:2]
    if image.ndim != 3 or image.shape[:2] != size or channels not in (None, image.shape[2]):
        wanted = f"({size[0]}, {size[1]}, {channels or 'channels'})"
        raise UserError(f"{scene.name}: its own image has shape {image.shape}, want {wanted}")
    if not (image.min() >= 0 and image.max() <= 1):
        raise UserError(f"{scene.name}: its own image has values from {image.min():g} to {image.max():g}, want [0, 1]")
    return image


def prepare_land_cover(name: str, path: Path, data_dir: Path | None = None) -> None:
    """Read the land cover of data set `name` and write `path`: maps, names, source hashes and choices."""
    cover = land_cover_reader(name)(data_dir)
    check_labels(cover, path)
    with archive.create(path) as file:
        for scene, labels in cover.maps.items():
            archive.put(file, f"scenes/{scene}", labels)
        for key in ("name", "names", "other_names", "sources", "choices"):
            file.attrs[key] = json.dumps(getattr(cover, key))
