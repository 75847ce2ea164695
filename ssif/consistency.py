"""Whether a prediction agrees with its input: seen through the sensor and decimated, the spectrum must give the image back."""

import math

import numpy as np
import torch
from torch import Tensor

from ssif.bands import Bands, coverage
from ssif.data.degrade import bicubic_matrix
from ssif.errors import UserError
from ssif.sensors import CAVE, msi_matrix
from ssif.tiles import Grid

BLACK = 1e-8  # a pixel with a smaller norm has no direction
COVERED = 0.9  # smallest share of a channel's response that the predicted bands must cover
MARGIN = 12  # LR pixels; beyond this distance a pixel changes a correction by less than rounding does


def response_on(sensor: str, seen: Bands | None, bands: Bands) -> Tensor:
    """Weights [c, C] from a spectrum on `bands` to the channels of a `sensor`, float64; rows sum to 1.

    seen: the bands of the channels. Raises UserError if `bands` do not cover them, and for a sensor whose response is not known.
    """
    if sensor == "nikon-d700":
        # The table of the camera has the bands of CAVE. The weight of each is shared among the bands that cover it.
        ends = [
            np.minimum.outer(bands.edges[:, 1], CAVE.edges[:, 1]),
            np.maximum.outer(bands.edges[:, 0], CAVE.edges[:, 0]),
        ]
        shares = np.maximum(ends[0] - ends[1], 0).T / CAVE.widths[:, None]
        seen, weights = CAVE, msi_matrix(sensor, CAVE) @ (shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-9))
    else:
        weights = msi_matrix(sensor, bands)
    if seen is None or coverage(bands, seen).min() < COVERED:
        raise UserError(f"the bands {bands} do not cover what {sensor} sees")
    return torch.from_numpy(weights)


def distance(seen: Tensor, wanted: Tensor) -> dict[str, float]:
    """How far two images [c, h, w] are apart: input_rmse, and input_sam, the mean angle in degrees; pixels with a NaN do not count."""
    known = ~torch.isnan(seen + wanted).any(dim=0)
    seen, wanted = seen[:, known].double(), wanted[:, known].double()
    norms = torch.linalg.vector_norm(seen, dim=0) * torch.linalg.vector_norm(wanted, dim=0)
    angles = (torch.linalg.vecdot(seen, wanted, dim=0) / norms).clamp(-1, 1).arccos()[norms > BLACK]
    return {
        "input_rmse": math.sqrt((seen - wanted).square().mean()) if seen.numel() else math.nan,
        "input_sam": math.degrees(angles.mean()) if angles.numel() else math.nan,
    }


class Seen:
    """What a sensor sees of an image [C, H, W]: m = D R s with its `response` R [c, C] and the bicubic decimation D.

    antialias: of D. grid: LR and HR pixels; tile: LR rows and columns of the part of the image that is given, None for all.
    """

    def __init__(self, response: Tensor, grid: Grid, antialias: bool = False, tile: tuple[slice, slice] | None = None):
        self.response = response.double()
        low = tile or (slice(0, grid.rows.low), slice(0, grid.columns.low))
        high = grid.upscaled(*low)
        # D and U, which is bicubic interpolation, along rows and along columns.
        self.down = [bicubic_matrix(axis.high, axis.low, antialias, *ends) for axis, *ends in zip(grid, low, high)]
        self.up = [bicubic_matrix(axis.low, axis.high, False, *ends) for axis, *ends in zip(grid, high, low)]

    def of(self, image: Tensor) -> Tensor:
        """Image [C, H, W] -> LR-MSI [c, h, w], float64."""
        rows, columns = (matrix.to(image.device) for matrix in self.down)
        return rows @ torch.einsum("kc,chw->khw", self.response.to(image.device), image.double()) @ columns.T

    def corrected(self, image: Tensor, lr_msi: Tensor) -> Tensor:
        """The image [C, H, W] after the smallest smooth change that makes `of` it equal to `lr_msi`; float64, not clamped.

        s + R+ U (D U)^-1 (m - D R s). R+ is the pseudo-inverse of the response, which changes a spectrum the least. LR pixels
        whose HR pixels have no data (NaN) change nothing.
        """
        known = ~torch.isnan(image).any(dim=0)
        seen = self.of(torch.nan_to_num(image))
        rows, columns = ((up @ torch.linalg.inv(down @ up)).to(image.device) for down, up in zip(self.down, self.up))
        spoilt = self.down[0].abs().to(image.device) @ (~known).double() @ self.down[1].abs().T.to(image.device) > 0
        residual = torch.where(spoilt, 0, torch.nan_to_num(lr_msi.double()) - seen)
        change = torch.linalg.pinv(self.response).to(image.device)
        return image.double() + torch.einsum("ck,khw->chw", change, rows @ residual @ columns.T)
