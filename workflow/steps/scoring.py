"""Score a method: decimate every test scene, predict it at several p and sets of bands, and compare it with the truth."""

import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch

from ssif.bands import Bands, resampling_matrix
from ssif.consistency import Seen, distance
from ssif.data.degrade import downsample, lr_size
from ssif.data.store import Store
from ssif.metrics import evaluate, mpsnr, sam
from ssif.progress import Progress
from ssif.seals import noted_file
from ssif.tiles import Grid
from workflow.plan.runs import Run


@dataclass(frozen=True)
class BandSet:
    """Bands to predict: `label` enters the rows of their scores, `weights` [C, C_max] resample a true spectrum to them."""

    label: dict
    bands: Bands
    weights: np.ndarray


def parts(store: Store, count: int) -> BandSet:
    """`count` equal parts of the data set's bands (`Bands.parts`)."""
    bands = store.bands.parts(count)
    reference = "measured" if count <= len(store.bands) else "interpolated"
    return BandSet({"C": count, "reference": reference}, bands, resampling_matrix(store.bands, bands))


@dataclass(frozen=True)
class View:
    """An input `lr_msi` [c, h, w] for a model. Its prediction, divided by the `exposure` of the input, is compared with `truth`
    [C, H, W]. `label` enters the rows of the scores; sensor: the sensor of the input, if consistency with it is scored."""

    lr_msi: torch.Tensor
    truth: torch.Tensor
    exposure: float = 1.0
    label: dict = field(default_factory=dict)
    sensor: Seen | None = None


# Makes the views: the name of a test scene, its HSI and MSI, the size of the LR-MSI, and which pixels have data (None: all).
Views = Callable[[str, torch.Tensor, torch.Tensor, tuple[int, int], torch.Tensor | None], Iterable[View]]


def decimated(store: Store, antialias: bool) -> Views:
    """The only view of the protocol: the decimated MSI, and the scene as it is."""

    def view(scene, hsi, msi, low, known) -> list[View]:
        simulated = store.response is not None and known is None
        sensor = Seen(store.response, Grid.of(low, hsi.shape[1:]), antialias) if simulated else None
        return [View(downsample(msi[None], low, antialias)[0], hsi, sensor=sensor)]

    return view


def scores(
    model, store: Store, wanted: Mapping[float, Sequence[BandSet]], views: Views, place: torch.device, label: str
) -> Iterator[tuple[dict, torch.Tensor]]:
    """A row and the image [C, H, W] in [0, 1] for each test scene, p, view of the scene and item of `wanted[p]`.

    The row holds scene, p, the labels of view and item, the seven metrics, `seconds` of the pass that serves all items of a
    view, and `peak_mib`, the peak memory of the process so far. If the data set has a border, the row also has the metrics of
    the image without the border, as central_<metric>. If the view has a sensor, rows of the data set's own bands say how
    consistent the prediction is with its input (`ssif.consistency`): input_rmse, input_sam, and after the correction
    consistent_mpsnr and consistent_sam. `label` names the work in its progress line.
    """
    weights = {item.bands: torch.tensor(item.weights).float().to(place) for items in wanted.values() for item in items}
    scenes = store.names("test")
    progress, done = Progress(label, len(scenes) * len(wanted), "images"), 0
    for scene in scenes:
        hsi, msi = (image.to(place).permute(2, 0, 1) for image in store.scene(scene))
        known = store.known(scene)
        for p, items in wanted.items():
            # The LR image is made from the MSI, which may have larger pixels than the HSI.
            low, (rows, columns) = lr_size(msi.shape[1:], p / store.ratio)
            height, width = rows * store.ratio, columns * store.ratio
            seen = None if known is None else known[:height, :width].to(place)
            for view in views(scene, hsi[:, :height, :width], msi[:, :rows, :columns], low, seen):
                started = time.perf_counter()
                predicted = model.predict_each(view.lr_msi[None], (height, width), [item.bands for item in items])
                if place.type == "cuda":
                    torch.cuda.synchronize()
                seconds = round(time.perf_counter() - started, 4)
                for item, image in zip(items, predicted):
                    truth, image = (
                        torch.einsum("kc,chw->khw", weights[item.bands], view.truth),
                        image[0] / view.exposure,
                    )
                    row = {"scene": scene, "p": p} | view.label | item.label | evaluate(image, truth, p, seen)
                    if view.sensor and item.bands == store.bands:
                        row |= _consistency(view.sensor, image, view.lr_msi, truth)
                    if store.border:
                        row |= _central(image, truth, p, seen, store.border, hsi.shape[1:])
                    yield row | {"seconds": seconds, "peak_mib": _peak_mib(place)}, image
            done += 1
            progress.update(done, f"p = {p:g}")


def _consistency(sensor: Seen, image, lr_msi, truth) -> dict[str, float]:
    corrected = sensor.corrected(image, lr_msi)
    found = {"consistent_mpsnr": mpsnr(corrected, truth), "consistent_sam": sam(corrected, truth)}
    return distance(sensor.of(image), lr_msi) | found


def _central(image, truth, p: float, seen, border: int, size: tuple[int, int]) -> dict[str, float]:
    """central_<metric> -> the score without `border` pixels at each side of the true image, whose size is `size`."""
    inside = (..., *(slice(border, side - border) for side in size))
    found = evaluate(image[inside], truth[inside], p, None if seen is None else seen[inside])
    return {f"central_{name}": value for name, value in found.items()}


def write_scores(run: Run, name: str, table: pd.DataFrame, **label: str) -> None:
    """Write a run's rows into the csv file `name` of its folder, after the columns data set, preset, `label` and seed."""
    for place, (key, value) in enumerate(
        ({"dataset": run.dataset, "preset": run.preset} | label | {"seed": run.seed}).items()
    ):
        table.insert(place, key, value)
    with noted_file(run.folder / name) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g")


def _peak_mib(place: torch.device) -> int:
    """Peak memory in MiB: allocated on the GPU, or resident in this process on the CPU."""
    if place.type == "cuda":
        return torch.cuda.max_memory_allocated(place) >> 20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak >> (20 if sys.platform == "darwin" else 10)
