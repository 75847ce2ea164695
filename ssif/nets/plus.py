"""SSIF+, not in the paper: space and spectrum apart (docs/protocol.md).

A field adds to the bicubically sampled MSI what is missing of the *measured* channels. A map then makes the spectrum of each
pixel from its channels, for any bands, through SSIF's spectral encoder. The map is homogeneous: a pixel twice as bright has
nearly the same spectrum, twice as bright, so dark pixels are learned as well as bright ones.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssif.bands import Bands
from ssif.data.patches import Queries, TrainingSet
from ssif.nets.bilinear import sample
from ssif.nets.field import NeuralField
from ssif.nets.linear import LinearSpectra
from ssif.nets.spectral import Readout, SpectralEncoder
from ssif.response import sample as wavelengths_of

DARK = 1e-3  # added to the brightness of a pixel, a sum over channels in [0, 1]: below it, noise decides a colour
FLOOR = 1e-5  # added to the mean squared error of a crop and band, 50 dB: what is better does not count much
ANGLE = 3.0  # weight of the spectral angle in radians; 1 to 10 were tried (results/reference/cave-ssif-plus)


class SSIFPlus(NeuralField):
    """One model for every scale and every set of bands.

    bands: those of the data set, to which the linear part of the map is fitted before training (`fit`). hidden: width of the
    field; dim: width of the map and dimension of the spectral embeddings. The other sizes are SSIF's; a band is sampled as
    in RF-UF, at k fixed wavelengths.
    """

    name = "SSIF+"  # in the card of its weights

    def __init__(
        self,
        channels: int,
        *,
        bands: Bands,
        encoder: dict,
        hidden: int,
        dim: int,
        spectral_hidden: int,
        frequencies: int,
        lambda_min: float,
        lambda_max: float,
        k: int = 16,
        pixel_decoder: str = "bilinear",
    ):
        # What builds the same network again (`ssif.pretrained`).
        self.arguments = {name: value for name, value in locals().items() if name not in ("self", "__class__")}
        self.arguments |= {"bands": bands.edges.tolist()}
        super().__init__(2 * channels + 1, encoder, pixel_decoder, hidden, out=channels + dim)
        self.channels, self.k = channels, k
        self.linear = LinearSpectra(channels, bands, intercept=False)
        self.first = nn.Linear(channels + 1, dim)
        self.middle = nn.ModuleList(nn.Linear(dim, dim) for _ in range(2))
        self.spectral_encoder = SpectralEncoder(dim + 1, spectral_hidden, frequencies, lambda_min, lambda_max)
        # Untrained it is bicubic sampling and the linear map.
        for layer in (self.decoder.last, self.spectral_encoder.mlp[-1]):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def fit(self, data: TrainingSet) -> None:
        """Fit the linear part of the map."""
        self.linear.fit(data)

    def encode(self, lr_msi: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The decoder's table, the LR-MSI and, of each LR pixel, the brightest of the 3x3 around it [N, 1, h, w]."""
        colour, brightness = _colour(lr_msi.movedim(1, -1))
        inputs = torch.cat([2 * lr_msi.clamp(min=0).sqrt() - 1, colour.movedim(-1, 1)], dim=1)
        brightest = F.max_pool2d(brightness.movedim(-1, 1), 3, stride=1, padding=1)
        return self.decoder.prepare(self.encoder(inputs)), lr_msi, brightest

    def trunk(
        self, encoded: tuple[Tensor, Tensor, Tensor], query: Tensor, cell: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The super-resolved MSI [N, Q, c], its brightness [N, Q, 1] and the map's last hidden activations [N, Q, dim]."""
        table, lr_msi, brightest = encoded
        out = self.decoder.last(self.decoder(table, query, cell)).float()
        residual, context = out.split([self.channels, out.shape[-1] - self.channels], dim=-1)
        msi = sample(lr_msi, query, "bicubic") + residual * sample(brightest, query, "bilinear")
        colour, brightness = _colour(msi)
        x = (self.first(colour) + context).relu()
        for layer in self.middle:
            x = layer(x).relu()
        return msi, brightness, x

    def readout(self, bands: Bands, generator: torch.Generator | None = None) -> Readout:
        """values = brightness * (embedding . hidden + offset) + linear map of the MSI."""
        wavelengths, response = wavelengths_of("RF-UF", bands, self.k)
        embeddings = self.spectral_encoder(wavelengths.to(self.linear.weight.device))
        embeddings = (response.to(embeddings)[..., None] * embeddings).sum(dim=1)
        linear, _ = self.linear.to_bands(bands)

        def values(trunk: tuple[Tensor, Tensor, Tensor]) -> Tensor:
            msi, brightness, hidden = trunk
            spectrum = F.linear(hidden, embeddings[:, :-1], embeddings[:, -1]).float()
            with torch.autocast(msi.device.type, enabled=False):
                # From [0, 1] to the field's [-1, 1].
                return 2 * (brightness * spectrum + F.linear(msi, linear)) - 1

        return values

    def loss(self, batch: Queries) -> Tensor:
        """Mean over crops and bands of the log of the mean squared error, which is PSNR up to sign, and the spectral angle."""
        values = self(batch.lr_msi, batch.query, batch.cell, batch.bands, batch.generator)
        error = ((values - batch.target) ** 2).mean(dim=1)
        # Of parallel spectra the angle has no gradient: short of it the cosine is cut.
        cosine = F.cosine_similarity(values, batch.target, dim=-1, eps=1e-9).clamp(-1 + 1e-6, 1 - 1e-6)
        return (error + FLOOR).log().mean() + ANGLE * cosine.acos().mean()


def _colour(msi: Tensor) -> tuple[Tensor, Tensor]:
    """Of an MSI [..., c]: colour [..., c + 1], the share of each channel and the log of the brightness, and brightness
    [..., 1], the sum of the channels."""
    brightness = msi.clamp(min=0).sum(dim=-1, keepdim=True) + DARK
    return torch.cat([msi.shape[-1] * msi / brightness - 1, brightness.log() / 3], dim=-1), brightness
