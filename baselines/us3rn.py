"""US3RN, joint super-resolution by an unfolded ADMM (Ma et al. 2022, TCI 8).

With the HR-MSI y = R x, the LR-HSI z = L x and the LR-MSI w = L y = R z (L: spatial degradation, R: spectral response), each
stage improves y, z, x and the scaled multipliers u (of y) and v (of z). All operators are learned: L is `down`, its transpose
`up`, the inverses in the sub-problems are a non-local block (y) and a 1x1 convolution (z), and the prior on x is three
residual blocks.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from baselines.attention import attend
from baselines.grid import GridNetwork, l1, prime_factors
from ssif.data.patches import Patches
from ssif.nets.edsr import ResidualBlock
from ssif.training import halving


def down(channels: int, scale: int) -> nn.Sequential:
    """[N, channels, p h, p w] -> [N, channels, h, w]: a depthwise strided convolution per prime factor of p."""
    return nn.Sequential(*(
        nn.Conv2d(channels, channels, 2 * q - 1, stride=q, padding=q - 1, groups=channels)
        for q in reversed(prime_factors(scale))
    ))  # fmt: skip


def up(channels: int, scale: int) -> nn.Sequential:
    """[N, channels, h, w] -> [N, channels, p h, p w]: a transposed convolution over all channels per prime factor of p."""
    return nn.Sequential(*(
        nn.ConvTranspose2d(channels, channels, 2 * q - 1, stride=q, padding=q - 1, output_padding=q - 1)
        for q in prime_factors(scale)
    ))  # fmt: skip


class NonLocal(nn.Module):
    """Embedded-Gaussian attention over all pixels [N, c, h, w]; starts as the identity (batch norm weight zero)."""

    def __init__(self, channels: int):
        super().__init__()
        inner = max(1, channels // 2)
        self.theta = nn.Conv2d(channels, inner, 1)
        self.phi = nn.Conv2d(channels, inner, 1)
        self.g = nn.Conv2d(channels, inner, 1)
        self.out = nn.Conv2d(inner, channels, 1)
        self.norm = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.norm(self.out(attend(self.theta(x), self.phi(x), self.g(x))))


class State(NamedTuple):
    """The output of a stage: x [N, C, H, W], y and u [N, c, H, W], z and v [N, C, h, w]; u and v are None after the last."""

    x: Tensor
    y: Tensor
    z: Tensor
    u: Tensor | None
    v: Tensor | None


class Stage(nn.Module):
    """One iteration of ADMM. kind: "first" (x = u = v = 0), "middle", or "last" (without u and v)."""

    def __init__(self, msi_bands: int, bands: int, scale: int, kind: str):
        super().__init__()
        self.kind = kind
        self.alpha, self.beta, self.gamma = (nn.Parameter(torch.tensor(value)) for value in (0.5, 1.0, 1.0))
        if kind != "first":
            self.eta = nn.Parameter(torch.tensor(0.1))
            self.r = _response(bands, msi_bands)
        self.up1 = up(msi_bands, scale)
        self.down1 = down(msi_bands, scale)
        self.non_local = NonLocal(msi_bands)
        self.up2 = up(msi_bands, scale)
        if kind != "first":
            self.down3 = down(bands, scale)
        self.r_t = _response(msi_bands, bands)
        self.zconv = nn.Conv2d(bands, bands, 1)
        if kind != "first":
            self.down2 = down(bands, scale)
        self.up3 = up(bands, scale)
        if kind != "first":
            self.up4 = up(bands, scale)
        self.prox = nn.Sequential(*(layer for _ in range(3) for layer in (ResidualBlock(bands), nn.ReLU())))
        if kind == "first":
            self.r = _response(bands, msi_bands)
            self.down2 = down(bands, scale)
        elif kind == "middle":
            self.down4 = down(bands, scale)

    def forward(self, w: Tensor, before: State | None = None) -> State:
        return self.first(w) if before is None else self.later(w, before)

    def first(self, w: Tensor) -> State:
        """The stage after x = u = v = 0, from the LR-MSI w [N, c, h, w]."""
        y = self.solve_y(2 * self.alpha * self.up1(w))
        z = self.solve_z(2 * (1 - self.alpha) * self.r_t(w))
        # The prior ends in a ReLU, so x needs no ReLU of its own.
        x = self.prox(self.beta * self.r_t(-y) + self.gamma * self.up3(-z))
        return State(x, y, z, self.r(x) - y, self.down2(x) - z)

    def later(self, w: Tensor, before: State) -> State:
        """y and z in learned closed form, a gradient step of size ReLU(eta) on x and its prior, then u and v."""
        alpha, beta, gamma = self.alpha, self.beta, self.gamma
        x, _, _, u, v = before
        seen = self.r(x)
        y = self.solve_y(2 * alpha * self.up1(w) + beta * (u + seen))
        z = self.solve_z(gamma * (self.down3(x) + v) + 2 * (1 - alpha) * self.r_t(w))
        # R' is linear, so b R'(u - y) + b R'(R x) is one application. Up has a bias, so its two terms stay apart.
        gradient = beta * self.r_t(u - y + seen) + gamma * (self.up3(self.down2(x)) + self.up4(v - z))
        x = self.prox(x - self.eta.relu() * gradient)
        if self.kind == "last":
            return State(x, y, z, None, None)
        return State(x, y, z, u + self.r(x) - y, v + self.down4(x) - z)

    def solve_y(self, q: Tensor) -> Tensor:
        """ReLU(q - (2 a / b) Up2(NL(Down1(q)))) / b, Woodbury's identity with a learned inverse."""
        correction = self.up2(self.non_local(self.down1(q)))
        return ((q - 2 * self.alpha / self.beta * correction) / self.beta).relu()

    def solve_z(self, q: Tensor) -> Tensor:
        """ReLU(conv1x1(q)), a learned inverse: [N, C, h, w]."""
        return self.zconv(q).relu()


def _response(inputs: int, outputs: int) -> nn.Conv2d:
    conv = nn.Conv2d(inputs, outputs, 1, bias=False)
    nn.init.normal_(conv.weight, std=1 / math.sqrt(inputs))
    return conv


class US3RN(GridNetwork):
    """LR-MSI [N, c, h, w] -> HR-HSI [N, C, p h, p w] in four stages, the second and third with the same weights.

    It has 295,164 parameters for c = 3, C = 31, p = 4, and serves any integer p by its prime factors; the release serves powers
    of two. The initial divisors and steps are fixed. In the release they are random, and its first outputs differ by orders of
    magnitude between seeds.
    """

    # The rate is halved at epochs 10, 30, 60 and 120 of 160.
    decay = staticmethod(halving(0.0625, 0.1875, 0.375, 0.75))
    learns_from_hr_msi = True

    def __init__(self, msi_bands: int, bands: int, scale: int):
        super().__init__()
        self.first, self.middle, self.last = (
            Stage(msi_bands, bands, scale, kind) for kind in ("first", "middle", "last")
        )
        self.skip_up = up(msi_bands, scale)
        self.skip = nn.Conv2d(msi_bands, bands, 1)
        self.fuse = nn.Conv2d(4 * bands, bands, 3, padding=1)
        self.out = nn.Conv2d(bands, bands, 3, padding=1)

    def forward(self, lr_msi: Tensor) -> Tensor:
        return self.unfold(lr_msi)[0]

    def unfold(self, lr_msi: Tensor) -> tuple[Tensor, list[State]]:
        """The HR-HSI and the states of the four stages."""
        states = [self.first(lr_msi)]
        for stage in (self.middle, self.middle, self.last):
            states.append(stage(lr_msi, states[-1]))
        fused = self.fuse(torch.cat([state.x for state in states], dim=1))
        return self.out(fused + self.skip(self.skip_up(lr_msi))), states

    def loss(self, batch: Patches) -> Tensor:
        """Deep supervision: |out - X| + 0.2 (|y4 - Y| + |z4 - Z|) + 0.1 sum over k = 1..3 of |xk - X| + |yk - Y| + |zk - Z|."""
        out, states = self.unfold(batch.lr_msi)
        *early, last = states
        loss = l1(out, batch.hr_hsi) + 0.2 * (l1(last.y, batch.hr_msi) + l1(last.z, batch.lr_hsi))
        for state in early:
            loss = loss + 0.1 * (l1(state.x, batch.hr_hsi) + l1(state.y, batch.hr_msi) + l1(state.z, batch.lr_hsi))
        return loss
