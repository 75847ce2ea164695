"""Small synthetic scenes with CAVE's bands, for tests and for a first try without a download."""

from pathlib import Path

import numpy as np

from ssif.data.cave import BANDS
from ssif.data.raw import Dataset, LandCover, Scene
from ssif.errors import UserError

SEED = 20240
CLASSES = {1: "violet", 2: "blue", 3: "green", 4: "red"}


def read(data_dir: Path | None = None, size: int = 64, scenes: int = 4) -> Dataset:
    """`scenes` cubes, uint16 [size, size, 31] with scale 65535; the last quarter, at least one cube, is for testing.

    A scene depends on its number and on `size` alone. `data_dir` is an argument of every reader, which this one does not
    use. Raises UserError for fewer than two scenes and for a size below 8.
    """
    if scenes < 2 or size < 8:
        raise UserError(f"at least 2 scenes (train and test) of size 8 are needed, got {scenes} of size {size}")
    train = scenes - max(1, scenes // 4)
    return Dataset(
        name="synthetic",
        bands=BANDS,
        scale=65535.0,
        scenes=(
            Scene(f"synthetic-{index}", "train" if index < train else "test", _cube(index, size), {})
            for index in range(scenes)
        ),
        choices={"split": f"{train} train and {scenes - train} test scenes", "values": f"made from seed {SEED}"},
    )


def read_land_cover(data_dir: Path | None = None, size: int = 64, scenes: int = 4) -> LandCover:
    """The brightest quarter of the spectrum in the scenes of `read`; 0 where the second is less than 2 % darker."""
    maps = {}
    for index in range(scenes):
        quarters = np.stack([part.mean(axis=-1) for part in np.array_split(_cube(index, size), 4, axis=-1)], axis=-1)
        second, first = np.sort(quarters, axis=-1)[..., -2:].transpose(2, 0, 1)
        maps[f"synthetic-{index}"] = np.where(first > 1.02 * second, 1 + quarters.argmax(axis=-1), 0).astype(np.uint8)
    return LandCover("synthetic", maps, CLASSES, {}, {"classes": "the brightest quarter of the spectrum"})


def _cube(index: int, size: int) -> np.ndarray:
    """uint16 [size, size, 31]: regions of one material each, blended with smooth mixtures, with shading and texture."""
    rng = np.random.default_rng([SEED, index])
    materials = int(rng.integers(4, 7))
    spectra = _spectra(rng, materials)
    rows, columns = np.meshgrid(np.arange(size) / size, np.arange(size) / size, indexing="ij")

    corners = rng.random((3 * materials, 2))
    distance = (rows[..., None] - corners[:, 0]) ** 2 + (columns[..., None] - corners[:, 1]) ** 2
    region = distance.argmin(axis=-1)
    pure = np.eye(materials)[region % materials]
    smooth = np.exp(np.stack([_waves(rng, rows, columns, 3) for _ in range(materials)], axis=-1))
    smooth /= smooth.sum(axis=-1, keepdims=True)

    shading = 0.85 + 0.1 * _waves(rng, rows, columns, 2)
    # Each region has stripes of 4 to 10 pixels in a direction of its own, as detail that a blur removes.
    angle, period = rng.uniform(0, np.pi, len(corners))[region], rng.uniform(4, 10, len(corners))[region] / size
    stripes = np.sin(2 * np.pi * (rows * np.cos(angle) + columns * np.sin(angle)) / period)
    mixture = (0.7 * pure + 0.3 * smooth) @ spectra
    return np.round(mixture * (shading * (1 + 0.1 * stripes))[..., None] * 65535).astype(np.uint16)


def _spectra(rng: np.random.Generator, count: int) -> np.ndarray:
    """[count, 31] in [0.05, 0.85]: each spectrum is the sum of three broad peaks and has the maximum 0.85."""
    centres = rng.uniform(400, 700, (count, 3, 1))
    widths = rng.uniform(30, 90, (count, 3, 1))
    heights = rng.uniform(0.2, 1, (count, 3, 1))
    spectra = (heights * np.exp(-(((BANDS.centres - centres) / widths) ** 2) / 2)).sum(axis=1)
    return 0.05 + 0.8 * spectra / spectra.max(axis=1, keepdims=True)


def _waves(rng: np.random.Generator, rows: np.ndarray, columns: np.ndarray, highest: int) -> np.ndarray:
    """[H, W] in [-1, 1]: the mean of four plane waves of at most `highest` periods along each axis."""
    frequency, phase = rng.uniform(-highest, highest, (4, 2)), rng.uniform(0, 2 * np.pi, 4)
    waves = np.sin(2 * np.pi * (rows[..., None] * frequency[:, 0] + columns[..., None] * frequency[:, 1]) + phase)
    return waves.mean(axis=-1)
