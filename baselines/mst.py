"""MST++, spectral super-resolution by attention between channels (Cai et al. 2022, arXiv 2204.07908).

Its attention sums over all pixels of the image, so an image is predicted as a whole and never by tiles.
"""

import torch
from torch import Tensor, nn

from baselines.grid import GridNetwork, Residual
from ssif.nets.swinir import mirrored
from ssif.training import cosine

MULTIPLE = 8  # an image is padded until both sides are multiples of this many pixels


def plain_conv(inputs: int, outputs: int, kernel: int, **options) -> nn.Conv2d:
    """A convolution that keeps the size, without bias."""
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False, **options)


class SpectralAttention(nn.Module):
    """S-MSA: softmax(s_j Q K^T) V in each of `heads` groups of channels, then a linear map, plus a position term from V.

    The rows of Q and K, [channels / heads, h w], have norm 1; s_j is learned for each group.
    """

    def __init__(self, channels: int, heads: int):
        super().__init__()
        self.query, self.key, self.value = (plain_conv(channels, channels, 1) for _ in range(3))
        self.scale = nn.Parameter(torch.ones(heads, 1, 1))
        self.out = nn.Conv2d(channels, channels, 1)
        self.position = nn.Sequential(
            plain_conv(channels, channels, 3, groups=channels),
            nn.GELU(),
            plain_conv(channels, channels, 3, groups=channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        value = self.value(x)
        q, k, v = (
            image.flatten(2).unflatten(1, (len(self.scale), -1)) for image in (self.query(x), self.key(x), value)
        )
        # Dividing the small product is the same as dividing its long factors.
        q_norm, k_norm = (rows.norm(dim=3, keepdim=True).clamp(min=1e-12) for rows in (q, k))
        affinity = q @ k.transpose(2, 3) / (q_norm * k_norm.transpose(2, 3))
        mixed = (self.scale * affinity).softmax(dim=3) @ v
        return self.out(mixed.flatten(1, 2).unflatten(2, x.shape[2:])) + self.position(value)


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of each pixel of [N, channels, h, w]."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def block(channels: int, heads: int) -> nn.Sequential:
    """SAB: attention, then a convolutional feed-forward network four times as wide; a skip over each."""
    wide = 4 * channels
    return nn.Sequential(
        Residual(SpectralAttention(channels, heads)),
        Residual(
            ChannelNorm(channels),
            plain_conv(channels, wide, 1),
            nn.GELU(),
            plain_conv(wide, wide, 3, groups=wide),
            nn.GELU(),
            plain_conv(wide, channels, 1),
        ),
    )


class Level(nn.Module):
    """A level of the U: a block, `inner` at half the size with twice the channels, and a block that sees the first again."""

    def __init__(self, channels: int, heads: int, inner: nn.Module):
        super().__init__()
        self.before = block(channels, heads)
        self.down = nn.Conv2d(channels, 2 * channels, 4, stride=2, padding=1, bias=False)
        self.inner = inner
        self.up = nn.ConvTranspose2d(2 * channels, channels, 2, stride=2)
        self.join = plain_conv(2 * channels, channels, 1)
        self.after = block(channels, heads)

    def forward(self, x: Tensor) -> Tensor:
        skip = self.before(x)
        deep = self.up(self.inner(self.down(skip)))
        return self.after(self.join(torch.cat([deep, skip], dim=1)))


def stage(width: int) -> Residual:
    """SST: a U with heads of `width` channels, 1, 2 and 4 of them from the top to the bottom."""
    inner = Level(2 * width, 2, block(4 * width, 4))
    return Residual(plain_conv(width, width, 3), Level(width, 1, inner), plain_conv(width, width, 3))


def reflected(image: Tensor) -> Tensor:
    """[N, c, h, w] -> reflected at the lower and right edge until both sides are multiples of 8, however small they are."""
    rows, columns = (mirrored(side, MULTIPLE, image.device) for side in image.shape[2:])
    return image[:, :, rows[:, None], columns]


class MST(GridNetwork):
    """[N, c, h, w] -> [N, bands, h, w] at LR or HR (size="lr" or "hr").

    The defaults are the official sizes: 1,619,625 parameters from 3 to 31 bands. The features of the first convolution are
    added to the output only if C equals the width, as in the release. The loss is L1: the published relative error is infinite
    on black pixels.
    """

    def __init__(self, msi_bands: int, bands: int, *, size: str, width: int = 31, stages: int = 3):
        super().__init__()
        self.reads, self.writes = (f"{size}_msi",), f"{size}_hsi"
        self.head = plain_conv(msi_bands, width, 3)
        self.stages = nn.Sequential(*(stage(width) for _ in range(stages)))
        self.tail = plain_conv(width, bands, 3)
        self.skips = bands == width

    def forward(self, msi: Tensor) -> Tensor:
        height, width = msi.shape[2:]
        shallow = self.head(reflected(msi))
        out = self.tail(self.stages(shallow))
        return (out + shallow if self.skips else out)[:, :, :height, :width]

    @staticmethod
    def decay(done: float) -> float:
        """The official half cosine over the budget, from 4e-4 to 1e-6."""
        return 1 / 400 + (1 - 1 / 400) * cosine(done)
