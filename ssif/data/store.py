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
from ssif.gaps import filled


class Store:
    """A prepared data set: `bands` [C, 2] nm, `channels` of the MSI, `scale` of the raw values, `choices`, and `identity`, a
    hash of the sources and of all choices. `ratio`: side of an MSI pixel in HSI pixels. `response` [c, C]: of the sensor that
    simulates the MSI, else None. `msi_bands` [c, 2] nm: None if they are not known. `msi_white`: the value of a measured MSI
    that became 1, else None. `border`: width in pixels of what central scores leave out, 0 if there are none.

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
        self.msi_bands = Bands(self.file["msi_bands"][()]) if "msi_bands" in self.file else None
        self.msi_white = self.file.attrs.get("msi_white")
        self.border = int(self.file.attrs.get("border", 0))
        first = self.file[f"scenes/{next(iter(self.splits))}"]
        self.channels, self.ratio = first["msi"].shape[-1], first["hsi"].shape[0] // first["msi"].shape[0]

    def names(self, split: str) -> list[str]:
        """Names of the scenes of "train" or "test", sorted."""
        return sorted(name for name, part in self.splits.items() if part == split)

    def scene(self, name: str) -> tuple[Tensor, Tensor]:
        """HSI [H, W, C] and MSI [H / ratio, W / ratio, c] in [0, 1], float32.

        Pixels without data are 0 in the HSI and filled from their neighbours in the MSI (`ssif.gaps`).
        """
        group = self.file[f"scenes/{name}"]
        hsi = torch.from_numpy(group["hsi"][()].astype(np.float32) / np.float32(self.scale))
        msi = torch.from_numpy(group["msi"][()])
        if "known" not in group:
            return hsi, msi
        return hsi.nan_to_num(0), filled(msi, msi.isfinite().all(dim=-1))[0].permute(1, 2, 0).contiguous()

    def known(self, name: str) -> Tensor | None:
        """Which pixels [H, W] of a scene have data in the HSI and in the MSI; None if all have."""
        group = self.file[f"scenes/{name}"]
        return torch.from_numpy(group["known"][()]) if "known" in group else None

    def training_set(self, device: torch.device) -> TrainingSet:
        """All training scenes on `device`. Raises UserError if their sizes differ."""
        names = self.names("train")
        hsi, msi = (
            self._empty([self.file[f"scenes/{name}/{image}"].shape for name in names], device)
            for image in ("hsi", "msi")
        )
        # One at a time, because all scenes of a large data set may not fit into memory twice.
        for place, name in enumerate(names):
            hsi[place], msi[place] = self.scene(name)
        known = [self.known(name) for name in names]
        if all(one is None for one in known):
            return TrainingSet(hsi, msi, self.bands)
        whole = torch.ones(hsi.shape[1:3], dtype=torch.bool)
        return TrainingSet(
            hsi, msi, self.bands, torch.stack([whole if one is None else one for one in known]).to(device)
        )

    def _empty(self, shapes: list[tuple[int, ...]], device: torch.device) -> Tensor:
        """An empty tensor for all images of these shapes, which must be equal."""
        if len(set(shapes)) > 1:
            raise UserError(f"{self.path}: training scenes differ in size: {sorted(set(shapes))}")
        return torch.empty(len(shapes), *shapes[0], device=device)
