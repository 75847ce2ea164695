"""Residual dense network as an image encoder, without its upsampler (Zhang et al. 2018, arXiv 1802.08797)."""

import torch
from torch import Tensor, nn


class ResidualDenseBlock(nn.Module):
    """`layers` 3x3 convolutions that each add `growth` channels to all features before, 1x1 fusion, identity."""

    def __init__(self, channels: int, layers: int, growth: int):
        super().__init__()
        self.dense = nn.ModuleList(nn.Conv2d(channels + i * growth, growth, 3, padding=1) for i in range(layers))
        self.fuse = nn.Conv2d(channels + layers * growth, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        features = x
        for conv in self.dense:
            features = torch.cat([features, conv(features).relu()], dim=1)
        return x + self.fuse(features)


class RDN(nn.Module):
    """[N, in_channels, h, w] -> [N, channels, h, w]; the encoder of the paper (A.6), d_I = `channels`.

    The defaults are LIIF's configuration B: 21,973,952 parameters for three input channels.
    """

    period = 1  # a window of the image may start at any pixel

    def __init__(self, in_channels: int, blocks: int = 16, channels: int = 64, layers: int = 8, growth: int = 64):
        super().__init__()
        self.out_channels = channels
        self.reach = 3 + blocks * layers  # a feature depends on this many pixels to either side
        self.shallow = nn.Conv2d(in_channels, channels, 3, padding=1)
        self.head = nn.Conv2d(channels, channels, 3, padding=1)
        self.blocks = nn.ModuleList(ResidualDenseBlock(channels, layers, growth) for _ in range(blocks))
        self.fuse = nn.Conv2d(blocks * channels, channels, 1)
        self.tail = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        shallow = self.shallow(x)
        outputs = [self.head(shallow)]
        for block in self.blocks:
            outputs.append(block(outputs[-1]))
        return shallow + self.tail(self.fuse(torch.cat(outputs[1:], dim=1)))
