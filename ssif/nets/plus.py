"""SSIF+: SSIF on top of a linear spectral map of the bicubically sampled input. Ours, not the paper's."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ssif.bands import Bands
from ssif.data.patches import TrainingSet
from ssif.nets.linear import LinearSpectra
from ssif.nets.spectral import Readout
from ssif.nets.ssif import SSIF


class SSIFPlus(SSIF):
    """SSIF that learns what a linear map of the bicubically sampled MSI leaves over: values = map + SSIF's output / 2.

    bands: those of the data set, to which the map is fitted before training (`fit`) and from which it is resampled to
    the bands asked for; the others are SSIF's arguments. Exact for any scale and bands: nothing in it knows of a grid.
    """

    name = "SSIF+"

    def __init__(self, channels: int, *, bands: Bands, **sizes):
        super().__init__(channels, **sizes)
        self.arguments |= {"bands": bands.edges.tolist()}
        self.linear = LinearSpectra(channels, bands)

    def fit(self, data: TrainingSet) -> None:
        """Fit the linear map."""
        self.linear.fit(data)

    def encode(self, lr_msi: Tensor) -> tuple[Tensor, Tensor]:
        return super().encode(lr_msi), lr_msi

    def trunk(self, encoded: tuple[Tensor, Tensor], query: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """SSIF's hidden activations and the bicubically sampled MSI [N, Q, c]."""
        table, lr_msi = encoded
        return super().trunk(table, query, cell), sample_bicubic(lr_msi, query)

    def readout(self, bands: Bands, generator: torch.Generator | None = None) -> Readout:
        residual = super().readout(bands, generator)
        weight, bias = self.linear.to_bands(bands)

        def values(trunk: tuple[Tensor, Tensor]) -> Tensor:
            hidden, msi = trunk
            with torch.autocast(msi.device.type, enabled=False):
                linear = F.linear(msi, weight, bias)
            # From [0, 1] to the field's [-1, 1], in float32 whatever the network's precision.
            return residual(hidden).float() + (2 * linear - 1)

        return values


def sample_bicubic(image: Tensor, query: Tensor) -> Tensor:
    """Image [N, c, h, w] at query [N, Q, 2] as (y, x) in [-1, 1]: [N, Q, c], on a pixel grid equal to a bicubic resize."""
    options = {"mode": "bicubic", "padding_mode": "border", "align_corners": False}
    with torch.autocast(image.device.type, enabled=False):
        return F.grid_sample(image.to(query), query.flip(-1)[:, :, None], **options)[..., 0].transpose(1, 2)
