"""A chain of networks, from the LR-MSI to the HR-HSI, as one method."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from baselines.grid import GridNetwork
from ssif.bands import Bands
from ssif.errors import UserError


def carry(networks: Iterable[nn.Module], images: dict[str, Tensor]) -> dict[str, Tensor]:
    """`images` and the image that each network writes, in turn, without clamping or rounding in between."""
    for network in networks:
        images = images | {network.writes: network(*(images[name] for name in network.reads))}
    return images


class Chain(nn.Module):
    """Trained networks as one method for the scale `scale` and the C bands `bands`; a single network is a chain of one."""

    def __init__(self, networks: Sequence[GridNetwork], scale: int, bands: Bands):
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.scale = scale
        self.bands = bands

    def predict(self, lr_msi: Tensor, size: tuple[int, int], bands: Bands) -> Tensor:
        """LR-MSI [N, c, h, w] in [0, 1] -> [N, C, p h, p w] in [0, 1], float32; clamped only at the end.

        Raises UserError for another size or other bands than those of the training.
        """
        trained = tuple(side * self.scale for side in lr_msi.shape[2:])
        if tuple(size) != trained or bands != self.bands:
            raise UserError(
                f"this method was trained for p = {self.scale} and {self.bands}, so it makes {trained[0]} x {trained[1]}"
                f" pixels of this image, not {size[0]} x {size[1]} and {bands}"
            )
        with torch.inference_mode(), torch.autocast("cuda", dtype=torch.bfloat16, enabled=lr_msi.is_cuda):
            return carry(self.networks, {"lr_msi": lr_msi})["hr_hsi"].float().clamp(0, 1)

    def predict_each(self, lr_msi: Tensor, size: tuple[int, int], targets: Sequence[Bands]) -> list[Tensor]:
        """`predict` for several sets of bands, each of which must be the set of the training."""
        return [self.predict(lr_msi, size, bands) for bands in targets]
