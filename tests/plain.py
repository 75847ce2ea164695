"""Six super-resolution networks line by line from their fact sheets: the oracle for the rewritten forms in baselines.

Written independently of these: the parameters come off a `Tape` in the order of the network's state_dict, sizes come
from their shapes, and every attention matrix is built in full. N: batch, h x w: LR size, p: scale, c and C: MSI and
HSI bands. Convolutions with zero padding keep the size unless they have a stride.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


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


def prime_factors(scale: int) -> list[int]:
    """Ascending prime factors of the scale: 12 -> [2, 2, 3]; 1 -> []."""
    factors, q = [], 2
    while scale > 1:
        while scale % q == 0:
            factors.append(q)
            scale //= q
        q += 1
    return factors


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


def ssjsr_sim(tape, x: Tensor, *, bands: int, scale: int, blocks: int) -> Tensor:
    """[N, c, h, w] -> [N, C, ph, pw]."""
    s = -(-bands // x.shape[1])
    x = residual(tape, x[:, None], blocks, conv3d)
    x = F.conv_transpose3d(x, tape(), tape(), stride=(s, 1, 1))
    cut = (x.shape[2] - bands) // 2
    x = F.relu(x[:, :, cut : cut + bands])
    x = F.relu(conv3d(tape)(x))
    x = volume_up(tape, x, scale)
    return conv3d(tape)(x)[:, 0]


def ssjsr_spatial(tape, x: Tensor, scale: int, blocks: int) -> Tensor:
    """[N, n, h, w] -> [N, n, ph, pw]."""
    x = residual(tape, x[:, None], blocks, conv3d)
    x = volume_up(tape, x, scale)
    return conv3d(tape)(x)[:, 0]


def ssjsr_spectral(tape, x: Tensor, blocks: int) -> Tensor:
    """[N, c, H, W] -> [N, C, H, W]."""
    x = residual(tape, x, blocks, conv)
    return conv(tape)(x)


def ssjsr_sep1(tape, x: Tensor, *, scale: int, blocks: int) -> tuple[Tensor, Tensor]:
    """[N, c, h, w] -> [N, C, ph, pw] and the HR-MSI [N, c, ph, pw] on the way."""
    hr_msi = ssjsr_spatial(tape, x, scale, blocks)
    return ssjsr_spectral(tape, hr_msi, blocks), hr_msi


def ssjsr_sep2(tape, x: Tensor, *, scale: int, blocks: int) -> tuple[Tensor, Tensor]:
    """[N, c, h, w] -> [N, C, ph, pw] and the LR-HSI [N, C, h, w] on the way."""
    lr_hsi = ssjsr_spectral(tape, x, blocks)
    return ssjsr_spatial(tape, lr_hsi, scale, blocks), lr_hsi
