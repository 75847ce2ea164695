"""One fixed transform for every image that a classifier sees, fitted on the training region's true image."""

import torch
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
            raise UserError(f"the classifier was trained on {len(self.mean)} bands, this image has {image.shape[-1]}")
        bright = _bright(image)
        if not self.bright / UNITS_FACTOR < bright < self.bright * UNITS_FACTOR:
            raise UserError(
                f"the image is in another radiometric scale: its bright pixels are at {bright:.4g}, those of the training"
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
