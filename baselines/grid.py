"""What the networks on a pixel grid share. Each is trained for one integer scale p and one set of bands.

Four images of a scene hang together: lr_msi [N, c, h, w], hr_msi [N, c, H, W], lr_hsi [N, C, h, w], hr_hsi [N, C, H, W].
A network reads some of them and writes another, so that several can be chained from lr_msi to hr_hsi
(`baselines.chains`).
"""

from torch import Tensor, nn

from ssif.data.patches import Patches
from ssif.training import halving


class GridNetwork(nn.Module):
    """A subclass adds `forward(*images)`, taking those it `reads` and giving the one it `writes`, nominally in [0, 1].

    A joint method keeps `reads` and `writes` as they are here. Parameters are defined in the order in which the forward
    pass meets them, as most releases have them (`baselines.releases`).
    """

    reads: tuple[str, ...] = ("lr_msi",)
    writes: str = "hr_hsi"
    # Share of the initial learning rate left after a fraction of the budget (`ssif.training.Schedule`).
    decay = staticmethod(halving(0.4, 0.6, 0.8, 0.9))

    def loss(self, batch: Patches) -> Tensor:
        """Mean L1 between what it writes and the truth; a method with a loss of its own overrides this."""
        output = self(*(getattr(batch, name) for name in self.reads))
        return l1(output, getattr(batch, self.writes))


def l1(output: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error, in float32 under autocast too."""
    return (output.float() - target).abs().mean()
