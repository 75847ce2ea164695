"""Training batches as batched tensor operations on the device: crop, degrade, resample, query (paper 4.3, A.3)."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ssif.bands import Bands, cuts_matrix, irregular_cuts, parts_matrix
from ssif.coordinates import pixel_coordinates
from ssif.data.degrade import downsample, downsampling_matrix
from ssif.errors import UserError


@dataclass(frozen=True)
class TrainingSet:
    """All training scenes, of one size and on one device: hsi [S, H, W, C_max] and msi [S, h, w, c] in [0, 1], float32.

    A simulated MSI has the pixels of the HSI. A pixel of a measured one may cover `ratio` x `ratio` pixels of the HSI.
    known: [S, H, W], which pixels have data; None if all have.
    """

    hsi: Tensor
    msi: Tensor
    bands: Bands
    known: Tensor | None = None

    @property
    def ratio(self) -> int:
        """Side of an MSI pixel in HSI pixels."""
        return self.hsi.shape[1] // self.msi.shape[1]

    def on_msi_grid(self) -> "TrainingSet":
        """The same scenes with the mean of the HSI over each pixel of the MSI. It is known if all of its HSI pixels are."""
        if self.ratio == 1:
            return self
        hsi = F.avg_pool2d(self.hsi.permute(0, 3, 1, 2), self.ratio).permute(0, 2, 3, 1)
        known = None if self.known is None else F.avg_pool2d(self.known.float(), self.ratio) == 1
        return replace(self, hsi=hsi, known=known)

    def places(self, side: int = 1) -> Tensor | None:
        """Scene, top and left [n, 3] of all HSI crops of `side` x `side` pixels that have data everywhere, in steps of an MSI
        pixel; None if all crops have. Raises UserError if none has."""
        if self.known is None:
            return None
        whole = -F.max_pool2d(-self.known.float(), side, stride=1) == 1
        places = whole[:, :: self.ratio, :: self.ratio].nonzero() * torch.tensor(
            [1, self.ratio, self.ratio], device=whole.device
        )
        if not len(places):
            raise UserError(f"no training scene has {side} x {side} pixels with data everywhere; lower the crop")
        return places

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
    target [N, Q, C] and msi [N, Q, c], which is None if the MSI has larger pixels than the HSI.

    generator (CPU): for the random draws of the model; scenes [N]: the numbers of the scenes.
    """

    lr_msi: Tensor
    query: Tensor
    cell: Tensor
    target: Tensor
    msi: Tensor | None
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
    places: Tensor | None = None,
) -> Queries:
    """The batch of one step, a function of (seed, step) alone, so that a resumed run sees the same batches.

    The LR side cycles through `lr_sizes` (A.6: loaders of different input sizes). Each sample has a random scene, a real scale
    p, uniform in `scales`, an HR crop of side round(LR side * p), flips and a transpose with probability 1/2 each, and
    `queries` times LR side ** 2 HR pixels without replacement, at most as many as the smallest crop has. The batch has one
    band count C, uniform in `counts`, inclusive; `intervals` as in `TrainingSet.in_intervals`.

    places: `data.places()`. If some pixels have no data, each crop holds a random pixel that has, and queries are drawn among
    the pixels with data, again and again where a crop has too few. If a pixel of a measured MSI is larger than a pixel of the
    HSI, crops begin and end with MSI pixels.
    """
    device, ratio = data.hsi.device, data.ratio
    draws = torch.Generator().manual_seed(seed * 1_000_003 + step)
    size = lr_sizes[step % len(lr_sizes)]
    scale = scales[0] + (scales[1] - scales[0]) * torch.rand(batch, generator=draws)
    side = (size * scale / ratio).round().long()
    scene, top, left, flips = _crops(data, side, draws, places)
    count = int(torch.randint(counts[0], counts[1] + 1, (), generator=draws))
    query_seed = int(torch.randint(2**62, (), generator=draws))
    asked = min(queries * size**2, int(side.min() * ratio) ** 2)
    largest, side = int(side.max()), side.to(device)

    weights = downsampling_matrix(side, largest, size, antialias)
    lr_msi = _flip(_degrade(data.msi, scene, top, left, weights), *flips)
    side, top, left, largest = side * ratio, top * ratio, left * ratio, largest * ratio
    columns, (height, width) = side[:, None], data.hsi.shape[1:3]

    def place(pixel: Tensor) -> Tensor:
        """Flat index in the HSIs of the pixel with this index [N, Q] in a flipped crop."""
        row, column = torch.div(pixel, columns, rounding_mode="floor"), pixel % columns
        row, column = _unflip(row, column, columns, *flips[..., None])
        return (scene[:, None] * height + top[:, None] + row) * width + left[:, None] + column

    # To draw without replacement, each pixel gets a random key, pixels beyond a crop a lower one, and the top Q are taken.
    on_device = torch.Generator(device).manual_seed(query_seed)
    keys = torch.rand(batch, largest**2, generator=on_device, device=device)
    pixels = torch.arange(largest**2, device=device)
    keys.masked_fill_(pixels >= side[:, None] ** 2, -1)
    if places is not None:
        known = data.known.flatten()
        keys.masked_fill_(~known[place(pixels.expand(batch, -1)).clamp(0, len(known) - 1)], -1)
    chosen = keys.topk(asked, sorted=places is not None).indices
    if places is not None:
        found = (keys >= 0).sum(dim=1, keepdim=True)
        chosen = chosen.gather(1, torch.arange(asked, device=device) % found)
    query = pixel_coordinates(chosen, columns, columns)
    spectra = data.hsi.flatten(0, 2)[place(chosen)]
    msi = data.msi.flatten(0, 2)[place(chosen)] if ratio == 1 else None
    target, bands = data.in_intervals(spectra, count, intervals, draws)
    cell = (2 / side)[:, None].expand(-1, 2)
    return Queries(lr_msi, query, cell, target, msi, bands, draws, scene)


@dataclass(frozen=True)
class Patches:
    """A batch for a network on a pixel grid, the four images of each crop: lr_msi [N, c, h, h], hr_msi [N, c, H, H],
    lr_hsi [N, C, h, h], hr_hsi [N, C, H, H] with H = p h. The HSIs are None for a network from MSI to MSI. hr_msi is None if
    the MSI has larger pixels than the HSI.

    scenes [N]: the numbers of the scenes. done: the fraction of the budget before this step, for losses with a schedule.
    """

    lr_msi: Tensor
    hr_msi: Tensor | None
    lr_hsi: Tensor | None
    hr_hsi: Tensor | None
    scenes: Tensor
    done: float = 0.0


def draw_patches(
    data: TrainingSet,
    step: int,
    *,
    seed: int,
    batch: int,
    lr_size: int,
    scale: int,
    count: int | None,
    antialias: bool,
    places: Tensor | None = None,
) -> Patches:
    """The batch of one step, a function of (seed, step) alone; `count` bands, or None for no HSI.

    Each sample has a random scene, an HR crop of lr_size * scale pixels a side, and flips and a transpose with probability 1/2
    each. The operator of the protocol makes both LR images from the crop. places: `data.places(lr_size * scale)`, to one of
    which the crop belongs if some pixels have no data.
    """
    draws = torch.Generator().manual_seed(seed * 1_000_003 + step)
    side = lr_size * scale // data.ratio
    scene, top, left, flips = _crops(data, torch.full((batch,), side), draws, places, whole=True)

    def crops(values: Tensor, ratio: int) -> Tensor:
        """Crops [N, ., ., bands] of images [S, ., ., bands] with `ratio` pixels to a pixel of the MSI."""
        reach = torch.arange(side * ratio, device=values.device)
        rows, columns = (ratio * first[:, None] + reach for first in (top, left))
        return values[scene[:, None, None], rows[:, :, None], columns[:, None, :]]

    def pair(values: Tensor) -> tuple[Tensor, Tensor]:
        """LR and HR image of crops [N, H, H, bands]."""
        hr = _flip(values.permute(0, 3, 1, 2), *flips)
        return downsample(hr, (lr_size, lr_size), antialias), hr

    lr_msi, hr_msi = pair(crops(data.msi, 1))
    lr_hsi, hr_hsi = (None, None) if count is None else pair(data.in_parts(crops(data.hsi, data.ratio), count)[0])
    return Patches(lr_msi, hr_msi if data.ratio == 1 else None, lr_hsi, hr_hsi, scene)


def _crops(
    data: TrainingSet, side: Tensor, draws: torch.Generator, places: Tensor | None, whole: bool = False
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Scene, top and left [N], in MSI pixels, of a random crop of each `side` [N], and flags [3, N] for `_flip`, on the data's
    device. If there are `places`, a crop contains one of them or, if it has to be `whole`, begins at it."""
    scenes, height, width = data.msi.shape[:3]
    if places is None:
        room = torch.stack([torch.full_like(side, scenes), height - side + 1, width - side + 1])
        scene, top, left = (torch.rand(3, len(side), generator=draws) * room).long().to(data.hsi.device)
    else:
        chosen = (torch.rand(len(side), generator=draws) * len(places)).long().to(places.device)
        scene, row, column = (places[chosen] // torch.tensor([1, data.ratio, data.ratio], device=places.device)).T
        back = (torch.rand(2, len(side), generator=draws) * (not whole) * side).long().to(places.device)
        side = side.to(places.device)
        top, left = (row - back[0]).clamp(min=0), (column - back[1]).clamp(min=0)
        top, left = top.minimum(height - side), left.minimum(width - side)
    return scene, top, left, (torch.rand(3, len(side), generator=draws) < 0.5).to(data.hsi.device)


def check_crops(data: TrainingSet, lr_sizes: list[int], scales: tuple[float, float]) -> None:
    """Raise a UserError if the largest HR crop does not fit into the training scenes."""
    shape, largest = data.hsi.shape[1:3], round(max(lr_sizes) * scales[1])
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
