"""Training on irregular intervals (paper A.3): cuts, targets and draws, and the keys of the preset."""

import dataclasses

import numpy as np
import pytest
import torch

from ssif.bands import Bands, cuts_matrix, irregular_cuts, parts_matrix
from ssif.data.patches import TrainingSet, draw_queries
from workflow.config import presets
from workflow.plan.targets import targets, with_changes
from workflow.steps.recipes import _queries

CAVE = Bands.from_centres(np.arange(400, 701, 10), 10)
# Two detectors as in AVIRIS: bands 60 and 61 are nearly equal, and their neighbours overlap.
SEAM = Bands.from_centres(np.sort(np.concatenate([np.arange(400, 1000, 10), np.arange(990.5, 1600, 10)])), 11)
DRAW = {"seed": 3, "batch": 2, "lr_sizes": [6, 8], "scales": (1, 4), "antialias": False}


@pytest.fixture(scope="module")
def scenes():
    draws = torch.Generator().manual_seed(0)
    return TrainingSet(torch.rand(2, 60, 70, 31, generator=draws), torch.rand(2, 60, 70, 3, generator=draws), CAVE)


@pytest.mark.parametrize("count", [1, 2, 8, 30, 31])
def test_cuts_are_at_least_a_band_apart_and_cover_all(count):
    rng, widths = np.random.default_rng(0), []
    for _ in range(100):
        cuts = irregular_cuts(31, count, rng.random(count - 1))
        assert cuts[0] == 0 and cuts[-1] == 31 and np.diff(cuts).min() > 1 - 1e-9
        widths.append(np.diff(cuts))
    assert np.allclose(np.mean(widths), 31 / count)
    assert (np.std(widths) > 0.3) == (1 < count < 30)


@pytest.mark.parametrize("count", [1, 2, 60, 100, 119, 120])
def test_parts_keep_their_order_where_detectors_overlap(count):
    rng = np.random.default_rng(0)
    for _ in range(200):
        parts = SEAM.between(irregular_cuts(len(SEAM), count, rng.random(count - 1)))
        assert np.all(parts.edges[1:, 0] >= parts.edges[:-1, 1] - 1e-9)
        assert parts.edges[0, 0] == SEAM.edges[0, 0] and parts.edges[-1, 1] == SEAM.edges[-1, 1]


def test_a_target_is_the_mean_between_its_cuts():
    cuts = np.array([0, 1.5, 31.0])
    weights = cuts_matrix(CAVE, cuts) / np.diff(cuts)[:, None]
    assert np.allclose(weights[0, :3], [1 / 1.5, 0.5 / 1.5, 0]) and np.allclose(weights.sum(axis=1), 1)
    assert CAVE.between(cuts) == Bands([[395, 410], [410, 705]])


@pytest.mark.parametrize("count", [1, 7, 31])
def test_equal_parts_are_the_cuts_they_always_were(count):
    cuts = np.arange(count + 1) * 31 / count
    assert np.allclose(cuts_matrix(CAVE, cuts) / np.diff(cuts)[:, None], parts_matrix(CAVE, count), atol=1e-14)
    assert np.allclose(CAVE.between(cuts).edges, CAVE.parts(count).edges)


def test_draws_are_a_function_of_seed_and_step_and_differ_in_the_bands_alone(scenes):
    for step in range(4):
        equal = draw_queries(scenes, step, counts=(8, 30), **DRAW)
        once, again = (draw_queries(scenes, step, counts=(8, 30), intervals="irregular", **DRAW) for _ in range(2))
        assert once.bands == again.bands and torch.equal(once.target, again.target)
        assert torch.equal(once.query, equal.query) and torch.equal(once.lr_msi, equal.lr_msi)
        assert len(once.bands) == len(equal.bands) and once.bands != equal.bands
        assert once.bands.widths.std() > 0.1 > equal.bands.widths.std()
        # The parts are adjacent, so their width-weighted mean is the mean of the whole spectrum for any cuts.
        mean = [batch.target.double() @ torch.tensor(batch.bands.widths) / 310 for batch in (once, equal)]
        assert torch.allclose(*mean, atol=1e-6)


def test_at_the_full_count_nothing_is_irregular(scenes):
    equal, irregular = (
        draw_queries(scenes, 1, counts=(31, 31), intervals=kind, **DRAW) for kind in ("equal", "irregular")
    )
    assert irregular.bands == equal.bands and torch.equal(irregular.target, equal.target)


@pytest.mark.parametrize(("key", "value"), [("batch", 3), ("lr_sizes", [5]), ("intervals", "irregular")])
def test_a_changed_key_reaches_the_draws(scenes, key, value):
    config = presets.load("config/smoke.yaml")
    run = next(run for run in targets(config)["table1"].rows if run.method == "ssif-rf-uf")
    plain, changed = (_queries(config, each, scenes)(0) for each in (run, with_changes(config, run, {key: value})))
    seen = {"batch": len(changed.query), "lr_sizes": [changed.lr_msi.shape[-1]]}
    assert seen.get(key) == value if key in seen else changed.bands != plain.bands


def test_a_network_of_fixed_bands_has_equal_ones(scenes):
    config = presets.load("config/smoke.yaml")
    data = config.datasets["synthetic"]
    training = dataclasses.replace(data.training, intervals="irregular")
    config = dataclasses.replace(config, datasets={"synthetic": dataclasses.replace(data, training=training)})
    run = next(run for run in targets(config)["fig3"].rows if run.method == "liif" and run.count == 8)
    assert _queries(config, run, scenes)(0).bands == CAVE.parts(8)
