"""A trained neural field in one file: weights with a card that says which network it is, what it takes and where it comes from."""

import warnings
from importlib import import_module
from pathlib import Path

import numpy as np
import torch

from ssif import published
from ssif.arrays import as_bands, values_of
from ssif.bands import Bands
from ssif.checkpoint import load_card, load_weights
from ssif.data.degrade import wanted_size
from ssif.data.raw import sha256
from ssif.errors import UserError, choose
from ssif.nets.field import NeuralField
from ssif.tiles import TILE, check_tiles, render_tiles
from ssif.white import check_white

SIDE = 512  # largest side of an image that is rendered as a whole
# `network` in a card -> module and class; the modules are imported by name because this package must not import the baselines.
NETWORKS = {
    "SSIF": ("ssif.nets.ssif", "SSIF"),
    "SSIF+": ("ssif.nets.plus", "SSIFPlus"),
    "LIIF": ("baselines.liif", "LIIF"),
    "LTE": ("baselines.lte", "LTE"),
    "CiaoSR": ("baselines.ciaosr", "CiaoSR"),
}


def load(name: str | Path, device: str = "cpu") -> "Pretrained":
    """The network in a weights.safetensors of one of NETWORKS, or in published weights by name (`ssif.published`).

    Raises UserError if the file is missing, a directory or damaged, and if it holds another network or has no card.
    """
    path = published.weights_file(name)
    if path.is_dir():
        raise UserError(f"{path} is a directory, not a file of weights")
    card = load_card(path)
    try:
        if "network" not in card:
            raise UserError(f"{path} does not name its network; ssif.load reads only weights of {', '.join(NETWORKS)}")
        network = _built(card)
    except UserError:
        raise
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        raise UserError(f"{path}: its card does not describe a network ({' '.join(str(error).split())})") from None
    load_weights(network, path)
    label = f"{path.name} (sha256 {sha256(path)[:12]})"
    return Pretrained(network.eval().requires_grad_(False).to(device), card, label)


def _built(card: dict) -> NeuralField:
    """The network that a card describes. Raises KeyError, TypeError and the like for a card that `Pretrained` cannot use."""
    low, high = card["wavelengths"]
    if not low < high or not isinstance(card["msi"], str):
        raise ValueError("wavelengths or sensor")
    for key in ("white", "output_white"):
        if not 0 < card.get(key, 1) < np.inf:
            raise ValueError(key)
    arguments = dict(card["arguments"])
    # Earlier weights of SSIF have an argument for the weights of RF-GS, which has only this value left.
    if arguments.get("gs_weights") == "literal":
        del arguments["gs_weights"]
    if "bands" in arguments:
        arguments["bands"] = Bands(arguments["bands"])
    module, name = NETWORKS[choose("network", card["network"], NETWORKS)]
    return getattr(import_module(module), name)(**arguments)


class Pretrained:
    """A network that is ready to `predict`.

    card: the sensor of its input, the wavelengths, scales, band counts and white of its training, run, commit and machine;
    name: its file and hash.
    """

    def __init__(self, network: NeuralField, card: dict, name: str):
        self.network, self.card, self.name = network, card, name

    @property
    def input_bands(self) -> Bands | None:
        """The bands of the input in nm; None if those of the sensor are not known."""
        return Bands(self.card["input_bands"]) if self.card.get("input_bands") else None

    @property
    def white(self) -> float | None:
        """The physical value that was 1 in the training; None for older weights, which do not contain it."""
        return self.card.get("white")

    def output_white(self, white: float) -> float:
        """The physical value that 1 becomes in the result, for an input in which `white` became 1.

        It equals `white`, unless the weights come from measured pairs, in which the two images have separate whites.
        """
        return self.card.get("output_white", white)

    def check_bands(self, bands: Bands) -> None:
        """Raise UserError for bands that leave the wavelengths of the training."""
        low, high = self.card["wavelengths"]
        outside = bands.edges[(bands.edges[:, 0] < low - 1e-6) | (bands.edges[:, 1] > high + 1e-6)]
        if len(outside):
            first = ", ".join(f"{start:g}-{end:g}" for start, end in outside[:3])
            more = f", ... ({len(outside)} in all)" if len(outside) > 3 else ""
            raise UserError(
                f"these weights were trained on {low:g}-{high:g} nm, but {bands} has bands outside: {first} nm{more}"
            )

    def predict(
        self,
        image,
        bands,
        scale: float | None = None,
        size: tuple[int, int] | None = None,
        white: float | None = None,
    ):
        """Image [h, w, c] in [0, 1] -> [H, W, C] in [0, 1], float32, on any `bands` inside the wavelengths of the training.

        image: an array of numpy, torch or xarray, and so is the result. The dimensions of an xarray.DataArray go by their names,
        and its wavelengths choose the bands for the channels; the result has finer coordinates, a finer georeference and the
        new wavelengths. bands: Bands, a name such as "400:700:31" or "sentinel-2a:B2,B3", centres [C] or intervals [C, 2] in nm.

        Give a `scale` p >= 1, for H = round(p h), or the `size` (H, W). white: the value that is 1 to the network, such as that
        of the training (`self.white`). The image is then in any units, is clipped to 0 and `white`, and the result is in the
        same units (`output_white`). Pixels with a NaN and masked pixels (`numpy.ma`) have no data: they are NaN or masked in the
        result and do not affect other pixels. A large image is computed in tiles, with the same result. Warns if the image is
        on another scale than `white`, provided that the weights contain their white.

        Raises UserError for a wrong number of channels, for values outside [0, 1] if there is no `white`, for values that are
        mostly outside 0 and `white`, for an image without data, for a size below that of the image, and for bands outside the
        wavelengths of the training.
        """
        bands, (image, give) = as_bands(bands), values_of(image, self.input_bands)
        channels = self.card["arguments"]["channels"]
        if image.ndim != 3 or image.shape[2] != channels:
            raise UserError(
                f"the image must be [h, w, {channels}] with the channels of {self.card['msi']}, got the shape {image.shape}"
            )
        known = ~np.isnan(image).any(axis=-1)
        if not known.any():
            raise UserError("no pixel of the image has data")
        self._check_values(image, known, white)
        self.check_bands(bands)
        size = wanted_size(image.shape[:2], scale, size)
        if white is not None:
            image = np.clip(image / white, 0, 1)
        image = np.ascontiguousarray(image, dtype=np.float32)
        if not known.all():
            check_tiles(self.network)
        if not known.all() or (max(image.shape[:2]) > SIDE and self.network.reach is not None):
            values = render_tiles(self.network, image, size, bands, TILE)
        else:
            lr_msi = torch.from_numpy(image).permute(2, 0, 1)[None].to(next(self.network.parameters()).device)
            values = self.network.predict(lr_msi, size, bands)[0].permute(1, 2, 0).cpu().numpy()
        return give(values * np.float32(1 if white is None else self.output_white(white)), bands)

    def _check_values(self, image: np.ndarray, known: np.ndarray, white: float | None) -> None:
        """Raise UserError, or warn, if values do not fit `white`; `known` [h, w]: whether a pixel has data."""
        if white is not None and not 0 < white < np.inf:
            raise UserError(f"white must be a positive number, got {white:g}")
        low, high = np.nanmin(image), np.nanmax(image)
        if white is None and (low < 0 or high > 1):
            remedy = "divide the image by the largest possible value"
            if self.white is not None:
                remedy = f"give white=, the value that becomes 1 (these weights were trained with {self.white:g})"
            raise UserError(f"the values must be in [0, 1], got {low:g} to {high:g}; {remedy}")
        if white is not None or self.white is not None:
            line = check_white(image[known], 1 if white is None else white, "with white=")
            if line and self.white is not None:
                warnings.warn(line, stacklevel=3)
