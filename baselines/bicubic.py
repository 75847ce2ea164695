"""The sanity row: bicubic upsampling of the LR-MSI and a linear spectral map with intercept (docs/protocol.md)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ssif.bands import Bands
from ssif.nets.linear import LinearSpectra


class BicubicLinear(LinearSpectra):
    """A least-squares map from c to C_max bands, fitted on the HR pairs of the training scenes, for any p and C."""

    def predict(self, lr_msi: Tensor, size: tuple[int, int], bands: Bands) -> Tensor:
        """LR-MSI [N, c, h, w] -> [N, C, H, W], values in [0, 1]."""
        return self.predict_each(lr_msi, size, [bands])[0]

    def predict_each(self, lr_msi: Tensor, size: tuple[int, int], targets: Sequence[Bands]) -> list[Tensor]:
        """`predict` for several sets of bands with one interpolation."""
        hr_msi = F.interpolate(lr_msi, size=size, mode="bicubic", align_corners=False)
        images = []
        for weight, bias in map(self.to_bands, targets):
            image = torch.einsum("kc,nchw->nkhw", weight, hr_msi)
            images.append((image + bias[:, None, None]).clamp_(0, 1))
        return images
