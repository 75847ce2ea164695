"""CiaoSR's pixel decoder, continuous implicit attention (Cao et al. 2023, arXiv 2212.04362), rewritten exactly.

The 3x3-unfolded features of the LR pixel that holds a query attend to those of the four pixels around the query. For each of the
four, two MLPs on [features, rel_coord, cell] give factors of its key and of its value. A softmax over the four products of query
and key averages the values, and a third MLP makes the output of this average. The first layers of the first two MLPs act on
unfolded features, so this share is computed once per LR pixel. The last layer of the third MLP folds into the linear map that
follows. The bilinear sample of the input image that CiaoSR adds to its output is left out, because an output here is no colour.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssif.coordinates import local_ensemble, neighbours

PATCHES = 4096  # number of patches that attend to the image at once


class CiaoSRDecoder(nn.Module):
    """Three MLPs with four hidden layers of width `hidden` -> `out`; used as `ssif.nets.liif.LIIFDecoder`.

    non_local: a value also has what `CrossScaleAttention` finds elsewhere in the image. Time then grows with the square of the
    number of LR pixels, and a tile is not equal to the whole image.
    """

    def __init__(self, channels: int, hidden: int, out: int, non_local: bool = False):
        super().__init__()
        # A query depends on this many LR pixels to either side: the 3x3 window of a neighbour.
        self.reach = None if non_local else 2
        self.non_local = CrossScaleAttention(channels) if non_local else None
        self.keys = 9 * channels
        values = self.keys + channels if non_local else self.keys
        self.key = _mlp(self.keys + 4, *[hidden] * 4, self.keys)
        self.value = _mlp(values + 4, *[hidden] * 4, values)
        self.merge = _mlp(values, *[hidden] * 4)
        self.last = nn.Linear(hidden, out)

    def prepare(self, features: Tensor) -> Tensor:
        """Features [N, channels, h, w] -> for each LR pixel [N, h, w, ...] its value, of which the key is the first part, and what
        it adds to the first layers of the MLPs of keys and of values."""
        value = F.unfold(features, 3, padding=1).unflatten(2, features.shape[2:])
        if self.non_local is not None:
            value = torch.cat([value, self.non_local(features)], dim=1)
        value = value.permute(0, 2, 3, 1)
        shares = [
            F.linear(x, mlp[0].weight[:, :-4], mlp[0].bias)
            for mlp, x in ((self.key, value[..., : self.keys]), (self.value, value))
        ]
        return torch.cat([value, *shares], dim=-1)

    def forward(self, table: Tensor, query: Tensor, cell: Tensor) -> Tensor:
        """Last hidden activations [N, Q, hidden]; arguments as in `ssif.nets.liif.LIIFDecoder.forward`."""
        n, h, w, size = table.shape
        hidden = self.last.in_features
        with torch.autocast(query.device.type, enabled=False):
            index, rel, _ = local_ensemble(query, h, w)
            cells = (cell * cell.new_tensor([h, w]))[:, None].expand_as(rel)
            local = torch.cat([rel, cells], dim=-1)
            around = F.embedding(index, table.view(-1, size)).to(query.dtype)
            value, *shares = around.split([size - 2 * hidden, hidden, hidden], dim=-1)
            inner = [share + local @ mlp[0].weight[:, -4:].T for share, mlp in zip(shares, (self.key, self.value))]
            (row, _), (column, _) = (neighbours(query[..., axis], side, 0)[0] for axis, side in enumerate((h, w)))
            own = (torch.arange(n, device=query.device)[:, None] * h + row) * w + column
            asked = F.embedding(own, table.view(-1, size))[..., : self.keys].to(query.dtype)
        # The products are sums of hundreds of terms, so they are taken in the precision of the coordinates.
        score = (asked * value[..., : self.keys] * self.key[1:](inner[0])).sum(dim=-1, keepdim=True)
        average = (score.softmax(dim=0) * value * self.value[1:](inner[1])).sum(dim=0)
        return self.merge(average).relu()

    def fold(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """As `ssif.nets.liif.LIIFDecoder.fold`."""
        return rows @ self.last.weight, rows @ self.last.bias


class CrossScaleAttention(nn.Module):
    """Non-local features [N, channels, h, w] -> same, from patches that look alike at half the size.

    A 3x3 patch of the features attends to all 3x3 patches, of length 1, of the features at half the size. The output for a
    patch is the weighted mean of the 6x6 patches of the features at the places of those 3x3 patches, which makes an image of
    twice the size; a convolution of stride 2 follows. An odd side is continued by one pixel. Of the h w x h w / 4 weights only
    those of PATCHES patches are in memory at a time, except in training.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.query, self.key, self.value = (
            nn.Sequential(nn.Conv2d(channels, to, 1), nn.PReLU()) for to in (channels // 2, channels // 2, channels)
        )
        self.down = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        h, w = features.shape[2:]
        even = F.pad(features, (0, w % 2, 0, h % 2), mode="replicate")
        query = F.unfold(self.query(even), 3, padding=1)
        key = F.normalize(F.unfold(self.key(F.avg_pool2d(even, 2)), 3, padding=1), dim=1)
        value = F.unfold(self.value(even), 6, stride=2, padding=2)
        query, key, value = (x.transpose(1, 2) for x in (query, key, value))
        seen = [F.scaled_dot_product_attention(part, key, value, scale=10) for part in query.split(PATCHES, dim=1)]
        # Nine patches cover a pixel, fewer at the border.
        wide = (
            F.fold(
                torch.cat(seen, dim=1).transpose(1, 2), (2 * even.shape[2], 2 * even.shape[3]), 6, stride=2, padding=2
            )
            / 9
        )
        return self.down(wide)[..., :h, :w]


def _mlp(*widths: int) -> nn.Sequential:
    """Linear layers through `widths` with ReLU between them."""
    layers = []
    for before, after in zip(widths, widths[1:]):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])
