"""The cubes of a folder, and their parts for training and testing."""

import fnmatch
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ssif.bands import Bands
from ssif.data.fetch import named_folder
from ssif.errors import UserError
from ssif.formats import SUFFIXES, is_image, is_picture, open_image, read_files
from ssif.formats.envi import header_of
from ssif.formats.header import Header
from ssif.sensors import parse_bands

STRIP_BYTES = 2**26  # number of bytes read at a time


@dataclass(frozen=True)
class Cube:
    """A file: its header, the `order` in which its bands are used, these `bands`, and the paths of its `sources`.

    bands is None if it is not known which wavelengths the file has.
    """

    path: Path
    key: str | None
    header: Header
    order: np.ndarray
    bands: Bands | None
    sources: tuple[Path, ...]

    @classmethod
    def of(cls, path: Path, key: str | None = None, bands: str | None = None) -> "Cube":
        """A file without its bad bands; the other bands keep the order of the file.

        bands: the bands of the file as `ssif.sensors.parse_sensor` takes them, if the file does not give them. Raises UserError
        if the file gives other bands or another number of bands, and if all bands are bad.
        """
        with open_image(path, key) as image:
            header = image.header
        found = header.bands
        if bands is not None:
            named, _ = parse_bands(bands)
            if len(named) != header.count:
                raise UserError(f"{path} has {header.count} bands, but bands: {bands} names {len(named)}")
            if found is not None and not np.allclose(found.centres, named.centres, atol=1):
                raise UserError(
                    f"{path} contains {found}, but bands: {bands} gives {named}; remove bands from the source"
                )
            found = found or named
        good = np.flatnonzero(header.good) if header.good else np.arange(header.count)
        if not len(good):
            raise UserError(f"{path}: every band is marked bad")
        used = None if found is None else Bands(found.edges[good])
        return cls(path, key, header, good, used, tuple(read_files(path, key)))

    def sorted(self) -> "Cube":
        """The same cube with its bands in the order of their centres. Raises UserError if the wavelengths are not known."""
        if self.bands is None:
            raise UserError(f"{self.path} has no wavelengths; give them as bands in the source of the data set")
        return self.only(self.bands.order)

    def only(self, places: np.ndarray) -> "Cube":
        """The same cube with the bands at these places, in this order; a mask keeps the order."""
        return replace(self, order=self.order[places], bands=Bands(self.bands.edges[places]))

    @property
    def name(self) -> str:
        return stem(self.path)

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.header.height, self.header.width

    @property
    def relative(self) -> bool:
        """Whether the values are physical, because the file has a scale factor or holds real numbers."""
        return self.header.scale is not None or self.header.dtype.kind == "f"


@dataclass(frozen=True)
class Part:
    """The rows and columns of a cube that become one scene, whose `split` is "train" or "test"."""

    name: str
    split: str
    cube: Cube
    rows: slice
    columns: slice

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    @property
    def area(self) -> int:
        return self.size[0] * self.size[1]

    def cut(self, height: int, width: int) -> "Part":
        """The upper left corner of this part, of this height and width."""
        rows, columns = self.rows.start, self.columns.start
        return replace(self, rows=slice(rows, rows + height), columns=slice(columns, columns + width))

    def strips(self) -> Iterator[np.ndarray]:
        """Values [h, w, C] in physical units, NaN without data, a few rows at a time."""
        height = max(1, STRIP_BYTES // (4 * len(self.cube.order) * self.size[1]))
        with open_image(self.cube.path, self.cube.key) as image:
            for top in range(self.rows.start, self.rows.stop, height):
                rows = slice(top, min(top + height, self.rows.stop))
                yield image.read(rows, self.columns)[..., self.cube.order]

    def values(self) -> np.ndarray:
        """The same as one array."""
        return np.concatenate(list(self.strips()))


def opened_cubes(paths: list[Path], key: str | None = None, bands: str | None = None) -> list[Cube]:
    """The cubes in these files, their bands in the order of the centres (`Cube.of`, `Cube.sorted`).

    Raises UserError for a cube that has other bands than the first.
    """
    cubes = [Cube.of(path, key, bands).sorted() for path in paths]
    for cube in cubes[1:]:
        if cube.bands != cubes[0].bands:
            raise UserError(f"{cube.path} has other bands ({cube.bands}) than {cubes[0].path.name} ({cubes[0].bands})")
    return cubes


def cube_files(folder: str, data_dir: Path | None = None, pictures: bool = False) -> list[Path]:
    """The cubes of a folder (with `pictures` also pictures), sorted by name. An ENVI header stands for both of its files.

    Raises UserError for a folder that does not exist or holds no cube, and for two cubes of one name.
    """
    place = Path(os.path.expanduser(folder))
    below = (named_folder(data_dir) or Path()) / place
    if not below.is_dir() and not place.is_dir():
        raise UserError(f"the folder of cubes {below} does not exist")
    place = below if below.is_dir() else place
    found = [path for path in sorted(place.iterdir()) if is_image(path)]
    found = [path for path in found if pictures or not is_picture(path)]
    found = [path for path in found if path.suffix.lower() == ".hdr" or not header_of(path)]
    for name, count in Counter(map(stem, found)).items():
        if count > 1:
            raise UserError(f"{place}: several cubes are called {name}")
    if not found:
        raise UserError(f"{place} contains no cube; known formats: {', '.join(SUFFIXES)}")
    return found


def stem(path: Path) -> str:
    """The name without the endings of formats: scene.img.hdr is the header of scene.img, and both are called scene."""
    while path.suffix.lower() in SUFFIXES:
        path = path.with_suffix("")
    return path.name


def whole_cube(cube: Cube, split: str) -> Part:
    """All rows and columns of a cube."""
    rows, columns = (slice(0, side) for side in cube.size)
    return Part(cube.name, split, cube, rows, columns)


def of_one_size(parts: list[Part]) -> tuple[list[Part], dict[str, str]]:
    """The parts, with the training parts cut to the smallest of them, because they are trained on as one array; and a line for
    the record if any part had to be cut."""
    sizes = {part.size for part in parts if part.split == "train"}
    height, width = (min(sides) for sides in zip(*sizes))
    parts = [part.cut(height, width) if part.split == "train" else part for part in parts]
    note = {"size": f"training cubes cut to the smallest of them, {height} x {width}, from the upper left"}
    return parts, note if len(sizes) > 1 else {}


def by_file(cubes: list[Cube], patterns: tuple[str, ...]) -> list[Part]:
    """Whole cubes; the cubes whose names match one of the patterns are for testing."""
    names, test = [cube.path.name for cube in cubes], set()
    for pattern in patterns:
        # A name with brackets does not match itself as a pattern.
        found = {name for name in names if name == pattern or fnmatch.fnmatch(name, pattern)}
        if not found:
            raise UserError(f"no cube is called {pattern!r}; found: {', '.join(names)}")
        test |= found
    if len(test) == len(cubes):
        raise UserError(f"every cube is a test cube, so none is left for training: {', '.join(names)}")
    return [whole_cube(cube, "test" if name in test else "train") for cube, name in zip(cubes, names)]


def by_region(cubes: list[Cube], region: tuple[int, ...]) -> list[Part]:
    """A region of each cube for testing, and the largest rectangle above, below, left or right of it for training."""
    if len(region) != 4 or min(region) < 0 or min(region[2:]) < 1:
        raise UserError(f"a region must be top, left, height and width in pixels, got {list(region)}")
    top, left, height, width = region
    parts = []
    for cube in cubes:
        rows, columns = cube.size
        if top + height > rows or left + width > columns:
            raise UserError(f"{cube.path} has {rows} x {columns} pixels, so the region {list(region)} is not inside")
        beside = [
            (slice(0, top), slice(0, columns)), (slice(top + height, rows), slice(0, columns)),
            (slice(0, rows), slice(0, left)), (slice(0, rows), slice(left + width, columns)),
        ]  # fmt: skip
        train = max((Part(f"{cube.name}_train", "train", cube, *place) for place in beside), key=lambda part: part.area)
        if not train.area:
            raise UserError(f"{cube.path}: the region {list(region)} leaves nothing for training")
        test = slice(top, top + height), slice(left, left + width)
        parts += [train, Part(f"{cube.name}_test", "test", cube, *test)]
    return parts
