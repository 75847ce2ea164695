"""Spectral decoder C of D_x,lambda (paper Equation 6, A.7): an MLP on embedding and pixel feature, exact and fast.

With one hidden layer a band is sum_k rho_k * w . relu(pixel + at_k). In each hidden unit this is a piecewise linear function
of the pixel value of the unit, with knots at -at_k. Tables of slope and intercept between the knots, which are running sums
over the sorted knots, replace the K activations by one look-up. The result is equal up to rounding.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


class ConcatDecoder(nn.Module):
    """Variant C: radiance = MLP([embedding, pixel feature]), one hidden layer of width `hidden`.

    The pixel half of the first layer folds into the pixel decoder, the spectral half is computed once per image.
    """

    def __init__(self, dim: int, hidden: int):
        super().__init__()
        self.first = nn.Linear(2 * dim, hidden)
        self.last = nn.Linear(hidden, 1)

    def readout(self, embeddings: Tensor, response: Tensor, fold) -> Callable[[Tensor], Tensor]:
        """As `DotDecoder.readout`."""
        spectral_half, pixel_half = self.first.weight.chunk(2, dim=1)
        weight, bias = fold(pixel_half)
        # Under autocast half precision ends here, because running sums need the precision of the parameters.
        at = F.linear(embeddings, spectral_half, self.first.bias + bias).to(response.dtype)
        gain, offset = response[..., None] * self.last.weight[0], response.sum(dim=1) * self.last.bias
        return lambda hidden: hinges(F.linear(hidden, weight).to(response.dtype), at, gain) + offset


def hinges(pixel: Tensor, at: Tensor, gain: Tensor) -> Tensor:
    """Sum over K and h of gain * relu(pixel + at): pixel [..., h], at [C, K, h], gain [C, K, h] -> [..., C].

    It has first derivatives only. The cost and memory of a query grow with the square root of K, and no tensor has both Q and K.
    """
    flat = pixel.flatten(0, -2)
    negated, order = flat.detach().neg().T.contiguous().sort(dim=1)
    # Groups of bands share tables. A table has a row for each knot and a column for each band of the group, and a query reads
    # one row per group and unit. With groups of this size, tables and look-ups take about the same time.
    size = 1 + math.isqrt(3 * len(flat) // at.shape[1])
    groups = [_Hinges.apply(flat, *group, negated, order) for group in zip(at.split(size), gain.split(size))]
    return torch.cat(groups, dim=-1).unflatten(0, pixel.shape[:-1])


class _Hinges(torch.autograd.Function):
    """`hinges` of pixel [Q, h] for one group of bands; negated [h, Q] is -pixel sorted in each unit, by `order`."""

    @staticmethod
    def forward(ctx, pixel: Tensor, at: Tensor, gain: Tensor, negated: Tensor, order: Tensor) -> Tensor:
        (q, h), (c, k) = pixel.shape, at.shape[:2]
        # A hinge is active if at > -pixel, which holds for the first `ends` [h, C * K] of the sorted queries.
        knots, source = at.detach().flatten(0, 1).T.contiguous().sort(dim=1)
        ends = torch.searchsorted(negated, knots)
        starts = F.pad(ends, (1, 0))
        counts = torch.diff(starts, append=starts.new_full((h, 1), q))
        # Row r of the table of a unit is for the queries for which exactly the last r knots are active.
        row = torch.arange(h * (c * k + 1), dtype=torch.int32, device=at.device).view(h, -1).flip(1)
        row = row.flatten().repeat_interleave(counts.flatten(), output_size=h * q).view(h, q)
        row = torch.empty_like(row).scatter_(1, order, row).T.contiguous()

        backwards = source.flip(1).expand(2, -1, -1)
        steps = torch.stack([gain, gain * at]).flatten(1, 2).transpose(1, 2).gather(2, backwards)
        tables = steps.new_zeros(2, h, c * k + 1, c)
        tables[:, :, 1:].scatter_(3, (backwards // k)[..., None], steps[..., None])
        slope, intercept = tables.cumsum_(dim=2).flatten(1, 2)
        ctx.save_for_backward(at, gain, negated, order, slope, starts, source)
        return _bags(row, slope, pixel) + _bags(row, intercept)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor):
        at, gain, negated, order, slope, starts, source = ctx.saved_tensors
        (h, q), (c, k) = order.shape, at.shape[:2]
        # The transposed look-up: sums of the gradients of the queries between two knots, also times their pixel values.
        grad, value = grad.contiguous(), -negated.flatten()
        offsets = (starts + torch.arange(0, h * q, q, device=grad.device)[:, None]).flatten()
        received = _bags(order.flatten(), grad, offsets=offsets)
        with torch.enable_grad():
            value.requires_grad_()
            received_value = _bags(order.flatten(), grad, value, offsets)
            (d_value,) = torch.autograd.grad(received_value, value, slope.unflatten(0, (h, -1)).flip(1).flatten(0, 1))
        d_pixel = torch.empty_like(negated).scatter_(1, order, d_value.view(h, q)).T

        # Sums up to each knot, for the band of the knot.
        sums = torch.stack([received, received_value.detach()]).unflatten(1, (h, -1))[:, :, :-1].cumsum(dim=2)
        source = source.expand(2, -1, -1)
        sums = sums.gather(3, (source // k)[..., None])[..., 0]
        sums = torch.empty_like(sums).scatter_(2, source, sums)
        active, active_value = sums.transpose(1, 2).unflatten(1, (c, k))
        return d_pixel, gain * active, active_value + at * active, None, None


def _bags(index: Tensor, table: Tensor, weights: Tensor | None = None, offsets: Tensor | None = None) -> Tensor:
    """Sums of rows of the table, deterministic and without a tensor of all rows."""
    return F.embedding_bag(index, table, offsets, mode="sum", per_sample_weights=weights)
