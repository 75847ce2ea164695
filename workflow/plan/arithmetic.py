"""Multiply-adds of a forward pass, counted from layer tables without building a network; a backward pass costs two more.

Neural fields count for a batch; networks on a pixel grid for one LR pixel, with c MSI bands, C bands and scale p; the
classifier for a window.
"""

from baselines.scales import prime_factors
from workflow.config.schema import Data


def field(data: Data, c: int, count: float, sampled: bool) -> float:
    """A training batch of a neural field, averaged over its LR sizes; `count` bands, of K wavelengths where `sampled`."""
    training = data.training
    pixels = training.batch * sum(size**2 for size in training.lr_sizes) / len(training.lr_sizes)
    return image(data, c, count, data.network.k if sampled else 1, pixels, training.queries * pixels)


def image(data: Data, c: int, count: float, k: int, pixels: float, queries: float) -> float:
    """LR `pixels` encoded and `queries` read in `count` bands of `k` wavelengths, by a neural field."""
    network = data.network
    encoder, hidden = dict(network.encoder), network.hidden
    width = encoder.get("channels", 64)
    if encoder.get("name") == "rdn":
        blocks, layers, growth = (
            encoder.get(key, default) for key, default in (("blocks", 16), ("layers", 8), ("growth", 64))
        )
        dense = sum(9 * (width + i * growth) * growth for i in range(layers)) + (width + layers * growth) * width
        pixel = blocks * dense + blocks * width**2 + 9 * (c * width + 2 * width**2)
    else:
        pixel = 9 * (c * width + (2 * encoder.get("blocks", 16) + 1) * width**2)
    pixel += 9 * width * hidden
    mlp = 2 * hidden**2 + 6 * hidden if network.pixel_decoder == "bilinear" else 4 * (3 * hidden**2 + 3 * hidden)
    query = mlp + hidden * count
    spectral = count * k * network.spectral_hidden * (2 * network.frequencies + network.dim)
    return pixels * pixel + queries * query + spectral


def rcan(c: int, C: int | None, p: int, *, groups: int = 10, blocks: int = 20, channels: int = 64) -> float:
    """On the MSI where C is None, else on the HSI."""
    w = channels
    return 9 * (C or c) * w * (1 + p * p) + (groups * (18 * blocks + 9) + 9) * w * w + _shuffles(w, p)


def awan(c: int, C: int, p: int, *, channels: int = 200, blocks: int = 8) -> float:
    w = channels
    return 9 * c * w + (18 + 52 * blocks) * w * w + 9 * w * C + 3 * C * max(2, C // 8)


def sspsr(c: int, C: int, p: int, *, channels: int = 256, blocks: int = 8, group: int = 4, overlap: int = 1) -> float:
    f, group = channels, min(group, C)
    groups = -(-(C - min(overlap, group - 1)) // (group - min(overlap, group - 1)))
    trunk = 2 if p % 2 == 0 else p
    branch = p // trunk
    per_group = 9 * group * f * (1 + branch**2) + 20 * blocks * f * f + _shuffles(f, branch)
    return groups * per_group + branch**2 * (9 * C * f + 20 * blocks * f * f + _shuffles(f, trunk)) + 18 * C * f * p * p


def mog_dcn(c: int, C: int, p: int, *, width: int = 64, kernel: int = 13, signs: str = "released") -> float:
    w2 = width * width
    encoders = sum(49.5 * w2 / 4**level for level in range(4)) + 45 * w2 / 256
    decoders = 169 * w2 / 64 + 196 * w2 / 16 + 196 * w2 / 4 + 180 * w2 + 18 * width * C
    passes = 8 * (encoders + decoders + 9 * C * width) + 243 * w2
    return p * p * (passes + 7 * 18 * c * C) + 6 * kernel**2 * C * C


def ssjsr(c: int, C: int, p: int, *, variant: str = "sim", width: int = 32, inner: int = 16, blocks: int = 4) -> float:
    w = width

    def up(width: int, depth: int) -> float:
        taps = [3 * (2 * q - 1) ** 2 * before**2 for q, before in _steps(p)]
        return depth * (sum(taps) * width**2 + 27 * width * p * p)

    features = 27 * w + 54 * blocks * w * w
    spectral = 18 * c * w + 72 * blocks * w * w + 18 * w * C
    if variant == "sim":
        return c * features + -(-C // c) * c * w * w + 27 * C * w * inner + up(inner, C)
    if variant == "sep1":
        return c * features + up(w, c) + p * p * spectral
    return spectral + C * features + up(w, C)


def us3rn(c: int, C: int, p: int, *, init: str = "stable") -> float:
    # Taps for each LR pixel of the steps between LR and HR, up or down.
    taps = sum((2 * q - 1) ** 2 * before**2 for q, before in _steps(p))
    hr = p * p * (4 * 54 * C * C + 45 * C * C + 11 * c * C)
    return hr + taps * (9 * c * c + 7 * C * C + 4 * c + 9 * C) + 4 * C * C + 4 * c * C


def a2s2k(bands: int, *, kernels: int = 24, patch: int = 9, **_) -> float:
    k, depth, pixels, inner = kernels, (bands - 5) // 2, patch**2, (patch - 2) ** 2
    spectral = pixels * depth * (70 * k + 28 * k * k + 128 * k)
    return spectral + inner * (9 * 128 * k + 36 * k * k)


# By the block of the preset (`workflow.methods.Network.block`).
ON_GRID = {"rcan": rcan, "awan": awan, "sspsr": sspsr, "mog-dcn": mog_dcn, "ssjsr": ssjsr, "us3rn": us3rn}


def _steps(p: int) -> list[tuple[int, int]]:
    """Prime factors of p and the magnification before each."""
    steps, before = [], 1
    for q in prime_factors(p):
        steps.append((q, before))
        before *= q
    return steps


def _shuffles(width: int, p: int) -> float:
    """Convolutions before pixel shuffles, from an LR pixel to p * p."""
    return sum(9 * width * width * q * q * before**2 for q, before in _steps(p))
