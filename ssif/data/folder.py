"""A folder of the user's own cubes, in any format of `ssif.formats`, as a data set (docs/add-a-data-set.md)."""

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ssif.data import pairs
from ssif.data.cubes import Part, by_file, by_region, cube_files, of_one_size, opened_cubes
from ssif.data.raw import Dataset, Scene, sha256
from ssif.errors import UserError
from ssif.white import RARE, bright

NEGATIVE = 0.01  # share of a cube's values that may be below 0, as an atmospheric correction leaves them
ABOVE = 0.01  # share of a test cube's values that may be above the white of the training cubes


def read(
    name: str,
    folder: str,
    test: tuple[str, ...] = (),
    region: tuple[int, ...] = (),
    white: float | None = None,
    key: str | None = None,
    bands: str | None = None,
    msi: dict | None = None,
    data_dir: Path | None = None,
) -> Dataset:
    """The cubes in `folder` as data set `name`, float32 in physical units, split by file or by region.

    folder: below `data_dir` or the environment's SSIF_DATA, else from the working directory. test: names or patterns of the
    test cubes; all other cubes are for training. region: top, left, height and width of the test part of each cube; the
    largest of the four rectangles beside it is for training. white: the physical value that becomes 1, to which larger
    values are cut; the default is 1 for reflectance, else the value that one training pixel in a thousand exceeds in the
    brightest band. key: the name of the array in files of several arrays. bands: the bands of all cubes, if the files do not
    say them (`ssif.sensors.parse_sensor`). msi: where the measured MSIs of the cubes are: folder, key, bands, white and align
    (`ssif.data.pairs`). Bad bands are left out, the rest is sorted by centre. Pixels without data are NaN.

    Raises UserError, naming the file, for cubes without wavelengths or with other bands than the first, for many negative
    values, for a split without test or training cubes, and, if no `white` is given, for a test cube that is brighter than white.
    """
    if bool(test) == bool(region):
        raise UserError(
            f"source of {name}: give either test (names of test cubes) or region (top, left, height, width)"
        )
    cubes = opened_cubes(cube_files(folder, data_dir), key, bands)
    parts = by_region(cubes, region) if region else by_file(cubes, test)
    measured = pairs.of(cubes, cube_files(msi["folder"], data_dir, pictures=True), msi) if msi else None
    if measured:
        parts = [measured.aligned(part) for part in parts]
    parts, cut = of_one_size(parts)
    training = [part for part in parts if part.split == "train"]
    relative, pixels = all(cube.relative for cube in cubes), sum(part.area for part in training)
    strips = (strip for part in training for strip in part.strips())
    scale, values = _white(strips, pixels, relative, white, folder)
    choices = {
        "split": f"region {list(region)} (top, left, height, width) of each cube is test, the largest rectangle beside it"
        " train" if region else f"test: {', '.join(test)}; the others train",
        "values": values,
        "bands": "bands marked bad left out, sorted by centre",
    } | cut  # fmt: skip
    if not measured:
        return Dataset(name, cubes[0].bands, scale, (scene_of(part, scale, white) for part in parts), choices)
    images = [measured.image(part) for part in training]
    pixels = sum(image.shape[0] * image.shape[1] for image in images)
    msi_scale, msi_values = _white(images, pixels, measured.relative, msi["white"], msi["folder"])
    choices["input"] = f"measured, {measured.said}; {msi_values}"
    scenes = (scene_of(part, scale, white, measured, msi_scale) for part in parts)
    return Dataset(name, cubes[0].bands, scale, scenes, choices, measured.bands, msi_scale)


def _white(
    images: Iterable[np.ndarray], pixels: int, relative: bool, white: float | None, folder: str
) -> tuple[float, str]:
    """The physical value that becomes 1, and how it was found.

    images: the values [h, w, C] of the training parts, `pixels` in all; relative: whether they are physical; white: the value
    that the user gives.
    """
    if white is not None:
        if not white > 0:
            raise UserError(f"white must be a positive value, got {white:g}")
        return white, f"divided by {white:g}; larger values are cut to it"
    white = bright((image.reshape(-1, image.shape[-1]) for image in images), pixels)
    if not white > 0:
        raise UserError(f"{folder}: hardly any value of the training images is positive")
    if white <= 1 and relative:
        return 1.0, "reflectance as it is; values above 1 are cut to it"
    return white, (
        f"divided by {white:g}, which one training pixel in {RARE} exceeds in the brightest band; larger values are cut to it"
    )


def scene_of(
    part: Part, scale: float, white: float | None, measured: pairs.Measured | None = None, msi_scale: float = 1
) -> Scene:
    """The values of a part, clipped to 0 and `scale`; if the user gives no `white`, the scale must fit test cubes, too."""
    path, values = part.cube.path, part.values()
    valid = values[np.isfinite(values).all(axis=-1)]
    if not len(valid):
        raise UserError(
            f"{path}: {part.name} has no pixel with data in all bands; choose another region or mark bands bad"
        )
    negative, above = np.count_nonzero(valid < 0), np.count_nonzero(valid > scale)
    if negative > NEGATIVE * valid.size:
        raise UserError(
            f"{path}: {negative / valid.size:.1%} of the values are negative, but radiance and reflectance are not"
        )
    if white is None and above > ABOVE * valid.size:
        raise UserError(
            f"{path}: {above / valid.size:.1%} of the values are above {scale:g}, which is white in the"
            " training cubes; set white in the source of the data set"
        )
    sources, image = part.cube.sources, None
    if measured:
        sources += measured.sources(part)
        image = np.clip(measured.image(part) / np.float32(msi_scale), 0, 1)
    # The files of products that are folders have the same names in each folder.
    hashes = {os.path.relpath(file, path.parent): sha256(file) for file in sources}
    return Scene(part.name, part.split, np.clip(values, 0, np.float32(scale)), hashes, image)
