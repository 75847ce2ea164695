"""MoG-DCN, fusion of an LR-HSI and an HR-MSI by an unfolded algorithm (Dong et al. 2021, TIP 30).

The observation model is Y = H X (blur and decimation) and Z = R X (response of the sensor). The network knows neither H nor R
and learns both and their transposes. Each stage has two passes of a U-Net, and all passes share its weights.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.grid import GridNetwork

STAGES = 4


class Encoder(nn.Module):
    """[N, w, h, v] -> the skip map [N, 2 w, h, v] and the next level [N, w, ceil(h / 2), ceil(v / 2)]."""

    def __init__(self, width: int, bottom: bool = False):
        super().__init__()
        self.act = nn.PReLU()
        self.convs = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(3))
        self.map = nn.Conv2d(width, 2 * width, 3, padding=1)
        self.down = None if bottom else nn.Conv2d(2 * width, width, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        for conv in self.convs:
            x = self.act(conv(x))
        skip = self.map(x)
        return skip, None if self.down is None else self.act(self.down(skip))


class Decoder(nn.Module):
    """Upsample [N, inputs, ...] to the size of `skip` [N, 2 w, h, v] and merge both to [N, outputs, h, v]."""

    def __init__(self, inputs: int, width: int, outputs: int, kernel: int):
        super().__init__()
        self.act = nn.PReLU()
        self.up = nn.ConvTranspose2d(inputs, 2 * width, 3, stride=2, padding=1)
        self.convs = nn.ModuleList(nn.Conv2d(n, 2 * width, 3, padding=1) for n in (4 * width, 2 * width, 2 * width))
        self.out = nn.Conv2d(2 * width, outputs, kernel, padding=kernel // 2)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        x = torch.cat([self.up(x, output_size=skip.shape[2:]), skip], dim=1)
        for conv in self.convs:
            x = self.act(conv(x))
        return self.out(x)


class UNet(nn.Module):
    """[N, w, H, W] -> [N, bands, H, W] and the first skip map [N, 2 w, H, W]; four levels and a bottom, for any size."""

    def __init__(self, width: int, bands: int):
        super().__init__()
        self.encoders = nn.ModuleList(Encoder(width) for _ in range(4))
        self.bottom = Encoder(width, bottom=True)
        self.decoders = nn.ModuleList([
            Decoder(2 * width, width, 8 * width, 1),
            Decoder(8 * width, width, 8 * width, 1),
            Decoder(8 * width, width, 8 * width, 1),
            Decoder(8 * width, width, bands, 3),
        ])  # fmt: skip

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        skips = []
        for encoder in self.encoders:
            skip, x = encoder(x)
            skips.append(skip)
        x, _ = self.bottom(x)
        for decoder, skip in zip(self.decoders, reversed(skips)):
            x = decoder(x, skip)
        return x, skips[0]


class MoGDCN(GridNetwork):
    """LR-HSI Y [N, C, h, w] and HR-MSI Z [N, c, p h, p w] -> HR-HSI [N, C, p h, p w]; any integer p.

    The defaults are the official sizes: 7,070,824 parameters for c = 3, C = 31, without the unused scalars of the release.
    kernel: odd side of the kernels of H and its transpose.
    """

    reads, writes = ("lr_hsi", "hr_msi"), "hr_hsi"

    def __init__(self, msi_bands: int, bands: int, scale: int, *, width: int = 64, kernel: int = 13):
        super().__init__()
        self.scale = scale
        self.delta_z, self.eta_z = nn.Parameter(torch.tensor(0.1)), nn.Parameter(torch.tensor(0.9))
        self.delta_x, self.eta_x = nn.Parameter(torch.tensor(0.1)), nn.Parameter(torch.tensor(0.9))
        self.embed = nn.Conv2d(bands, width, 3, padding=1)
        self.unet = UNet(width, bands)
        self.response = nn.Conv2d(bands, msi_bands, 3, padding=1)
        self.response_t = nn.Conv2d(msi_bands, bands, 3, padding=1)
        strided = {"kernel_size": kernel, "stride": scale, "padding": kernel // 2}
        self.blur = nn.Conv2d(bands, bands, **strided)
        self.blur_t = nn.ConvTranspose2d(bands, bands, output_padding=scale - 1, **strided)
        # Passes 2 to 8: an odd pass reads the maps of all stages before, an even pass the map of its own stage.
        maps = [1, 1, 1, 2, 1, 3, 1]
        self.mix = nn.ModuleList(nn.Conv2d((1 + 2 * n) * width, width, 3, padding=1) for n in maps)
        for module in self.modules():
            # As released, for every convolution except the transposed ones.
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_normal_(module.weight)

    def forward(self, lr_hsi: Tensor, hr_msi: Tensor) -> Tensor:
        x = F.interpolate(lr_hsi, scale_factor=self.scale, mode="bicubic", align_corners=False)
        maps: list[Tensor] = []
        for stage in range(STAGES):
            v, skip = self.denoise(x, maps, 2 * stage)
            maps.append(skip)
            z = self.update_z(x, v, hr_msi)
            u, _ = self.denoise(z, maps[-1:], 2 * stage + 1)
            if stage < STAGES - 1:
                x = self.update_x(x, u, lr_hsi, hr_msi)
        return u

    def denoise(self, image: Tensor, maps: list[Tensor], number: int) -> tuple[Tensor, Tensor]:
        """Pass `number` (from 0) of the U-Net: the denoised image and the first encoder map."""
        features = self.embed(image)
        if number > 0:
            features = self.mix[number - 1](torch.cat([features, *maps], dim=1))
        change, skip = self.unet(features)
        return image + change, skip

    def update_z(self, x: Tensor, v: Tensor, hr_msi: Tensor) -> Tensor:
        """A gradient step on |Z - R z|^2 / 2 + |x - z|^2 / 2 + eta |z - v|^2 / 2 from z = x, with the sign of v of the release.

        The energy gives +eta v. The release has -eta v, which at first darkens z to 0.82 x; the U-Net learns to correct this.
        """
        delta, eta = self.delta_z, self.eta_z
        return (1 - delta - delta * eta) * x + delta * self.unseen(x, hr_msi) + delta * (x - eta * v)

    def update_x(self, x: Tensor, u: Tensor, lr_hsi: Tensor, hr_msi: Tensor) -> Tensor:
        """A gradient step on the data terms and eta |x - u|^2 / 2; the weights of H^T learn its sign."""
        delta, eta = self.delta_x, self.eta_x
        blurred = self.blur_t(self.blur(x) - lr_hsi)
        return (1 - delta * eta) * x + delta * (self.unseen(x, hr_msi) + blurred + eta * u)

    def unseen(self, x: Tensor, hr_msi: Tensor) -> Tensor:
        """R^T (Z - R x), the part of Z that x does not explain."""
        return self.response_t(hr_msi - self.response(x))
