"""SSFIN, joint super-resolution by multi-task interaction learning (Ma et al. 2022, IEEE TIP 31).

A spatial and a spectral branch learn the HR-MSI and the LR-HSI. They exchange features in three stages, from which the
HR-HSI is made.
"""

import math

import torch
from torch import Tensor, nn

from baselines.grid import GridNetwork, Residual, l1
from baselines.rcan import ChannelAttention
from ssif.data.patches import Patches
from ssif.training import halving


def conv3x3(inputs: int, outputs: int) -> nn.Conv2d:
    """A 3 x 3 convolution that keeps the size."""
    return nn.Conv2d(inputs, outputs, 3, padding=1)


class SpatialAttention(nn.Module):
    """Scale each pixel by sigmoid(conv3x3) of the maximum and the mean of its channels: [N, channels, h, w]."""

    def __init__(self):
        super().__init__()
        self.mix = nn.Conv2d(2, 1, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.mix(torch.stack([x.amax(dim=1), x.mean(dim=1)], dim=1)).sigmoid()


class DualAttention(nn.Module):
    """Spatial and channel attention side by side, joined by a 1x1 convolution: [N, channels, h, w]."""

    def __init__(self, channels: int, reduction: int):
        super().__init__()
        self.spatial, self.channel = SpatialAttention(), ChannelAttention(channels, reduction)
        self.join = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.join(torch.cat([self.spatial(x), self.channel(x)], dim=1))


def group(channels: int, attentions: list[nn.Module]) -> Residual:
    """A residual block for each attention, which is its last layer, then a convolution; a skip connection over all of them."""
    blocks = (
        Residual(conv3x3(channels, channels), nn.ReLU(), conv3x3(channels, channels), attention)
        for attention in attentions
    )
    return Residual(*blocks, conv3x3(channels, channels))


class Stage(nn.Module):
    """A group of each branch, the fusion of both with that of all stages before, and its return to the branches.

    images: the number of images [N, width, h, w] that are fused.
    """

    def __init__(self, width: int, blocks: int, reduction: int, images: int):
        super().__init__()
        self.spatial = group(width, [SpatialAttention() for _ in range(blocks)])
        self.spectral = group(width, [ChannelAttention(width, reduction) for _ in range(blocks)])
        all_of_them = images * width
        self.fuse = nn.Sequential(
            conv3x3(all_of_them, all_of_them),
            nn.ReLU(),
            conv3x3(all_of_them, width),
            nn.ReLU(),
            conv3x3(width, width),
            nn.ReLU(),
        )
        self.to_spatial, self.to_spectral = conv3x3(width, width), conv3x3(width, width)

    def forward(self, spatial: Tensor, spectral: Tensor, before: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """The new spatial, spectral and fused features."""
        spatial, spectral = self.spatial(spatial), self.spectral(spectral)
        fused = self.fuse(torch.cat([*before, spatial, spectral], dim=1))
        return (spatial + self.to_spatial(fused)).relu(), (spectral + self.to_spectral(fused)).relu(), fused


def shuffled(channels: int, scale: int) -> int:
    """Channels that are left of `channels` after a pixel shuffle by p, rounded up."""
    return -(-channels // scale**2)


class SSFIN(GridNetwork):
    """LR-MSI [N, c, h, w] -> HR-HSI [N, C, p h, p w].

    The defaults are the official sizes: 5,629,353 parameters for c = 3, C = 31, p = 2. The release serves p = 2 alone. For
    any other p the pixel shuffles leave 4 n / p^2 and n / p^2 of n = `width` channels, rounded up. reduction: n over the
    inner channels of channel attention.
    """

    # Epochs 5, 15, 30 and 60 of 100.
    decay = staticmethod(halving(0.05, 0.15, 0.3, 0.6))
    learns_from_hr_msi = True

    def __init__(
        self, msi_bands: int, bands: int, scale: int, *, width: int = 64, blocks: int = 5, reduction: int = 16
    ):
        super().__init__()
        self.spatial_head, self.spectral_head = conv3x3(msi_bands, width), conv3x3(msi_bands, width)
        self.stages = nn.ModuleList(Stage(width, blocks, reduction, images) for images in (2, 3, 4))
        one, four = shuffled(width, scale), shuffled(4 * width, scale)
        self.hr_msi = nn.Sequential(conv3x3(width, one * scale**2), nn.PixelShuffle(scale), conv3x3(one, msi_bands))
        self.lr_hsi = conv3x3(width, bands)
        self.upsampler = nn.Sequential(
            conv3x3(5 * width, four * scale**2), nn.ReLU(), nn.PixelShuffle(scale), conv3x3(four, width)
        )
        self.recursion = group(width, [DualAttention(width, reduction) for _ in range(blocks)])
        self.join = conv3x3(4 * width, width)
        self.out = conv3x3(width, bands)

    def forward(self, lr_msi: Tensor) -> Tensor:
        return self.images(lr_msi)[0]

    def images(self, lr_msi: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The HR-HSI, the LR-HSI and the HR-MSI."""
        spatial_start, spectral_start = self.spatial_head(lr_msi).relu(), self.spectral_head(lr_msi).relu()
        spatial, spectral, fused = spatial_start, spectral_start, []
        for stage in self.stages:
            spatial, spectral, both = stage(spatial, spectral, fused)
            fused.append(both)
        spatial, spectral = spatial + spatial_start, spectral + spectral_start
        start = state = self.upsampler(torch.cat([*fused, spatial, spectral], dim=1))
        states = []
        for _ in range(4):
            state = self.recursion(state)
            states.append(state)
        hr_hsi = self.out(start + self.join(torch.cat(states, dim=1)))
        return hr_hsi, self.lr_hsi(spectral), self.hr_msi(spatial)

    def loss(self, batch: Patches) -> Tensor:
        """|HR-HSI - X| + a (|LR-HSI - Z| + |HR-MSI - Y|), where a falls from 0.5 to 0 (`side_weight`)."""
        hr_hsi, lr_hsi, hr_msi = self.images(batch.lr_msi)
        sides = l1(lr_hsi, batch.lr_hsi) + l1(hr_msi, batch.hr_msi)
        return l1(hr_hsi, batch.hr_hsi) + side_weight(batch.done) * sides


def side_weight(done: float) -> float:
    """a at this fraction of the budget: 0.5 to epoch 10 of 100, a quarter of a cosine to epoch 90, then 0."""
    return 0.5 * math.cos(math.pi / 2 * min(max(done - 0.1, 0) / 0.8, 1))
