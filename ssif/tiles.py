"""An image of any size, tile by tile: each is rendered from a window with a halo as wide as the network sees.

Tiled equals whole: a tile's pixels keep their place and size in the whole image, and the halo holds all that they depend
on (`NeuralField.reach`). Pixels without data stay without.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ssif.bands import Bands
from ssif.errors import UserError
from ssif.inference import out_of_memory, render_at

TILE = 256  # LR pixels a side, where nothing else is asked for
FILL = 4  # LR pixels that valid values spread into pixels without data
OUTSIDE = 0.5  # beyond: what zero padding, outside the image, is to the encoder

# (rows, columns) of the LR image -> its values [h, w, c] in [0, 1], NaN where there are none.
Read = Callable[[slice, slice], np.ndarray]


@dataclass(frozen=True)
class Axis:
    """One axis of an image: `low` LR and `high` HR pixels."""

    low: int
    high: int

    def parts(self, side: int) -> list[slice]:
        """The LR axis in nearly equal parts of at most `side` pixels."""
        count = -(-self.low // side)
        cuts = [self.low * i // count for i in range(count + 1)]
        return [slice(*ends) for ends in zip(cuts, cuts[1:])]

    def upscaled(self, part: slice) -> slice:
        """The HR pixels whose centres lie in these LR pixels."""
        start, stop = (-((self.low - 2 * edge * self.high) // (2 * self.low)) for edge in (part.start, part.stop))
        return slice(start, stop)

    def halo(self, part: slice, reach: int) -> slice:
        """The part with `reach` LR pixels on either side, as far as there are any."""
        return slice(max(0, part.start - reach), min(self.low, part.stop + reach))

    def place(self, part: slice, window: slice) -> tuple[Tensor, float]:
        """Centres [n] of the HR pixels of `part` in the [-1, 1] of the LR pixels `window`, and their size there."""
        wide, count = self.upscaled(part), window.stop - window.start
        # In float64, because a large image has more pixels than float32 resolves to a small part of one.
        centre = (torch.arange(wide.start, wide.stop, dtype=torch.float64) + 0.5) * self.low / self.high
        return (2 * (centre - window.start) / count - 1).float(), 2 * self.low / (self.high * count)


@dataclass(frozen=True)
class Grid:
    """An LR image of (h, w) pixels and the HR image of (H, W) that is wanted of it."""

    rows: Axis
    columns: Axis

    @classmethod
    def of(cls, low: tuple[int, int], high: tuple[int, int]) -> "Grid":
        return cls(*(Axis(*sizes) for sizes in zip(low, high)))

    def tiles(self, side: int) -> Iterator[tuple[slice, slice]]:
        """LR rows and columns of each tile, row by row."""
        for rows in self.rows.parts(side):
            for columns in self.columns.parts(side):
                yield rows, columns

    def upscaled(self, rows: slice, columns: slice) -> tuple[slice, slice]:
        """HR rows and columns of a tile."""
        return self.rows.upscaled(rows), self.columns.upscaled(columns)


def check_tiles(model) -> None:
    """Raise a UserError for a network that has to see a whole image."""
    if model.reach is None:
        raise UserError(
            f"the pixel decoder {type(model.decoder).__name__.removesuffix('Decoder')} depends on the size of the whole image and cannot be"
            " computed in tiles; use weights with the decoder liif"
        )


def render_tile(model, grid: Grid, read: Read, rows: slice, columns: slice, bands: Bands) -> np.ndarray:
    """LR `rows` and `columns` of `grid` -> their HR pixels [H, W, C] in [0, 1], float32, NaN where the LR pixel has none.

    Where memory runs out the tile is halved, as often as it takes.
    """
    halo = model.reach + FILL
    window = grid.rows.halo(rows, halo), grid.columns.halo(columns, halo)
    values = read(*window)
    valid = np.isfinite(values).all(axis=-1)
    own = valid[rows.start - window[0].start :, columns.start - window[1].start :]
    own = own[: rows.stop - rows.start, : columns.stop - columns.start]
    places = (axis.upscaled(part) for axis, part in ((grid.rows, rows), (grid.columns, columns)))
    shape = tuple(place.stop - place.start for place in places)
    if not own.any():
        return np.full((*shape, len(bands)), np.nan, np.float32)
    try:
        image = _rendered(model, grid, values, valid, (rows, columns), window, bands)
    except (MemoryError, RuntimeError) as error:
        parts = _halves(rows, columns)
        if not out_of_memory(error) or parts is None:
            raise
        (first, second), axis = parts
        return np.concatenate([render_tile(model, grid, read, *half, bands) for half in (first, second)], axis=axis)
    image[~own[np.ix_(_sources(grid.rows, rows), _sources(grid.columns, columns))]] = np.nan
    return image


def render_tiles(model, image: np.ndarray, size: tuple[int, int], bands: Bands, side: int) -> np.ndarray:
    """Image [h, w, c] in [0, 1] -> [H, W, C], float32, by tiles of `side` LR pixels; NaN where the image is NaN."""
    grid = Grid.of(image.shape[:2], size)
    out = np.empty((*size, len(bands)), np.float32)
    for rows, columns in grid.tiles(side):
        out[grid.upscaled(rows, columns)] = render_tile(model, grid, lambda r, c: image[r, c], rows, columns, bands)
    return out


def _rendered(model, grid: Grid, values, valid, tile, window, bands: Bands) -> np.ndarray:
    device = next(model.parameters()).device
    lr_msi = filled(torch.from_numpy(values), torch.from_numpy(valid)).to(device)
    (y, height), (x, width) = (
        axis.place(part, place) for axis, part, place in zip((grid.rows, grid.columns), tile, window)
    )
    (image,) = render_at(model, lr_msi, y.to(device), x.to(device), (height, width), [bands])
    return image[0].permute(1, 2, 0).cpu().numpy()


def filled(values: Tensor, valid: Tensor) -> Tensor:
    """LR values [h, w, c] where `valid` [h, w] -> [1, c, h, w] without gaps.

    A valid pixel's surroundings take the mean of their valid neighbours, FILL pixels far, so that a border to no-data is
    no edge; what lies beyond is OUTSIDE. No value reaches further than FILL, so tiles stay equal to the whole.
    """
    known = valid[None, None].float()
    image = torch.where(valid, values.permute(2, 0, 1), 0)[None]
    for _ in range(FILL if not valid.all() else 0):
        near = F.avg_pool2d(known, 3, stride=1, padding=1, divisor_override=1)
        total = F.avg_pool2d(image, 3, stride=1, padding=1, divisor_override=1)
        image = torch.where(known > 0, image, total / near.clamp(min=1))
        known = (near > 0).float()
    return torch.where(known > 0, image, OUTSIDE)


def _sources(axis: Axis, part: slice) -> np.ndarray:
    """For each HR pixel of a part the LR pixel of it, counted from the first of the part, in which its centre lies."""
    wide = axis.upscaled(part)
    return (2 * np.arange(wide.start, wide.stop) + 1) * axis.low // (2 * axis.high) - part.start


def _halves(rows: slice, columns: slice):
    """A tile's two halves along its longer side, and which axis that is; None for a single pixel."""
    height, width = rows.stop - rows.start, columns.stop - columns.start
    if max(height, width) < 2:
        return None
    if height >= width:
        middle = rows.start + height // 2
        return ((slice(rows.start, middle), columns), (slice(middle, rows.stop), columns)), 0
    middle = columns.start + width // 2
    return ((rows, slice(columns.start, middle)), (rows, slice(middle, columns.stop))), 1
