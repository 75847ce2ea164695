"""Pixels without data in the input of a network: filled from their neighbours, so that the border of a gap is no edge."""

import torch
import torch.nn.functional as F
from torch import Tensor

FILL = 4  # number of pixels that valid values spread into pixels without data
OUTSIDE = 0.5  # value beyond these pixels; the encoder sees it as it sees the zero padding outside the image


def filled(values: Tensor, valid: Tensor) -> Tensor:
    """Values [h, w, c] where `valid` [h, w] -> [1, c, h, w] without gaps.

    Pixels within FILL pixels of a valid pixel get means of their valid neighbours. All other pixels are OUTSIDE. No value
    spreads further than FILL, so tiles stay equal to the whole image.
    """
    known = valid[None, None].float()
    image = torch.where(valid, values.permute(2, 0, 1), 0)[None]
    for _ in range(FILL if not valid.all() else 0):
        near = F.avg_pool2d(known, 3, stride=1, padding=1, divisor_override=1)
        total = F.avg_pool2d(image, 3, stride=1, padding=1, divisor_override=1)
        image = torch.where(known > 0, image, total / near.clamp(min=1))
        known = (near > 0).float()
    return torch.where(known > 0, image, OUTSIDE)
