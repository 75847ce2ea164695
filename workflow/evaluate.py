"""Score one trained run on every test scene at the p and C that tables and figures show: a row each in its metrics.csv.

    python -m workflow.evaluate --run indian_pines.ssif-rf-uf.s0 [--config config/standard.yaml]

One pass serves all C of a scene and p; `seconds` is that pass, `peak_mib` the process's peak so far. What figures show of
the first test scene is kept in predictions.h5.
"""

import resource
import sys
import time

import pandas as pd
import torch

from baselines.chains import Chain
from ssif.bands import resampling_matrix
from ssif.data.degrade import downsample, lr_size
from ssif.data.store import Store
from ssif.errors import exit_cleanly
from ssif.io import whole_file
from ssif.metrics import evaluate as score
from ssif.progress import Progress
from workflow import plan, predictions, presets, targets
from workflow.arguments import chosen_run
from workflow.models import MODELS
from workflow.train import device, open_data, trained


def evaluate(model, config: presets.Config, run: plan.Run, store: Store) -> tuple[pd.DataFrame, dict]:
    """Rows of scene, p, C, reference, the seven metrics, seconds and peak_mib; and the images to keep, by (p, C).

    `reference` says what the prediction was held against: "measured" bands, or the spectrum "interpolated" where C is
    larger than the data set's own, for which no truth exists.
    """
    shown = targets.targets(config)
    place, cells, kept = device(config), targets.cells(shown.values(), run), targets.images(shown, run)
    bands = {count: store.bands.parts(count) for counts in cells.values() for count in counts}
    weights = {
        count: torch.tensor(resampling_matrix(store.bands, its)).float().to(place) for count, its in bands.items()
    }
    scenes = store.names("test")
    progress = Progress(f"{run.id} evaluation", len(scenes) * len(cells), "images")
    rows, images, done = [], {}, 0
    for scene in scenes:
        hsi, msi = (image.to(place).permute(2, 0, 1)[None] for image in store.scene(scene))
        for p, counts in cells.items():
            low, (height, width) = lr_size(hsi.shape[2:], p)
            lr_msi = downsample(msi[..., :height, :width], low, config.antialias)
            started = time.perf_counter()
            predicted = model.predict_each(lr_msi, (height, width), [bands[count] for count in counts])
            if place.type == "cuda":
                torch.cuda.synchronize()
            seconds = time.perf_counter() - started
            for count, image in zip(counts, predicted):
                truth = torch.einsum("kc,chw->khw", weights[count], hsi[0, :, :height, :width])
                reference = "measured" if count <= len(store.bands) else "interpolated"
                metrics = score(image[0], truth, p)
                rows.append({"scene": scene, "p": p, "C": count, "reference": reference} | metrics
                            | {"seconds": round(seconds, 4), "peak_mib": _peak_mib(place)})  # fmt: skip
                if scene == scenes[0] and count in kept.get(p, ()):
                    images[p, count] = image[0].cpu().numpy()
            done += 1
            progress.update(done, f"p = {p:g}")
    return pd.DataFrame(rows), images


def method(networks: list[torch.nn.Module], row: plan.Run, store: Store) -> torch.nn.Module:
    """The method that these networks of a row make, whatever its family: something with `predict`."""
    if networks[0].batches == "patches":
        return Chain(networks, row.scale, store.bands.parts(row.count))
    return networks[0]


def _peak_mib(place: torch.device) -> int:
    """Peak memory in MiB: allocated on the GPU, or resident in this process on the CPU."""
    if place.type == "cuda":
        return torch.cuda.max_memory_allocated(place) >> 20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak >> (20 if sys.platform == "darwin" else 10)


@exit_cleanly
def main() -> None:
    config, run = chosen_run(__doc__, targets.rows)
    torch.set_num_threads(config.threads)
    store = open_data(config, run)
    networks = [trained(config, network, store) for network in plan.stages(run)]
    model = method(networks, run, store)
    table, images = evaluate(model, config, run, store)
    label = {"dataset": run.dataset, "preset": run.preset, "model": MODELS[run.method].label, "seed": run.seed}
    for place, (key, value) in enumerate(label.items()):
        table.insert(place, key, value)
    predictions.write(run, store.names("test")[0], images)
    with whole_file(run.folder / "metrics.csv") as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g")


if __name__ == "__main__":
    main()
