"""Training batches as batched tensor operations on the device: crop, degrade, resample, query (paper 4.3, A.3)."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from ssif.bands import Bands, cuts_matrix, irregular_cuts, parts_matrix
from ssif.coordinates import pixel_coordinates
from ssif.data.degrade import downsample, downsampling_matrix
from ssif.errors import UserError


@dataclass(frozen=True)
class TrainingSet:
    """All training scenes, of one size and on one device: hsi [S, H, W, C_max] and msi [S, H, W, c] in [0, 1], float32."""

    hsi: Tensor
    msi: Tensor
    bands: Bands

    def in_parts(self, spectra: Tensor, count: int) -> tuple[Tensor, Bands]:
        """Means [..., count] of spectra [..., C_max] over `count` equal parts of the band axis, and the bands of the parts."""
        bands, weights = _parts(self.bands, count, self.hsi.device)
        return (spectra if count == len(self.bands) else spectra @ weights.T), bands

    def in_intervals(self, spectra: Tensor, count: int, intervals: str, draws: torch.Generator) -> tuple[Tensor, Bands]:
        """As `in_parts`, for intervals that are "equal" or "irregular" (`ssif.bands.irregular_cuts`, cut by `draws`)."""
        # C_max parts are the bands themselves.
        if intervals == "equal" or count == len(self.bands):
            return self.in_parts(spectra, count)
        places = torch.rand(count - 1, generator=draws, dtype=torch.float64).numpy()
        cuts = irregular_cuts(len(self.bands), count, places)
        weights = cuts_matrix(self.bands, cuts) / np.diff(cuts)[:, None]
        return spectra @ torch.from_numpy(weights).to(spectra).T, self.bands.between(cuts)


@cache
def _parts(bands: Bands, count: int, device: torch.device) -> tuple[Bands, Tensor]:
    return bands.parts(count), torch.tensor(parts_matrix(bands, count), dtype=torch.float32, device=device)


@dataclass(frozen=True)
class Queries:
    """A batch for a neural field: lr_msi [N, c, h, h], query [N, Q, 2] (y, x), cell [N, 2], and the true values at the queries:
    target [N, Q, C] and msi [N, Q, c].

    generator (CPU): for the random draws of the model; scenes [N]: the numbers of the scenes.
    """

    lr_msi: Tensor
    query: Tensor
    cell: Tensor
    target: Tensor
    msi: Tensor
    bands: Bands
    generator: torch.Generator
    scenes: Tensor


def draw_queries(
    data: TrainingSet,
    step: int,
    *,
    seed: int,
    batch: int,
    lr_sizes: list[int],
    scales: tuple[float, float],
    counts: tuple[int, int],
    antialias: bool,
    queries: int = 1,
    intervals: str = "equal",
) -> Queries:
    """The batch of one step, a function of (seed, step) alone, so that a resumed run sees the same batches.

    The LR side cycles through `lr_sizes` (A.6: loaders of different input sizes). Each sample has a random scene, a real scale
    p, uniform in `scales`, an HR crop of side round(LR side * p), flips and a transpose with probability 1/2 each, and
    `queries` times LR side ** 2 HR pixels without replacement, at most as many as the smallest crop has. The batch has one
    band count C, uniform in `counts`, inclusive; `intervals` as in `TrainingSet.in_intervals`.
    """
    device = data.hsi.device
    draws = torch.Generator().manual_seed(seed * 1_000_003 + step)
    size = lr_sizes[step % len(lr_sizes)]
    scale = scales[0] + (scales[1] - scales[0]) * torch.rand(batch, generator=draws)
    side = (size * scale).round().long()
    scene, top, left, flips = _crops(data, side, draws)
    count = int(torch.randint(counts[0], counts[1] + 1, (), generator=draws))
    query_seed = int(torch.randint(2**62, (), generator=draws))
    largest, asked = int(side.max()), min(queries * size**2, int(side.min()) ** 2)
    side = side.to(device)

    weights = downsampling_matrix(side, largest, size, antialias)
    lr_msi = _flip(_degrade(data.msi, scene, top, left, weights), *flips)

    # To draw without replacement, each pixel gets a random key, pixels beyond a crop a lower one, and the top Q are taken.
    on_device = torch.Generator(device).manual_seed(query_seed)
    keys = torch.rand(batch, largest**2, generator=on_device, device=device)
    keys.masked_fill_(torch.arange(largest**2, device=device) >= side[:, None] ** 2, -1)
    chosen = keys.topk(asked, sorted=False).indices
    columns = side[:, None]
    query = pixel_coordinates(chosen, columns, columns)

    row, column = torch.div(chosen, columns, rounding_mode="floor"), chosen % columns
    row, column = _unflip(row, column, columns, *flips[..., None])
    height, width = data.hsi.shape[1:3]
    place = (scene[:, None] * height + top[:, None] + row) * width + left[:, None] + column
    spectra, msi = data.hsi.flatten(0, 2)[place], data.msi.flatten(0, 2)[place]
    target, bands = data.in_intervals(spectra, count, intervals, draws)
    cell = (2 / side)[:, None].expand(-1, 2)
    return Queries(lr_msi, query, cell, target, msi, bands, draws, scene)


@dataclass(frozen=True)
class Patches:
    """A batch for a network on a pixel grid, the four images of each crop: lr_msi [N, c, h, h], hr_msi [N, c, H, H],
    lr_hsi [N, C, h, h], hr_hsi [N, C, H, H] with H = p h. The HSIs are None for a network from MSI to MSI.

    scenes [N]: the numbers of the scenes.
    """

    lr_msi: Tensor
    hr_msi: Tensor
    lr_hsi: Tensor | None
    hr_hsi: Tensor | None
    scenes: Tensor


def draw_patches(
    data: TrainingSet, step: int, *, seed: int, batch: int, lr_size: int, scale: int, count: int | None, antialias: bool
) -> Patches:
    """The batch of one step, a function of (seed, step) alone; `count` bands, or None for no HSI.

    Each sample has a random scene, an HR crop of lr_size * scale pixels a side, and flips and a transpose with probability 1/2
    each. The operator of the protocol makes both LR images from the crop.
    """
    draws = torch.Generator().manual_seed(seed * 1_000_003 + step)
    side = lr_size * scale
    scene, top, left, flips = _crops(data, torch.full((batch,), side), draws)
    reach = torch.arange(side, device=data.hsi.device)
    place = scene[:, None, None], (top[:, None] + reach)[:, :, None], (left[:, None] + reach)[:, None, :]

    def pair(values: Tensor) -> tuple[Tensor, Tensor]:
        """LR and HR image of crops [N, H, H, bands]."""
        hr = _flip(values.permute(0, 3, 1, 2), *flips)
        return downsample(hr, (lr_size, lr_size), antialias), hr

    lr_msi, hr_msi = pair(data.msi[place])
    lr_hsi, hr_hsi = (None, None) if count is None else pair(data.in_parts(data.hsi[place], count)[0])
    return Patches(lr_msi, hr_msi, lr_hsi, hr_hsi, scene)


def _crops(data: TrainingSet, side: Tensor, draws: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Scene, top and left [N] of a random crop of each `side` [N], and flags [3, N] for `_flip`, on the data's device."""
    scenes, height, width = data.hsi.shape[:3]
    room = torch.stack([torch.full_like(side, scenes), height - side + 1, width - side + 1])
    scene, top, left = (torch.rand(3, len(side), generator=draws) * room).long().to(data.hsi.device)
    return scene, top, left, (torch.rand(3, len(side), generator=draws) < 0.5).to(data.hsi.device)


def check_crops(shape: tuple[int, int], lr_sizes: list[int], scales: tuple[float, float]) -> None:
    """Raise a UserError if the largest HR crop does not fit into training scenes of this height and width."""
    largest = round(max(lr_sizes) * scales[1])
    if largest > min(shape):
        raise UserError(
            f"an HR crop of {largest} pixels (LR {max(lr_sizes)} at p = {scales[1]:g}) is larger than the training"
            f" scenes of {shape[0]} x {shape[1]}; lower lr_sizes or the largest training scale"
        )


def _degrade(msi: Tensor, scene: Tensor, top: Tensor, left: Tensor, weights: Tensor) -> Tensor:
    """Crops of `msi` [S, H, W, c], decimated by `weights` [N, h, side]: [N, c, h, h]."""
    reach = torch.arange(weights.shape[-1], device=msi.device)
    # The weights are zero beyond the side of each crop; the clamp only keeps the index inside the image.
    rows = (top[:, None] + reach).clamp(max=msi.shape[1] - 1)
    columns = (left[:, None] + reach).clamp(max=msi.shape[2] - 1)
    crops = msi[scene[:, None, None], rows[:, :, None], columns[:, None, :]]
    return torch.einsum("nhi,nijc,nwj->nchw", weights, crops, weights)


def _flip(image: Tensor, vertical: Tensor, horizontal: Tensor, transpose: Tensor) -> Tensor:
    """Flip and transpose, in this order, the images of [N, c, h, h] whose flags [N] are set."""
    image = torch.where(vertical[:, None, None, None], image.flip(2), image)
    image = torch.where(horizontal[:, None, None, None], image.flip(3), image)
    return torch.where(transpose[:, None, None, None], image.transpose(2, 3), image)


def _unflip(row: Tensor, column: Tensor, side: Tensor, vertical: Tensor, horizontal: Tensor, transpose: Tensor):
    """Row and column [N, Q] before `_flip` of pixels of the flipped crop."""
    row, column = torch.where(transpose, column, row), torch.where(transpose, row, column)
    row = torch.where(vertical, side - 1 - row, row)
    column = torch.where(horizontal, side - 1 - column, column)
    return row, column
