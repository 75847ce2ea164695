"""The base of networks on a pixel grid, each of which is trained for one integer scale p and one set of bands.

A scene has four images: lr_msi [N, c, h, w], hr_msi [N, c, H, W], lr_hsi [N, C, h, w], hr_hsi [N, C, H, W]. A network reads
some of them and writes another, so networks can be chained from lr_msi to hr_hsi (`baselines.chains`).
"""

from torch import Tensor, nn

from ssif.data.patches import Patches
from ssif.training import halving


class GridNetwork(nn.Module):
    """A subclass adds `forward`, from the images that it `reads` to the image that it `writes`, nominally in [0, 1].

    A joint method keeps the defaults of `reads` and `writes`. Parameters are defined in the order in which the forward pass
    uses them, as in most releases (`baselines.releases`).
    """

    reads: tuple[str, ...] = ("lr_msi",)
    writes: str = "hr_hsi"
    # Fraction of the budget -> share of the initial learning rate that is left (`ssif.training.Schedule`).
    decay = staticmethod(halving(0.4, 0.6, 0.8, 0.9))

    @property
    def learns_from_hr_msi(self) -> bool:
        """Whether its loss needs an MSI with the pixels of the HSI."""
        return "hr_msi" in (*self.reads, self.writes)

    def loss(self, batch: Patches) -> Tensor:
        """Mean L1 between output and truth, unless a method overrides it."""
        output = self(*(getattr(batch, name) for name in self.reads))
        return l1(output, getattr(batch, self.writes))


class Residual(nn.Sequential):
    """x + layers(x): [N, channels, h, w] -> same shape."""

    def forward(self, x: Tensor) -> Tensor:
        return x + super().forward(x)


def prime_factors(scale: int) -> list[int]:
    """The factors of p, for an upsampling in one step per factor: ascending, e.g. 12 -> [2, 2, 3] and 1 -> []."""
    factors, factor = [], 2
    while scale > 1:
        while scale % factor == 0:
            factors.append(factor)
            scale //= factor
        factor += 1
    return factors


def l1(output: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error, in float32 even under autocast."""
    return (output.float() - target).abs().mean()
