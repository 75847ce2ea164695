"""Predicted images of the first test scene, stored when a row is evaluated for what looks at them later."""

import h5py
import numpy as np

from ssif.errors import UserError
from ssif.io import whole_file
from workflow.plan import Run


def write(run: Run, scene: str, images: dict[tuple[float, int], np.ndarray]) -> None:
    """predictions.h5 of a run: (p, C) -> image [C, H, W] in [0, 1] of this scene, as float16."""
    with whole_file(run.folder / "predictions.h5") as temporary, h5py.File(temporary, "w") as file:
        file.attrs["scene"] = scene
        for (p, count), image in images.items():
            file[_name(p, count)] = image.astype(np.float16)


def read(run: Run, p: float, count: int) -> np.ndarray:
    """The stored prediction [C, H, W] of a run, float32. Raises UserError where it is missing."""
    path = run.folder / "predictions.h5"
    try:
        with h5py.File(path) as file:
            return file[_name(p, count)][()].astype(np.float32)
    except (OSError, KeyError):
        raise UserError(f"{path} lacks p = {p:g}, C = {count}: python -m workflow.evaluate --run {run.id}") from None


def _name(p: float, count: int) -> str:
    return f"p{p:g}/C{count}"
