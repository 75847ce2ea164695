"""EDSR-baseline as an image encoder, without its upsampler (Lim et al. 2017, arXiv 1707.02921)."""

from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """x + conv3x3(ReLU(conv3x3(x))): [N, channels, h, w] -> same shape, no normalisation, residual scale 1."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(self.first(x).relu())


class EDSR(nn.Module):
    """[N, in_channels, h, w] -> [N, channels, h, w]: head, `blocks` residual blocks, one conv, global skip.

    The defaults are EDSR-baseline: 1,220,416 parameters for three input channels.
    """

    period = 1  # a window of the image may start at any pixel

    def __init__(self, in_channels: int, blocks: int = 16, channels: int = 64):
        super().__init__()
        self.out_channels = channels
        self.reach = 2 + 2 * blocks  # a feature depends on this many pixels to either side
        self.head = nn.Conv2d(in_channels, channels, 3, padding=1)
        self.body = nn.Sequential(*(ResidualBlock(channels) for _ in range(blocks)))
        self.tail = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        shallow = self.head(x)
        return shallow + self.tail(self.body(shallow))
