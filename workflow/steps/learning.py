"""How a network learns: it is fitted in one go, or trained step by step on the batches of its recipe."""

import platform
from importlib import import_module

import torch

from ssif.checkpoint import load_fitting
from ssif.data.store import Store
from ssif.training import Schedule, train
from workflow.config.schema import Config
from workflow.methods import network
from workflow.plan import runs
from workflow.plan.runs import Run
from workflow.steps.building import device, fill


def precision(config: Config) -> torch.dtype:
    """The number format of the training; "auto" is bfloat16 on a GPU and float32 on a CPU.

    "bfloat16" means float32 on an x86 processor without bfloat16 instructions, where a step would take three times as long.
    """
    gpu = device(config).type == "cuda"
    wanted = gpu if config.precision == "auto" else config.precision == "bfloat16"
    emulated = not gpu and platform.machine() in ("x86_64", "AMD64") and not torch.cpu._is_avx512_bf16_supported()
    return torch.bfloat16 if wanted and not emulated else torch.float32


def learn(model: torch.nn.Module, config: Config, run: Run, store: Store, identity: dict) -> None:
    """Train or fit `model` on the training scenes and leave the curve in the run's state folder.

    Resumes from a state in this folder if it has the same `identity`.
    """
    scenes = store.training_set(device(config))
    entry = network(run.method)
    if entry.family == "map":
        model.fit(scenes)
        return
    _, training = runs.settings(config, run)
    for start in runs.warm_start(config, run):
        fill(model, config, start, store, load_fitting)
    # Import the recipe by name, so that a run depends on the recipe of its own family only (`workflow.plan.fingerprints`).
    recipe = import_module(entry.recipe).recipe(model, config, run, store, scenes)
    schedule = Schedule(training.steps, training.rate, recipe.decay)
    average = getattr(training, "average", 0.0)
    train(model, recipe.draw, schedule, run.state, identity, run.id, recipe.validation, precision(config), average)
    if recipe.afterwards:
        # The second part is short and trains in float32. Only the curve of the first part is kept.
        part, draw, schedule = recipe.afterwards()
        train(part, draw, schedule, run.state / "afterwards", identity, f"{run.id}, second part")
