"""Pixel coordinates: an image spans [-1, 1] on both axes, (y, x) = (row, column), LR and HR share their corners."""

import torch
from torch import Tensor


def pixel_centres(n: int, device: torch.device | None = None) -> Tensor:
    """Coordinates [n] of the pixels along one axis of n pixels."""
    return (2 * torch.arange(n, device=device) + 1) / n - 1


def pixel_coordinates(index: Tensor, height: int | Tensor, width: int | Tensor) -> Tensor:
    """Centres (y, x) of the pixels with flat row-major `index` [..., Q] in an image of `height` x `width`: [..., Q, 2].

    Float32: half precision would lose LIIF's shift of 1e-6.
    """
    row, column = torch.div(index, width, rounding_mode="floor"), index % width
    return torch.stack([(2 * row + 1) / height - 1, (2 * column + 1) / width - 1], dim=-1)


def neighbours(query: Tensor, n: int, reach: float | Tensor) -> tuple[Tensor, Tensor]:
    """The LR cells on either side of each query along one axis of `n` LR pixels (LIIF's local ensemble).

    query [N, Q] in [-1, 1]; `reach` is the shift to either side, half an LR pixel = 1/n in LIIF.
    Returns index [2, N, Q] (long) and rel [2, N, Q], the query's offset from the cell's centre in half LR pixels.
    """
    shifted = torch.stack([query - reach, query + reach]) + 1e-6
    # The small shift, the same to both sides, and half-to-even rounding decide ties exactly as LIIF does.
    index = torch.round(((shifted.clamp(-1 + 1e-6, 1 - 1e-6) + 1) * n - 1) / 2)
    rel = (query - ((2 * index + 1) / n - 1)) * n
    return index.long(), rel


def local_ensemble(query: Tensor, h: int, w: int) -> tuple[Tensor, Tensor, Tensor]:
    """The four LR pixels around each query [N, Q, 2] (LIIF's local ensemble), in images of h x w pixels.

    Returns index [4, N, Q] into the flat pixels of all N images, rel [4, N, Q, 2], the query's offset from the pixel's centre in
    half LR pixels, and weights [4, N, Q], which sum to 1.
    """
    rows, rel_y = neighbours(query[..., 0], h, 1 / h)
    columns, rel_x = neighbours(query[..., 1], w, 1 / w)
    image = torch.arange(len(query), device=query.device)[:, None]
    index = (image * h + rows[:, None]) * w + columns[None]
    rel = torch.stack(torch.broadcast_tensors(rel_y[:, None], rel_x[None]), dim=-1)
    weights = ensemble_weights(rel_y)[:, None] * ensemble_weights(rel_x)[None]
    return index.flatten(0, 1), rel.flatten(0, 1), weights.flatten(0, 1)


def ensemble_weights(rel: Tensor) -> Tensor:
    """Linear weights [2, N, Q] of the two cells along one axis: each by the distance to the other one; they sum to 1.

    The product over both axes is LIIF's area weight. Taken per axis it stays right where both sides are the same cell
    (rel = 0 on the last row or column): the area form blends such a pixel with its neighbour along the other axis.
    """
    distance = rel.abs().flip(0) + 1e-9
    return distance / distance.sum(dim=0)
