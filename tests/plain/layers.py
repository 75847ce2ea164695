"""Layers taken off a tape of parameters, one after the other, and the tape (see tests.plain)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.grid import prime_factors


class Tape:
    """Hands out tensors of any shape one after the other; `end` asserts that none is left."""

    def __init__(self, tensors):
        self.tensors = list(tensors)
        self.used = 0

    def __call__(self) -> Tensor:
        self.used += 1
        return self.tensors[self.used - 1]

    def end(self):
        assert self.used == len(self.tensors), f"{self.used} of {len(self.tensors)} tensors used"


# Each of these takes a layer's parameters off the tape and returns the layer, so that a layer can be used twice.


def conv(tape, stride: int = 1):
    """Layer [N, i, h, w] -> [N, o, ceil(h / stride), ceil(w / stride)], odd kernel, zero padding, bias."""
    weight, bias = tape(), tape()
    return lambda x: F.conv2d(x, weight, bias, stride=stride, padding=weight.shape[-1] // 2)


def conv3d(tape):
    """Layer [N, i, d, h, w] -> [N, o, d, h, w], kernel 3, zero padding, bias."""
    weight, bias = tape(), tape()
    return lambda x: F.conv3d(x, weight, bias, padding=1)


def reflecting(tape):
    """Layer [N, i, h, w] -> [N, o, h, w], odd kernel, reflection padding, no bias."""
    weight = tape()
    pad = weight.shape[-1] // 2
    return lambda x: F.conv2d(F.pad(x, (pad, pad, pad, pad), mode="reflect") if pad else x, weight)


def prelu(tape):
    """Layer of any shape with one scalar slope."""
    slope = tape()
    return lambda x: F.prelu(x, slope)


def conv_relu_conv(tape, conv=conv):
    """Layer [N, n, ...] -> [N, n, ...], without the skip."""
    first, second = conv(tape), conv(tape)
    return lambda x: second(F.relu(first(x)))


def channel_attention(tape):
    """Layer [N, n, h, w] -> same, each channel times a number in (0, 1)."""
    squeeze, excite = conv(tape), conv(tape)
    return lambda x: x * torch.sigmoid(excite(F.relu(squeeze(x.mean(dim=(2, 3), keepdim=True)))))


def shuffle_up(tape, x: Tensor, scale: int) -> Tensor:
    """[N, n, h, w] -> [N, n, scale * h, scale * w]."""
    for q in prime_factors(scale):
        x = F.pixel_shuffle(conv(tape)(x), q)
    return x
