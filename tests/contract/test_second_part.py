"""SSIF+ learns in two parts: what its maps see, and that a training killed in the second part goes on."""

import dataclasses
import signal

import pytest
import torch

from ssif import parallel
from ssif.data.patches import TrainingSet
from ssif.training import Interrupted, train
from workflow.config import presets
from workflow.plan.targets import targets
from workflow.steps import learning, spectra
from workflow.steps.building import build

CONFIG = presets.load("config/smoke.yaml")
RUN = next(run for run in targets(CONFIG)["table1"].rows if run.method == "ssif+")


@pytest.fixture
def scenes(store) -> TrainingSet:
    return store.training_set(torch.device("cpu"))


@pytest.fixture
def model(store, scenes):
    torch.manual_seed(0)
    model = build(CONFIG, RUN, store)
    model.fit(scenes)
    return model


def test_a_step_is_a_function_of_its_number_and_bands_are_means_of_the_true_ones(model, store, scenes):
    _, draw, _ = spectra.recipe(model, CONFIG, RUN, store, scenes).afterwards()
    counts = set()
    for step in range(12):
        batch, again = draw(step), draw(step)
        assert torch.equal(batch.target, again.target) and torch.equal(batch.msi, again.msi)
        assert batch.msi.shape == (*batch.hidden.shape[:2], 3) and len(batch.scenes.unique()) == len(batch.msi)
        assert batch.target.shape == (*batch.msi.shape[:2], len(batch.bands))
        counts.add(len(batch.bands))
        # Each target is the spectrum of some true pixel of its scene.
        true = scenes.in_parts(scenes.hsi[batch.scenes[0]].flatten(0, 1), len(batch.bands))[0]
        assert (true[None] - batch.target[0][:, None]).abs().amax(-1).min(dim=1).values.max() < 1e-6
    low, high = CONFIG.datasets[RUN.dataset].counts.train
    assert len(counts) > 1 and min(counts) >= low and max(counts) <= high


def test_processes_share_the_second_part_as_well(model, store, scenes, monkeypatch):
    """Its loss is a mean over the scenes of a batch."""
    part, draw, _ = spectra.recipe(model, CONFIG, RUN, store, scenes).afterwards()
    whole, parts = part.loss(draw(0)), 0
    monkeypatch.setattr(parallel, "count", lambda: 2)
    for rank in range(2):
        monkeypatch.setattr(parallel.distributed, "get_rank", lambda rank=rank: rank)
        batch, share = parallel.share(draw(0))
        parts += share * part.loss(batch)
    torch.testing.assert_close(parts, whole, rtol=1e-5, atol=0)


def test_antialiasing_reaches_what_the_maps_see(model, store, scenes):
    other = dataclasses.replace(CONFIG, antialias=not CONFIG.antialias)
    plain, changed = (
        spectra.recipe(model, config, RUN, store, scenes).afterwards()[1](3) for config in (CONFIG, other)
    )
    assert torch.equal(plain.target, changed.target) and not torch.equal(plain.msi, changed.msi)


def test_a_training_killed_in_the_second_part_goes_on_there(store, tmp_path, monkeypatch):
    """Its weights equal those of a straight training."""

    def weights(name: str, stop: int | None):
        monkeypatch.setattr(type(RUN), "state", property(lambda _: tmp_path / name))
        torch.manual_seed(0)
        model = build(CONFIG, RUN, store)
        trained = []

        def counted(part, draw, schedule, folder, *others):
            def drawn(step: int):
                trained.append((folder.name, step))
                if folder.name == "afterwards" and step == stop:
                    signal.raise_signal(signal.SIGTERM)
                return draw(step)

            train(part, drawn, schedule, folder, *others)

        monkeypatch.setattr(learning, "train", counted)
        learning.learn(model, CONFIG, RUN, store, {})
        return model.state_dict(), trained

    with pytest.raises(Interrupted):
        weights("killed", 3)
    resumed, steps = weights("killed", None)
    assert next(step for folder, step in steps if folder == "afterwards") == 4
    straight, _ = weights("straight", None)
    assert all(torch.equal(resumed[name], straight[name]) for name in straight)
