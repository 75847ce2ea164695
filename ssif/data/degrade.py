"""The LR operator of the protocol: bicubic decimation, by default without antialiasing (docs/protocol.md)."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ssif.errors import UserError

MOST = 10_000  # upper limit of p; a larger value can only be a typing error


def lr_size(size: tuple[int, int], scale: float) -> tuple[tuple[int, int], tuple[int, int]]:
    """LR size floor(H / p) and the HR size round(LR * p) that it is made from; any real p >= 1.

    Raises UserError if p is out of range and if the image is smaller than one LR pixel.
    """
    _check(scale)
    # The small term keeps an exact division exact if p has no exact binary form.
    low = tuple(int(side / scale + 1e-9) for side in size)
    if min(low) < 1:
        raise UserError(f"an image of {size[0]} x {size[1]} pixels is too small for p = {scale:g}")
    return low, tuple(min(side, full) for side, full in zip(hr_size(low, scale), size))


def hr_size(size: tuple[int, int], scale: float) -> tuple[int, int]:
    """HR size round(LR * p) of an LR image. Raises UserError if p is below 1 or above MOST."""
    _check(scale)
    return tuple(round(side * scale) for side in size)


def wanted_size(
    low: tuple[int, int], scale: float | None = None, size: tuple[int, int] | None = None
) -> tuple[int, int]:
    """HR size (H, W) of an LR image of size `low`, from either the scale p or the HR size itself.

    Raises UserError if both or neither are given, if p is out of range, and if `size` is smaller than `low` or not whole.
    """
    if (scale is None) == (size is None):
        raise UserError("give either a scale or a size")
    if size is None:
        return hr_size(low, scale)
    whole = len(size) == 2 and all(isinstance(side, int | np.integer) for side in size)
    if not whole or size[0] < low[0] or size[1] < low[1]:
        raise UserError(
            f"a size must be two whole numbers (H, W), at least the image's {low[0]} x {low[1]} pixels, got {tuple(size)}"
        )
    return int(size[0]), int(size[1])


def _check(scale: float) -> None:
    if not scale >= 1:
        raise UserError(f"a scale p must be at least 1, got {scale:g}")
    if scale > MOST:
        raise UserError(f"a scale p must be at most {MOST}, got {scale:g}")


def downsample(image: Tensor, size: tuple[int, int], antialias: bool = False) -> Tensor:
    """Image [N, c, H, W] -> [N, c, h, w] by bicubic interpolation; float, not clamped.

    Without antialiasing an even integer p reads the four pixels around each LR centre with weights -0.09375, 0.59375,
    0.59375, -0.09375 along either axis, and an odd p reads the centre pixel.
    """
    return F.interpolate(image, size=size, mode="bicubic", align_corners=False, antialias=antialias)


def downsampling_matrix(sides: Tensor, largest: int, size: int, antialias: bool = False) -> Tensor:
    """`downsample` along one axis as matrices, for crops of different sides in one batch.

    sides [N] (long): side lengths of the crops; `largest`: their maximum, as a number because reading it from `sides`
    would wait for a GPU; `size`: LR length. Returns weights [N, size, largest], zero beyond the side of each crop.
    """
    ratio = (sides / size)[:, None]
    centre = (torch.arange(size, device=sides.device) + 0.5) * ratio
    column = torch.arange(largest, device=sides.device)
    if antialias:
        # Pillow's rule: Keys' kernel with a = -0.5, stretched by the ratio, renormalised at the borders.
        stretch = ratio.clamp(min=1)[..., None]
        weights = _keys((column + 0.5 - centre[..., None]) / stretch, -0.5)
        weights = weights * (column < sides[:, None, None])
        return weights / weights.sum(dim=-1, keepdim=True)
    base = (centre - 0.5).floor()
    taps = base[..., None] + torch.arange(-1, 3, device=sides.device)
    values = _keys(taps + 0.5 - centre[..., None], -0.75)
    inside = taps.long().clamp(min=0).minimum(sides[:, None, None] - 1)
    return values.new_zeros(*centre.shape, len(column)).scatter_add_(-1, inside, values)


def bicubic_matrix(
    source: int, target: int, antialias: bool = False, rows: slice = slice(None), columns: slice = slice(None)
) -> Tensor:
    """Bicubic interpolation of one axis from `source` to `target` pixels as a matrix [target, source], float64.

    rows, columns: a window of it, which takes no more memory than itself.
    """
    centre = torch.arange(target, dtype=torch.float64)[rows, None].add(0.5) * source / target
    first, last, _ = columns.indices(source)
    if antialias:
        stretch = max(source / target, 1)
        weights = _keys((torch.arange(source, dtype=torch.float64) + 0.5 - centre) / stretch, -0.5)
        return (weights / weights.sum(dim=1, keepdim=True))[:, columns]
    # Taps outside the image read its border.
    weights = _keys(torch.arange(first - 2, last + 2) + 0.5 - centre, -0.75)
    found = weights[:, 2:-2].clone()
    if first == 0:
        found[:, 0] += weights[:, :2].sum(dim=1)
    if last == source:
        found[:, -1] += weights[:, -2:].sum(dim=1)
    return found


def _keys(x: Tensor, a: float) -> Tensor:
    """Keys' cubic convolution kernel, support [-2, 2]."""
    x = x.abs()
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((x - 5) * x + 8) * x * a - 4 * a
    return torch.where(x <= 1, near, torch.where(x < 2, far, torch.zeros_like(x)))
