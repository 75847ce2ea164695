"""The chain from CAVE's PNGs to the metrics, on the real scenes, against numbers known beforehand."""

import dataclasses

import pytest
import torch

from ssif.data.prepare import prepare as write_store
from ssif.data.store import Store
from tests.real_data import real
from workflow.config import presets
from workflow.evaluate import scored_cells
from workflow.plan import runs, targets
from workflow.steps.building import build


@pytest.mark.slow
def test_bicubic_row_of_cave(tmp_path):
    """34.85 / 31.47 / 28.03 dB and SAM 12.76 / 13.32 / 14.05 at p = 2 / 4 / 8, computed independently."""
    real("complete_ms_data")
    config = presets.load("config/cave-cpu.yaml")
    data = config.datasets["cave"]
    grids = {
        "scales": dataclasses.replace(data.scales, test=(2, 4, 8)),
        "counts": dataclasses.replace(data.counts, test=(31,)),
    }
    config = dataclasses.replace(config, datasets={"cave": dataclasses.replace(data, **grids)})
    write_store("cave", tmp_path / "cave.h5", "nikon-d700")
    store = Store(tmp_path / "cave.h5")
    assert len(store.names("train")) == 22 and len(store.names("test")) == 10
    run = runs.find(targets.rows(config), "cave.bicubic.s0")
    model = build(config, run, store)
    model.fit(store.training_set(torch.device("cpu")))
    table, _ = scored_cells(model, config, run, store)
    scores = table.groupby("p")[["mpsnr", "sam"]].mean()
    assert scores["mpsnr"].tolist() == pytest.approx([34.85, 31.47, 28.03], abs=0.05)
    assert scores["sam"].tolist() == pytest.approx([12.76, 13.32, 14.05], abs=0.2)
