"""RCAN, AWAN, SSPSR and MoG-DCN (see tests.plain)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.grid import prime_factors
from tests.plain.layers import channel_attention, conv, conv_relu_conv, prelu, reflecting, shuffle_up


def rcan(tape, x: Tensor, *, scale: int, groups: int, blocks: int) -> Tensor:
    """[N, n, h, w] -> [N, n, ph, pw]."""
    head = conv(tape)(x)
    body = head
    for _ in range(groups):
        start = body
        for _ in range(blocks):
            inner = conv_relu_conv(tape)(body)
            body = body + channel_attention(tape)(inner)
        body = start + conv(tape)(body)
    body = head + conv(tape)(body)
    up = shuffle_up(tape, body, scale)
    return conv(tape)(up)


def awca(tape, x: Tensor) -> Tensor:
    """[N, W, h, w] -> same, each channel times a number from the softmax-weighted mean over all pixels."""
    mask = F.conv2d(x, tape()).flatten(2)
    pooled = (x.flatten(2) * torch.softmax(mask, dim=2)).sum(dim=2)
    squeezed = F.prelu(F.linear(pooled, tape().flatten(1)), tape())
    return x * torch.sigmoid(F.linear(squeezed, tape().flatten(1)))[:, :, None, None]


def psnl(tape, x: Tensor) -> Tensor:
    """[N, C, H, W] -> same: in each quadrant every pixel attends to every other."""
    theta, g, out = tape(), tape(), tape()
    k = theta.shape[0]
    rows = []
    for top in x.tensor_split([x.shape[2] // 2], dim=2):
        row = []
        for part in top.tensor_split([x.shape[3] // 2], dim=3):
            t = F.conv2d(part, theta).flatten(2).transpose(1, 2)
            values = F.conv2d(part, g).flatten(2).transpose(1, 2)
            affinity = (t - t.mean(dim=2, keepdim=True)) @ t.transpose(1, 2) / k
            y = torch.softmax(affinity, dim=-1) @ values
            row.append(part + F.conv2d(y.transpose(1, 2).unflatten(2, part.shape[2:]), out))
        rows.append(torch.cat(row, dim=3))
    return torch.cat(rows, dim=2)


def awan(tape, x: Tensor, *, blocks: int) -> Tensor:
    """[N, c, H, W] -> [N, C, H, W]."""
    x = reflecting(tape)(x)
    x = prelu(tape)(x)
    f0 = reflecting(tape)(x)
    x = r = f0
    for _ in range(blocks):
        y = reflecting(tape)(x)
        y = prelu(tape)(y)
        y = reflecting(tape)(y)
        y = prelu(tape)(y + x)
        u = reflecting(tape)(y)
        u = prelu(tape)(u + r)
        attended = awca(tape, u)
        attended = reflecting(tape)(attended)
        x, r = prelu(tape)(attended + x), u
    x = reflecting(tape)(x) + f0
    x = prelu(tape)(x)
    x = reflecting(tape)(x)
    return psnl(tape, x)


def sspn(tape, blocks: int):
    """Layer [N, F, h, w] -> same: spatial-spectral blocks in series and a skip over all of them."""
    layers = [(conv_relu_conv(tape), conv_relu_conv(tape), channel_attention(tape)) for _ in range(blocks)]

    def apply(x):
        start = x
        for spatial, spectral, attention in layers:
            x = x + 0.1 * spatial(x)
            x = x + 0.1 * attention(spectral(x))
        return start + x

    return apply


def sspsr(tape, x: Tensor, *, scale: int, blocks: int, overlap: int) -> Tensor:
    """[N, C, h, w] -> [N, C, ph, pw]."""
    bands = x.shape[1]
    trunk_scale = 2 if scale % 2 == 0 else scale
    branch_scale = scale // trunk_scale

    size = tape.tensors[tape.used].shape[1]  # of the branch's first convolution, not yet taken
    head, body = conv(tape), sspn(tape, blocks)
    ups = [(conv(tape), q) for q in prime_factors(branch_scale)]
    tail = conv(tape)
    count = -(-(bands - overlap) // (size - overlap)) if size < bands else 1
    merged = x.new_zeros(x.shape[0], bands, branch_scale * x.shape[2], branch_scale * x.shape[3])
    cover = x.new_zeros(1, bands, 1, 1)
    for i in range(count):
        start = min(i * (size - overlap), bands - size)
        group = body(head(x[:, start : start + size]))
        for up, q in ups:
            group = F.pixel_shuffle(up(group), q)
        merged[:, start : start + size] += tail(group)
        cover[:, start : start + size] += 1
    merged = merged / cover

    trunk = conv(tape)(merged)
    trunk = sspn(tape, blocks)(trunk)
    trunk = shuffle_up(tape, trunk, trunk_scale)
    bicubic = F.interpolate(x, scale_factor=scale, mode="bicubic", align_corners=False)
    trunk = trunk + conv(tape)(bicubic)
    return conv(tape)(trunk)


def mog_unet(tape):
    """Layer [N, w, H, W] -> ([N, C, H, W], the map of encoder level 0 [N, 2w, H, W])."""
    encoders = [(prelu(tape), *(conv(tape) for _ in range(4)), conv(tape, stride=2)) for _ in range(4)]
    bottom = (prelu(tape), *(conv(tape) for _ in range(4)))
    decoders = [(prelu(tape), tape(), tape(), *(conv(tape) for _ in range(4))) for _ in range(4)]

    def apply(x):
        skips = []
        for act, one, two, three, to_skip, to_next in encoders:
            x = act(three(act(two(act(one(x))))))
            skips.append(to_skip(x))
            x = act(to_next(skips[-1]))
        act, one, two, three, to_map = bottom
        x = to_map(act(three(act(two(act(one(x)))))))
        for skip, (act, weight, bias, one, two, three, last) in zip(reversed(skips), decoders):
            extra = [skip.shape[i] - (2 * x.shape[i] - 1) for i in (2, 3)]
            x = F.conv_transpose2d(x, weight, bias, stride=2, padding=1, output_padding=extra)
            x = torch.cat([x, skip], dim=1)
            x = last(act(three(act(two(act(one(x)))))))
        return x, skips[0]

    return apply


def mog_dcn(tape, lr_hsi: Tensor, hr_msi: Tensor, *, scale: int) -> Tensor:
    """[N, C, h, w] and [N, c, ph, pw] -> [N, C, ph, pw]."""
    delta_a, eta_a, delta_b, eta_b = tape(), tape(), tape(), tape()
    embed, unet = conv(tape), mog_unet(tape)
    to_msi, from_msi = conv(tape), conv(tape)
    down, up_weight, up_bias = conv(tape, stride=scale), tape(), tape()
    joins = {k: conv(tape) for k in range(2, 9)}

    def up(y):
        pad = (up_weight.shape[-1] - 1) // 2
        return F.conv_transpose2d(y, up_weight, up_bias, stride=scale, padding=pad, output_padding=scale - 1)

    def denoise(k, z, *maps):
        return unet(joins[k](torch.cat([embed(z), *maps], dim=1)) if maps else embed(z))

    x, maps = F.interpolate(lr_hsi, scale_factor=scale, mode="bicubic", align_corners=False), []
    for stage in range(4):
        z = x
        v, f = denoise(2 * stage + 1, z, *maps)
        v = v + z
        maps.append(f)
        z = (1 - delta_a - delta_a * eta_a) * z + delta_a * from_msi(hr_msi - to_msi(z)) + delta_a * (x - eta_a * v)
        u = denoise(2 * stage + 2, z, f)[0] + z
        data = delta_b * from_msi(hr_msi - to_msi(x)) + delta_b * up(down(x) - lr_hsi)
        x = (1 - delta_b * eta_b) * x + data + delta_b * eta_b * u
    return u
