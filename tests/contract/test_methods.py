"""What every method in `workflow.models.MODELS` promises, whatever its family; a new entry is tested by itself."""

import dataclasses
from pathlib import Path

import pytest
import torch

from ssif.checkpoint import load_weights, save_weights
from ssif.data.patches import TrainingSet, draw_queries
from ssif.data.store import Store, prepare
from ssif.errors import UserError
from workflow import plan, presets
from workflow.models import MODELS
from workflow.train import build

SMOKE = Path("config/smoke.yaml")


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    path = tmp_path_factory.mktemp("data") / "synthetic.h5"
    prepare("synthetic", path, "nikon-d700")
    return Store(path)


@pytest.fixture(params=sorted(MODELS))
def run(request) -> plan.Run:
    """The first run of each method."""
    config = dataclasses.replace(presets.load(SMOKE), methods=(request.param,))
    return plan.runs(config)[0]


@pytest.fixture
def model(run, store):
    return build(presets.load(SMOKE), run, store).eval()


def own_bands(run, store):
    """Bands that the run can predict: its own C, or any."""
    return store.bands.parts(run.count or 8)


def draw(data: TrainingSet, run, step: int):
    count = run.count or 8
    return draw_queries(
        data, step, seed=0, batch=3, lr_sizes=[6], scales=(1, 3), counts=(count, count), antialias=False
    )


def test_predict_gives_an_image_in_range(model, run, store):
    bands = own_bands(run, store)
    for size, lr in [((24, 36), (8, 12)), ((23, 15), (9, 6)), ((7, 5), (7, 5))]:
        image = model.predict(torch.rand(2, store.channels, *lr), size, bands)
        assert image.shape == (2, len(bands), *size) and image.dtype == torch.float32
        assert torch.isfinite(image).all() and image.min() >= 0 and image.max() <= 1


def test_images_of_a_batch_do_not_touch_each_other(model, run, store):
    lr_msi, bands = torch.rand(3, store.channels, 7, 9), own_bands(run, store)
    both = model.predict(lr_msi, (14, 18), bands)
    for i in range(3):
        torch.testing.assert_close(model.predict(lr_msi[i : i + 1], (14, 18), bands)[0], both[i], atol=1e-5, rtol=0)


def test_predicting_many_band_sets_at_once_changes_nothing(model, run, store):
    bands = own_bands(run, store)
    targets = [bands] if run.count else [bands, store.bands, store.bands.parts(40)]
    lr_msi = torch.rand(1, store.channels, 8, 6)
    for target, image in zip(targets, model.predict_each(lr_msi, (16, 12), targets)):
        torch.testing.assert_close(image, model.predict(lr_msi, (16, 12), target), atol=1e-6, rtol=0)


def test_predictions_repeat(model, run, store):
    lr_msi, bands = torch.rand(1, store.channels, 8, 8), own_bands(run, store)
    assert torch.equal(model.predict(lr_msi, (20, 20), bands), model.predict(lr_msi, (20, 20), bands))


def test_a_model_for_one_count_refuses_others(model, run, store):
    if run.count is None:
        assert model.predict(torch.rand(1, store.channels, 4, 4), (8, 8), store.bands.parts(5)).shape[1] == 5
        return
    with pytest.raises(UserError, match="trained for"):
        model.predict(torch.rand(1, store.channels, 4, 4), (8, 8), store.bands.parts(5))


def test_weights_come_back(model, run, store, tmp_path):
    with torch.no_grad():
        for value in model.state_dict().values():
            value.uniform_(-0.1, 0.1)
    save_weights(model, tmp_path / "weights.safetensors")
    other = build(presets.load(SMOKE), run, store).eval()
    load_weights(other, tmp_path / "weights.safetensors")
    lr_msi, bands = torch.rand(1, store.channels, 8, 8), own_bands(run, store)
    assert torch.equal(model.predict(lr_msi, (16, 16), bands), other.predict(lr_msi, (16, 16), bands))


def test_the_seed_decides_the_parameters(run, store):
    config = presets.load(SMOKE)
    one, same, other = (build(config, dataclasses.replace(run, seed=seed), store) for seed in (0, 0, 1))
    pairs = list(zip(one.parameters(), same.parameters(), other.parameters()))
    assert all(torch.equal(a, b) for a, b, _ in pairs)
    assert not pairs or not all(torch.equal(a, c) for a, _, c in pairs)


def test_learning_lowers_the_error(model, run, store):
    """One small crop again and again: loss falls by ten times; a fitted method must meet its linear truth."""
    torch.manual_seed(0)
    data = store.training_set(torch.device("cpu"))
    if model.batches == "none":
        mixing = torch.rand(31, 3) / 3
        linear = TrainingSet(data.msi @ mixing.T + 0.1, data.msi, data.bands)
        model.fit(linear)
        image = model.predict(data.msi[:1].permute(0, 3, 1, 2), data.msi.shape[1:3], data.bands)
        torch.testing.assert_close(image[0].permute(1, 2, 0), linear.hsi[0], atol=1e-4, rtol=0)
        return
    batch = draw(data, run, 0)
    model.train()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    first = model.loss(batch).item()
    for _ in range(800):
        loss = model.loss(batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if loss.item() < first / 10:
            return
    pytest.fail(f"the loss fell only from {first:.4f} to {loss.item():.4f}")


def test_gradient_reaches_every_parameter(model, run, store):
    if model.batches == "none":
        assert not list(model.parameters())
        return
    model.loss(draw(store.training_set(torch.device("cpu")), run, 0)).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []
