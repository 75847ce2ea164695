"""Train (or fit) one run and write its weights, its configuration and its curve.

    python -m workflow.train --run indian_pines.ssif-rf-uf.s0 [--config config/standard.yaml]

Needs the prepared data set, neither Snakemake nor a network. Killed and started again, it goes on where it was.
"""

import json
import shutil
import sys
import time

import torch

from ssif.checkpoint import save_weights
from ssif.data.patches import check_crops, draw_queries
from ssif.data.store import Store
from ssif.errors import UserError, exit_cleanly
from ssif.io import whole_file
from ssif.training import Interrupted, Schedule, train
from workflow import plan
from workflow.arguments import chosen_run
from workflow.models import MODELS
from workflow.provenance import provenance


def open_data(config: plan.Config, run: plan.Run) -> Store:
    """The run's prepared data set. Raises UserError if it is absent, torn, or simulates another sensor."""
    store = Store(plan.data_file(run.dataset))
    wanted = config.datasets[run.dataset].msi
    if store.choices["msi"] != wanted:
        raise UserError(
            f"{store.path} was prepared with the sensor {store.choices['msi']}, not {wanted}; prepare it again"
        )
    return store


def build(config: plan.Config, run: plan.Run, store: Store) -> torch.nn.Module:
    """The run's network, on the configured device, with parameters that its seed decides."""
    torch.manual_seed(run.seed)
    network = plan.identity(config, run)["network"]
    return MODELS[run.method].build(store.channels, store.bands, network, run).to(device(config))


def device(config: plan.Config) -> torch.device:
    """The configured device; "auto" is the GPU where there is one."""
    name = config.device if config.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def learn(model: torch.nn.Module, config: plan.Config, run: plan.Run, store: Store, identity: dict) -> None:
    """Train or fit `model` on the training scenes, leaving the curve in the run's state folder."""
    scenes = store.training_set(device(config))
    data = config.datasets[run.dataset]
    if model.batches == "none":
        model.fit(scenes)
        return
    training = data.training
    scales, counts = data.scales.train, data.counts.train
    check_crops(scenes.hsi.shape[1:3], training.lr_sizes, scales)
    if run.count is not None:
        counts = (run.count, run.count)

    def draw(step: int):
        return draw_queries(
            scenes,
            step,
            seed=run.seed,
            batch=training.batch,
            lr_sizes=training.lr_sizes,
            scales=scales,
            counts=tuple(map(int, counts)),
            antialias=config.antialias,
        )

    schedule = Schedule(training.steps, training.rate, training.halve_at)
    train(model, draw, schedule, run.state, identity, run.id)


@exit_cleanly
def main() -> None:
    config, run = chosen_run(__doc__)
    torch.set_num_threads(config.threads)
    store = open_data(config, run)
    started, origin = time.monotonic(), provenance(device(config))
    model = build(config, run, store)
    identity = plan.identity(config, run) | {"data": store.identity}
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
    save_weights(model, run.folder / "weights.safetensors")
    shutil.rmtree(run.state, ignore_errors=True)


if __name__ == "__main__":
    main()
