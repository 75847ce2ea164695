"""The base of all neural fields over pixel coordinates: encode an image once, query it anywhere, read out bands."""

import inspect
from collections.abc import Sequence
from functools import partial

from torch import Tensor, nn

from ssif.bands import Bands
from ssif.data.patches import Queries
from ssif.errors import choose
from ssif.inference import render
from ssif.nets.bilinear import BilinearDecoder
from ssif.nets.ciaosr import CiaoSRDecoder
from ssif.nets.edsr import EDSR
from ssif.nets.itsrn import ITSRNDecoder
from ssif.nets.liif import LIIFDecoder
from ssif.nets.lte import LTEDecoder
from ssif.nets.rdn import RDN
from ssif.nets.swinir import SwinIR

ENCODERS = {"edsr": EDSR, "rdn": RDN, "swinir": SwinIR}
PIXEL_DECODERS = {
    "liif": LIIFDecoder,
    "itsrn": ITSRNDecoder,
    "bilinear": BilinearDecoder,
    "lte": LTEDecoder,
    "ciaosr": CiaoSRDecoder,
    "ciaosr-nonlocal": partial(CiaoSRDecoder, non_local=True),
}


class NeuralField(nn.Module):
    """Encoder E_I and pixel decoder F_x (paper Equation 4).

    A subclass adds `readout(bands, generator=None)`, which returns the map from the result of `trunk`, hidden [..., h], to
    band values [..., C] in [-1, 1].

    encoder: name and keyword arguments, e.g. {"name": "edsr", "blocks": 16, "channels": 64}. Input and output are in [0, 1],
    the network works in [-1, 1].
    """

    def __init__(self, channels: int, encoder: dict, pixel_decoder: str, hidden: int, out: int):
        super().__init__()
        options = {key: value for key, value in encoder.items() if key != "name"}
        network = ENCODERS[choose("encoder", encoder.get("name", ""), ENCODERS)]
        for key in options:
            choose(f"option of the encoder {encoder['name']}:", key, list(inspect.signature(network).parameters)[1:])
        self.encoder = network(channels, **options)
        decoder = PIXEL_DECODERS[choose("pixel decoder", pixel_decoder, PIXEL_DECODERS)]
        self.decoder = decoder(self.encoder.out_channels, hidden, out)

    @property
    def reach(self) -> int | None:
        """Number of LR pixels to either side on which a query depends; None if it depends on the whole image."""
        return None if self.decoder.reach is None else self.encoder.reach + self.decoder.reach

    @property
    def period(self) -> int:
        """A window of an image must start at a multiple of this many LR pixels, to be encoded like the whole image."""
        return self.encoder.period

    def encode(self, lr_msi: Tensor) -> Tensor:
        """LR-MSI [N, c, h, w] in [0, 1] -> the table of the decoder, once per image."""
        return self.decoder.prepare(self.encoder(2 * lr_msi - 1))

    def trunk(self, encoded: Tensor, query: Tensor, cell: Tensor) -> Tensor:
        """The part without bands: hidden [N, Q, h] at query [N, Q, 2] for HR pixels of size cell [N, 2]."""
        return self.decoder(encoded, query, cell)

    def forward(self, lr_msi: Tensor, query: Tensor, cell: Tensor, bands: Bands, generator=None) -> Tensor:
        """Values [N, Q, C], nominally in [0, 1], at query [N, Q, 2] for HR pixels of size cell [N, 2]."""
        hidden = self.trunk(self.encode(lr_msi), query, cell)
        return (self.readout(bands, generator)(hidden) + 1) / 2

    def loss(self, batch: Queries) -> Tensor:
        """Mean L1 of paper Equation 7."""
        values = self(batch.lr_msi, batch.query, batch.cell, batch.bands, batch.generator)
        return (values.float() - batch.target).abs().mean()

    def predict(self, lr_msi: Tensor, size: tuple[int, int], bands: Bands) -> Tensor:
        """LR-MSI [N, c, h, w] in [0, 1] -> [N, C, H, W] in [0, 1], float32."""
        return self.predict_each(lr_msi, size, [bands])[0]

    def predict_each(self, lr_msi: Tensor, size: tuple[int, int], targets: Sequence[Bands]) -> list[Tensor]:
        """`predict` for several sets of bands with one pass of the trunk."""
        return render(self, lr_msi, size, targets)
