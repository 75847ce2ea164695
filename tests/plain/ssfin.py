"""SSFIN (see tests.plain)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.plain.layers import channel_attention, conv, conv_relu_conv


def spatial_attention(tape):
    """Layer [N, n, h, w] -> same, each pixel times a number in (0, 1)."""
    weight = tape()

    def apply(x):
        maps = torch.cat([x.max(dim=1, keepdim=True).values, x.sum(dim=1, keepdim=True) / x.shape[1]], dim=1)
        return x * torch.sigmoid(F.conv2d(maps, weight, padding=1))

    return apply


def dual_attention(tape):
    """Layer [N, n, h, w] -> same, both attentions side by side."""
    spatial, channel, join = spatial_attention(tape), channel_attention(tape), conv(tape)
    return lambda x: join(torch.cat([spatial(x), channel(x)], dim=1))


def group(tape, blocks: int, attention):
    """Layer [N, n, h, w] -> same."""
    layers = [(conv_relu_conv(tape), attention(tape)) for _ in range(blocks)]
    tail = conv(tape)

    def apply(x):
        start = x
        for inner, attend in layers:
            x = x + attend(inner(x))
        return start + tail(x)

    return apply


def shuffled(x: Tensor, scale: int) -> Tensor:
    """[N, n p^2, h, w] -> [N, n, p h, p w], value by value."""
    n = x.shape[1] // scale**2
    out = x.new_zeros(x.shape[0], n, scale * x.shape[2], scale * x.shape[3])
    for k in range(n):
        for i in range(scale):
            for j in range(scale):
                out[:, k, i::scale, j::scale] = x[:, k * scale**2 + i * scale + j]
    return out


def ssfin(tape, x: Tensor, *, scale: int, blocks: int) -> tuple[Tensor, Tensor, Tensor]:
    """[N, c, h, w] -> HR-HSI [N, C, ph, pw], LR-HSI [N, C, h, w], HR-MSI [N, c, ph, pw]."""
    spatial = spatial_head = F.relu(conv(tape)(x))
    spectral = spectral_head = F.relu(conv(tape)(x))
    fused = []
    for _ in range(3):
        spatial = group(tape, blocks, spatial_attention)(spatial)
        spectral = group(tape, blocks, channel_attention)(spectral)
        both = torch.cat([*fused, spatial, spectral], dim=1)
        for _ in range(3):
            both = F.relu(conv(tape)(both))
        fused.append(both)
        spatial = F.relu(spatial + conv(tape)(both))
        spectral = F.relu(spectral + conv(tape)(both))
    spatial, spectral = spatial + spatial_head, spectral + spectral_head
    hr_msi = conv(tape)(spatial)
    hr_msi = conv(tape)(shuffled(hr_msi, scale))
    lr_hsi = conv(tape)(spectral)
    x = F.relu(conv(tape)(torch.cat([*fused, spatial, spectral], dim=1)))
    x = conv(tape)(shuffled(x, scale))
    recursion = group(tape, blocks, dual_attention)
    one = recursion(x)
    two = recursion(one)
    three = recursion(two)
    four = recursion(three)
    x = x + conv(tape)(torch.cat([one, two, three, four], dim=1))
    return conv(tape)(x), lr_hsi, hr_msi
