"""SSJSR, joint spatial-spectral super-resolution by 3-D convolutions (Mei et al. 2020, TGRS 58).

No code and no layer table of it can be had: the families (joint; spatial then spectral; spectral then spatial) and the
L1 loss are the paper's, **the layer sizes are ours**. It is called "SSJSR-style, layer sizes ours" wherever it is printed.
"""

import math

from torch import Tensor, nn

from baselines.grid import GridNetwork, l1
from baselines.scales import prime_factors
from baselines.us3rn import US3RN
from ssif.data.patches import Patches
from ssif.errors import choose

VARIANTS = ("sim", "sep1", "sep2")


class Residual(nn.Module):
    """shallow = ReLU(head(x)), then shallow + blocks(shallow), each block x + conv(ReLU(conv(x))); `conv` 2-D or 3-D."""

    def __init__(self, conv: type[nn.Module], inputs: int, width: int, blocks: int):
        super().__init__()
        self.head = conv(inputs, width, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(conv(width, width, 3, padding=1), nn.ReLU(), conv(width, width, 3, padding=1))
            for _ in range(blocks)
        )

    def forward(self, x: Tensor) -> Tensor:
        shallow = x = self.head(x).relu()
        for block in self.blocks:
            x = x + block(x)
        return shallow + x


class SpatialUp(nn.Module):
    """Volumes [N, width, D, h, w] -> [N, D, p h, p w]: a transposed convolution for each prime factor q, then one to 1."""

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


class Spatial(nn.Module):
    """[N, D, h, w] -> [N, D, p h, p w]; the bands are the depth of a volume, so any number of them."""

    def __init__(self, scale: int, width: int, blocks: int):
        super().__init__()
        self.features = Residual(nn.Conv3d, 1, width, blocks)
        self.up = SpatialUp(width, scale)

    def forward(self, x: Tensor) -> Tensor:
        return self.up(self.features(x[:, None]))


class Spectral(nn.Module):
    """[N, c, h, w] -> [N, bands, h, w] by 2-D convolutions."""

    def __init__(self, msi_bands: int, bands: int, width: int, blocks: int):
        super().__init__()
        self.features = Residual(nn.Conv2d, msi_bands, width, blocks)
        self.out = nn.Conv2d(width, bands, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.features(x))


class Joint(nn.Module):
    """LR-MSI as a volume of depth c: features, spectral step to depth C, spatial steps, all 3-D convolutions.

    The spectral step has taps of its own for each output band (kernel = stride): a shift-invariant one could not place
    C bands between a few input bands.
    """

    def __init__(self, msi_bands: int, bands: int, scale: int, width: int, inner: int, blocks: int):
        super().__init__()
        self.bands = bands
        self.features = Residual(nn.Conv3d, 1, width, blocks)
        step = math.ceil(bands / msi_bands)
        self.spectral_up = nn.ConvTranspose3d(width, width, (step, 1, 1), stride=(step, 1, 1))
        self.narrow = nn.Conv3d(width, inner, 3, padding=1)
        self.up = SpatialUp(inner, scale)

    def forward(self, x: Tensor) -> Tensor:
        x = self.spectral_up(self.features(x[:, None]))
        first = (x.shape[2] - self.bands) // 2
        x = x[:, :, first : first + self.bands].relu()
        return self.up(self.narrow(x).relu())


class SSJSR(GridNetwork):
    """LR-MSI [N, c, h, w] -> HR-HSI [N, C, p h, p w].

    variant: "sim" (joint, the default), "sep1" (spatial, then spectral) or "sep2" (the reverse). The separate ones also
    learn the image between their two parts. width, inner: channels at low and at high resolution (sep: width alone, and
    twice of it in the spectral part). The defaults have 261,761 parameters for c = 3, C = 31, p = 4.
    """

    # For a fair budget.
    decay = staticmethod(US3RN.decay)

    def __init__(
        self,
        msi_bands: int,
        bands: int,
        scale: int,
        *,
        variant: str = "sim",
        width: int = 32,
        inner: int = 16,
        blocks: int = 4,
    ):
        super().__init__()
        choose("SSJSR variant", variant, VARIANTS)
        if variant == "sim":
            self.parts = nn.ModuleList([Joint(msi_bands, bands, scale, width, inner, blocks)])
            return
        spatial, spectral = Spatial(scale, width, blocks), Spectral(msi_bands, bands, 2 * width, blocks)
        self.parts = nn.ModuleList([spatial, spectral] if variant == "sep1" else [spectral, spatial])
        self.between = "hr_msi" if variant == "sep1" else "lr_hsi"

    def forward(self, lr_msi: Tensor) -> Tensor:
        return self.images(lr_msi)[-1]

    def images(self, lr_msi: Tensor) -> list[Tensor]:
        """What each part gives; the last is the HR-HSI."""
        images, x = [], lr_msi
        for part in self.parts:
            images.append(x := part(x))
        return images

    def loss(self, batch: Patches) -> Tensor:
        """L1 on the HR-HSI; a separate variant adds L1, weight 1, on the image between its parts."""
        *between, hr_hsi = self.images(batch.lr_msi)
        loss = l1(hr_hsi, batch.hr_hsi)
        return loss + l1(between[0], getattr(batch, self.between)) if between else loss
