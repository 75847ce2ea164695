"""Predicted images of the first test scene, stored when a row is evaluated, for figures and classifiers."""

from pathlib import Path

import numpy as np

from ssif.data import archive
from ssif.errors import UserError, flat
from workflow.plan.runs import Run


def write(run: Run, scene: str, images: dict[tuple[float, int], np.ndarray]) -> None:
    """predictions.h5 of a run: (p, C) -> image [C, H, W] in [0, 1] of this scene, as float16."""
    with archive.create(run.folder / "predictions.h5") as file:
        file.attrs["scene"] = scene
        for (p, count), image in images.items():
            archive.put(file, _name(p, count), image.astype(np.float16))


def read(run: Run, p: float, count: int) -> np.ndarray:
    """The stored prediction [C, H, W] of a run, float32. Raises UserError if it is missing or damaged."""
    remedy = f"python -m workflow.evaluate --run {run.id}"
    values, _ = stored_image(run.folder / "predictions.h5", _name(p, count), f"p = {p:g}, C = {count}", remedy)
    return values.astype(np.float32)


def stored_image(path: Path, name: str, what: str, remedy: str) -> tuple[np.ndarray, dict]:
    """The dataset `name` of a file of `ssif.data.archive`, and its attributes. Raises UserError, ending with the `remedy`, if the
    file is missing or damaged, or lacks `what` this is."""
    try:
        with archive.read(path) as file:
            return file[name][()], dict(file[name].attrs)
    except (FileNotFoundError, KeyError):
        raise UserError(f"{path} lacks {what}: {remedy}") from None
    except OSError as error:
        raise UserError(f"{path} is damaged ({flat(str(error))}): {remedy}") from None


def _name(p: float, count: int) -> str:
    return f"p{p:g}/C{count}"
