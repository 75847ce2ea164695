"""What every row of `workflow.methods.METHODS` promises, whatever its family; a new entry is tested by itself."""

import dataclasses
from pathlib import Path

import pytest
import torch

from ssif.data.store import Store
from ssif.errors import UserError
from workflow.config import presets
from workflow.methods import METHODS
from workflow.plan import runs, targets
from workflow.plan.runs import Run
from workflow.steps.building import build, method

SMOKE = presets.load(Path("config/smoke.yaml"))


@pytest.fixture(params=sorted(METHODS))
def row(request) -> Run:
    """The first row of each method."""
    return targets.rows(dataclasses.replace(SMOKE, methods=(request.param,)))[0]


@pytest.fixture
def model(row, store: Store):
    """The row's method with fresh parameters."""
    networks = [build(SMOKE, network, store).eval() for network in runs.stages(row)]
    return method(networks, row, store).eval()


def own_bands(row, store):
    """Bands that the row can predict: its own C, or any."""
    return store.bands.parts(row.count or 8)


def own_size(row, *lr: int) -> tuple[int, int]:
    """A size that the row can predict from an LR image: its own p, or any."""
    return tuple(side * (row.scale or 2) for side in lr)


def test_predict_gives_an_image_in_range(model, row, store):
    bands = own_bands(row, store)
    for lr, free in [((8, 12), (24, 36)), ((9, 7), (23, 15)), ((7, 5), (7, 5)), ((3, 4), (6, 8))]:
        size = own_size(row, *lr) if row.scale else free
        image = model.predict(torch.rand(2, store.channels, *lr), size, bands)
        assert image.shape == (2, len(bands), *size) and image.dtype == torch.float32
        assert torch.isfinite(image).all() and image.min() >= 0 and image.max() <= 1


def test_images_of_a_batch_do_not_touch_each_other(model, row, store):
    lr_msi, size, bands = torch.rand(3, store.channels, 7, 9), own_size(row, 7, 9), own_bands(row, store)
    both = model.predict(lr_msi, size, bands)
    for i in range(3):
        torch.testing.assert_close(model.predict(lr_msi[i : i + 1], size, bands)[0], both[i], atol=1e-5, rtol=0)


def test_predicting_many_band_sets_at_once_changes_nothing(model, row, store):
    bands = own_bands(row, store)
    targets = [bands] if row.count else [bands, store.bands, store.bands.parts(40)]
    lr_msi, size = torch.rand(1, store.channels, 8, 6), own_size(row, 8, 6)
    for target, image in zip(targets, model.predict_each(lr_msi, size, targets)):
        torch.testing.assert_close(image, model.predict(lr_msi, size, target), atol=1e-6, rtol=0)


def test_predictions_repeat(model, row, store):
    lr_msi, size, bands = torch.rand(1, store.channels, 8, 8), own_size(row, 8, 8), own_bands(row, store)
    assert torch.equal(model.predict(lr_msi, size, bands), model.predict(lr_msi, size, bands))


def test_a_model_for_one_count_refuses_others(model, row, store):
    lr_msi, size, other = torch.rand(1, store.channels, 4, 4), own_size(row, 4, 4), store.bands.parts(5)
    if row.count is None:
        assert model.predict(lr_msi, size, other).shape[1] == 5
        return
    with pytest.raises(UserError, match="trained for"):
        model.predict(lr_msi, size, other)


def test_a_model_for_one_scale_refuses_others(model, row, store):
    lr_msi, size, bands = torch.rand(1, store.channels, 4, 5), (13, 17), own_bands(row, store)
    if row.scale is None:
        assert model.predict(lr_msi, size, bands).shape[2:] == size
        return
    with pytest.raises(UserError, match=f"trained for p = {row.scale}"):
        model.predict(lr_msi, size, bands)
