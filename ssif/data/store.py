"""A prepared data set: one HDF5 file (docs/results-format.md), which `ssif.data.prepare` writes."""

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ssif.bands import Bands
from ssif.data import archive
from ssif.data.patches import TrainingSet
from ssif.errors import UserError, flat


class Store:
    """A prepared data set: `bands` [C, 2] nm, `channels` of the MSI, `scale` of the raw values, `choices`, and `identity`, a
    hash of the sources and of all choices. For a simulated MSI `response` [c, C] and `msi_bands` [c, 2] nm, else None.

    Raises UserError, ending with the `remedy`, if the file is missing or damaged, or if `prepare` did not write it.
    """

    def __init__(self, path: str | Path, remedy: str = "prepare it again"):
        self.path = Path(path)
        try:
            self.file = archive.read(self.path)
            self.bands = Bands(self.file["wavelengths"][()])
            self.scale = float(self.file.attrs["scale"])
            self.choices = json.loads(self.file.attrs["choices"]) | {"msi": self.file.attrs["msi"]}
            content = [self.file.attrs["name"], self.file.attrs["sources"], self.choices, self.scale]
            self.identity = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
            self.splits = {name: scene.attrs["split"] for name, scene in self.file["scenes"].items()}
        except (OSError, KeyError) as error:
            raise UserError(f"{path} is not a prepared data set ({flat(str(error))}): {remedy}") from None
        matrix = self.file.get("msi_matrix")
        self.response = None if matrix is None else torch.from_numpy(matrix[()].astype(np.float32))
        self.msi_bands = None if matrix is None else Bands(self.file["msi_bands"][()])
        self.channels = self.file[f"scenes/{next(iter(self.splits))}/msi"].shape[-1]

    def names(self, split: str) -> list[str]:
        """Names of the scenes of "train" or "test", sorted."""
        return sorted(name for name, part in self.splits.items() if part == split)

    def scene(self, name: str) -> tuple[Tensor, Tensor]:
        """HR-HSI [H, W, C] and HR-MSI [H, W, c] in [0, 1], float32."""
        group = self.file[f"scenes/{name}"]
        hsi = group["hsi"][()].astype(np.float32) / np.float32(self.scale)
        return torch.from_numpy(hsi), torch.from_numpy(group["msi"][()])

    def training_set(self, device: torch.device) -> TrainingSet:
        """All training scenes on `device`. Raises UserError if their sizes differ."""
        hsi, msi = zip(*(self.scene(name) for name in self.names("train")))
        shapes = sorted({tuple(cube.shape) for cube in hsi})
        if len(shapes) > 1:
            raise UserError(f"{self.path}: training scenes differ in size: {shapes}")
        return TrainingSet(torch.stack(hsi).to(device), torch.stack(msi).to(device), self.bands)
