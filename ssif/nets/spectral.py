"""Spectral encoder E_lambda (paper A.2, Equations 5, 8, 9) and spectral decoders D_x,lambda (Equation 6, A.7)."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssif.nets.concat import ConcatDecoder


class SpectralEncoder(nn.Module):
    """Wavelengths [...] in nm -> embeddings [..., dim]: Fourier features, then an MLP with one hidden layer.

    The scaling factors run geometrically from `lambda_min` to `lambda_max` (nm) in `frequencies` steps, Equation 9.
    """

    def __init__(self, dim: int, hidden: int, frequencies: int, lambda_min: float, lambda_max: float):
        super().__init__()
        steps = torch.arange(frequencies, dtype=torch.float64) / max(frequencies - 1, 1)
        factors = lambda_min * (lambda_max / lambda_min) ** steps
        self.register_buffer("factors", factors, persistent=False)
        self.mlp = nn.Sequential(nn.Linear(2 * frequencies, hidden), nn.ReLU(), nn.Linear(hidden, dim))

    def features(self, wavelengths: Tensor, damping: Tensor | float = 1.0) -> Tensor:
        """Psi of Equation 9: [..., 2 * frequencies], sine and cosine of each factor side by side, float64.

        damping [..., frequencies]: multiplies both, for a band instead of a wavelength (`ssif.response.damping`).
        """
        phase = wavelengths.double()[..., None] / self.factors.double()
        return torch.stack([phase.sin() * damping, phase.cos() * damping], dim=-1).flatten(-2)

    def forward(self, wavelengths: Tensor, damping: Tensor | float = 1.0) -> Tensor:
        # Phases reach hundreds of radians, so they are taken in float64 and only the features are cast.
        return self.mlp(self.features(wavelengths, damping).to(self.mlp[0].weight.dtype))


Readout = Callable[[Tensor], Tensor]


class DotDecoder(nn.Module):
    """Variant D with one layer: radiance = embedding . pixel feature.

    The response-weighted sum over the K wavelengths is applied to the embeddings, and the last layer of the pixel decoder
    folds in, which gives one matrix [C, hidden] per image for any K and d.
    """

    def __init__(self, dim: int, hidden: int):
        super().__init__()

    def readout(self, embeddings: Tensor, response: Tensor, fold) -> Readout:
        """The function from hidden [..., h] to values [..., C], for embeddings [C, K, dim], response [C, K] and the pixel
        decoder's `fold`."""
        weight, bias = fold((response[..., None] * embeddings).sum(dim=1))
        return lambda hidden: F.linear(hidden, weight, bias)


SPECTRAL_DECODERS = {"D": DotDecoder, "C": ConcatDecoder}
