"""The training batches of SSIF+: first of its field, as for every field, then of its map, from whole scenes as the finished
field makes them."""

from collections.abc import Callable
from dataclasses import replace

import torch

from ssif.data.patches import TrainingSet
from ssif.data.store import Store
from ssif.nets.plus import Pixels, SSIFPlus
from ssif.training import Recipe, Schedule, cosine
from workflow.config.schema import Config
from workflow.plan import runs
from workflow.plan.runs import Run
from workflow.steps import recipes as fields

SCENES, PIXELS = 8, 384  # scenes of a step, and pixels of each scene


def recipe(model: SSIFPlus, config: Config, run: Run, store: Store, scenes: TrainingSet) -> Recipe:
    """The recipe of the field, followed by the recipe of the map. Fits the linear part of the map at once."""
    # The field learns the measured channels, which are known at the pixels of the MSI.
    scenes = scenes.on_msi_grid()
    model.fit(scenes)
    spectra, (_, training) = model.spectra, runs.settings(config, run)
    schedule = Schedule(min(spectra.steps, training.steps), spectra.rate, cosine)
    first = fields.recipe(model, config, run, store, scenes)
    return replace(first, afterwards=lambda: (spectra, _pixels(model, config, run, scenes), schedule))


def _pixels(model: SSIFPlus, config: Config, run: Run, scenes: TrainingSet) -> Callable[[int], Pixels]:
    """Draw at each step pixels of up to 8 whole scenes, at one of four scales p and in C bands.

    Scenes are whole because the loss is a logarithm: a crop of dark background would count as much as any other crop.
    """
    data, (_, training) = config.datasets[run.dataset], runs.settings(config, run)
    (low, high), counts = data.scales.train, data.counts.train
    draws = torch.Generator().manual_seed(run.seed)
    scales = [low * (high / low) ** (part / 3) for part in range(4)]
    seen = [model.pixels(scenes, scale, config.antialias, draws) for scale in scales]

    def draw(step: int) -> Pixels:
        draws = torch.Generator().manual_seed(run.seed * 1_000_003 + step)
        every = seen[step % len(seen)]
        scene = torch.randperm(len(every.scenes), generator=draws)[:SCENES]
        place = torch.randint(every.msi.shape[1], (len(scene), PIXELS), generator=draws)
        count = int(torch.randint(int(counts[0]), int(counts[1]) + 1, (), generator=draws))
        at = scene[:, None].to(every.msi.device), place.to(every.msi.device)
        target, bands = scenes.in_intervals(every.target[at], count, training.intervals, draws)
        return Pixels(every.msi[at], every.hidden[at], target, bands, scene)

    return draw
