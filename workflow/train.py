"""Train (or fit) one run and write its weights, its configuration and its curve.

    python -m workflow.train --run indian_pines.ssif-rf-uf.s0 [--config config/standard.yaml]

Needs the prepared data set and, for some runs, the finished networks that they start from; neither Snakemake nor a
connection. Killed and started again, it goes on where it was.
"""

import json
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from baselines.chains import carry
from ssif.checkpoint import load_fitting, load_weights, save_weights
from ssif.data import land_cover
from ssif.data.patches import Patches, Queries, TrainingSet, check_crops, draw_patches, draw_queries
from ssif.data.store import Store
from ssif.errors import UserError, exit_cleanly
from ssif.io import whole_file
from ssif.nets.ssif import SSIF
from ssif.pretrained import described
from ssif.training import Interrupted, Schedule, halving, train
from workflow import land_use, plan, targets
from workflow.arguments import chosen_run
from workflow.blocks import Config
from workflow.models import is_classifier, network
from workflow.provenance import provenance


def open_data(config: Config, run: plan.Run) -> Store:
    """The run's prepared data set. Raises UserError if it is absent, torn, or simulates another sensor."""
    store = Store(plan.data_file(run.dataset))
    wanted = config.datasets[run.dataset].msi
    if store.choices["msi"] != wanted:
        raise UserError(
            f"{store.path} was prepared with the sensor {store.choices['msi']}, not {wanted}; prepare it again"
        )
    return store


def device(config: Config) -> torch.device:
    """The configured device; "auto" is the GPU where there is one."""
    name = config.device if config.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def precision(config: Config) -> torch.dtype:
    """In which a network is trained; "auto" is bfloat16 on a GPU and float32 on a CPU."""
    half = device(config).type == "cuda" if config.precision == "auto" else config.precision == "bfloat16"
    return torch.bfloat16 if half else torch.float32


def build(config: Config, run: plan.Run, store: Store) -> torch.nn.Module:
    """The run's network, on the configured device, with parameters that its seed decides."""
    torch.manual_seed(run.seed)
    sizes, _ = plan.settings(config, run)
    return network(run.method).build(store, sizes, run).to(device(config))


def trained(config: Config, run: plan.Run, store: Store) -> torch.nn.Module:
    """The run's network with its finished weights, for prediction. Raises UserError where they are missing or torn."""
    model = build(config, run, store).eval().requires_grad_(False)
    load_weights(model, finished(run))
    return model


def finished(run: plan.Run) -> Path:
    """The weights of a run. Raises UserError where it was not trained yet."""
    if not run.weights.exists():
        raise UserError(f"{run.weights} is missing: python -m workflow.train --run {run.id}")
    return run.weights


def learn(model: torch.nn.Module, config: Config, run: plan.Run, store: Store, identity: dict) -> None:
    """Train or fit `model` on the training scenes, leaving the curve in the run's state folder."""
    scenes = store.training_set(device(config))
    if hasattr(model, "fit"):
        model.fit(scenes)
    if model.batches == "none":
        return
    _, training = plan.settings(config, run)
    for start in plan.warm_start(config, run):
        load_fitting(model, finished(start))
    validation = None
    if model.batches == "queries":
        draw, decay = _queries(config, run, scenes), halving(*training.halve_at)
    elif model.batches == "windows":
        draw, validation = land_use.lessons(training, store, scenes, model.patch, run.seed)
        decay = halving()
    else:
        draw, decay = _patches(config, run, store, scenes), model.decay
    schedule = Schedule(training.steps, training.rate, decay)
    train(model, draw, schedule, run.state, identity, run.id, validation, precision(config))


def card(config: Config, run: plan.Run, store: Store, model: torch.nn.Module, origin: dict) -> dict | None:
    """What a network's weights say of themselves, so that `ssif.load` takes them: of SSIF and SSIF+, for others None."""
    if not isinstance(model, SSIF):
        return None
    data, edges = config.datasets[run.dataset], store.bands.edges
    return described(model, {
        "msi": data.msi,
        "input_bands": None if store.msi_bands is None else store.msi_bands.edges.tolist(),
        "wavelengths": [float(edges.min()), float(edges.max())],
        "scales": data.scales.train,
        "counts": data.counts.train,
        "antialias": config.antialias,
        "preset": run.preset,
        "run": run.id,
    } | origin)  # fmt: skip


def _queries(config: Config, run: plan.Run, scenes: TrainingSet) -> Callable[[int], Queries]:
    """What a neural field learns from at each step."""
    data, (_, training) = config.datasets[run.dataset], plan.settings(config, run)
    scales = data.scales.train
    counts = data.counts.train if run.count is None else (run.count, run.count)
    check_crops(scenes.hsi.shape[1:3], training.lr_sizes, scales)

    def draw(step: int) -> Queries:
        return draw_queries(
            scenes,
            step,
            seed=run.seed,
            batch=training.batch,
            lr_sizes=training.lr_sizes,
            scales=scales,
            counts=tuple(map(int, counts)),
            antialias=config.antialias,
            # A network of fixed bands knows no others.
            intervals=training.intervals if run.count is None else "equal",
        )

    return draw


def _patches(config: Config, run: plan.Run, store: Store, scenes: TrainingSet) -> Callable[[int], Patches]:
    """What a network on a pixel grid learns from at each step."""
    _, training = plan.settings(config, run)
    # A network that serves every p learns from HR images alone.
    scale = run.scale or 1
    size = training.lr_size(scale)
    check_crops(scenes.hsi.shape[1:3], [size], (scale, scale))
    earlier = [trained(config, stage, store) for stage in plan.earlier(run)]

    def draw(step: int) -> Patches:
        batch = draw_patches(
            scenes,
            step,
            seed=run.seed,
            batch=training.batch,
            lr_size=size,
            scale=scale,
            count=run.count,
            antialias=config.antialias,
        )
        # Chained: what earlier stages make takes the place of the true images that this one reads.
        with torch.no_grad():
            made = carry(earlier, {"lr_msi": batch.lr_msi})
        return replace(batch, **made)

    return draw


@exit_cleanly
def main() -> None:
    config, run = chosen_run(__doc__, targets.networks)
    torch.set_num_threads(config.threads)
    store = open_data(config, run)
    started, origin = time.monotonic(), provenance(device(config))
    model = build(config, run, store)
    identity = plan.identity(config, run) | {"data": store.identity}
    if is_classifier(run.method):
        identity["land_cover"] = land_cover.load(store).choices
    try:
        learn(model, config, run, store, identity)
    except Interrupted as stop:
        print(stop, file=sys.stderr)
        sys.exit(128 + stop.number)

    curve = run.state / "train.jsonl"
    seconds = (
        json.loads(curve.read_text().splitlines()[-1])["seconds"] if curve.exists() else time.monotonic() - started
    )
    parameters = sum(p.numel() for p in model.parameters())
    record = identity | {"parameters": parameters, "seconds": round(seconds, 1)} | origin
    with whole_file(run.folder / "config.json") as temporary:
        temporary.write_text(json.dumps(record, indent=2) + "\n")
    with whole_file(run.folder / "train.jsonl") as temporary:
        temporary.write_text(curve.read_text() if curve.exists() else "")
    save_weights(model, run.weights, card(config, run, store, model, origin))
    shutil.rmtree(run.state, ignore_errors=True)


if __name__ == "__main__":
    main()
