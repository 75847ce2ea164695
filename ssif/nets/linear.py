"""A linear spectral map from the channels of an MSI to any bands, by least squares (docs/protocol.md)."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssif.bands import Bands, resampling_matrix
from ssif.data.patches import TrainingSet


class LinearSpectra(nn.Module):
    """An affine map from c channels to the C_max `bands` of the data set, the same for every pixel; fitted, not trained.

    With `dark`, errors count relative to the brightness of a pixel, which is the sum of its channels plus `dark`.
    """

    def __init__(self, channels: int, bands: Bands, dark: float | None = None):
        super().__init__()
        self.bands, self.dark = bands, dark
        self.register_buffer("weight", torch.zeros(len(bands), channels))
        self.register_buffer("bias", torch.zeros(len(bands)))

    def fit(self, data: TrainingSet) -> None:
        """Solve the normal equations of the HR pairs of the training scenes, in float64, one scene at a time.

        Pixels without data are left out. If the MSI has larger pixels than the HSI, the pairs are those of the MSI's pixels.
        """
        data = data.on_msi_grid()
        known = data.msi.shape[-1] + 1
        moments, products = np.zeros((known, known)), np.zeros((known, len(self.bands)))
        for number, (hsi, msi) in enumerate(zip(data.hsi, data.msi)):
            if data.known is not None:
                hsi, msi = hsi[data.known[number]][None], msi[data.known[number]][None]
            x, y = F.pad(msi.flatten(0, 1).double(), (0, 1), value=1), hsi.flatten(0, 1).double()
            if self.dark is not None:
                brightness = x[:, :-1].sum(dim=1, keepdim=True) + self.dark
                x, y = x / brightness, y / brightness
            moments += (x.T @ x).cpu().numpy()
            products += (x.T @ y).cpu().numpy()
        solution = torch.tensor(np.linalg.lstsq(moments, products, rcond=None)[0].T, dtype=torch.float32)
        self.weight.copy_(solution[:, :-1])
        self.bias.copy_(solution[:, -1])

    def to_bands(self, bands: Bands) -> tuple[Tensor, Tensor]:
        """Weight [C, c] and bias [C] of the map to any `bands`: the fitted spectrum, resampled as in the protocol."""
        resampling = torch.tensor(resampling_matrix(self.bands, bands)).to(self.weight)
        with torch.autocast(self.weight.device.type, enabled=False):
            return resampling @ self.weight, resampling @ self.bias
