"""SSJSR, joint spatial-spectral super-resolution by 3-D convolutions (Mei et al. 2020, TGRS 58).

Neither code nor a table of its layers is available: the joint family and the L1 loss are from the paper, **the layer sizes are
ours**. Tables call it "SSJSR-style, layer sizes ours".
"""

import math

from torch import Tensor, nn

from baselines.grid import GridNetwork, prime_factors
from baselines.us3rn import US3RN


class Trunk(nn.Module):
    """shallow = ReLU(head(x)), then shallow + blocks(shallow), each block x + conv(ReLU(conv(x)))."""

    def __init__(self, width: int, blocks: int):
        super().__init__()
        self.head = nn.Conv3d(1, width, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv3d(width, width, 3, padding=1), nn.ReLU(), nn.Conv3d(width, width, 3, padding=1))
            for _ in range(blocks)
        )

    def forward(self, x: Tensor) -> Tensor:
        shallow = x = self.head(x).relu()
        for block in self.blocks:
            x = x + block(x)
        return shallow + x


class SpatialUp(nn.Module):
    """Volumes [N, width, D, h, w] -> [N, D, p h, p w]: a transposed convolution per prime factor of p and one to width 1."""

    def __init__(self, width: int, scale: int):
        super().__init__()
        layers = []
        for q in prime_factors(scale):
            layers += [
                nn.ConvTranspose3d(
                    width, width, (3, 2 * q - 1, 2 * q - 1), stride=(1, q, q), padding=(1, q - 1, q - 1),
                    output_padding=(0, q - 1, q - 1),
                ),
                nn.ReLU(),
            ]  # fmt: skip
        self.steps = nn.Sequential(*layers)
        self.out = nn.Conv3d(width, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.steps(x))[:, 0]


class SSJSR(GridNetwork):
    """LR-MSI [N, c, h, w] -> HR-HSI [N, C, p h, p w], jointly: the MSI is a volume of depth c, and all convolutions are 3-D.

    width, inner: channels at low and at high resolution. The defaults have 261,761 parameters for c = 3, C = 31, p = 4. The
    spectral step to depth C has separate weights for each output band (kernel = stride), because a shift-invariant step could
    not place C bands between a few input bands.
    """

    # The decay of US3RN, so that both joint methods have the same budget.
    decay = staticmethod(US3RN.decay)

    def __init__(self, msi_bands: int, bands: int, scale: int, *, width: int = 32, inner: int = 16, blocks: int = 4):
        super().__init__()
        self.bands = bands
        self.features = Trunk(width, blocks)
        step = math.ceil(bands / msi_bands)
        self.spectral_up = nn.ConvTranspose3d(width, width, (step, 1, 1), stride=(step, 1, 1))
        self.narrow = nn.Conv3d(width, inner, 3, padding=1)
        self.up = SpatialUp(inner, scale)

    def forward(self, lr_msi: Tensor) -> Tensor:
        x = self.spectral_up(self.features(lr_msi[:, None]))
        first = (x.shape[2] - self.bands) // 2
        x = x[:, :, first : first + self.bands].relu()
        return self.up(self.narrow(x).relu())
