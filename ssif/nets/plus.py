"""SSIF+, not in the paper: space and spectrum apart (docs/protocol.md).

A field adds detail to the bicubically sampled MSI, in the *measured* channels. A map then makes the spectrum of each pixel from
its channels, for any bands, with SSIF's spectral encoder. The map is nearly homogeneous: a pixel twice as bright has about
the same spectrum, twice as bright. So dark pixels are learned as well as bright pixels.

The field is trained first, for many steps and on the channels alone. The map is trained next, on the training scenes as the
finished field makes them, and for few steps: scenes hold many places but few materials, so the spectra overfit first. Maps with
other initial weights make other errors on new materials, so SSIF+ takes the mean of five maps.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssif.bands import Bands
from ssif.coordinates import pixel_coordinates
from ssif.data.degrade import downsample
from ssif.data.patches import Queries, TrainingSet
from ssif.nets.bilinear import interpolate
from ssif.nets.field import NeuralField
from ssif.nets.linear import LinearSpectra
from ssif.nets.spectral import Readout, SpectralEncoder
from ssif.response import sample

DARK = 1e-3  # added to the brightness, a sum over channels in [0, 1]; below it, the colour of a pixel is mostly noise
FLOOR = 1e-6  # added to the mean squared error of a scene and band, so that errors above 60 dB count little
PLACES = 8192  # pixels per scene and scale that the map sees
MAPS = 5  # maps that differ in their initial weights: 0.1 dB and 0.2 degrees better than one (results/reference/cave-ssif-plus)
ANGLE = 3.0  # weight of the spectral angle in radians; 1 to 10 were tried (results/reference/cave-ssif-plus)


@dataclass(frozen=True)
class Pixels:
    """Pixels of scenes as the field makes them: msi [S, N, c], hidden activations [S, N, h], true spectra target [S, N, C] in
    [0, 1]; scenes [S]: the numbers of the scenes."""

    msi: Tensor
    hidden: Tensor
    target: Tensor
    bands: Bands
    scenes: Tensor


class SSIFPlus(NeuralField):
    """One model for every scale and every set of bands.

    bands: the bands of the data set, to which the linear part of the map is fitted before training (`fit`). hidden: width of
    the field; dim: width of the map and dimension of the spectral embeddings; all other sizes as in SSIF. A band is sampled at
    k fixed wavelengths, as in RF-UF.
    """

    name = "SSIF+"  # in the card of the weights

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
        # These arguments build the same network again (`ssif.pretrained`).
        self.arguments = {name: value for name, value in locals().items() if name not in ("self", "__class__")}
        self.arguments |= {"bands": bands.edges.tolist()}
        super().__init__(2 * channels + 1, encoder, pixel_decoder, hidden, out=channels)
        encoder = partial(SpectralEncoder, dim + 1, spectral_hidden, frequencies, lambda_min, lambda_max)
        self.spectra = Spectra(LinearSpectra(channels, bands, DARK), hidden, dim, encoder, k)
        _start_at_zero(self.decoder.last)

    def fit(self, data: TrainingSet) -> None:
        """Fit the linear part of the map."""
        self.spectra.linear.fit(data)

    def encode(self, lr_msi: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The decoder's table, the LR-MSI and the largest brightness [N, 1, h, w] in the 3x3 window of each LR pixel."""
        colour, brightness = _colour(lr_msi.movedim(1, -1))
        inputs = torch.cat([2 * lr_msi.clamp(min=0).sqrt() - 1, colour.movedim(-1, 1)], dim=1)
        brightest = F.max_pool2d(brightness.movedim(-1, 1), 3, stride=1, padding=1)
        return self.decoder.prepare(self.encoder(inputs)), lr_msi, brightest

    def super_resolve(
        self, encoded: tuple[Tensor, Tensor, Tensor], query: Tensor, cell: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The super-resolved MSI [N, Q, c] and the last hidden activations of the field [N, Q, h]."""
        table, lr_msi, brightest = encoded
        hidden = self.decoder(table, query, cell)
        residual = self.decoder.last(hidden).float()
        return interpolate(lr_msi, query, "bicubic") + residual * interpolate(brightest, query, "bilinear"), hidden

    def trunk(
        self, encoded: tuple[Tensor, Tensor, Tensor], query: Tensor, cell: Tensor
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """The result of `Spectra.forward`."""
        return self.spectra(*self.super_resolve(encoded, query, cell))

    def readout(self, bands: Bands, generator: torch.Generator | None = None) -> Readout:
        return self.spectra.readout(bands)

    def loss(self, batch: Queries) -> Tensor:
        """The loss of the field: mean L1 on the measured channels."""
        msi, _ = self.super_resolve(self.encode(batch.lr_msi), batch.query, batch.cell)
        return (msi - batch.msi).abs().mean()

    @torch.no_grad()
    def pixels(self, data: TrainingSet, scale: float, antialias: bool, draws: torch.Generator) -> Pixels:
        """PLACES random pixels of each training scene, decimated by `scale` and super-resolved, from which the map learns."""
        scenes, height, width = data.msi.shape[:3]
        size, device = (max(round(height / scale), 1), max(round(width / scale), 1)), data.msi.device
        chosen = torch.randint(height * width, (scenes, PLACES), generator=draws).to(device)
        if data.known is not None:
            # Each number stands for a pixel with data.
            chosen = torch.stack(
                [places[one % len(places)] for one, places in zip(chosen, map(_known_pixels, data.known))]
            )
        query, cell = pixel_coordinates(chosen, height, width), torch.tensor([[2 / height, 2 / width]], device=device)
        made = [
            self.super_resolve(self.encode(downsample(image.movedim(-1, 0)[None], size, antialias)), places[None], cell)
            for image, places in zip(data.msi, query)
        ]
        msi, hidden = (torch.cat(parts) for parts in zip(*made))
        target = data.hsi.flatten(1, 2)[torch.arange(scenes, device=device)[:, None], chosen]
        return Pixels(msi, hidden, target, data.bands, torch.arange(scenes))


class Spectra(nn.Module):
    """The spectra of the field's pixels: the linear map and the mean of MAPS maps. hidden: width of the field."""

    # Ten times as many steps lose 0.3 dB on unseen scenes (results/reference/cave-ssif-plus).
    steps, rate = 1000, 3e-3

    def __init__(self, linear: LinearSpectra, hidden: int, dim: int, encoder: Callable[[], SpectralEncoder], k: int):
        super().__init__()
        self.linear, self.k = linear, k
        self.maps = nn.ModuleList(SpectralMap(linear.weight.shape[1], hidden, dim, encoder()) for _ in range(MAPS))

    def forward(self, msi: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        """The MSI, its brightness [N, Q, 1] and the last hidden activations [N, Q, dim] of each map."""
        colour, brightness = _colour(msi)
        return msi, brightness, [one(colour, hidden) for one in self.maps]

    def readout(self, bands: Bands) -> Readout:
        """The function from the result of `forward` to the mean of the values of all maps, in the [-1, 1] of `NeuralField`."""
        values = self.readout_each(bands)
        return lambda trunk: 2 * sum(values(trunk)) / MAPS - 1

    def readout_each(self, bands: Bands) -> Callable[[tuple[Tensor, Tensor, list[Tensor]]], list[Tensor]]:
        """As `readout`, for each map: brightness * (embedding . hidden + offset) + linear map of the MSI, in [0, 1]."""
        wavelengths, response = sample("RF-UF", bands, self.k)
        wavelengths, response = wavelengths.to(self.linear.weight.device), response.to(self.linear.weight)
        embeddings = [(response[..., None] * one.encoder(wavelengths)).sum(dim=1) for one in self.maps]
        weight, bias = self.linear.to_bands(bands)

        def values(trunk: tuple[Tensor, Tensor, list[Tensor]]) -> list[Tensor]:
            msi, brightness, hidden = trunk
            with torch.autocast(msi.device.type, enabled=False):
                straight = F.linear(msi, weight, bias)
            spectra = [F.linear(x, e[:, :-1], e[:, -1]).float() for x, e in zip(hidden, embeddings)]
            return [straight + brightness * spectrum for spectrum in spectra]

        return values

    def loss(self, batch: Pixels) -> Tensor:
        """The log of the mean squared error, which is PSNR up to its sign, and the spectral angle, as means over scenes and bands.

        Each map is trained as if it were alone.
        """
        values = torch.stack(self.readout_each(batch.bands)(self(batch.msi, batch.hidden)))
        error = ((values - batch.target) ** 2).mean(dim=2)
        # The angle of parallel spectra has no gradient, so the cosine is cut just below 1.
        cosine = F.cosine_similarity(values, batch.target[None], dim=-1, eps=1e-9).clamp(-1 + 1e-6, 1 - 1e-6)
        return (error + FLOOR).log().mean() + ANGLE * cosine.acos().mean()


class SpectralMap(nn.Module):
    """Colour [N, Q, c + 1] and hidden activations of the field [N, Q, h] -> hidden [N, Q, dim] for the product with embeddings."""

    def __init__(self, channels: int, hidden: int, dim: int, encoder: SpectralEncoder):
        super().__init__()
        self.encoder = encoder
        self.first = nn.Linear(channels + 1, dim)
        self.context = nn.Linear(hidden, dim, bias=False)
        self.middle = nn.ModuleList(nn.Linear(dim, dim) for _ in range(2))
        _start_at_zero(self.context, encoder.mlp[-1])

    def forward(self, colour: Tensor, hidden: Tensor) -> Tensor:
        x = (self.first(colour) + self.context(hidden)).relu()
        for layer in self.middle:
            x = layer(x).relu()
        return x


def _known_pixels(known: Tensor) -> Tensor:
    """Flat indices of the pixels of a scene [H, W] that have data."""
    return known.flatten().nonzero()[:, 0]


def _start_at_zero(*layers: nn.Linear) -> None:
    """Before training, SSIF+ is then bicubic sampling and the linear map."""
    for layer in layers:
        for parameter in layer.parameters():
            nn.init.zeros_(parameter)


def _colour(msi: Tensor) -> tuple[Tensor, Tensor]:
    """Colour [..., c + 1] and brightness [..., 1] of an MSI [..., c].

    The colour is the share of each channel and the log of the brightness; the brightness is the sum of the channels.
    """
    brightness = msi.clamp(min=0).sum(dim=-1, keepdim=True) + DARK
    return torch.cat([msi.shape[-1] * msi / brightness - 1, brightness.log() / 3], dim=-1), brightness
