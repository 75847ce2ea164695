"""The training batches of a land-use classifier, and how it looks at an image afterwards (docs/protocol.md, Land use)."""

import numpy as np
import torch

from ssif.data.patches import TrainingSet
from ssif.data.store import Store
from ssif.errors import UserError
from ssif.training import Recipe, Validation, halving
from workflow.config.schema import ClassifierTraining, Config
from workflow.land_use.accuracy import accuracies, confusion
from workflow.land_use.windows import Pool, Standardise, Windows, draw_windows, labelled_pixels, padded, split_pixels
from workflow.plan import runs
from workflow.plan.runs import Run
from workflow.steps import prepared


def standardised(training: ClassifierTraining, store: Store, scenes: TrainingSet) -> Standardise:
    """The transform of every image, true or predicted, fitted on the true images of the training scenes."""
    return Standardise(scenes.hsi * store.scale, training.preprocess)


def recipe(model: torch.nn.Module, config: Config, run: Run, store: Store, scenes: TrainingSet) -> Recipe:
    """The recipe of a classifier. Its validation is the mean recall on labelled pixels that no batch contains.

    Raises UserError if a class has too few labelled pixels.
    """
    (_, training), patch, seed = runs.settings(config, run), model.patch, run.seed
    cover, device = prepared.cover(store), scenes.hsi.device
    standardise = standardised(training, store, scenes)
    images, ids = padded(scenes.hsi * store.scale, standardise, patch), sorted(cover.names)
    names = [f"{number} {cover.names[number]}" for number in ids]
    maps = np.stack([cover.maps[name] for name in store.names("train")])
    at_home = training.validation_from == "train_region"
    taken, held = split_pixels(
        labelled_pixels(maps, ids, seed), names, training.train, training.validation if at_home else 0
    )
    pool, seen = Pool(taken, device), images
    if not at_home:
        scene = store.names("test")[0]
        seen = padded(store.scene(scene)[0].to(device)[None] * store.scale, standardise, patch)
        held = [places[: training.validation] for places in labelled_pixels(cover.maps[scene][None], ids, seed)]
        short = [
            f"{name} ({len(places)})" for name, places in zip(names, held) if 0 < len(places) < training.validation
        ]
        if short:
            raise UserError(
                f"too few labelled pixels in {scene} of {', '.join(short)}: the validation needs {training.validation}"
            )
    places, true = torch.from_numpy(np.concatenate(held)).to(device), np.repeat(range(len(ids)), list(map(len, held)))

    def draw(step: int) -> Windows:
        return draw_windows(images, pool, step, seed=seed, batch=training.batch, patch=patch)

    def score(model) -> float:
        predicted = model.classify(seen, places).cpu().numpy()
        return accuracies(confusion(true, predicted, len(ids)))["aa"]

    return Recipe(draw, halving(), Validation(training.check_every, score))
