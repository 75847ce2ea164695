"""Training on the bands of a real sensor whose detectors overlap, with every count drawn."""

import json

import numpy as np
import pytest
import torch

from ssif.data.patches import TrainingSet, draw_queries
from ssif.nets.ssif import SSIF
from ssif.sensors import msi_matrix
from ssif.training import Schedule, halving, train
from tests.band_lists import listed_bands
from tests.predicting import SIZES

STEPS = 500


@pytest.fixture(scope="module", params=["two_detectors", "enmap_l2a"])
def scenes(request) -> TrainingSet:
    """Mixtures of three sine curves on bands in the order of their list, and their WorldView-3 image."""
    bands, rng = listed_bands(request.param), np.random.default_rng(0)
    assert len(bands) == {"two_detectors": 241, "enmap_l2a": 218}[request.param] and (np.diff(bands.centres) < 0).any()
    spectra = 0.5 + 0.4 * np.sin(bands.centres / 300 + np.arange(3)[:, None])
    hsi = rng.dirichlet(np.ones(3), (1, 24, 24)) @ spectra
    msi = hsi @ msi_matrix("worldview-3", bands).T
    return TrainingSet(torch.tensor(hsi, dtype=torch.float32), torch.tensor(msi, dtype=torch.float32), bands)


@pytest.mark.parametrize("intervals", ["equal", "irregular"])
def test_every_count_can_be_drawn(scenes, intervals, tmp_path):
    torch.manual_seed(0)
    model, drawn = SSIF(8, variant="RF-UF", **SIZES), set()

    def draw(step: int):
        count = 1 + step % len(scenes.bands)
        batch = draw_queries(
            scenes, step, seed=0, batch=1, lr_sizes=[4, 6], scales=(1, 4), counts=(count, count), antialias=False,
            intervals=intervals,
        )  # fmt: skip
        drawn.add(len(batch.bands))
        return batch

    before = [model.loss(draw(step)).item() for step in range(50)]
    train(model, draw, Schedule(STEPS, 1e-2, halving(0.8)), tmp_path, {}, "bands")
    assert drawn == set(range(1, len(scenes.bands) + 1))
    losses = [json.loads(line)["loss"] for line in (tmp_path / "train.jsonl").read_text().splitlines()]
    assert losses[-1] < np.mean(before) / 2
