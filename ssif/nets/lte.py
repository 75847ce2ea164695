"""LTE's pixel decoder, a local texture estimator (Lee and Jin 2022, arXiv 2111.08918), rewritten exactly.

Each LR pixel has coefficients and frequencies of a local Fourier series, which a query evaluates at its offset from the pixel.
An MLP makes the output of the series, and the outputs of four LR pixels are averaged as in LIIF. Coefficients and frequencies
are computed once per LR pixel, and the average is taken before the last (linear) layer, as in `ssif.nets.liif`. The bilinear
sample of the input image that LTE adds to its output is left out, because an output here is no colour.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssif.coordinates import local_ensemble
from ssif.errors import UserError


class LTEDecoder(nn.Module):
    """MLP with three hidden layers of width `hidden` on hidden / 2 cosines and sines -> `out`; used as `ssif.nets.liif.LIIFDecoder`.

    Raises UserError for an odd `hidden`.
    """

    # A query depends on this many LR pixels to either side: the 3x3 window of a neighbour.
    reach = 2

    def __init__(self, channels: int, hidden: int, out: int):
        super().__init__()
        if hidden % 2:
            raise UserError(f"the pixel decoder lte has pairs of a cosine and a sine: hidden is even, got {hidden}")
        self.coefficient = nn.Conv2d(channels, hidden, 3, padding=1)
        self.frequency = nn.Conv2d(channels, hidden, 3, padding=1)
        self.phase = nn.Linear(2, hidden // 2, bias=False)
        self.middle = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(3))
        self.last = nn.Linear(hidden, out)

    def prepare(self, features: Tensor) -> Tensor:
        """Features [N, channels, h, w] -> coefficients, frequencies along y and along x, [N, h, w, 2 * hidden]."""
        both = torch.cat([self.coefficient(features), self.frequency(features)], dim=1)
        return both.permute(0, 2, 3, 1).contiguous()

    def forward(self, table: Tensor, query: Tensor, cell: Tensor) -> Tensor:
        """Last hidden activations [N, Q, hidden]; arguments as in `ssif.nets.liif.LIIFDecoder.forward`."""
        n, h, w, width = table.shape
        with torch.autocast(query.device.type, enabled=False):
            index, rel, weights = local_ensemble(query, h, w)
            local = F.embedding(index, table.view(-1, width)).to(query.dtype)
            coefficients, along_y, along_x = local.split([width // 2, width // 4, width // 4], dim=-1)
            phase = self.phase(cell * cell.new_tensor([h, w]))[:, None]
            angle = math.pi * (along_y * rel[..., :1] + along_x * rel[..., 1:] + phase)
            x = (coefficients * torch.cat([angle.cos(), angle.sin()], dim=-1)).flatten(0, -2)
        for layer in self.middle:
            x = layer(x).relu_()
        return (x.view(4, n, -1, width // 2) * weights[..., None]).sum(dim=0)

    def fold(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """As `ssif.nets.liif.LIIFDecoder.fold`."""
        return rows @ self.last.weight, rows @ self.last.bias
