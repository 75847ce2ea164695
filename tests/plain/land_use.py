"""A2S2K-ResNet from its layer table, literally, in evaluation mode (see tests.plain)."""

import torch
import torch.nn.functional as F
from torch import Tensor


def conv3d(tape, x: Tensor, stride=1, padding=0) -> Tensor:
    return F.conv3d(x, tape(), tape(), stride=stride, padding=padding)


def norm(tape, eps: float):
    """Batch norm with its running statistics; the fifth tensor is the number of batches seen."""
    weight, bias, mean, variance, _ = (tape() for _ in range(5))
    return lambda x: F.batch_norm(x, mean, variance, weight, bias, eps=eps)


def eca(weight: Tensor, x: Tensor) -> Tensor:
    """Global mean, a 3 x 3 convolution of the plane 1 x k, sigmoid, multiply."""
    plane = x.mean(dim=(2, 3, 4))[:, None, None, :]
    return x * torch.sigmoid(F.conv2d(plane, weight, padding=1))[:, 0, 0, :, None, None, None]


def block(tape, x: Tensor, kind: str) -> Tensor:
    """A residual block: "start", "middle" or "end"; its convolutions come first on the tape, then norms, then ECA."""
    w1, b1, w2, b2 = (tape() for _ in range(4))
    padding = tuple(side // 2 for side in w1.shape[2:])
    norms = [norm(tape, 1e-5) for _ in range(2 if kind == "start" else 3)]
    attention = tape()
    if kind == "start":
        y = F.relu(norms[0](F.relu(F.conv3d(x, w1, b1, padding=padding))))
        y = norms[1](F.conv3d(y, w2, b2, padding=padding))
    else:
        y = F.relu(norms[0](x))
        y = F.relu(norms[1](F.relu(F.conv3d(y, w1, b1, padding=padding))))
        y = F.conv3d(y, w2, b2, padding=padding)
    y = eca(attention, y) + x
    return F.relu(norms[2](y)) if kind == "end" else y


def a2s2k(tape, windows: Tensor) -> Tensor:
    """Windows [N, S, S, B] -> logits [N, n]."""
    x = windows[:, None]
    narrow = conv3d(tape, x, stride=(1, 1, 2))
    narrow = F.relu(norm(tape, 1e-3)(narrow))
    wide = conv3d(tape, x, stride=(1, 1, 2), padding=(1, 1, 0))
    wide = F.relu(norm(tape, 1e-3)(wide))
    hidden = F.relu(F.linear((narrow + wide).mean(dim=(2, 3, 4)), tape(), tape()))
    first = F.linear(hidden, tape(), tape())
    share = torch.softmax(torch.stack([first, first]), dim=0)[..., None, None, None]
    x = share[0] * narrow + share[1] * wide
    x = block(tape, x, "start")
    x = block(tape, x, "middle")
    x = conv3d(tape, x)
    x = F.relu(norm(tape, 1e-3)(x))
    x = x.permute(0, 4, 2, 3, 1)
    x = conv3d(tape, x)
    x = F.relu(norm(tape, 1e-3)(x))
    x = block(tape, x, "middle")
    x = block(tape, x, "end")
    x = F.avg_pool3d(x, (5, 5, 1))[:, :, 0, 0, 0]
    return F.linear(x, tape(), tape())
