"""A folder of one's own cubes with wavelengths, in any format of `ssif.formats`, as a data set (docs/add-a-data-set.md)."""

import fnmatch
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ssif.bands import Bands
from ssif.data.fetch import named_folder
from ssif.data.raw import Dataset, Scene, sha256
from ssif.errors import UserError
from ssif.formats import is_picture, open_image, read_files
from ssif.formats.envi import header_of
from ssif.formats.kinds import SUFFIXES
from ssif.white import RARE, bright

NEGATIVE = 0.01  # share of a cube's values that may lie below 0, as correcting for the atmosphere leaves them
ABOVE = 0.01  # share of a test cube's values that may lie above the white that training cubes decide
STRIP_BYTES = 2**26  # of what is read at a time to find white


def read(
    name: str,
    folder: str,
    test: tuple[str, ...] = (),
    region: tuple[int, ...] = (),
    white: float | None = None,
    key: str | None = None,
    data_dir: Path | None = None,
) -> Dataset:
    """The cubes in `folder` as data set `name`, float32 in physical units, split by file or by region.

    folder: below `data_dir` or the environment's SSIF_DATA, else from the working directory. test: names or patterns of the
    test cubes, the others are for training; or region: top, left, height and width of the test part of each cube, training
    taking the largest of the four rectangles beside it. white: the physical value that becomes 1; without it 1 for
    reflectance, else the value that one training pixel in a thousand exceeds in the brightest band. Larger values are cut
    to it. key: the array's name in files of several. Bad bands are left out, the others sorted by centre.

    Raises UserError, naming the file, for cubes without wavelengths or with others than the first, for pixels without data
    and for more than a few negative values; also where a split leaves no test or training cube, and where a test cube is
    brighter than a white that was not given.
    """
    if bool(test) == bool(region):
        raise UserError(
            f"source of {name}: want one of test (names of test cubes) and region (top, left, height, width)"
        )
    cubes = [_Cube.of(path, key) for path in files(folder, data_dir)]
    for cube in cubes[1:]:
        if cube.bands != cubes[0].bands:
            raise UserError(
                f"{cube.path} has {cube.bands}, {cubes[0].path.name} {cubes[0].bands}, or others within them"
            )
    parts = _by_region(cubes, region) if region else _by_file(cubes, test)
    parts, common = _cropped(parts)
    scale, values = _white(parts, white)
    choices = {
        "split": f"region {list(region)} (top, left, height, width) of each cube is test, the largest rectangle beside it"
        " train" if region else f"test: {', '.join(test)}; the others train",
        "values": values,
        "bands": "bands marked bad left out, sorted by centre",
    }  # fmt: skip
    if common:
        choices["size"] = f"training cubes cut to the smallest of them, {common[0]} x {common[1]}, from the upper left"
    return Dataset(name, cubes[0].bands, scale, _scenes(parts, scale, white is not None), choices)


def files(folder: str, data_dir: Path | None = None) -> list[Path]:
    """The cubes that `read` would read, sorted by name; of ENVI the header stands for both files.

    Raises UserError for a folder that does not exist or holds none, and for two cubes of one name.
    """
    place = _place(folder, data_dir)
    found = [path for path in sorted(place.iterdir()) if path.is_file() and path.suffix.lower() in SUFFIXES]
    found = [path for path in found if not is_picture(path)]
    found = [path for path in found if path.suffix.lower() == ".hdr" or not header_of(path)]
    stems = [_stem(path) for path in found]
    for stem in stems:
        if stems.count(stem) > 1:
            raise UserError(f"{place}: several cubes are called {stem}")
    if not found:
        raise UserError(f"{place} holds no cube; known formats: {', '.join(SUFFIXES)}")
    return found


@dataclass(frozen=True)
class _Cube:
    """A file: which of its bands are used, in what order, and its size.

    relative: whether it says that its values are physical, by a scale factor or by being real numbers; sources: the files.
    """

    path: Path
    key: str | None
    order: np.ndarray
    bands: Bands
    size: tuple[int, int]
    relative: bool
    sources: tuple[Path, ...]

    @classmethod
    def of(cls, path: Path, key: str | None) -> "_Cube":
        with open_image(path, key) as image:
            header = image.header
        if header.bands is None:
            raise UserError(f"{path} does not say its wavelengths")
        good = np.flatnonzero(header.good) if header.good else np.arange(header.count)
        if not len(good):
            raise UserError(f"{path}: every band is marked bad")
        order = good[np.argsort(header.bands.centres[good], kind="stable")]
        size, relative = (header.height, header.width), header.scale is not None or header.dtype.kind == "f"
        return cls(path, key, order, Bands(header.bands.edges[order]), size, relative, tuple(read_files(path)))

    def values(self, rows: slice, columns: slice) -> np.ndarray:
        """[h, w, C] in physical units, clipped at 0."""
        with open_image(self.path, self.key) as image:
            values = image.read(rows, columns)[..., self.order]
        missing, negative = np.count_nonzero(~np.isfinite(values).all(axis=-1)), np.count_nonzero(values < 0)
        if missing:
            raise UserError(
                f"{self.path}: {missing} pixels have no data; cut the cube to where it has, or name another region"
            )
        if negative > NEGATIVE * values.size:
            raise UserError(
                f"{self.path}: {negative / values.size:.1%} of the values are negative; want radiance or reflectance"
            )
        return np.maximum(values, 0)


# A part of a cube: its name, train or test, the cube, its rows and its columns.
_Part = tuple[str, str, _Cube, slice, slice]


def _place(folder: str, data_dir: Path | None) -> Path:
    named = named_folder(data_dir)
    place = Path(os.path.expanduser(folder))
    below = (named or Path()) / place
    if not below.is_dir() and not place.is_dir():
        raise UserError(f"the folder of cubes {below} does not exist")
    return below if below.is_dir() else place


def _stem(path: Path) -> str:
    # scene.img.hdr is the header of scene.img.
    while path.suffix.lower() in SUFFIXES:
        path = path.with_suffix("")
    return path.name


def _by_file(cubes: list[_Cube], patterns: tuple[str, ...]) -> list[_Part]:
    names = [cube.path.name for cube in cubes]
    # A name that has brackets, as a pattern, is not its own.
    found = {
        pattern: {name for name in names if name == pattern or fnmatch.fnmatch(name, pattern)} for pattern in patterns
    }
    for pattern in patterns:
        if not found[pattern]:
            raise UserError(f"no cube is called {pattern!r}; found: {', '.join(names)}")
    test = {cube.path for cube in cubes if any(cube.path.name in names for names in found.values())}
    if len(test) == len(cubes):
        raise UserError(f"every cube is a test cube, none is left for training: {', '.join(names)}")
    return [
        (
            _stem(cube.path),
            "test" if cube.path in test else "train",
            cube,
            slice(0, cube.size[0]),
            slice(0, cube.size[1]),
        )
        for cube in cubes
    ]


def _by_region(cubes: list[_Cube], region: tuple[int, ...]) -> list[_Part]:
    if len(region) != 4 or min(region) < 0 or min(region[2:]) < 1:
        raise UserError(f"a region is top, left, height and width in pixels, got {list(region)}")
    top, left, height, width = region
    parts = []
    for cube in cubes:
        rows, columns = cube.size
        if top + height > rows or left + width > columns:
            raise UserError(f"{cube.path} has {rows} x {columns} pixels; the region {list(region)} leaves it")
        beside = [
            (slice(0, top), slice(0, columns)), (slice(top + height, rows), slice(0, columns)),
            (slice(0, rows), slice(0, left)), (slice(0, rows), slice(left + width, columns)),
        ]  # fmt: skip
        train = max(beside, key=lambda part: (part[0].stop - part[0].start) * (part[1].stop - part[1].start))
        if train[0].stop == train[0].start or train[1].stop == train[1].start:
            raise UserError(f"{cube.path}: the region {list(region)} leaves nothing for training")
        parts.append((f"{_stem(cube.path)}_train", "train", cube, *train))
        parts.append((f"{_stem(cube.path)}_test", "test", cube, slice(top, top + height), slice(left, left + width)))
    return parts


def _cropped(parts: list[_Part]) -> tuple[list[_Part], tuple[int, int] | None]:
    """Training parts cut to a common size, since they are trained on as one array; and that size, where any was cut."""
    sizes = {
        (rows.stop - rows.start, columns.stop - columns.start)
        for _, split, _, rows, columns in parts
        if split == "train"
    }
    common = tuple(min(sides) for sides in zip(*sizes))
    cut = [
        (name, split, cube, slice(rows.start, rows.start + common[0]), slice(columns.start, columns.start + common[1]))
        if split == "train" else (name, split, cube, rows, columns)
        for name, split, cube, rows, columns in parts
    ]  # fmt: skip
    return cut, common if len(sizes) > 1 else None


def _white(parts: list[_Part], said: float | None) -> tuple[float, str]:
    """The physical value that becomes 1, and how it was found."""
    if said is not None:
        if not said > 0:
            raise UserError(f"white is a positive value, got {said:g}")
        return said, f"divided by {said:g}; larger values are cut to it"
    training = [part for part in parts if part[1] == "train"]
    pixels = sum((rows.stop - rows.start) * (columns.stop - columns.start) for *_, rows, columns in training)
    white = bright(_strips(training), pixels)
    if not white > 0:
        raise UserError(f"{training[0][2].path.parent}: hardly any value of the training cubes is positive")
    if white <= 1 and all(cube.relative for _, _, cube, *_ in parts):
        return 1.0, "reflectance as it is; values above 1 are cut to it"
    return white, (
        f"divided by {white:g}, which one training pixel in {RARE} exceeds in the brightest band; larger values are cut to it"
    )


def _strips(parts: list[_Part]) -> Iterator[np.ndarray]:
    """The values of all parts in physical units, a few rows at a time: [n, C]."""
    for _, _, cube, rows, columns in parts:
        step = max(1, STRIP_BYTES // (4 * len(cube.order) * (columns.stop - columns.start)))
        with open_image(cube.path, cube.key) as image:
            for top in range(rows.start, rows.stop, step):
                values = image.read(slice(top, min(top + step, rows.stop)), columns)
                yield values.reshape(-1, values.shape[-1])[:, cube.order]


def _scenes(parts: list[_Part], scale: float, said: bool) -> Iterator[Scene]:
    """`said`: the user chose the scale; otherwise test cubes must fit that of the training cubes."""
    for name, split, cube, rows, columns in parts:
        values = cube.values(rows, columns)
        above = np.count_nonzero(values > scale)
        if not said and above > ABOVE * values.size:
            raise UserError(
                f"{cube.path}: {above / values.size:.1%} of the values lie above {scale:g}, which is white in the"
                " training cubes; say in the data set's source what is white"
            )
        sources = {path.name: sha256(path) for path in cube.sources}
        yield Scene(name, split, np.minimum(values, np.float32(scale)), sources)
