"""Windows around labelled pixels, gathered for each batch from standardised images: a classifier's input."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ssif.errors import UserError
from workflow.land_use.standardise import Standardise


@dataclass(frozen=True)
class Windows:
    """A batch for a classifier: windows [N, S, S, B] and the class [N] (0, 1, ...) of the pixel in the middle of each.

    `scenes` [N]: the numbers of their scenes.
    """

    windows: Tensor
    classes: Tensor
    scenes: Tensor


def padded(images: Tensor, standardise: Standardise, patch: int) -> Tensor:
    """Standardise images [N, H, W, B] in raw units and pad them with zeros, the mean: [N, H + S - 1, W + S - 1, B]. Every pixel
    then has a window of side S that holds nothing from outside its image."""
    half = patch // 2
    return F.pad(torch.stack([standardise(image) for image in images]), (0, 0, half, half, half, half))


def gather(images: Tensor, places: Tensor, patch: int) -> Tensor:
    """The windows [N, S, S, B] of `padded` images around the pixels at `places` [N, 3] (image, row, column)."""
    reach = torch.arange(patch, device=images.device)
    rows, columns = (places[:, axis, None] + reach for axis in (1, 2))
    return images[places[:, :1, None], rows[:, :, None], columns[:, None, :]]


def pixels(maps: np.ndarray, ids: list[int], seed: int) -> list[np.ndarray]:
    """For each class of `ids`, the places [n, 3] (image, row, column) of its pixels in maps [N, H, W], in random order."""
    draws = np.random.default_rng(seed)
    return [draws.permutation(np.argwhere(maps == number)) for number in ids]


def split(
    places: list[np.ndarray], names: list[str], train: tuple[int, int], validation: int
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Training and validation pixels of each class, from its `places` in random order.

    Validation takes `validation` pixels of a class but at most a quarter, and training takes up to train[1] of the rest.
    Raises UserError, naming the classes, if any class leaves fewer than train[0] pixels for training.
    """
    held = [min(validation, len(labelled) // 4) for labelled in places]
    parts = [(labelled[count : count + train[1]], labelled[:count]) for labelled, count in zip(places, held)]
    short = [
        f"{name} ({len(labelled)})" for name, labelled, (taken, _) in zip(names, places, parts) if len(taken) < train[0]
    ]
    if short:
        raise UserError(
            f"too few labelled pixels of {', '.join(short)}: the balanced sample wants at least {train[0]} for training"
            f" beside at most {validation} for validation"
        )
    return [taken for taken, _ in parts], [rest for _, rest in parts]


class Pool:
    """Training pixels of each class on a device, to be drawn from: places[c] is [n_c, 3]."""

    def __init__(self, places: list[np.ndarray], device: torch.device):
        self.sizes = torch.tensor([len(labelled) for labelled in places])
        starts = self.sizes.cumsum(0) - self.sizes
        self.starts, self.places = starts, torch.from_numpy(np.concatenate(places)).to(device)


def draw_windows(images: Tensor, pool: Pool, step: int, *, seed: int, batch: int, patch: int) -> Windows:
    """The batch of one step, a pure function of (seed, step): classes with equal chances, then a pixel of the class."""
    draws = torch.Generator().manual_seed(seed * 1_000_003 + step)
    classes = torch.randint(len(pool.sizes), (batch,), generator=draws)
    which = (torch.rand(batch, generator=draws) * pool.sizes[classes]).long()
    places = pool.places[(pool.starts[classes] + which).to(pool.places.device)]
    return Windows(gather(images, places, patch), classes.to(images.device), places[:, 0])
