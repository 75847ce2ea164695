"""Whether this machine computes what ours did: published weights on a small image, against the result that we kept (`ssif check`).

python -m ssif.tool.check NAME      keeps the result of this machine, after new weights were published
"""

import sys
from pathlib import Path

import numpy as np

from ssif import published
from ssif.bands import Bands
from ssif.errors import UserError
from ssif.io import whole_file
from ssif.pretrained import load

BOUND = 1e-4  # of white; rounding differs by about 1e-6 between processors
SIZE, SCALE, COUNT = (12, 16), 2.5, 8


def golden(name: str) -> Path:
    """Where the image and the result of published weights are kept."""
    return published.FOLDER / "golden" / f"{name}.npz"


def difference(name: str) -> float:
    """The largest difference from the kept result, as a share of white. Raises UserError for an unknown name and without a result."""
    if name not in published.FILES:
        raise UserError(f"{name} is not one of the published weights: {', '.join(published.FILES)}")
    path = golden(name)
    if not path.exists():
        raise UserError(f"the result of {name} comes with a clone of the repository, but {path} is missing")
    with np.load(path) as kept:
        found = load(name).predict(kept["image"], Bands(kept["bands"]), scale=float(kept["scale"]))
        return float(np.abs(found - kept["result"]).max())


def line(name: str) -> tuple[bool, str]:
    """Whether the weights give the kept result here, and a line that says so."""
    off = difference(name)
    verdict = "as expected" if off <= BOUND else "NOT as expected"
    return off <= BOUND, f"{name}: {verdict}, the largest difference is {off:.1e} of white (bound {BOUND:g})"


def keep(name: str) -> Path:
    """Write a random image and its result for published weights."""
    model = load(name)
    image = np.random.default_rng(0).random((*SIZE, model.card["arguments"]["channels"]), dtype=np.float32)
    low, high = model.card["wavelengths"]
    bands = Bands([[low, high]]).parts(COUNT)
    path = golden(name)
    path.parent.mkdir(exist_ok=True)
    with whole_file(path) as temporary, open(temporary, "wb") as stream:
        np.savez_compressed(
            stream, image=image, bands=bands.edges, scale=SCALE, result=model.predict(image, bands, scale=SCALE)
        )
    return path


if __name__ == "__main__":
    print(keep(sys.argv[1]))
