"""Spatial-Spectral Implicit Function (paper section 4): an image over continuous coordinates and wavelengths."""

import torch

from ssif.bands import Bands
from ssif.errors import choose
from ssif.nets.field import NeuralField
from ssif.nets.spectral import SPECTRAL_DECODERS, Readout, SpectralEncoder
from ssif.response import VARIANTS, damping, sample


class SSIF(NeuralField):
    """One model for every scale and every set of bands.

    variant: M, RF-GS, RF-GF, RF-US, RF-UF, RF-GI or RF-UI (`ssif.response`); k: wavelengths per band, for variants that
    sample; dim: d of paper Equation 4; spectral_decoder: D (dot product) or C (concatenation); lambda_min, lambda_max: in nm
    (Equation 9).
    """

    name = "SSIF"  # in the card of the weights

    def __init__(
        self,
        channels: int,
        *,
        variant: str,
        encoder: dict,
        pixel_decoder: str,
        hidden: int,
        dim: int,
        spectral_decoder: str,
        spectral_hidden: int,
        frequencies: int,
        lambda_min: float,
        lambda_max: float,
        k: int = 16,
    ):
        # These arguments build the same network again (`ssif.pretrained`).
        self.arguments = {name: value for name, value in locals().items() if name not in ("self", "__class__")}
        super().__init__(channels, encoder, pixel_decoder, hidden, out=dim)
        self.variant = choose("SSIF variant", variant, VARIANTS)
        self.k = k
        self.spectral_encoder = SpectralEncoder(dim, spectral_hidden, frequencies, lambda_min, lambda_max)
        decoder = SPECTRAL_DECODERS[choose("spectral decoder", spectral_decoder, SPECTRAL_DECODERS)]
        self.spectral_decoder = decoder(dim, hidden)

    def readout(self, bands: Bands, generator: torch.Generator | None = None) -> Readout:
        """Equations 3 and 6. Without a generator (evaluation) GS and US draw the same wavelengths in every call."""
        wavelengths, response = sample(self.variant, bands, self.k, generator or torch.Generator().manual_seed(0))
        weight, encoder = next(self.parameters()), self.spectral_encoder
        embeddings = encoder(wavelengths.to(weight.device), damping(self.variant, bands, encoder.factors)[:, None])
        return self.spectral_decoder.readout(embeddings, response.to(weight), self.decoder.fold)
