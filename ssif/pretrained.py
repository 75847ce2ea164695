"""A trained SSIF as one file: weights that say which network they are of, what it takes and where it comes from."""

import json
from pathlib import Path

import numpy as np
import safetensors
import torch

from ssif.bands import Bands
from ssif.checkpoint import load_weights
from ssif.data.degrade import wanted_size
from ssif.data.raw import sha256
from ssif.errors import UserError, choose
from ssif.nets.plus import SSIFPlus
from ssif.nets.ssif import SSIF
from ssif.tiles import TILE, check_tiles, render_tiles

SIDE = 512  # of an image that is rendered as a whole, at most
NETWORKS = {network.name: network for network in (SSIF, SSIFPlus)}


def load(path: str | Path, device: str = "cpu") -> "Pretrained":
    """The network in `path`, as `workflow.train` writes it for SSIF and SSIF+ (weights.safetensors).

    Raises UserError where the file is missing, a directory or torn, or holds another network or no description.
    """
    if Path(path).is_dir():
        raise UserError(f"{path} is a directory, not weights")
    try:
        with safetensors.safe_open(path, "pt") as file:
            text = (file.metadata() or {}).get("card", "{}")
    except (OSError, safetensors.SafetensorError) as error:
        raise UserError(f"cannot read weights from {path}: {' '.join(str(error).split())}") from None
    try:
        card = json.loads(text)
        if "network" not in card:
            raise UserError(
                f"{path} does not say which network it is of; ssif.load reads weights of SSIF and SSIF+ only"
            )
        network = _built(card)
    except UserError:
        raise
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        raise UserError(f"{path}: its card does not describe a network ({' '.join(str(error).split())})") from None
    load_weights(network, Path(path))
    name = f"{Path(path).name} (sha256 {sha256(Path(path))[:12]})"
    return Pretrained(network.eval().requires_grad_(False).to(device), card, name)


def _built(card: dict) -> SSIF:
    """The network of a card; raises KeyError, TypeError and the like for one that lacks what `Pretrained` needs."""
    low, high = card["wavelengths"]
    if not low < high or not isinstance(card["msi"], str):
        raise ValueError("wavelengths or sensor")
    arguments = dict(card["arguments"])
    if "bands" in arguments:
        arguments["bands"] = Bands(arguments["bands"])
    return NETWORKS[choose("network", card["network"], NETWORKS)](**arguments)


class Pretrained:
    """A network ready for images: `predict`, and its `card`: the sensor of its input, the wavelengths, scales and band
    counts of its training, run, commit and machine; `name`: its file and hash."""

    def __init__(self, network: SSIF, card: dict, name: str):
        self.network, self.card, self.name = network, card, name

    @property
    def input_bands(self) -> Bands | None:
        """The bands of its input, in nm; None where the sensor of the training has no known ones."""
        return Bands(self.card["input_bands"]) if self.card.get("input_bands") else None

    def check_bands(self, bands: Bands) -> None:
        """Raise a UserError for bands that leave the wavelengths of the training."""
        low, high = self.card["wavelengths"]
        outside = bands.edges[(bands.edges[:, 0] < low - 1e-6) | (bands.edges[:, 1] > high + 1e-6)]
        if len(outside):
            first = ", ".join(f"{start:g}-{end:g}" for start, end in outside[:3]) + ", ..." * (len(outside) > 3)
            raise UserError(
                f"these weights were trained on {low:g}-{high:g} nm; asked for {bands}, outside of it {len(outside)}: {first} nm"
            )

    def predict(
        self, image: np.ndarray, bands: Bands, scale: float | None = None, size: tuple[int, int] | None = None
    ) -> np.ndarray:
        """Image [h, w, c] in [0, 1] -> [H, W, C] in [0, 1], float32, on any `bands` inside the wavelengths of the training.

        Give a `scale` p >= 1, H = round(p h), or the `size` (H, W). Pixels with a NaN have no data: they come out as NaN and
        spoil no others. A large image is computed in tiles, with the same result. Raises UserError for an image with another
        number of channels than the training's, with values that are not in [0, 1], without any data, for a size
        below the image's, and for bands that leave its wavelengths.
        """
        image, channels = np.asarray(image), self.card["arguments"]["channels"]
        if image.ndim != 3 or image.shape[2] != channels:
            raise UserError(f"want an image [h, w, {channels}] of {self.card['msi']}, got shape {image.shape}")
        known = image[~np.isnan(image)]
        if not known.size:
            raise UserError("no pixel of the image has data")
        if known.min() < 0 or known.max() > 1:
            raise UserError(
                f"want values in [0, 1], got {known.min():g} to {known.max():g}; divide by the largest possible value"
            )
        self.check_bands(bands)
        size = wanted_size(image.shape[:2], scale, size)
        image = np.ascontiguousarray(image, dtype=np.float32)
        gaps = known.size < image.size
        if gaps:
            check_tiles(self.network)
        if gaps or (max(image.shape[:2]) > SIDE and self.network.reach is not None):
            return render_tiles(self.network, image, size, bands, TILE)
        lr_msi = torch.from_numpy(image).permute(2, 0, 1)[None]
        lr_msi = lr_msi.to(next(self.network.parameters()).device)
        return self.network.predict(lr_msi, size, bands)[0].permute(1, 2, 0).cpu().numpy()
