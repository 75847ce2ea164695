"""A classifier's input: images after one fixed transform, and the windows around labelled pixels, gathered for each batch."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ssif.errors import UserError, choose

PREPROCESS = ("zscore", "pca_whiten", "per_image")
# If an image is brighter or darker than the training images by more than this factor, its values have other units.
UNITS_FACTOR = 20


class Standardise:
    """An image [H, W, B] in raw units -> values that have mean 0 and deviation 1 over the training images [N, H, W, B].

    kind: "zscore", each band by itself; "pca_whiten", each of B principal components (as in the released script, which
    raises the noise components to the level of the others); "per_image", as pca_whiten but fitted anew on every image.
    Raises UserError for an image with another number of bands or on another radiometric scale.
    """

    def __init__(self, training: Tensor, kind: str = "zscore"):
        self.kind = choose("preprocess", kind, PREPROCESS)
        self.bright = _bright(training)
        self.mean, self.matrix = _fit(training, kind)

    def __call__(self, image: Tensor) -> Tensor:
        if image.shape[-1] != len(self.mean):
            raise UserError(
                f"the classifier was trained on {len(self.mean)} bands, but this image has {image.shape[-1]}"
            )
        bright = _bright(image)
        if not self.bright / UNITS_FACTOR < bright < self.bright * UNITS_FACTOR:
            raise UserError(
                f"the image is on another radiometric scale: its bright pixels are at {bright:.4g}, but those of the training"
                f" images at {self.bright:.4g}; give it in their units"
            )
        mean, matrix = _fit(image, self.kind) if self.kind == "per_image" else (self.mean, self.matrix)
        return (image - mean) @ matrix


def _fit(images: Tensor, kind: str) -> tuple[Tensor, Tensor]:
    """Mean [B] and matrix [B, B]: (x - mean) @ matrix is standardised. A band or component without variance gives 0."""
    pixels = images.reshape(-1, images.shape[-1]).double()
    mean = pixels.mean(dim=0)
    covariance = (pixels - mean).T @ (pixels - mean) / len(pixels)
    if kind == "zscore":
        variance, axes = covariance.diagonal(), torch.eye(len(mean), dtype=torch.float64, device=images.device)
    else:
        variance, axes = torch.linalg.eigh(covariance)
        variance, axes = variance.flip(0), axes.flip(1)
        # The sign of an eigenvector is arbitrary. Its largest entry is made positive, so that two fits agree.
        axes = axes * axes.gather(0, axes.abs().argmax(dim=0, keepdim=True)).sign()
    scale = torch.where(variance > 1e-12 * variance.max(), variance, torch.inf).rsqrt()
    return mean.to(images.dtype), (axes * scale).to(images.dtype)


def _bright(images: Tensor) -> float:
    """The brightness (mean over the bands) that one pixel in a hundred exceeds."""
    means = images.mean(dim=-1).flatten()
    return means.kthvalue(max(1, round(0.99 * len(means)))).values.item()


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


def labelled_pixels(maps: np.ndarray, ids: list[int], seed: int) -> list[np.ndarray]:
    """For each class of `ids`, the places [n, 3] (image, row, column) of its pixels in maps [N, H, W], in random order."""
    draws = np.random.default_rng(seed)
    return [draws.permutation(np.argwhere(maps == number)) for number in ids]


def split_pixels(
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
            f"too few labelled pixels of {', '.join(short)}: every class needs at least {train[0]} for training"
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
