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
from ssif.sensors import csv_of, msi_matrix, parse_bands


def prepare(name: str, path: Path, msi: str, data_dir: Path | None = None, source: dict | None = None) -> None:
    """Read data set `name` and write `path`: scenes, wavelengths, split, scale, source hashes and every choice.

    msi: the sensor that simulates the HR-MSI (`ssif.sensors`), "own" for the images that the reader gives with the scenes, or
    "bmp" for the RGB images of CAVE. source: the arguments of `ssif.data.folder.read`, for a data set of the user's own.
    Pixels that are masked or NaN have no data (`ssif.data.store.Store.known`). Raises UserError if a sensor is named for scenes
    with images of their own, if "own" is named for scenes without, and for a scene without any data.
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
    responses = csv_of(msi)
    sources = {str(responses): sha256(responses)} if responses else {}
    before, ratios, missing, total = None, set(), 0, 0
    with archive.create(path) as file:
        for scene in dataset.scenes:
            group = file.create_group(f"scenes/{scene.name}")
            group.attrs["split"] = scene.split
            hsi = _with_nan(scene.hsi)
            archive.put(group, "hsi", hsi)
            if matrix is None:
                image = before = _own_msi(scene, msi, hsi.shape, before)
            elif scene.msi is None:
                image = hsi @ (matrix.T / dataset.scale)
            else:
                raise UserError(f"{scene.name} has an image of its own, which msi: {msi} would replace; use msi: own")
            archive.put(group, "msi", image.astype(np.float32))
            known = _known(hsi, image)
            ratios.add(len(hsi) // len(image))
            if not known.any():
                raise UserError(f"{scene.name} has no pixel with data")
            if not known.all():
                archive.put(group, "known", known)
            missing, total = missing + np.count_nonzero(~known), total + known.size
            sources |= scene.sources
        if len(ratios) > 1:
            raise UserError(
                f"{name}: the images of the scenes have pixels of different sizes: {sorted(ratios)} pixels of the HSI"
            )
        file["wavelengths"] = dataset.bands.edges
        if matrix is not None:
            file["msi_matrix"] = matrix
        if bands := parse_bands(msi)[0] if matrix is not None else dataset.msi_bands:
            file["msi_bands"] = bands.edges
        if dataset.msi_white:
            file.attrs["msi_white"] = dataset.msi_white
        if dataset.border:
            file.attrs["border"] = dataset.border
        file.attrs["name"] = dataset.name
        file.attrs["scale"] = dataset.scale
        file.attrs["msi"] = msi
        file.attrs["sources"] = json.dumps(sources)
        choices = {"values": f"divided by {dataset.scale:g}"} | dataset.choices
        if missing:
            choices["no data"] = f"{missing} of {total} pixels, left out of training and scores"
        file.attrs["choices"] = json.dumps(choices)


def _with_nan(values: np.ndarray) -> np.ndarray:
    """The values; if some are masked, as real numbers with NaN in their place."""
    return np.ma.filled(values.astype(np.float32), np.nan) if np.ma.is_masked(values) else np.ma.getdata(values)


def _known(hsi: np.ndarray, msi: np.ndarray) -> np.ndarray:
    """Which pixels [H, W] of the HSI have data in all bands of both images."""
    ratio = len(hsi) // len(msi)
    known = np.isfinite(msi).all(axis=-1).repeat(ratio, axis=0).repeat(ratio, axis=1)
    return known & np.isfinite(hsi).all(axis=-1)


def _own_msi(scene: Scene, msi: str, hsi: tuple[int, ...], before: np.ndarray | None) -> np.ndarray:
    """The image [H / n, W / n, c] in [0, 1] that comes with a scene; hsi: [H, W, C]; before: the image of the scene before."""
    if scene.msi is None:
        raise UserError(f"{scene.name} has no image of its own, which msi: {msi} needs; name a sensor instead")
    image = _with_nan(scene.msi).astype(np.float32)
    ratio = hsi[0] // len(image) if image.ndim == 3 and len(image) else 0
    fits = ratio and (ratio * image.shape[0], ratio * image.shape[1]) == hsi[:2]
    if not fits or (before is not None and before.shape[-1] != image.shape[-1]):
        channels = "channels" if before is None else before.shape[-1]
        raise UserError(
            f"{scene.name}: its own image has the shape {image.shape}, but must have ({hsi[0]}, {hsi[1]}, {channels}) or a whole"
            " part of these rows and columns"
        )
    low, high = np.nanmin(image, initial=np.inf), np.nanmax(image, initial=-np.inf)
    if low < 0 or high > 1:
        raise UserError(f"{scene.name}: its own image has values from {low:g} to {high:g}, but they must be in [0, 1]")
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
