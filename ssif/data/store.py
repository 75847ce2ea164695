"""One HDF5 file a data set: `prepare` writes it from the raw files, `Store` reads it (docs/results-format.md)."""

import hashlib
import json
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import Tensor

from ssif.bands import Bands
from ssif.data import folder
from ssif.data.patches import TrainingSet
from ssif.data.readers import READERS
from ssif.errors import UserError, choose
from ssif.io import whole_file
from ssif.sensors import msi_matrix, sensor_bands


def prepare(name: str, path: Path, msi: str, data_dir: Path | None = None, source: dict | None = None) -> None:
    """Read data set `name` and write `path`: scenes, wavelengths, split, scale, source hashes and every choice.

    msi: the sensor that simulates the HR-MSI (`ssif.sensors`), or "bmp" for the RGB image that CAVE ships. source: of a data
    set that is none of READERS, the arguments of `ssif.data.folder.read`.
    """
    read = partial(folder.read, name, **source) if source else READERS[choose("data set", name, READERS)]
    if msi == "bmp":
        choose("data set with an RGB image of its own", name, ["cave", "cave_validation"])
        dataset, matrix = read(data_dir, rgb="bmp"), None
    else:
        dataset = read(data_dir=data_dir)
        matrix = msi_matrix(msi, dataset.bands)
    sources = {}
    with whole_file(path) as temporary, h5py.File(temporary, "w") as file:
        for scene in dataset.scenes:
            group = file.create_group(f"scenes/{scene.name}")
            group.attrs["split"] = scene.split
            group["hsi"] = scene.hsi
            simulated = scene.msi if matrix is None else scene.hsi @ (matrix.T / dataset.scale)
            group["msi"] = simulated.astype(np.float32)
            sources |= scene.sources
        file["wavelengths"] = dataset.bands.edges
        if matrix is not None:
            file["msi_matrix"] = matrix
            file["msi_bands"] = sensor_bands(msi)[0].edges
        file.attrs["name"] = dataset.name
        file.attrs["scale"] = dataset.scale
        file.attrs["msi"] = msi
        file.attrs["sources"] = json.dumps(sources)
        file.attrs["choices"] = json.dumps(dataset.choices)


class Store:
    """A prepared data set. `bands` [C, 2] nm, `channels` of the MSI, its `response` [c, C] and `msi_bands` [c, 2] nm (None for
    an image that was not simulated), `scale` of the raw values, `choices`, `identity` (a hash of the sources and all choices).

    Raises UserError where the file is missing, torn or not one that `prepare` wrote.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        try:
            self.file = h5py.File(path, "r")
            self.bands = Bands(self.file["wavelengths"][()])
            self.scale = float(self.file.attrs["scale"])
            self.choices = json.loads(self.file.attrs["choices"]) | {"msi": self.file.attrs["msi"]}
            content = [self.file.attrs["name"], self.file.attrs["sources"], self.choices, self.scale]
            self.identity = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
            self.splits = {name: scene.attrs["split"] for name, scene in self.file["scenes"].items()}
        except (OSError, KeyError) as error:
            raise UserError(f"{path} is not a prepared data set ({error}); delete it and prepare again") from None
        matrix = self.file.get("msi_matrix")
        self.response = None if matrix is None else torch.from_numpy(matrix[()].astype(np.float32))
        self.msi_bands = None if matrix is None else Bands(self.file["msi_bands"][()])
        self.channels = self.file[f"scenes/{next(iter(self.splits))}/msi"].shape[-1]

    def names(self, split: str) -> list[str]:
        """Scenes of "train" or "test", sorted."""
        return sorted(name for name, its in self.splits.items() if its == split)

    def scene(self, name: str) -> tuple[Tensor, Tensor]:
        """HR-HSI [H, W, C] and HR-MSI [H, W, c] in [0, 1], float32."""
        group = self.file[f"scenes/{name}"]
        hsi = group["hsi"][()].astype(np.float32) / np.float32(self.scale)
        return torch.from_numpy(hsi), torch.from_numpy(group["msi"][()])

    def training_set(self, device: torch.device) -> TrainingSet:
        """All training scenes on `device`. Raises UserError where their sizes differ."""
        hsi, msi = zip(*(self.scene(name) for name in self.names("train")))
        shapes = sorted({tuple(cube.shape) for cube in hsi})
        if len(shapes) > 1:
            raise UserError(f"{self.path}: training scenes differ in size: {shapes}")
        return TrainingSet(torch.stack(hsi).to(device), torch.stack(msi).to(device), self.bands)
