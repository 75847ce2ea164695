"""What every classifier of `workflow.methods` promises: it learns, resumes bit for bit, and looks at each window alone."""

import dataclasses
import os
import signal

import pytest
import torch

from ssif.checkpoint import load_weights, save_weights
from ssif.data.prepare import prepare_land_cover
from ssif.data.store import Store
from ssif.training import Interrupted, Schedule, halving, train
from workflow.config import presets
from workflow.land_use import recipes
from workflow.methods import CLASSIFIERS
from workflow.plan.runs import Run
from workflow.steps.building import build

SMOKE = presets.load("config/smoke.yaml")


@pytest.fixture(scope="module")
def labelled(store) -> Store:
    """The synthetic data set with land cover beside it."""
    prepare_land_cover("synthetic", store.path.with_suffix(".land_cover.h5"))
    return store


@pytest.fixture(params=sorted(CLASSIFIERS))
def run(request) -> Run:
    return Run("smoke", "synthetic", request.param, 0)


@pytest.fixture
def recipe(run, labelled):
    """The batches of 16 windows, and the validation every third step."""
    data = SMOKE.datasets["synthetic"]
    training = dataclasses.replace(data.land_use.training, batch=16, check_every=3)
    changed = dataclasses.replace(data, land_use=dataclasses.replace(data.land_use, training=training))
    config = dataclasses.replace(SMOKE, datasets={"synthetic": changed})
    return recipes.recipe(
        build(config, run, labelled), config, run, labelled, labelled.training_set(torch.device("cpu"))
    )


def test_it_learns_one_batch(run, labelled, recipe):
    model, batch = build(SMOKE, run, labelled).train(), recipe.draw(0)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    first = model.loss(batch).item()
    for _ in range(300):
        optimiser.zero_grad()
        loss = model.loss(batch)
        loss.backward()
        optimiser.step()
        if loss.item() < first / 10:
            return
    pytest.fail(f"the loss fell only from {first:.4f} to {loss.item():.4f}")


def test_a_stopped_training_goes_on_bit_for_bit(run, labelled, recipe, tmp_path):
    """The norms' running statistics and the best weights so far included."""
    draw, validation = recipe.draw, recipe.validation
    straight, stopped, resumed = (build(SMOKE, run, labelled) for _ in range(3))
    schedule = Schedule(8, 1e-2, halving())

    def draw_and_stop(step: int):
        if step == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return draw(step)

    train(straight, draw, schedule, tmp_path / "straight", {}, run.id, validation)
    with pytest.raises(Interrupted):
        train(stopped, draw_and_stop, schedule, tmp_path / "resumed", {}, run.id, validation)
    train(resumed, draw, schedule, tmp_path / "resumed", {}, run.id, validation)
    for (name, ours), theirs in zip(resumed.state_dict().items(), straight.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs), name


def test_a_window_s_class_does_not_depend_on_the_others(run, labelled, recipe):
    model, windows = build(SMOKE, run, labelled).eval(), recipe.draw(0).windows
    with torch.no_grad():
        torch.testing.assert_close(model(windows)[3:4], model(windows[3:4]), rtol=1e-4, atol=1e-5)


def test_weights_come_back_with_the_running_statistics(run, labelled, recipe, tmp_path):
    model, other = build(SMOKE, run, labelled).train(), build(SMOKE, run, labelled)
    model.loss(recipe.draw(0))
    save_weights(model, tmp_path / "weights.safetensors")
    load_weights(other, tmp_path / "weights.safetensors")
    for (name, ours), theirs in zip(model.state_dict().items(), other.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs), name


def test_bf16_changes_the_loss_little(run, labelled, recipe):
    """As on a GPU, where training runs under autocast."""
    model, batch = build(SMOKE, run, labelled).train(), recipe.draw(0)
    full = model.loss(batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = model.loss(batch)
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, full, rtol=0.02, atol=0)
    half.backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
