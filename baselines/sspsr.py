"""SSPSR, spatial super-resolution of a hyperspectral image with a spatial-spectral prior (Jiang et al. 2020, TCI 6)."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.grid import GridNetwork, l1
from baselines.rcan import ChannelAttention, upsampler
from ssif.data.patches import Patches

RESIDUAL_SCALE = 0.1


class SpatialSpectralBlock(nn.Module):
    """SSB: a spatial residual block of 3x3 and a spectral one of 1x1 convolutions with channel attention."""

    def __init__(self, channels: int):
        super().__init__()
        self.spatial = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1)
        )
        self.spectral = nn.Sequential(
            nn.Conv2d(channels, channels, 1), nn.ReLU(), nn.Conv2d(channels, channels, 1), ChannelAttention(channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + RESIDUAL_SCALE * self.spatial(x)
        return x + RESIDUAL_SCALE * self.spectral(x)


class Features(nn.Module):
    """conv3x3, SSPN (blocks with one skip over all) and upsampler: [N, bands, h, w] -> [N, channels, q h, q w]."""

    def __init__(self, bands: int, channels: int, blocks: int, scale: int):
        super().__init__()
        self.head = nn.Conv2d(bands, channels, 3, padding=1)
        self.blocks = nn.Sequential(*(SpatialSpectralBlock(channels) for _ in range(blocks)))
        self.upsampler = upsampler(channels, scale)

    def forward(self, x: Tensor) -> Tensor:
        x = self.head(x)
        return self.upsampler(x + self.blocks(x))


def group_starts(bands: int, group: int, overlap: int) -> list[int]:
    """First band of each group of `group` bands; neighbours share `overlap` bands, and the last group ends at C."""
    count = math.ceil((bands - overlap) / (group - overlap))
    return [min(i * (group - overlap), bands - group) for i in range(count)]


class SSPSR(GridNetwork):
    """LR-HSI [N, C, h, w] -> HR-HSI [N, C, p h, p w] in two levels.

    One branch network, shared by all band groups, upsamples by p / 2, then a trunk on all bands by 2. For odd p only the trunk
    upsamples, by p. The bicubic image is an input of the last features, not a skip. The defaults are the official sizes for
    CAVE: 26,077,475 parameters for 31 bands at p = 4. A group has at most C bands.
    """

    reads, writes = ("lr_hsi",), "hr_hsi"

    def __init__(
        self, bands: int, scale: int, *, channels: int = 256, blocks: int = 8, group: int = 4, overlap: int = 1
    ):
        super().__init__()
        self.scale = scale
        self.group = min(group, bands)
        self.starts = group_starts(bands, self.group, min(overlap, self.group - 1))
        trunk = 2 if scale % 2 == 0 else scale
        self.branch = nn.Sequential(
            Features(self.group, channels, blocks, scale // trunk), nn.Conv2d(channels, self.group, 3, padding=1)
        )
        self.trunk = Features(bands, channels, blocks, trunk)
        self.skip = nn.Conv2d(bands, channels, 3, padding=1)
        self.final = nn.Conv2d(channels, bands, 3, padding=1)

    def forward(self, lr_hsi: Tensor) -> Tensor:
        bicubic = F.interpolate(lr_hsi, scale_factor=self.scale, mode="bicubic", align_corners=False)
        groups = [lr_hsi[:, start : start + self.group] for start in self.starts]
        if self.training:
            branches = self.branch(torch.cat(groups)).chunk(len(groups))
        else:
            # One group at a time needs less memory than all in one batch, and on a CPU a fifth less time.
            branches = [self.branch(group) for group in groups]
        return self.final(self.trunk(self.merge(branches)) + self.skip(bicubic))

    def merge(self, groups: Sequence[Tensor]) -> Tensor:
        """G images [N, group, h, w] -> [N, C, h, w]: the mean over the groups that contain a band."""
        bands = self.starts[-1] + self.group
        total = groups[0].new_zeros(len(groups[0]), bands, *groups[0].shape[2:])
        held = total.new_zeros(bands, 1, 1)
        for group, start in zip(groups, self.starts):
            total[:, start : start + self.group] += group
            held[start : start + self.group] += 1
        return total / held

    def loss(self, batch: Patches) -> Tensor:
        """L1 plus 1e-3 times the spatial and the spectral total variation, with squared differences as released."""
        output = self(batch.lr_hsi).float()
        rows, columns = output.diff(dim=2), output.diff(dim=3)
        spatial = rows.square().mean() + columns.square().mean()
        spectral = 2 * output.diff(dim=1).square().mean() if output.shape[1] > 1 else 0
        return l1(output, batch.hr_hsi) + 1e-3 * (spatial + spectral)

    @staticmethod
    def decay(done: float) -> float:
        """One tenth after three quarters of the budget (epoch 30 of 40)."""
        return 1.0 if done < 0.75 else 0.1
