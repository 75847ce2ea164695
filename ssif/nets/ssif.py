"""Spatial-Spectral Implicit Function (paper section 4): an image over continuous coordinates and wavelengths."""

import torch

from ssif.bands import Bands
from ssif.errors import choose
from ssif.nets.field import NeuralField
from ssif.nets.spectral import SPECTRAL_DECODERS, Readout, SpectralEncoder
from ssif.response import VARIANTS, sample


class SSIF(NeuralField):
    """One model for every scale and every set of bands.

    variant: M, RF-GS, RF-GF, RF-US or RF-UF (`ssif.response`); k: wavelengths a band; dim: d of paper Equation 4;
    spectral_decoder: D (dot product) or C (concatenation); lambda_min and lambda_max in nm (Equation 9).
    """

    def __init__(
        self,
        channels: int,
        *,
        variant: str,
        k: int,
        encoder: dict,
        pixel_decoder: str,
        hidden: int,
        dim: int,
        spectral_decoder: str,
        spectral_hidden: int,
        frequencies: int,
        lambda_min: float,
        lambda_max: float,
    ):
        super().__init__(channels, encoder, pixel_decoder, hidden, out=dim)
        self.variant = choose("SSIF variant", variant, VARIANTS)
        self.k = k
        self.spectral_encoder = SpectralEncoder(dim, spectral_hidden, frequencies, lambda_min, lambda_max)
        decoder = SPECTRAL_DECODERS[choose("spectral decoder", spectral_decoder, SPECTRAL_DECODERS)]
        self.spectral_decoder = decoder(dim, hidden)

    def readout(self, bands: Bands, generator: torch.Generator | None = None) -> Readout:
        """Equations 3 and 6. Without a generator (evaluation) GS and US draw the same wavelengths every time."""
        wavelengths, response = sample(self.variant, bands, self.k, generator or torch.Generator().manual_seed(0))
        weight = next(self.parameters())
        embeddings = self.spectral_encoder(wavelengths.to(weight.device))
        return self.spectral_decoder.readout(embeddings, response.to(weight), self.decoder.fold)
