"""LIIF with C outputs (Chen et al. 2021, arXiv 2012.09161; paper A.4), for any scale and one set of bands."""

from functools import partial

import torch.nn.functional as F

from ssif.bands import Bands
from ssif.errors import UserError
from ssif.nets.field import NeuralField
from ssif.nets.spectral import Readout


class LIIF(NeuralField):
    """Encoder, pixel decoder and a last layer with one output per band; `bands`: the C bands of its training."""

    name = "LIIF"  # in the card of the weights
    pixel_decoder = "liif"

    def __init__(self, channels: int, *, bands: Bands, encoder: dict, hidden: int):
        # These arguments build the same network again (`ssif.pretrained`).
        self.arguments = {"channels": channels, "bands": bands.edges.tolist(), "encoder": encoder, "hidden": hidden}
        super().__init__(channels, encoder, self.pixel_decoder, hidden, out=len(bands))
        self.bands = bands

    def readout(self, bands: Bands, generator=None) -> Readout:
        """The last layer. Raises UserError for other bands than those of the training."""
        if bands != self.bands:
            raise UserError(
                f"this {self.name} was trained for {self.bands}, not for {bands}; train one model for each C"
            )
        return partial(F.linear, weight=self.decoder.last.weight, bias=self.decoder.last.bias)
