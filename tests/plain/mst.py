"""MST++ (see tests.plain)."""

import torch
import torch.nn.functional as F
from torch import Tensor


def bounced(i: int, side: int) -> int:
    """Pixel i of a line of `side` pixels that goes on as in a mirror, without its last pixel twice."""
    while not 0 <= i < side:
        i = -i if i < 0 else 2 * (side - 1) - i
    return i


def padded(x: Tensor) -> Tensor:
    """[N, c, h, w] -> sides that 8 divides, pixel by pixel."""
    height, width = x.shape[2:]
    lines = [
        [x[:, :, bounced(i, height), bounced(j, width)] for j in range(-(-width // 8) * 8)]
        for i in range(-(-height // 8) * 8)
    ]
    return torch.stack([torch.stack(line, dim=2) for line in lines], dim=2)


def attention(tape, x: Tensor) -> Tensor:
    """[N, n, h, w] -> same: each channel is a mean of the channels of its head, weighted by the cosines to them."""
    scale, to_q, to_k, to_v = tape(), tape(), tape(), tape()
    weight, bias, first, second = tape(), tape(), tape(), tape()
    q, k, v = (F.conv2d(x, to) for to in (to_q, to_k, to_v))
    size = x.shape[1] // len(scale)
    channels = []
    for j in range(len(scale)):
        head = range(j * size, (j + 1) * size)
        for a in head:
            scores = []
            for b in head:
                product = (q[:, a] * k[:, b]).sum(dim=(1, 2))
                norms = (q[:, a] ** 2).sum(dim=(1, 2)).sqrt() * (k[:, b] ** 2).sum(dim=(1, 2)).sqrt()
                scores.append((scale[j].squeeze() * product / norms).exp())
            channels.append(
                sum(score[:, None, None] * v[:, b] for score, b in zip(scores, head)) / sum(scores)[:, None, None]
            )
    mixed = torch.einsum("nihw,oi->nohw", torch.stack(channels, dim=1), weight[:, :, 0, 0]) + bias[:, None, None]
    position = F.conv2d(v, first, padding=1, groups=x.shape[1])
    return mixed + F.conv2d(F.gelu(position), second, padding=1, groups=x.shape[1])


def feed_forward(tape, x: Tensor) -> Tensor:
    """[N, n, h, w] -> same."""
    gain, shift, widen, each, narrow = (tape() for _ in range(5))
    mean = x.mean(dim=1, keepdim=True)
    variance = ((x - mean) ** 2).mean(dim=1, keepdim=True)
    x = (x - mean) / (variance + 1e-5).sqrt() * gain[:, None, None] + shift[:, None, None]
    x = F.gelu(F.conv2d(x, widen))
    x = F.gelu(F.conv2d(x, each, padding=1, groups=len(each)))
    return F.conv2d(x, narrow)


def block(tape, x: Tensor) -> Tensor:
    x = x + attention(tape, x)
    return x + feed_forward(tape, x)


def stage(tape, x: Tensor) -> Tensor:
    """[N, w, h, w] -> same."""
    start = x
    x = F.conv2d(x, tape(), padding=1)
    one = block(tape, x)
    x = F.conv2d(one, tape(), stride=2, padding=1)
    two = block(tape, x)
    x = F.conv2d(two, tape(), stride=2, padding=1)
    x = block(tape, x)
    for skip in (two, one):
        x = F.conv_transpose2d(x, tape(), tape(), stride=2)
        x = F.conv2d(torch.cat([x, skip], dim=1), tape())
        x = block(tape, x)
    return start + F.conv2d(x, tape(), padding=1)


def mst(tape, x: Tensor, *, stages: int) -> Tensor:
    """[N, c, h, w] -> [N, C, h, w]."""
    height, width = x.shape[2:]
    start = x = F.conv2d(padded(x), tape(), padding=1)
    for _ in range(stages):
        x = stage(tape, x)
    x = F.conv2d(x, tape(), padding=1)
    if x.shape == start.shape:
        x = x + start
    return x[:, :, :height, :width]
