"""Measured pairs: each cube comes with an MSI that another instrument took of the same place (docs/add-a-data-set.md)."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from ssif.bands import Bands
from ssif.data.cubes import Cube, Part, whole_cube
from ssif.data.registration import shift, shifted_with_gaps
from ssif.errors import UserError
from ssif.formats import raster
from ssif.formats.header import Header

ALIGNED = 0.1  # pixels of the cube; an MSI whose pixel edges are this close to those of the cube is taken as it is
FINER = 0.75  # an MSI with pixels below this side, in cube pixels, is averaged; one with larger pixels is interpolated
LARGEST_SHIFT = 2  # MSI pixels


@dataclass(frozen=True)
class Placed:
    """An MSI [h, w, c] in physical units, NaN without data, on the grid of its cube: each MSI pixel covers `ratio` x `ratio`
    pixels of the cube, beginning at row and column `origin`. said: how the MSI was placed."""

    image: np.ndarray
    ratio: int
    origin: tuple[int, int]
    said: str


@dataclass(frozen=True)
class Measured:
    """The MSIs of a data set: cube -> its MSI; the bands of the MSIs (None if not known); whether their values are physical.

    said: what was found and done, in one line.
    """

    beside: dict[Path, tuple[Cube, Placed]]
    bands: Bands | None
    relative: bool
    said: str

    def aligned(self, part: Part) -> Part:
        """The part without rows and columns that fill no pixel of the MSI. Raises UserError if none is left."""
        msi, placed = self.beside[part.cube.path]
        cuts = []
        for place, origin, size in zip((part.rows, part.columns), placed.origin, placed.image.shape):
            first = max(-(-(place.start - origin) // placed.ratio), 0)
            last = min((place.stop - origin) // placed.ratio, size)
            if last <= first:
                raise UserError(f"{msi.path} covers no pixel of {part.name}")
            cuts.append(slice(origin + first * placed.ratio, origin + last * placed.ratio))
        return replace(part, rows=cuts[0], columns=cuts[1])

    def image(self, part: Part) -> np.ndarray:
        """The MSI [h, w, c] of an aligned part."""
        _, placed = self.beside[part.cube.path]
        rows, columns = (
            slice((place.start - origin) // placed.ratio, (place.stop - origin) // placed.ratio)
            for place, origin in zip((part.rows, part.columns), placed.origin)
        )
        return placed.image[rows, columns]

    def sources(self, part: Part) -> tuple[Path, ...]:
        """The files of the MSI beside the part's cube."""
        return self.beside[part.cube.path][0].sources


def of(cubes: list[Cube], paths: list[Path], source: dict) -> Measured:
    """Match the MSIs at `paths` to the cubes by name, and place each on the grid of its cube.

    source: key, bands and align of the MSIs, as in a preset. Raises UserError for a cube without an MSI, for MSIs of different bands
    or pixels, for an MSI that does not fit its cube, and for a shift that is too large to take off.
    """
    images = [Cube.of(path, source["key"], source["bands"]) for path in paths]
    found = {image.name: image for image in images}
    if len(cubes) == len(images) == 1:
        found = {cubes[0].name: images[0]}
    if lacking := [cube.name for cube in cubes if cube.name not in found]:
        raise UserError(
            f"no MSI in {paths[0].parent} has the name of the cube {lacking[0]}; found: {', '.join(sorted(found))}"
        )
    beside, lines = {}, []
    for cube in cubes:
        msi = found[cube.name]
        placed = _placed(cube.header, msi, whole_cube(msi, "").values())
        grey, reference = placed.image.mean(axis=-1), _reference(cube, placed)
        if not np.isfinite(grey + reference).any():
            raise UserError(f"{msi.path} and {cube.path} have no place where both have data")
        place = shift(grey, reference)
        line = f"{msi.path.name} {placed.said}, shifted by {place[0]:.2f} rows and {place[1]:.2f} columns of its pixels"
        if source["align"]:
            if max(map(abs, place)) > LARGEST_SHIFT:
                raise UserError(
                    f"{line}; a shift of more than {LARGEST_SHIFT} cannot be removed: register the images first"
                )
            placed, line = (
                replace(placed, image=shifted_with_gaps(placed.image, -place[0], -place[1])),
                f"{line}, taken off",
            )
        beside[cube.path] = msi, placed
        lines.append(line)
    first, ratios = found[cubes[0].name], {placed.ratio for _, placed in beside.values()}
    for msi, _ in beside.values():
        if msi.bands != first.bands or len(msi.order) != len(first.order):
            raise UserError(f"{msi.path} has other bands than {first.path.name}")
    if len(ratios) > 1:
        raise UserError(
            f"the MSIs of {paths[0].parent} have pixels of different sizes: {sorted(ratios)} pixels of the cubes"
        )
    return Measured(beside, first.bands, all(msi.relative for msi, _ in beside.values()), "; ".join(lines))


def _placed(grid: Header, msi: Cube, values: np.ndarray) -> Placed:
    """Place an MSI by georeference if both files have one, otherwise by size."""
    header = msi.header
    if grid.crs and grid.transform and header.crs and header.transform:
        return _by_georeference(grid, msi, values)
    high, low = np.array([grid.height, grid.width]), np.array([header.height, header.width])
    sides = high / low
    if abs(sides[0] / sides[1] - 1) > 0.02:
        raise UserError(
            f"{msi.path} has {low[0]} x {low[1]} pixels, another aspect ratio than the {high[0]} x {high[1]} pixels of its cube;"
            " only files with a georeference may differ in extent"
        )
    ratio = max(1, round(sides.mean()))
    if (low * ratio == high).all():
        return Placed(values, ratio, (0, 0), f"as it is, {ratio} pixels of the cube to a pixel")
    size = tuple(int(side) for side in np.maximum(high // ratio, 1))
    image = torch.from_numpy(values).permute(2, 0, 1)[None]
    resampled = F.interpolate(image, size, mode="bicubic", antialias=bool(sides.mean() < 1))
    return Placed(
        resampled[0].permute(1, 2, 0).numpy(), ratio, (0, 0), f"resampled to {ratio} pixels of the cube to a pixel"
    )


def _by_georeference(grid: Header, msi: Cube, values: np.ndarray) -> Placed:
    with raster.gdal(f"{msi.path} cannot be brought onto the grid of its cube: ") as rasterio:
        from rasterio.warp import Resampling, reproject, transform

        to, at = (np.array([*affine, 0, 0, 1]).reshape(3, 3) for affine in (grid.transform, msi.header.transform))
        crs, own = rasterio.CRS.from_wkt(grid.crs), rasterio.CRS.from_wkt(msi.header.crs)
        if crs == own:
            # The map from columns and rows of the MSI to those of the cube, and how far it is from whole pixels.
            pixel = np.linalg.inv(to) @ at
            ratio, column, row = (round(value) for value in (pixel[0, 0], pixel[0, 2], pixel[1, 2]))
            misses = pixel - [[ratio, 0, column], [0, ratio, row], [0, 0, 1]]
            far = np.abs(misses @ [msi.header.width, msi.header.height, 1]), np.abs(misses[:, 2])
            if ratio >= 1 and np.max(far) <= ALIGNED:
                origin = row, column
                return Placed(values, ratio, origin, f"as it is, {ratio} pixels of the cube to a pixel")
        # The size of a pixel in the middle of the MSI, in pixels of the cube.
        column, row = msi.header.width / 2, msi.header.height / 2
        corners = at @ np.array([[column, column + 1, column], [row, row, row + 1], [1, 1, 1]])
        x, y = transform(own, crs, *corners[:2])
        (_, a, b), (_, c, d) = (
            (np.linalg.inv(to) @ [x, y, [1, 1, 1]])[:2].T - (np.linalg.inv(to) @ [x[0], y[0], 1])[:2]
        ).T
        side = abs(a * d - b * c) ** 0.5
        ratio = max(1, round(side))
        image = np.full((values.shape[-1], grid.height // ratio, grid.width // ratio), np.nan, np.float32)
        reproject(
            np.ascontiguousarray(values.transpose(2, 0, 1)),
            image,
            src_transform=rasterio.Affine(*msi.header.transform),
            src_crs=own,
            src_nodata=np.nan,
            dst_transform=rasterio.Affine(*(to @ np.diag([ratio, ratio, 1]))[:2].flatten()),
            dst_crs=crs,
            dst_nodata=np.nan,
            resampling=Resampling.average if side < FINER else Resampling.cubic,
        )
    return Placed(image.transpose(1, 2, 0), ratio, (0, 0), f"resampled to {ratio} pixels of the cube to a pixel")


def _reference(cube: Cube, placed: Placed) -> np.ndarray:
    """The mean [h, w] over all bands of the cube, at the pixels of the MSI; NaN where the cube does not fill a pixel."""
    strips, (rows, columns) = whole_cube(cube, "").strips(), placed.origin
    grey = np.concatenate([strip.mean(axis=-1) for strip in strips])
    (height, width), ratio = placed.image.shape[:2], placed.ratio
    found = np.full((height * ratio, width * ratio), np.nan, np.float32)
    bottom, right = max(rows + height * ratio, 0), max(columns + width * ratio, 0)
    inside = grey[max(rows, 0) : bottom, max(columns, 0) : right]
    top, left = max(-rows, 0), max(-columns, 0)
    found[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
    return found.reshape(height, ratio, width, ratio).mean(axis=(1, 3))
