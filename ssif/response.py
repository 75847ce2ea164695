"""Response functions and wavelength samplers of the SSIF variants (paper section 5.1, Equations 3 and 6).

The value of a band is sum_k rho(lambda_k) * radiance(lambda_k) over K wavelengths in its interval. Here sum_k rho = 1 for
each band, because targets are band averages in [0, 1] for bands of any width.
"""

import math

import torch
from torch import Tensor

from ssif.bands import Bands

# The first letter after RF is the response, Gaussian (sigma = width / 6, mean = centre) or uniform; the second says whether
# wavelengths are sampled anew (S), at fixed places (F), or whether the response is integrated over the Fourier features
# (I, `damping`). RF-GI and RF-UI are not in the paper.
VARIANTS = ("M", "RF-GS", "RF-GF", "RF-US", "RF-UF", "RF-GI", "RF-UI")
INTEGRATED = ("RF-GI", "RF-UI")


def sample(variant: str, bands: Bands, k: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    """Wavelengths [C, K] in nm and weights [C, K] summing to 1 over K, float64 on the CPU.

    M, GI and UI take the middle of each band (K = 1). GF and UF take the middles of K equal parts, and are M for K = 1. GS draws
    from the Gaussian truncated to the interval, US uniformly, with a CPU `generator`. GS has Gaussian samples and Gaussian
    weights, as the paper writes it, and so an effective sigma of width / (6 * sqrt(2)).
    """
    start, end = torch.tensor(bands.edges).unbind(-1)
    if variant == "M" or variant in INTEGRATED:
        return ((start + end) / 2)[:, None], torch.ones(len(bands), 1, dtype=torch.float64)
    if variant in ("RF-GF", "RF-UF"):
        place = ((torch.arange(k, dtype=torch.float64) + 0.5) / k).expand(len(bands), k)
    else:
        place = torch.rand(len(bands), k, dtype=torch.float64, generator=generator)
        if variant == "RF-GS":
            # The interval is +-3 sigma. The inverse normal distribution between these draws from the truncated Gaussian.
            low, high = torch.special.ndtr(torch.tensor([-3.0, 3.0], dtype=torch.float64))
            place = torch.special.ndtri(low + place * (high - low)) / 6 + 0.5
    wavelengths = start[:, None] + place * (end - start)[:, None]
    if variant in ("RF-US", "RF-UF"):
        return wavelengths, torch.full_like(wavelengths, 1 / k)
    rho = torch.exp(-0.5 * ((place - 0.5) * 6) ** 2)
    return wavelengths, rho / rho.sum(dim=1, keepdim=True)


def damping(variant: str, bands: Bands, factors: Tensor) -> Tensor:
    """Factors [C, T], float64, by which a mean over a band damps sin(x / s) and cos(x / s) of the T `factors` s, in nm.

    RF-UI: sinc(width / (2 s)), the mean over the interval. RF-GI: exp(-sigma^2 / (2 s^2)), the mean under a Gaussian that is
    not truncated. All other variants: 1.
    """
    phase = torch.tensor(bands.widths, device=factors.device)[:, None] / factors.double()
    if variant == "RF-UI":
        return torch.sinc(phase / (2 * torch.pi))
    return torch.exp(-0.5 * (phase / 6) ** 2) if variant == "RF-GI" else torch.ones_like(phase)


def nyquist_factor(width: float) -> float:
    """Default `lambda_min` in nm for training bands of this width, with which the shortest period is two band widths."""
    return width / math.pi
