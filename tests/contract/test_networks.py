"""What every network of `workflow.methods` promises, a stage of a chain or a method by itself; a new one is tested too."""

import dataclasses
import os
import re
import signal
from importlib import import_module
from pathlib import Path

import pytest
import torch

from baselines.grid import l1
from ssif import parallel
from ssif.checkpoint import load_weights, save_weights
from ssif.data.patches import TrainingSet, draw_patches, draw_queries
from ssif.errors import UserError
from ssif.training import Interrupted, Schedule, halving, train
from workflow.config import presets
from workflow.methods import METHODS, STAGES, family, network
from workflow.plan import runs, targets
from workflow.plan.runs import Run
from workflow.steps.building import build

SMOKE = dataclasses.replace(presets.load(Path("config/smoke.yaml")), methods=tuple(METHODS), ablations={})
NETWORKS = {network.method: network for network in runs.networks(SMOKE, targets.rows(SMOKE))}

# Without effect by construction: a softmax does not see a shift of all its keys, nor batch norm a constant.
INERT = {"us3rn": r".*non_local\.(phi|g|out)\.bias"}


@pytest.fixture(params=sorted(NETWORKS))
def run(request) -> Run:
    return NETWORKS[request.param]


@pytest.fixture
def model(run, store):
    return build(SMOKE, run, store).eval()


@pytest.fixture
def data(store) -> TrainingSet:
    return store.training_set(torch.device("cpu"))


def draw(model, data: TrainingSet, run, batch: int, step: int = 0):
    """A small batch of the kind that the network takes."""
    if family(run.method) == "field":
        counts = (run.count or 8, run.count or 8)
        return draw_queries(
            data, step, seed=0, batch=batch, lr_sizes=[6], scales=(1, 3), counts=counts, antialias=False
        )
    size, scale = 12 // (run.scale or 1), run.scale or 1
    return draw_patches(data, step, seed=0, batch=batch, lr_size=size, scale=scale, count=run.count, antialias=False)


@torch.no_grad()
def error(model, run, batch) -> float:
    if family(run.method) == "field":
        return model.loss(batch).item()
    output = model(*(getattr(batch, name) for name in model.reads))
    return l1(output, getattr(batch, model.writes)).item()


def test_every_network_is_here():
    assert set(NETWORKS) == set(STAGES) | {name for name, method in METHODS.items() if method.network}


def test_weights_come_back(model, run, store, tmp_path):
    with torch.no_grad():
        for value in model.state_dict().values():
            if value.is_floating_point():
                value.uniform_(0, 0.1)
    save_weights(model, tmp_path / "weights.safetensors")
    other = build(SMOKE, run, store)
    load_weights(other, tmp_path / "weights.safetensors")
    for (name, ours), theirs in zip(model.state_dict().items(), other.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs), name


def test_the_seed_decides_the_parameters(run, store):
    one, same, other = (build(SMOKE, dataclasses.replace(run, seed=seed), store) for seed in (0, 0, 1))
    pairs = list(zip(one.parameters(), same.parameters(), other.parameters()))
    assert all(torch.equal(a, b) for a, b, _ in pairs)
    assert not pairs or not all(torch.equal(a, c) for a, _, c in pairs)


def test_learning_lowers_the_error(model, run, data):
    """One small crop again and again: the error falls by ten times; a fitted method must meet its linear truth.

    The error is the L1 of what the network writes. US3RN's loss also counts the estimates of its early stages, which end
    in a ReLU; a band whose ReLU starts dead never changes.
    """
    torch.manual_seed(0)
    if family(run.method) == "map":
        mixing = torch.rand(31, 3) / 3
        linear = TrainingSet(data.msi @ mixing.T + 0.1, data.msi, data.bands)
        model.fit(linear)
        image = model.predict(data.msi[:1].permute(0, 3, 1, 2), data.msi.shape[1:3], data.bands)
        torch.testing.assert_close(image[0].permute(1, 2, 0), linear.hsi[0], atol=1e-4, rtol=0)
        return
    batch = draw(model, data, run, 3 if family(run.method) == "field" else 1)
    model.train()
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    first = error(model, run, batch)
    for step in range(800):
        optimiser.zero_grad()
        model.loss(batch).backward()
        optimiser.step()
        if step % 20 == 19 and error(model, run, batch) < first / 10:
            return
    pytest.fail(f"the error fell only from {first:.4f} to {error(model, run, batch):.4f}")


def test_a_stopped_training_goes_on_bit_for_bit(run, store, data, tmp_path):
    straight, stopped, resumed = (build(SMOKE, run, store) for _ in range(3))
    if family(run.method) == "map":
        return
    schedule = Schedule(6, 1e-3, halving(0.5))

    def batch(step: int):
        return draw(straight, data, run, 2, step)

    def batch_and_stop(step: int):
        if step == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return batch(step)

    train(straight, batch, schedule, tmp_path / "straight", {}, run.id)
    with pytest.raises(Interrupted):
        train(stopped, batch_and_stop, schedule, tmp_path / "resumed", {}, run.id)
    train(resumed, batch, schedule, tmp_path / "resumed", {}, run.id)
    for (name, ours), theirs in zip(resumed.state_dict().items(), straight.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs), name
    assert not all(torch.equal(a, b) for a, b in zip(stopped.parameters(), straight.parameters()))


def test_a_loss_is_a_mean_over_the_samples(model, run, data, monkeypatch):
    """So the processes of one training can share a batch (`ssif.parallel`), which is refused where samples depend on others."""
    if family(run.method) == "map":
        return
    model.train()
    monkeypatch.setattr(parallel, "count", lambda: 2)
    try:
        parallel.check(model)
    except UserError:
        assert run.method == "us3rn"
        return
    whole, parts = model.loss(draw(model, data, run, 5)), 0
    for rank in range(2):
        monkeypatch.setattr(parallel.distributed, "get_rank", lambda rank=rank: rank)
        batch, share = parallel.share(draw(model, data, run, 5))
        assert len(batch.scenes) == (3, 2)[rank]
        parts += share * model.loss(batch)
    torch.testing.assert_close(parts, whole, rtol=1e-5, atol=0)


def test_bf16_changes_the_loss_little(model, run, data):
    """As on a GPU, where training runs under autocast."""
    if family(run.method) == "map":
        return
    full = model.train().loss(draw(model, data, run, 2))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = model.loss(draw(model, data, run, 2))
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, full, rtol=0.02, atol=0)
    half.backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def three_steps(part, batch) -> None:
    part.train()
    optimiser = torch.optim.Adam(part.parameters(), lr=1e-3)
    for _ in range(3):
        optimiser.zero_grad()
        part.loss(batch).backward()
        optimiser.step()


def test_gradient_reaches_every_parameter(model, run, store, data):
    """After a few steps, for some parts start inert (a last layer of zeros), and some are trained after the rest."""
    if family(run.method) == "map":
        assert not list(model.parameters())
        return
    three_steps(model, draw(model, data, run, 3))
    recipe = import_module(network(run.method).recipe).recipe(model, SMOKE, run, store, data)
    if recipe.afterwards:
        part, draw_again, _ = recipe.afterwards()
        three_steps(part, draw_again(0))
    unreached = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert [name for name in unreached if not re.fullmatch(INERT.get(run.method, ""), name)] == []


def test_a_batch_of_patches_says_how_much_of_the_budget_is_done(store, data):
    run = NETWORKS["ssfin"]
    recipe = import_module(network(run.method).recipe).recipe(build(SMOKE, run, store), SMOKE, run, store, data)
    assert [recipe.draw(step).done for step in (0, 5, 19)] == [0, 0.25, 0.95]


def test_awan_knows_the_response_only_to_all_bands(store):
    run = NETWORKS["awan-hr"]
    torch.testing.assert_close(build(SMOKE, run, store).response, store.response)
    assert store.response.shape == (3, 31)
    assert build(SMOKE, dataclasses.replace(run, count=16), store).response is None
