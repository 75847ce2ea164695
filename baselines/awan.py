"""AWAN, spectral super-resolution by adaptive weighted attention (Li et al. 2020, arXiv 2005.09305).

Convolutions have no bias and pad by reflection, unlike in all other baselines.
"""

import torch
from torch import Tensor, nn

from baselines.attention import attend
from baselines.grid import GridNetwork, l1
from ssif.data.patches import Patches
from ssif.errors import UserError


def reflect_conv(inputs: int, outputs: int, kernel: int) -> nn.Conv2d:
    """A convolution that keeps the size, without bias, padded by reflection."""
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, padding_mode="reflect", bias=False)


class WeightedChannelAttention(nn.Module):
    """AWCA: channel attention whose pooling over the h w pixels has learned weights, softmax(conv1x1(x))."""

    def __init__(self, channels: int, reduction: int = 16):
        super().__init__()
        inner = max(1, channels // reduction)
        self.mask = nn.Conv2d(channels, 1, 1, bias=False)
        self.gate = nn.Sequential(
            nn.Linear(channels, inner, bias=False), nn.PReLU(), nn.Linear(inner, channels, bias=False), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        weights = self.mask(x).flatten(1).softmax(dim=1)
        pooled = torch.einsum("nkm,nm->nk", x.flatten(2), weights)
        return x * self.gate(pooled)[..., None, None]


class DualResidualBlock(nn.Module):
    """DRAB on two streams x and r [N, channels, h, w]; r connects the 5x5 convolutions of successive blocks."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = nn.Sequential(reflect_conv(channels, channels, 3), nn.PReLU(), reflect_conv(channels, channels, 3))
        self.first_act = nn.PReLU()
        self.wide = reflect_conv(channels, channels, 5)
        self.wide_act = nn.PReLU()
        self.attention = WeightedChannelAttention(channels)
        self.last = reflect_conv(channels, channels, 3)
        self.last_act = nn.PReLU()

    def forward(self, x: Tensor, r: Tensor) -> tuple[Tensor, Tensor]:
        y = self.first_act(self.first(x) + x)
        r = self.wide_act(self.wide(y) + r)
        return self.last_act(self.last(self.attention(r)) + x), r


class SecondOrderNonLocal(nn.Module):
    """PSNL: in each quadrant of the image, x + W softmax((T - mean_K T) T^T / K) G with T, G [M, K] from 1x1 convolutions.

    K = C // 8 as published, but at least 2, because the affinity vanishes for K = 1 and C < 8 would give K = 0. W starts at
    zero, so the block starts as the identity. It takes O(M) memory (`attend`).
    """

    def __init__(self, bands: int):
        super().__init__()
        self.inner = max(2, bands // 8)
        self.theta = nn.Conv2d(bands, self.inner, 1, bias=False)
        self.g = nn.Conv2d(bands, self.inner, 1, bias=False)
        self.out = nn.Conv2d(self.inner, bands, 1, bias=False)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2] // 2, x.shape[-1] // 2
        rows = [torch.cat([self.quadrant(part) for part in half.tensor_split([width], dim=3)], dim=3)
                for half in x.tensor_split([height], dim=2)]  # fmt: skip
        return torch.cat(rows, dim=2)

    def quadrant(self, x: Tensor) -> Tensor:
        t = self.theta(x)
        query = (t - t.mean(dim=1, keepdim=True)) / self.inner
        return x + self.out(attend(query, t, self.g(x)))


class AWAN(GridNetwork):
    """[N, c, h, w] -> [N, bands, h, w] at LR or HR (size="lr" or "hr").

    The defaults are the official sizes: 17,461,521 parameters from 3 to 31 bands. response: the matrix [c, bands] of the
    sensor, rows summing to 1, if it is known; the loss then has a second term, the difference between the output as the sensor
    sees it and the input. Both terms are L1: the published relative error is infinite on black pixels, and the second term of
    the release is quantised and has no gradient.
    """

    def __init__(
        self,
        msi_bands: int,
        bands: int,
        *,
        size: str,
        response: Tensor | None = None,
        channels: int = 200,
        blocks: int = 8,
    ):
        super().__init__()
        self.reads, self.writes = (f"{size}_msi",), f"{size}_hsi"
        self.register_buffer("response", response, persistent=False)
        self.shallow = nn.Sequential(
            reflect_conv(msi_bands, channels, 3), nn.PReLU(), reflect_conv(channels, channels, 3)
        )
        self.blocks = nn.ModuleList(DualResidualBlock(channels) for _ in range(blocks))
        self.skip = reflect_conv(channels, channels, 3)
        self.out = nn.Sequential(nn.PReLU(), reflect_conv(channels, bands, 3))
        self.non_local = SecondOrderNonLocal(bands)

    def forward(self, msi: Tensor) -> Tensor:
        """Raises UserError for an image below 3 x 3 pixels, which cannot be padded by reflection."""
        if min(msi.shape[2:]) < 3:
            raise UserError(f"AWAN needs at least 3 x 3 pixels, got {msi.shape[2]} x {msi.shape[3]}")
        x = r = shallow = self.shallow(msi)
        for block in self.blocks:
            x, r = block(x, r)
        return self.non_local(self.out(self.skip(x) + shallow))

    def loss(self, batch: Patches) -> Tensor:
        """L1, plus the camera term |S output - input| if the response S is known."""
        msi = getattr(batch, self.reads[0])
        output = self(msi).float()
        loss = l1(output, getattr(batch, self.writes))
        if self.response is not None:
            loss = loss + l1(torch.einsum("cb,nbhw->nchw", self.response, output), msi)
        return loss

    @staticmethod
    def decay(done: float) -> float:
        """The official polynomial over the budget, (1 - done)^1.5."""
        return (1 - done) ** 1.5
