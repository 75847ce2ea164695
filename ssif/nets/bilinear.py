"""A pixel decoder that interpolates features instead of predictions; not in the paper.

LIIF (`ssif.nets.liif`) runs its MLP for the four LR pixels around a query and averages the results. Here the features of the
four pixels are averaged and the MLP runs once, at a quarter of the cost. The place of a query inside an LR pixel enters as
sine and cosine of its phase, so the decoded image has no seams between LR pixels.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class BilinearDecoder(nn.Module):
    """MLP with three hidden layers of width `hidden` on interpolated 3x3 features, phase and cell -> `out`.

    Used as `ssif.nets.liif.LIIFDecoder`.
    """

    # A query depends on this many LR pixels to either side: the 3x3 window of a neighbour.
    reach = 2

    def __init__(self, channels: int, hidden: int, out: int):
        super().__init__()
        self.first = nn.Conv2d(channels, hidden, 3, padding=1)
        self.place = nn.Linear(6, hidden, bias=False)
        self.middle = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(2))
        self.last = nn.Linear(hidden, out)

    def prepare(self, features: Tensor) -> Tensor:
        """Features [N, channels, h, w] -> their share in the first layer [N, hidden, h, w]."""
        return self.first(features)

    def forward(self, table: Tensor, query: Tensor, cell: Tensor) -> Tensor:
        """Last hidden activations [N, Q, hidden]; arguments as in `ssif.nets.liif.LIIFDecoder.forward`."""
        with torch.autocast(query.device.type, enabled=False):
            size = query.new_tensor(table.shape[-2:])
            phase = math.pi * (query + 1) * size
            cells = (cell * size)[:, None].expand(-1, query.shape[1], -1)
            x = interpolate(table.float(), query, "bilinear")
            x = (x + self.place(torch.cat([phase.sin(), phase.cos(), cells], dim=-1))).relu()
        for layer in self.middle:
            x = layer(x).relu()
        return x

    def fold(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """As `ssif.nets.liif.LIIFDecoder.fold`."""
        return rows @ self.last.weight, rows @ self.last.bias


def interpolate(image: Tensor, query: Tensor, mode: str) -> Tensor:
    """Image [N, c, h, w] at query [N, Q, 2] as (y, x) in [-1, 1]: [N, Q, c], float32, equal to a resize on a pixel grid.

    mode: "bilinear" or "bicubic".
    """
    options = {"mode": mode, "padding_mode": "border", "align_corners": False}
    with torch.autocast(image.device.type, enabled=False):
        return F.grid_sample(image.to(query), query.flip(-1)[:, :, None], **options)[..., 0].transpose(1, 2)
