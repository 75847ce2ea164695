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
    """All training scenes of one size on one device: hsi [S, H, W, C_max] and msi [S, H, W, c] in [0, 1], float32."""

    hsi: Tensor
    msi: Tensor
    bands: Bands

    def in_parts(self, spectra: Tensor, count: int) -> tuple[Tensor, Bands]:
        """Spectra [..., C_max] as means over `count` parts of the band axis [..., count], and these bands."""
        bands, weights = _parts(self.bands, count, self.hsi.device)
        return (spectra if count == len(self.bands) else spectra @ weights.T), bands

    def between(self, spectra: Tensor, cuts: np.ndarray) -> tuple[Tensor, Bands]:
        """Spectra [..., C_max] as means over the parts of the band axis between `cuts` [C + 1], [..., C], and these bands."""
        weights = cuts_matrix(self.bands, cuts) / np.diff(cuts)[:, None]
        return spectra @ torch.from_numpy(weights).to(spectra).T, self.bands.between(cuts)

    def in_intervals(self, spectra: Tensor, count: int, intervals: str, draws: torch.Generator) -> tuple[Tensor, Bands]:
        """Spectra [..., C_max] as means over `count` intervals, "equal" or "irregular" ones, [..., count], and these bands."""
        # As many parts as bands are the bands themselves.
        if intervals == "equal" or count == len(self.bands):
            return self.in_parts(spectra, count)
        places = torch.rand(count - 1, generator=draws, dtype=torch.float64).numpy()
        return self.between(spectra, irregular_cuts(len(self.bands), count, places))


@cache
def _parts(bands: Bands, count: int, device: torch.device) -> tuple[Bands, Tensor]:
    return bands.parts(count), torch.tensor(parts_matrix(bands, count), dtype=torch.float32, device=device)


@dataclass(frozen=True)
class Queries:
    """A batch for a neural field: lr_msi [N, c, h, h], query [N, Q, 2] (y, x), cell [N, 2], and what is true there:
    target [N, Q, C] and msi [N, Q, c].

    `generator` (CPU) is for what the model itself draws, `scenes` [N] says where the batch came from.
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
    """The batch of one step, a pure function of (seed, step), so that a resumed run sees the same ones.

    The LR side cycles through `lr_sizes` (A.6: loaders of different input sizes). For each sample: scene, real scale p
    uniform in `scales`, HR crop of round(LR side * p), flips and transpose with probability 1/2 each, and `queries` times
    LR side ** 2 HR pixels without replacement, or as many as the smallest crop has. For the batch: one band count C, uniform in `counts`, inclusive, and `intervals` of the
    band axis: C equal parts, or irregular ones (`ssif.bands.irregular_cuts`).
    """
    device = data.hsi.device
    draws = torch.Generator().manual_seed(seed * 1_000_003 + step)
    size = lr_sizes[step % len(lr_sizes)]
    scenes, height, width = data.hsi.shape[:3]
    scale = scales[0] + (scales[1] - scales[0]) * torch.rand(batch, generator=draws)
    side = (size * scale).round().long()
    room = torch.stack([torch.full((batch,), scenes), height - side + 1, width - side + 1])
    scene, top, left = (torch.rand(3, batch, generator=draws) * room).long()
    flips = torch.rand(3, batch, generator=draws) < 0.5
    count = int(torch.randint(counts[0], counts[1] + 1, (), generator=draws))
    query_seed = int(torch.randint(2**62, (), generator=draws))
    largest, asked = int(side.max()), min(queries * size**2, int(side.min()) ** 2)
    scene, top, left, side, flips = (t.to(device) for t in (scene, top, left, side, flips))

    weights = downsampling_matrix(side, largest, size, antialias)
    lr_msi = _flip(_degrade(data.msi, scene, top, left, weights), *flips)

    # Draw without replacement in crops of different sizes: each pixel gets a random key, those beyond a crop get the lowest,
    # and the Q largest keys win.
    on_device = torch.Generator(device).manual_seed(query_seed)
    keys = torch.rand(batch, largest**2, generator=on_device, device=device)
    keys.masked_fill_(torch.arange(largest**2, device=device) >= side[:, None] ** 2, -1)
    chosen = keys.topk(asked, sorted=False).indices
    columns = side[:, None]
    query = pixel_coordinates(chosen, columns, columns)

    row, column = torch.div(chosen, columns, rounding_mode="floor"), chosen % columns
    row, column = _unflip(row, column, columns, *flips[..., None])
    place = (scene[:, None] * height + top[:, None] + row) * width + left[:, None] + column
    spectra, msi = data.hsi.flatten(0, 2)[place], data.msi.flatten(0, 2)[place]
    target, bands = data.in_intervals(spectra, count, intervals, draws)
    cell = (2 / side)[:, None].expand(-1, 2)
    return Queries(lr_msi, query, cell, target, msi, bands, draws, scene)


@dataclass(frozen=True)
class Patches:
    """A batch for a network on a pixel grid, the four images of each crop: lr_msi [N, c, h, h], hr_msi [N, c, H, H],
    lr_hsi [N, C, h, h], hr_hsi [N, C, H, H] with H = p h; the HSIs None for a network that has to do with the MSI alone.
    `scenes` [N] says where they came from.
    """

    lr_msi: Tensor
    hr_msi: Tensor
    lr_hsi: Tensor | None
    hr_hsi: Tensor | None
    scenes: Tensor


def draw_patches(
    data: TrainingSet, step: int, *, seed: int, batch: int, lr_size: int, scale: int, count: int | None, antialias: bool
) -> Patches:
    """The batch of one step, a pure function of (seed, step): for each sample a scene, an HR crop of lr_size * scale
    pixels a side, and flips and transpose with probability 1/2 each; `count` bands, or None for no HSI.

    Both LR images are made from the crop by the same operator, after it was cut.
    """
    draws = torch.Generator().manual_seed(seed * 1_000_003 + step)
    side = lr_size * scale
    scenes, height, width = data.hsi.shape[:3]
    room = torch.tensor([scenes, height - side + 1, width - side + 1])[:, None]
    scene, top, left = (torch.rand(3, batch, generator=draws) * room).long().to(data.hsi.device)
    flips = (torch.rand(3, batch, generator=draws) < 0.5).to(data.hsi.device)
    reach = torch.arange(side, device=data.hsi.device)
    place = scene[:, None, None], (top[:, None] + reach)[:, :, None], (left[:, None] + reach)[:, None, :]

    def pair(values: Tensor) -> tuple[Tensor, Tensor]:
        """LR and HR image of crops [N, H, H, bands]."""
        hr = _flip(values.permute(0, 3, 1, 2), *flips)
        return downsample(hr, (lr_size, lr_size), antialias), hr

    lr_msi, hr_msi = pair(data.msi[place])
    lr_hsi, hr_hsi = (None, None) if count is None else pair(data.in_parts(data.hsi[place], count)[0])
    return Patches(lr_msi, hr_msi, lr_hsi, hr_hsi, scene)


def check_crops(shape: tuple[int, int], lr_sizes: list[int], scales: tuple[float, float]) -> None:
    """Raise a UserError if the largest HR crop does not fit into training scenes of this height and width."""
    largest = round(max(lr_sizes) * scales[1])
    if largest > min(shape):
        raise UserError(
            f"an HR crop of {largest} pixels (LR {max(lr_sizes)} at p = {scales[1]:g}) is larger than the training"
            f" scenes of {shape[0]} x {shape[1]}; lower lr_sizes or the largest training scale"
        )


def _degrade(msi: Tensor, scene: Tensor, top: Tensor, left: Tensor, weights: Tensor) -> Tensor:
    """Crops of `msi` [S, H, W, c], each taken first and then decimated by `weights` [N, h, side]: [N, c, h, h]."""
    reach = torch.arange(weights.shape[-1], device=msi.device)
    # Beyond a crop's own side the weights are zero; the clamp only keeps the index inside the image.
    rows = (top[:, None] + reach).clamp(max=msi.shape[1] - 1)
    columns = (left[:, None] + reach).clamp(max=msi.shape[2] - 1)
    crops = msi[scene[:, None, None], rows[:, :, None], columns[:, None, :]]
    return torch.einsum("nhi,nijc,nwj->nchw", weights, crops, weights)


def _flip(image: Tensor, vertical: Tensor, horizontal: Tensor, transpose: Tensor) -> Tensor:
    """Flip and transpose those of [N, c, h, h] whose flag [N] is set, in this order."""
    image = torch.where(vertical[:, None, None, None], image.flip(2), image)
    image = torch.where(horizontal[:, None, None, None], image.flip(3), image)
    return torch.where(transpose[:, None, None, None], image.transpose(2, 3), image)


def _unflip(row: Tensor, column: Tensor, side: Tensor, vertical: Tensor, horizontal: Tensor, transpose: Tensor):
    """Where a pixel of the flipped crop was before `_flip`: row and column, each [N, Q]."""
    row, column = torch.where(transpose, column, row), torch.where(transpose, row, column)
    row = torch.where(vertical, side - 1 - row, row)
    column = torch.where(horizontal, side - 1 - column, column)
    return row, column
