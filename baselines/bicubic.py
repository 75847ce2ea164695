"""The sanity row: bicubic upsampling of the LR-MSI, then a linear spectral map with intercept (docs/protocol.md)."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssif.bands import Bands, resampling_matrix
from ssif.data.patches import TrainingSet


class BicubicLinear(nn.Module):
    """A least-squares map from c to C_max bands, fitted on the HR pairs of the training scenes; serves any p and C."""

    batches = "none"

    def __init__(self, channels: int, *, bands: Bands):
        super().__init__()
        self.bands = bands
        self.register_buffer("weight", torch.zeros(len(bands), channels))
        self.register_buffer("bias", torch.zeros(len(bands)))

    def fit(self, data: TrainingSet) -> None:
        """Solve the normal equations in float64, one scene at a time."""
        channels = data.msi.shape[-1]
        moments = np.zeros((channels + 1, channels + 1))
        products = np.zeros((channels + 1, len(self.bands)))
        for hsi, msi in zip(data.hsi, data.msi):
            x = F.pad(msi.flatten(0, 1).double(), (0, 1), value=1)
            moments += (x.T @ x).cpu().numpy()
            products += (x.T @ hsi.flatten(0, 1).double()).cpu().numpy()
        solution = torch.tensor(np.linalg.lstsq(moments, products, rcond=None)[0].T, dtype=torch.float32)
        self.weight.copy_(solution[:, :-1])
        self.bias.copy_(solution[:, -1])

    def predict(self, lr_msi: Tensor, size: tuple[int, int], bands: Bands) -> Tensor:
        """LR-MSI [N, c, h, w] -> [N, C, H, W], values in [0, 1]."""
        return self.predict_each(lr_msi, size, [bands])[0]

    def predict_each(self, lr_msi: Tensor, size: tuple[int, int], targets: Sequence[Bands]) -> list[Tensor]:
        """`predict` for several sets of bands: the fitted spectrum, resampled to each as the protocol does."""
        hr_msi = F.interpolate(lr_msi, size=size, mode="bicubic", align_corners=False)
        images = []
        for bands in targets:
            weights = torch.tensor(resampling_matrix(self.bands, bands)).to(self.weight)
            image = torch.einsum("kc,nchw->nkhw", weights @ self.weight, hr_msi)
            images.append((image + (weights @ self.bias)[:, None, None]).clamp_(0, 1))
        return images
