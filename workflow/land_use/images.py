"""The land cover that a classifier finds in true and predicted images, and the files that store it."""

import time
from collections.abc import Iterator

import numpy as np
import torch

from ssif.data.degrade import downsample, lr_size
from ssif.data.store import Store
from workflow.config.schema import Config
from workflow.land_use.accuracy import confusion
from workflow.land_use.windows import Standardise, padded
from workflow.methods import METHODS, family
from workflow.plan import targets
from workflow.plan.runs import Run
from workflow.steps import predictions

TRUE, BICUBIC = "true image", "true image, bicubic"


def images_of(config: Config, run: Run, store: Store) -> Iterator[tuple[str, float, np.ndarray]]:
    """Label, p and image [H, W, C_max] in raw units: the predictions of a run, or for a classifier the true image, as it is and
    after bicubic interpolation down to LR and up again. Raises UserError if a prediction is not stored."""
    if family(run.method) != "classifier":
        for p, (count,) in targets.cells(targets.of_land_use(config, run), run).items():
            yield METHODS[run.method].label, p, predictions.read(run, p, count).transpose(1, 2, 0) * store.scale
        return
    hsi, _ = store.scene(store.names("test")[0])
    for p in sorted({p for target in targets.of_land_use(config, run) for p in target.scales}):
        low, (height, width) = lr_size(hsi.shape[:2], p)
        true = hsi[:height, :width]
        yield TRUE, p, true.numpy() * store.scale
        lr = downsample(true.permute(2, 0, 1)[None], low, config.antialias)
        again = torch.nn.functional.interpolate(lr, (height, width), mode="bicubic", align_corners=False)
        yield BICUBIC, p, again[0].permute(1, 2, 0).clamp(0, 1).numpy() * store.scale


def confusion_and_map(
    model, standardise: Standardise, image: np.ndarray, labels: np.ndarray, ids: np.ndarray, dense: bool
) -> tuple[np.ndarray, np.ndarray | None, float]:
    """Confusion matrix [n, n] of the labelled pixels; with `dense` also the map [H, W] of ids and its agreement, the share of
    labelled pixels that have the same class in both classifications.

    image: [H, W, B] in raw units; labels: [H, W] of the sorted `ids` [n], 0 for none. Prints the seconds of each
    classification.
    """
    place = next(model.parameters()).device
    windows = padded(torch.from_numpy(image).to(place)[None], standardise, model.patch)
    where = np.argwhere(labels)
    places = torch.from_numpy(np.insert(where, 0, 0, axis=1)).to(place)
    started = time.perf_counter()
    predicted = model.classify(windows, places).cpu().numpy()
    print(f"  {len(where)} labelled pixels in {time.perf_counter() - started:.2f} s", flush=True)
    matrix = confusion(np.searchsorted(ids, labels[*where.T]), predicted, len(ids))
    if not dense:
        return matrix, None, np.nan
    started = time.perf_counter()
    whole = model.classify_all(windows[0]).cpu().numpy()
    agreement = float((whole[*where.T] == predicted).mean())
    seconds = time.perf_counter() - started
    print(
        f"  map of all {whole.size} pixels in {seconds:.2f} s, with the same class for {agreement:.1%} of the labelled",
        flush=True,
    )
    return matrix, ids[whole].astype(np.uint8), agreement


def stored_map(run: Run, p: float, label: str) -> tuple[np.ndarray, float]:
    """A map of maps.h5, ids [H, W], and its agreement with the exact classification. Raises UserError if it is missing or
    damaged."""
    what, remedy = f"the map of {label} at p = {p:g}", f"python -m workflow.classify --run {run.id}"
    whole, attributes = predictions.stored_image(run.folder / "maps.h5", map_name(p, label), what, remedy)
    return whole, float(attributes["agreement"])


def map_name(p: float, label: str) -> str:
    """The name of an image's map in maps.h5."""
    return f"p{p:g}/{label}"
