"""The training batches of a network: query points for the neural fields, patches for networks on a pixel grid."""

from collections.abc import Callable
from dataclasses import replace

import torch

from ssif.data.patches import Patches, Queries, TrainingSet, check_crops, draw_patches, draw_queries
from ssif.data.store import Store
from ssif.errors import UserError
from ssif.training import Recipe, cosine, halving
from workflow.config.schema import Config
from workflow.methods import family
from workflow.plan import runs
from workflow.plan.runs import Run


def recipe(model: torch.nn.Module, config: Config, run: Run, store: Store, scenes: TrainingSet) -> Recipe:
    """The recipe of a network that makes images. Raises UserError if a crop is larger than the training scenes."""
    if family(run.method) == "field":
        _, training = runs.settings(config, run)
        decay = cosine if training.decay == "cosine" else halving(*training.halve_at)
        return Recipe(_queries(config, run, scenes), decay)
    if scenes.ratio > 1 and model.learns_from_hr_msi:
        raise UserError(
            f"{run.id} learns from an MSI with the pixels of the HSI, and the measured one has pixels of {scenes.ratio} x"
            f" {scenes.ratio}; leave the method out"
        )
    return Recipe(_patches(config, run, scenes), model.decay)


def _queries(config: Config, run: Run, scenes: TrainingSet) -> Callable[[int], Queries]:
    """Draw the batch of a neural field at each step."""
    data, (_, training) = config.datasets[run.dataset], runs.settings(config, run)
    scales, places = data.scales.train, scenes.places()
    counts = data.counts.train if run.count is None else (run.count, run.count)
    check_crops(scenes, training.lr_sizes, scales)

    def draw(step: int) -> Queries:
        return draw_queries(
            scenes,
            step,
            seed=run.seed,
            batch=training.batch,
            lr_sizes=training.lr_sizes,
            scales=scales,
            queries=training.queries,
            counts=tuple(map(int, counts)),
            antialias=config.antialias,
            # A network with fixed bands can predict no other bands.
            intervals=training.intervals if run.count is None else "equal",
            places=places,
        )

    return draw


def _patches(config: Config, run: Run, scenes: TrainingSet) -> Callable[[int], Patches]:
    """Draw the batch of a network on a pixel grid at each step."""
    _, training = runs.settings(config, run)
    # A network that serves every p learns from HR images only.
    scale = run.scale or 1
    size = training.lr_size(scale)
    if scale % scenes.ratio:
        raise UserError(f"{run.id}: want a p that is a multiple of {scenes.ratio}, the pixel of the measured MSI")
    check_crops(scenes, [size], (scale, scale))
    places = scenes.places(size * scale)

    def draw(step: int) -> Patches:
        patches = draw_patches(
            scenes,
            step,
            seed=run.seed,
            batch=training.batch,
            lr_size=size,
            scale=scale,
            count=run.count,
            antialias=config.antialias,
            places=places,
        )
        return replace(patches, done=step / training.steps)

    return draw
