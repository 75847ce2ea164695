"""A folder of the user's own cubes with wavelengths, in any format of `ssif.formats`, as a data set (docs/add-a-data-set.md)."""

import fnmatch
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ssif.bands import Bands
from ssif.data.fetch import named_folder
from ssif.data.raw import Dataset, Scene, sha256
from ssif.errors import UserError
from ssif.formats import is_cube, open_image, read_files
from ssif.formats.envi import header_of
from ssif.formats.kinds import SUFFIXES
from ssif.white import RARE, bright

NEGATIVE = 0.01  # share of a cube's values that may be below 0, as an atmospheric correction leaves them
ABOVE = 0.01  # share of a test cube's values that may be above the white of the training cubes
STRIP_BYTES = 2**26  # number of bytes read at a time to find white


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
    test cubes; all other cubes are for training. region: top, left, height and width of the test part of each cube; the
    largest of the four rectangles beside it is for training. white: the physical value that becomes 1, to which larger
    values are cut; the default is 1 for reflectance, else the value that one training pixel in a thousand exceeds in the
    brightest band. key: the name of the array in files of several arrays. Bad bands are left out, the rest is sorted by
    centre.

    Raises UserError, naming the file, for cubes without wavelengths or with other bands than the first, for pixels without
    data, for many negative values, for a split without test or training cubes, and, if no `white` is given, for a test cube
    that is brighter than white.
    """
    if bool(test) == bool(region):
        raise UserError(
            f"source of {name}: give either test (names of test cubes) or region (top, left, height, width)"
        )
    cubes = [_Cube.of(path, key) for path in files(folder, data_dir)]
    for cube in cubes[1:]:
        if cube.bands != cubes[0].bands:
            raise UserError(f"{cube.path} has other bands ({cube.bands}) than {cubes[0].path.name} ({cubes[0].bands})")
    parts = _by_region(cubes, region) if region else _by_file(cubes, test)
    # The training parts are trained on as one array.
    sizes = {part.size for part in parts if part.split == "train"}
    height, width = (min(sides) for sides in zip(*sizes))
    parts = [part.cut(height, width) if part.split == "train" else part for part in parts]
    scale, values = _white(parts, white)
    choices = {
        "split": f"region {list(region)} (top, left, height, width) of each cube is test, the largest rectangle beside it"
        " train" if region else f"test: {', '.join(test)}; the others train",
        "values": values,
        "bands": "bands marked bad left out, sorted by centre",
    }  # fmt: skip
    if len(sizes) > 1:
        choices["size"] = f"training cubes cut to the smallest of them, {height} x {width}, from the upper left"
    return Dataset(name, cubes[0].bands, scale, (_scene(part, scale, white) for part in parts), choices)


def files(folder: str, data_dir: Path | None = None) -> list[Path]:
    """The cubes that `read` would read, sorted by name; an ENVI header stands for both files.

    Raises UserError for a folder that does not exist or holds no cube, and for two cubes of one name.
    """
    place = Path(os.path.expanduser(folder))
    below = (named_folder(data_dir) or Path()) / place
    if not below.is_dir() and not place.is_dir():
        raise UserError(f"the folder of cubes {below} does not exist")
    place = below if below.is_dir() else place
    found = [path for path in sorted(place.iterdir()) if is_cube(path)]
    found = [path for path in found if path.suffix.lower() == ".hdr" or not header_of(path)]
    stems = [_stem(path) for path in found]
    for stem in stems:
        if stems.count(stem) > 1:
            raise UserError(f"{place}: several cubes are called {stem}")
    if not found:
        raise UserError(f"{place} holds no cube; known formats: {', '.join(SUFFIXES)}")
    return found


def _stem(path: Path) -> str:
    # scene.img.hdr is the header of scene.img.
    while path.suffix.lower() in SUFFIXES:
        path = path.with_suffix("")
    return path.name


@dataclass(frozen=True)
class _Cube:
    """A file: the bands that are used and their `order` in the file, its size, and the paths of its `sources`.

    relative: whether the values are physical, because the file has a scale factor or holds real numbers.
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
        return cls(path, key, order, Bands(header.bands.edges[order]), size, relative, tuple(read_files(path, key)))


@dataclass(frozen=True)
class _Part:
    """The rows and columns of a cube that become one scene."""

    name: str
    split: str
    cube: _Cube
    rows: slice
    columns: slice

    @property
    def size(self) -> tuple[int, int]:
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    def cut(self, height: int, width: int) -> "_Part":
        """The upper left of this part."""
        rows, columns = self.rows.start, self.columns.start
        return replace(self, rows=slice(rows, rows + height), columns=slice(columns, columns + width))

    def strips(self, height: int) -> Iterator[np.ndarray]:
        """Values [h, w, C] in physical units, `height` rows at a time."""
        with open_image(self.cube.path, self.cube.key) as image:
            for top in range(self.rows.start, self.rows.stop, height):
                rows = slice(top, min(top + height, self.rows.stop))
                yield image.read(rows, self.columns)[..., self.cube.order]


def _by_file(cubes: list[_Cube], patterns: tuple[str, ...]) -> list[_Part]:
    names, test = [cube.path.name for cube in cubes], set()
    for pattern in patterns:
        # A name with brackets, taken as a pattern, does not match itself.
        found = {name for name in names if name == pattern or fnmatch.fnmatch(name, pattern)}
        if not found:
            raise UserError(f"no cube is called {pattern!r}; found: {', '.join(names)}")
        test |= found
    if len(test) == len(cubes):
        raise UserError(f"every cube is a test cube, none is left for training: {', '.join(names)}")
    parts = []
    for cube, name in zip(cubes, names):
        rows, columns = (slice(0, side) for side in cube.size)
        parts.append(_Part(_stem(cube.path), "test" if name in test else "train", cube, rows, columns))
    return parts


def _by_region(cubes: list[_Cube], region: tuple[int, ...]) -> list[_Part]:
    if len(region) != 4 or min(region) < 0 or min(region[2:]) < 1:
        raise UserError(f"a region is top, left, height and width in pixels, got {list(region)}")
    top, left, height, width = region
    parts = []
    for cube in cubes:
        rows, columns = cube.size
        if top + height > rows or left + width > columns:
            raise UserError(f"{cube.path} has {rows} x {columns} pixels; the region {list(region)} is not inside")
        beside = [
            (slice(0, top), slice(0, columns)), (slice(top + height, rows), slice(0, columns)),
            (slice(0, rows), slice(0, left)), (slice(0, rows), slice(left + width, columns)),
        ]  # fmt: skip
        train = max((_Part(f"{_stem(cube.path)}_train", "train", cube, *place) for place in beside), key=_area)
        if not _area(train):
            raise UserError(f"{cube.path}: the region {list(region)} leaves nothing for training")
        test = slice(top, top + height), slice(left, left + width)
        parts += [train, _Part(f"{_stem(cube.path)}_test", "test", cube, *test)]
    return parts


def _area(part: _Part) -> int:
    return part.size[0] * part.size[1]


def _white(parts: list[_Part], white: float | None) -> tuple[float, str]:
    """The physical value that becomes 1, and how it was found; `white`: the value that the user gives."""
    if white is not None:
        if not white > 0:
            raise UserError(f"white is a positive value, got {white:g}")
        return white, f"divided by {white:g}; larger values are cut to it"
    training = [part for part in parts if part.split == "train"]
    strips = (
        strip.reshape(-1, strip.shape[-1])
        for part in training
        for strip in part.strips(max(1, STRIP_BYTES // (4 * len(part.cube.order) * part.size[1])))
    )
    white = bright(strips, sum(map(_area, training)))
    if not white > 0:
        raise UserError(f"{training[0].cube.path.parent}: hardly any value of the training cubes is positive")
    if white <= 1 and all(part.cube.relative for part in parts):
        return 1.0, "reflectance as it is; values above 1 are cut to it"
    return white, (
        f"divided by {white:g}, which one training pixel in {RARE} exceeds in the brightest band; larger values are cut to it"
    )


def _scene(part: _Part, scale: float, white: float | None) -> Scene:
    """The values of a part, clipped to 0 and `scale`; if the user gives no `white`, the scale must fit test cubes, too."""
    path = part.cube.path
    (values,) = part.strips(part.size[0])
    if missing := np.count_nonzero(~np.isfinite(values).all(axis=-1)):
        raise UserError(
            f"{path}: {missing} pixels have no data; crop the cube to pixels with data or name another region"
        )
    negative, above = np.count_nonzero(values < 0), np.count_nonzero(values > scale)
    if negative > NEGATIVE * values.size:
        raise UserError(
            f"{path}: {negative / values.size:.1%} of the values are negative; want radiance or reflectance"
        )
    if white is None and above > ABOVE * values.size:
        raise UserError(
            f"{path}: {above / values.size:.1%} of the values lie above {scale:g}, which is white in the"
            " training cubes; set white in the source of the data set"
        )
    # Files of folders (.SAFE) have the same names in each.
    sources = {str(file.relative_to(path.parent)): sha256(file) for file in part.cube.sources}
    return Scene(part.name, part.split, np.clip(values, 0, np.float32(scale)), sources)
