"""ITSRN's pixel decoder (Yang et al. 2021, arXiv 2112.06174), rewritten exactly; the second F_x of paper Equation 4.

In the original an MLP on [rel_coord, scale token] gives, for each query and neighbour, a matrix [9 * channels, out] that
multiplies the unfolded features. Here the last layer of the MLP is applied to the features first, once per LR pixel, as a 3x3
convolution. Each query then needs one product of a small matrix and a vector.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssif.coordinates import neighbours


def _mlp(*widths: int) -> nn.Sequential:
    """Linear layers through `widths` with GELU between them."""
    layers = []
    for before, after in zip(widths, widths[1:]):
        layers += [nn.Linear(before, after), nn.GELU()]
    return nn.Sequential(*layers[:-1])


class ITSRNDecoder(nn.Module):
    """Features [N, channels, h, w] and queries -> [N, Q, out]; used as `ssif.nets.liif.LIIFDecoder`.

    The table holds out * (hidden + 1) numbers per LR pixel and each query reads four rows, so `out` (d) should be at most 64.
    A non-linear MLP merges the four neighbours, so the output does not fold into the next layer.
    """

    # In ITSRN's corner convention the choice of neighbours depends on the size of the whole image.
    reach = None

    def __init__(self, channels: int, hidden: int, out: int):
        super().__init__()
        self.out = out
        self.weights = _mlp(4, hidden, hidden, hidden, hidden, 9 * channels * out)
        self.score = _mlp(2, hidden, 1)
        self.merge = _mlp(4, hidden, 1)

    def prepare(self, features: Tensor) -> Tensor:
        """[N, channels, h, w] -> [N, h, w, out * (hidden + 1)]: the last layer of `weights`, applied to the features."""
        last = self.weights[-1]
        both = torch.cat([last.weight, last.bias[:, None]], dim=1)
        kernel = both.unflatten(0, (features.shape[1], 3, 3, self.out)).permute(3, 4, 0, 1, 2).flatten(0, 1)
        return F.conv2d(features, kernel, padding=1).permute(0, 2, 3, 1).contiguous()

    def forward(self, table: Tensor, query: Tensor, cell: Tensor) -> Tensor:
        """Pixel features h_l [N, Q, out]; query [N, Q, 2] as (y, x), cell [N, 2] as in LIIF."""
        n, h, w, features = table.shape
        with torch.autocast(query.device.type, enabled=False):
            height, width = (cell / 2).split(1, dim=1)
            # Half an LR pixel, in ITSRN's corner convention.
            rows, rel_y = neighbours(query[..., 0], h, (1 - height) / max(h - 1, 1))
            columns, rel_x = neighbours(query[..., 1], w, (1 - width) / max(w - 1, 1))
            rel = torch.stack(torch.broadcast_tensors(rel_y[:, None], rel_x[None]), dim=-1).flatten(0, 1)
            token = torch.cat([height * h, width * w], dim=1)[:, None].expand_as(rel)
        image = torch.arange(n, device=table.device)[:, None]
        index = ((image * h + rows[:, None]) * w + columns[None]).flatten(0, 1)
        local = F.embedding(index, table.reshape(-1, features)).unflatten(-1, (self.out, -1))
        hidden = self.weights[:-1](torch.cat([rel, token], dim=-1))
        values = (local[..., :-1] @ hidden[..., None])[..., 0] + local[..., -1] + self.score(rel)
        return self.merge(values.movedim(0, -1))[..., 0]

    def fold(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """For `rows` [R, out]: the weight [R, out] and bias [R] of their dot products with the output."""
        return rows, rows.new_zeros(len(rows))
