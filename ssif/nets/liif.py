"""LIIF's pixel decoder (Chen et al. 2021, arXiv 2012.09161), rewritten exactly; F_x of paper Equation 4.

In the original each query reads the 3x3-unfolded features of its four nearest LR pixels, runs an MLP on
[features, rel_coord, cell] for each and averages the four results with bilinear weights. Two identities save time: the first
layer acts on unfolded features as a 3x3 convolution at low resolution, and because the weights sum to 1 the average can be
taken before the last (linear) layer, which then folds into the linear map that follows.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssif.coordinates import local_ensemble


class LIIFDecoder(nn.Module):
    """MLP with four hidden layers of width `hidden` on [9 * channels + rel y, rel x + cell y, cell x] -> `out`.

    Use `table = decoder.prepare(features)` once per image, `hidden = decoder(table, query, cell)` for any queries, and
    `weight, bias = decoder.fold(rows)` for the linear map from `hidden` to the dot products of `rows` with the output.
    """

    # A query depends on this many LR pixels to either side: the 3x3 window of a neighbour.
    reach = 2

    def __init__(self, channels: int, hidden: int, out: int):
        super().__init__()
        self.first = nn.Linear(9 * channels + 4, hidden)
        self.middle = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(3))
        self.last = nn.Linear(hidden, out)

    def prepare(self, features: Tensor) -> Tensor:
        """Features [N, channels, h, w] -> their share in the first layer at each LR pixel, [N, h, w, hidden]."""
        channels = features.shape[1]
        kernel = self.first.weight[:, : 9 * channels].unflatten(1, (channels, 3, 3))
        return F.conv2d(features, kernel, self.first.bias, padding=1).permute(0, 2, 3, 1).contiguous()

    def forward(self, table: Tensor, query: Tensor, cell: Tensor) -> Tensor:
        """Last hidden activations, averaged over the four neighbours: [N, Q, hidden].

        table: from `prepare`; query [N, Q, 2]: (y, x) in [-1, 1]; cell [N, 2]: height and width of an HR pixel (2 / H, 2 / W).
        """
        n, h, w, width = table.shape
        with torch.autocast(query.device.type, enabled=False):
            index, rel, weights = local_ensemble(query, h, w)
            cells = (cell * cell.new_tensor([h, w]))[:, None].expand_as(rel)
            local = torch.cat([rel, cells], dim=-1).flatten(0, -2)
            # The backward pass of an embedding look-up is deterministic, unlike that of fancy indexing on a GPU.
            features = F.embedding(index.flatten(), table.view(-1, width)).to(local.dtype)
            x = features.addmm_(local, self.first.weight[:, -4:].T).relu_()
        # The rows are flat because a ReLU in place on a view would copy the whole tensor in the backward pass.
        for layer in self.middle:
            x = layer(x).relu_()
        return (x.view(4, n, -1, width) * weights[..., None]).sum(dim=0)

    def fold(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """For `rows` [R, out]: weight [R, hidden] and bias [R] with hidden @ weight.T + bias = output @ rows.T."""
        return rows @ self.last.weight, rows @ self.last.bias
