"""An image of any size, tile by tile. Each tile is rendered from a window with a halo as wide as the network sees.

The tiles are equal to the whole image: a pixel keeps its place and size in the whole image, and the halo holds everything that
it depends on (`NeuralField.reach`, `NeuralField.period`). Pixels without data stay without data.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ssif.bands import Bands
from ssif.errors import UserError
from ssif.gaps import FILL, filled
from ssif.inference import out_of_memory, render_at

TILE = 256  # default side of a tile in LR pixels

# (rows, columns) of the LR image -> its values [h, w, c] in [0, 1], NaN without data.
Read = Callable[[slice, slice], np.ndarray]


class PixelAxis(NamedTuple):
    """One axis of an image: `low` LR and `high` HR pixels."""

    low: int
    high: int

    def parts(self, side: int) -> list[slice]:
        """The LR axis in nearly equal parts of at most `side` pixels."""
        count = -(-self.low // side)
        cuts = [self.low * i // count for i in range(count + 1)]
        return [slice(*ends) for ends in zip(cuts, cuts[1:])]

    def upscaled(self, part: slice) -> slice:
        """The HR pixels whose centres are in these LR pixels."""
        start, stop = (-((self.low - 2 * edge * self.high) // (2 * self.low)) for edge in (part.start, part.stop))
        return slice(start, stop)

    def sources(self, part: slice) -> np.ndarray:
        """For each HR pixel of a part, the LR pixel that holds its centre, counted from the start of the part."""
        wide = self.upscaled(part)
        return (2 * np.arange(wide.start, wide.stop) + 1) * self.low // (2 * self.high) - part.start

    def halo(self, part: slice, reach: int, period: int = 1) -> slice:
        """The part with `reach` more LR pixels on either side, up to multiples of `period` and to the ends of the axis."""
        start, stop = (part.start - reach) // period * period, -(-(part.stop + reach) // period) * period
        return slice(max(0, start), min(self.low, stop))

    def place(self, part: slice, window: slice) -> tuple[Tensor, float]:
        """Centres [n] of the HR pixels of `part` in the [-1, 1] of the LR pixels `window`, and their size there."""
        wide, count = self.upscaled(part), window.stop - window.start
        # Float64, because the pixels of a large image are too small for the resolution of float32.
        centre = (torch.arange(wide.start, wide.stop, dtype=torch.float64) + 0.5) * self.low / self.high
        return (2 * (centre - window.start) / count - 1).float(), 2 * self.low / (self.high * count)


class Grid(NamedTuple):
    """An LR image of (h, w) pixels and the HR image of (H, W) pixels that is wanted."""

    rows: PixelAxis
    columns: PixelAxis

    @classmethod
    def of(cls, low: tuple[int, int], high: tuple[int, int]) -> "Grid":
        return cls(*(PixelAxis(*sizes) for sizes in zip(low, high)))

    def tiles(self, side: int) -> Iterator[tuple[slice, slice]]:
        """LR rows and columns of each tile, row by row."""
        for rows in self.rows.parts(side):
            for columns in self.columns.parts(side):
                yield rows, columns

    def upscaled(self, rows: slice, columns: slice) -> tuple[slice, slice]:
        """HR rows and columns of a tile."""
        return self.rows.upscaled(rows), self.columns.upscaled(columns)


def check_tiles(model) -> None:
    """Raise UserError for a network that needs the whole image."""
    if model.reach is None:
        raise UserError(
            f"the pixel decoder {type(model.decoder).__name__.removesuffix('Decoder')} depends on the whole image"
            " and cannot be computed in tiles; use weights with the decoder liif"
        )


def render_tile(model, grid: Grid, read: Read, rows: slice, columns: slice, bands: Bands) -> np.ndarray:
    """LR `rows` and `columns` of `grid` -> their HR pixels [H, W, C] in [0, 1], float32, NaN if the LR pixel has no data.

    If memory runs out, the tile is halved along its longer side, as often as necessary.
    """
    tile = (rows, columns)
    window = [axis.halo(part, model.reach + FILL, model.period) for axis, part in zip(grid, tile)]
    values = read(*window)
    valid = np.isfinite(values).all(axis=-1)
    inner = (slice(part.start - place.start, part.stop - place.start) for part, place in zip(tile, window))
    known = valid[tuple(inner)][np.ix_(*(axis.sources(part) for axis, part in zip(grid, tile)))]
    if not known.any():
        return np.full((*known.shape, len(bands)), np.nan, np.float32)
    device = next(model.parameters()).device
    (y, height), (x, width) = (axis.place(*parts) for axis, *parts in zip(grid, tile, window))
    try:
        lr_msi = filled(torch.from_numpy(values), torch.from_numpy(valid)).to(device)
        (image,) = render_at(model, lr_msi, y.to(device), x.to(device), (height, width), [bands])
    except (MemoryError, RuntimeError) as error:
        axis = int(rows.stop - rows.start < columns.stop - columns.start)
        start, stop = tile[axis].start, tile[axis].stop
        if not out_of_memory(error) or stop - start < 2:
            raise
        halves = slice(start, (start + stop) // 2), slice((start + stop) // 2, stop)
        tiles = [(half, columns) if axis == 0 else (rows, half) for half in halves]
        return np.concatenate([render_tile(model, grid, read, *half, bands) for half in tiles], axis=axis)
    image = image[0].permute(1, 2, 0).cpu().numpy()
    image[~known] = np.nan
    return image


def render_tiles(model, image: np.ndarray, size: tuple[int, int], bands: Bands, side: int) -> np.ndarray:
    """Image [h, w, c] in [0, 1] -> [H, W, C], float32, in tiles of `side` LR pixels; NaN where the image is NaN."""
    grid = Grid.of(image.shape[:2], size)
    out = np.empty((*size, len(bands)), np.float32)
    for rows, columns in grid.tiles(side):
        out[grid.upscaled(rows, columns)] = render_tile(model, grid, lambda r, c: image[r, c], rows, columns, bands)
    return out
