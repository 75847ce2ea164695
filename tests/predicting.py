"""Shared by the tests of `ssif predict`: a small network of an invented camera, an image for it, and files in and out."""

from pathlib import Path

import numpy as np
import rasterio
import torch

import ssif
from ssif.bands import Bands
from ssif.checkpoint import described, save_weights
from ssif.formats import create_image, open_image
from ssif.formats.header import Header
from ssif.nets.ssif import SSIF
from ssif.pretrained import Pretrained
from ssif.tool.predict import predict
from ssif.tool.request import Wanted

SIZES = {
    "encoder": {"name": "edsr", "blocks": 1, "channels": 8}, "pixel_decoder": "liif", "hidden": 16, "dim": 8,
    "spectral_decoder": "D", "spectral_hidden": 16, "frequencies": 4, "lambda_min": 3.0, "lambda_max": 500.0, "k": 4,
}  # fmt: skip
RGB = Bands([[600, 700], [500, 600], [400, 500]])
CARD = {"msi": "a camera", "wavelengths": [395.0, 705.0], "input_bands": RGB.edges.tolist()}
BANDS = Bands([[400, 450], [455, 456], [500, 700]])
WANTED = Wanted(BANDS, ("a", "b", "c"), scale=2.5, tile=5, command="ssif predict in out")
HEADER = Header(
    9, 12, 3, "uint16", RGB, nodata=0, scale=1e-4, crs=rasterio.CRS.from_epsg(32632).to_wkt(),
    transform=(10.0, 0.0, 500000.0, 0.0, -10.0, 5.1e6), unit="µm",
)  # fmt: skip


def small_model(folder: Path, **card) -> Pretrained:
    torch.manual_seed(0)
    network = SSIF(3, variant="RF-UF", **SIZES).eval()
    for parameter in network.decoder.parameters():
        parameter.data *= 2
    save_weights(network, folder / "w.safetensors", described(network, CARD | card))
    return ssif.load(folder / "w.safetensors")


def write(path: Path, header: Header, values: np.ndarray) -> Path:
    with create_image(path, header) as target:
        target(values)
    return path


def read(path: Path) -> tuple[Header, np.ndarray]:
    with open_image(path) as image:
        return image.header, image.read(slice(0, image.header.height), slice(0, image.header.width))


def run(source: Path, out: Path, model: Pretrained, wanted: Wanted = WANTED, **options) -> list[str]:
    """Predict, and return the lines that `say` got."""
    lines = []
    predict(source, out, model, wanted, say=lines.append, **options)
    return lines
