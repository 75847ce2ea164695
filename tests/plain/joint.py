"""US3RN and SSJSR (see tests.plain)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.grid import prime_factors
from tests.plain.layers import conv, conv3d, conv_relu_conv


def us3rn_up(tape, scale: int):
    """Layer [N, n, h, w] -> [N, n, ph, pw]: full transposed convolutions, smallest factor first."""
    steps = [(q, tape(), tape()) for q in prime_factors(scale)]

    def apply(x):
        for q, weight, bias in steps:
            assert weight.shape[2:] == (2 * q - 1, 2 * q - 1)
            x = F.conv_transpose2d(x, weight, bias, stride=q, padding=q - 1, output_padding=q - 1)
        return x

    return apply


def us3rn_down(tape, scale: int):
    """Layer [N, n, ph, pw] -> [N, n, h, w]: depthwise convolutions, largest factor first."""
    steps = [(q, tape(), tape()) for q in reversed(prime_factors(scale))]

    def apply(x):
        for q, weight, bias in steps:
            assert weight.shape[1:] == (1, 2 * q - 1, 2 * q - 1)
            x = F.conv2d(x, weight, bias, stride=q, padding=q - 1, groups=x.shape[1])
        return x

    return apply


def product(tape):
    """Layer [N, i, h, w] -> [N, o, h, w]: a matrix [o, i, 1, 1] without bias at each pixel."""
    weight = tape()
    return lambda x: F.conv2d(x, weight)


def non_local(tape):
    """Layer [N, c, h, w] -> same: every pixel attends to every other; batch norm by its running statistics."""
    theta, phi, g, out = (conv(tape) for _ in range(4))
    weight, bias, mean, var, _ = (tape() for _ in range(5))

    def apply(x):
        affinity = theta(x).flatten(2).transpose(1, 2) @ phi(x).flatten(2)
        y = torch.softmax(affinity, dim=-1) @ g(x).flatten(2).transpose(1, 2)
        y = out(y.transpose(1, 2).unflatten(2, x.shape[2:]))
        return x + F.batch_norm(y, mean, var, weight, bias, training=False, eps=1e-5)

    return apply


def prox(tape):
    """Layer [N, C, H, W] -> same: three residual blocks with a ReLU on the sum."""
    blocks = [conv_relu_conv(tape) for _ in range(3)]

    def apply(x):
        for block in blocks:
            x = F.relu(x + block(x))
        return x

    return apply


def us3rn_first(tape, scale: int):
    """Layer w [N, c, h, w] -> x, y, z, u, v."""
    a, b, g = tape(), tape(), tape()
    up1, down1, nl, up2 = us3rn_up(tape, scale), us3rn_down(tape, scale), non_local(tape), us3rn_up(tape, scale)
    rt, zconv, up3, px = product(tape), conv(tape), us3rn_up(tape, scale), prox(tape)
    r, down2 = product(tape), us3rn_down(tape, scale)

    def apply(w):
        t = 2 * a * up1(w)
        y = F.relu((t - (2 * a / b) * up2(nl(down1(t)))) / b)
        z = F.relu(zconv(2 * (1 - a) * rt(w)))
        x = F.relu(px(b * rt(-y) + g * up3(-z)))
        return x, y, z, r(x) - y, down2(x) - z

    return apply


def us3rn_next(tape, scale: int, *, last: bool):
    """Layer (w, x, u, v) -> x, y, z and, but for the last stage, u, v; x, y, u on the HR grid, w, z, v on the LR."""
    a, b, g, eta = tape(), tape(), tape(), tape()
    r, up1, down1, nl = product(tape), us3rn_up(tape, scale), us3rn_down(tape, scale), non_local(tape)
    up2, down3, rt, zconv = us3rn_up(tape, scale), us3rn_down(tape, scale), product(tape), conv(tape)
    down2, up3, up4, px = us3rn_down(tape, scale), us3rn_up(tape, scale), us3rn_up(tape, scale), prox(tape)
    down4 = None if last else us3rn_down(tape, scale)

    def apply(w, x, u, v):
        q = 2 * a * up1(w) + b * (u + r(x))
        y = F.relu((q - (2 * a / b) * up2(nl(down1(q)))) / b)
        z = F.relu(zconv(g * (down3(x) + v) + 2 * (1 - a) * rt(w)))
        grad = b * rt(u - y) + b * rt(r(x)) + g * up3(down2(x)) + g * up4(v - z)
        x = F.relu(px(x - F.relu(eta) * grad))
        return (x, y, z) if last else (x, y, z, u + r(x) - y, v + down4(x) - z)

    return apply


def us3rn(tape, w: Tensor, *, scale: int):
    """[N, c, h, w] -> out [N, C, ph, pw], y4, z4, four x [N, C, ph, pw], y [N, c, ph, pw], z [N, C, h, w]."""
    first = us3rn_first(tape, scale)
    middle = us3rn_next(tape, scale, last=False)
    last = us3rn_next(tape, scale, last=True)
    w_up, w_conv, fuse, final = us3rn_up(tape, scale), conv(tape), conv(tape), conv(tape)

    x1, y1, z1, u, v = first(w)
    x2, y2, z2, u, v = middle(w, x1, u, v)
    x3, y3, z3, u, v = middle(w, x2, u, v)
    x4, y4, z4 = last(w, x3, u, v)
    out = final(fuse(torch.cat([x1, x2, x3, x4], dim=1)) + w_conv(w_up(w)))
    return out, y4, z4, [x1, x2, x3, x4], [y1, y2, y3, y4], [z1, z2, z3, z4]


def residual(tape, x: Tensor, blocks: int, conv) -> Tensor:
    """[N, i, ...] -> [N, o, ...]: convolution, ReLU, residual blocks and a skip over all of them."""
    start = x = F.relu(conv(tape)(x))
    for _ in range(blocks):
        x = x + conv_relu_conv(tape, conv)(x)
    return start + x


def volume_up(tape, x: Tensor, scale: int) -> Tensor:
    """[N, n, d, h, w] -> [N, n, d, ph, pw]."""
    for q in prime_factors(scale):
        weight, bias = tape(), tape()
        pad, extra = (1, q - 1, q - 1), (0, q - 1, q - 1)
        assert weight.shape[2:] == (3, 2 * q - 1, 2 * q - 1)
        x = F.relu(F.conv_transpose3d(x, weight, bias, stride=(1, q, q), padding=pad, output_padding=extra))
    return x


def ssjsr(tape, x: Tensor, *, bands: int, scale: int, blocks: int) -> Tensor:
    """[N, c, h, w] -> [N, C, ph, pw]."""
    s = -(-bands // x.shape[1])
    x = residual(tape, x[:, None], blocks, conv3d)
    x = F.conv_transpose3d(x, tape(), tape(), stride=(s, 1, 1))
    cut = (x.shape[2] - bands) // 2
    x = F.relu(x[:, :, cut : cut + bands])
    x = F.relu(conv3d(tape)(x))
    x = volume_up(tape, x, scale)
    return conv3d(tape)(x)[:, 0]
