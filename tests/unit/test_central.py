"""Scores without the border that published scores of a data set leave out: measured, kept apart and shown in the tables."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from baselines.bicubic import BicubicLinear
from ssif.bands import Bands, resampling_matrix
from ssif.data import prepare as preparing
from ssif.data.prepare import prepare
from ssif.data.raw import Dataset, Scene
from ssif.data.store import Store
from ssif.metrics import evaluate
from workflow.config import presets
from workflow.plan.targets import targets
from workflow.steps.scoring import BandSet, decimated, scores
from workflow.tables import cells, layout, over_scales

BANDS = Bands.from_centres(np.arange(440, 870, 20), 20)
SIDE, BORDER = 41, 8
SMOKE = yaml.safe_load(Path("config/smoke.yaml").read_text()) | {
    "methods": ["bicubic", "ssif-m"],
    "tables": {"table1": "synthetic"},
}
SMOKE |= {"figures": {}, "ablations": {}}


@pytest.fixture
def store(tmp_path, monkeypatch) -> Store:
    """Two scenes of 41 x 41 pixels; the test scene is brighter in the middle."""
    cubes = np.random.default_rng(0).integers(0, 50, (2, SIDE, SIDE, len(BANDS))).astype(np.uint16)
    cubes[1, BORDER:-BORDER, BORDER:-BORDER] += 50
    scenes = [Scene(name, split, cube, {}) for name, split, cube in zip("ab", ("train", "test"), cubes)]
    made = Dataset("made", BANDS, 100.0, scenes, {"scored": "twice"}, border=BORDER)
    monkeypatch.setattr(preparing, "reader", lambda name: lambda data_dir=None: made)
    prepare("made", tmp_path / "made.h5", "ikonos")
    return Store(tmp_path / "made.h5")


def scored(store: Store, p: float) -> tuple[dict, torch.Tensor]:
    """The row of the test scene and its predicted image [C, H, W]."""
    model = BicubicLinear(4, BANDS)
    model.fit(store.training_set(torch.device("cpu")))
    every = BandSet({"C": len(BANDS)}, BANDS, resampling_matrix(BANDS, BANDS))
    ((row, image),) = scores(model, store, {p: [every]}, decimated(store, False), torch.device("cpu"), "scores")
    return row, image


@pytest.mark.parametrize("p", [1, 2, 3])
def test_central_scores_are_those_of_the_image_without_its_border(store, p):
    row, image = scored(store, p)
    truth = store.scene("b")[0].permute(2, 0, 1)
    height, width = image.shape[1:]
    whole = evaluate(image, truth[:, :height, :width], p)
    # The border is that of the true image: where p does not divide 41, the prediction is a little smaller.
    inside = (slice(None), slice(8, 33), slice(8, 33))
    central = evaluate(image[inside], truth[inside], p)
    assert whole == pytest.approx({name: row[name] for name in cells.METRICS})
    assert central == pytest.approx({name: row[f"central_{name}"] for name in cells.METRICS})
    assert central["mpsnr"] != pytest.approx(whole["mpsnr"], abs=0.01)


def test_pixels_without_data_do_not_count_in_the_centre(tmp_path, monkeypatch, store):
    hsi = store.file["scenes/b/hsi"][()].astype(np.float32)
    hsi[10:14, 20:24] = np.nan
    made = Dataset("made", BANDS, 100.0, [Scene("a", "train", hsi, {}), Scene("b", "test", hsi, {})], {}, border=BORDER)
    monkeypatch.setattr(preparing, "reader", lambda name: lambda data_dir=None: made)
    prepare("made", tmp_path / "gaps.h5", "ikonos")
    gaps = Store(tmp_path / "gaps.h5")
    row, image = scored(gaps, 2)
    inside = (slice(None), slice(8, 33), slice(8, 33))
    truth, known = gaps.scene("b")[0].permute(2, 0, 1), gaps.known("b")
    expected = evaluate(image[inside], truth[inside], 2, known[inside[1:]])
    assert expected == pytest.approx({name: row[f"central_{name}"] for name in cells.METRICS})


def test_a_data_set_without_border_has_no_central_scores(tmp_path):
    prepare("synthetic", tmp_path / "synthetic.h5", "nikon-d700")
    store = Store(tmp_path / "synthetic.h5")
    assert store.border == 0
    model = BicubicLinear(3, store.bands)
    model.fit(store.training_set(torch.device("cpu")))
    every = BandSet({}, store.bands, np.eye(31))
    ((row, _),) = scores(model, store, {4: [every]}, decimated(store, False), torch.device("cpu"), "scores")
    assert not [name for name in row if name.startswith("central")]


def test_tables_show_central_scores_beside_the_others(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = presets.parse(SMOKE)
    table1 = targets(config)["table1"]
    for run, psnr in zip(table1.rows, (30.0, 32.0)):
        rows = [
            {"dataset": run.dataset, "preset": "smoke", "model": run.method, "seed": 0, "scene": scene, "p": p, "C": 31,
             "reference": "measured", "seconds": 1.0, "peak_mib": 1}
            | dict.fromkeys(cells.METRICS, psnr + shift) | dict.fromkeys(cells.CENTRAL, psnr + shift + 7)
            for scene, shift in (("a", 0), ("b", 1)) for p in table1.scales
        ]  # fmt: skip
        run.folder.mkdir(parents=True)
        pd.DataFrame(rows).to_csv(run.folder / "metrics.csv", index=False)
    found = cells.scores(config, table1)
    means = cells.means(found)
    assert means["central_sam"].tolist() == (means["sam"] + 7).tolist()
    tidy = over_scales.table(found, table1)
    ours = tidy[tidy["source"] == "ours"]
    assert (ours["central_psnr"] - ours["psnr"]).tolist() == pytest.approx([7] * len(ours))
    text = layout.markdown(ours, [], layout.columns_of(ours))
    assert (
        "| Model | PSNR ↑ p=2 | SSIM ↑ p=2 | SAM ↓ p=2 | central PSNR ↑ p=2 | central SSIM ↑ p=2 | central SAM ↓ p=2 |"
        in text
    )
    assert "| ssif-m | **32.50** | **32.500** | <u>32.50</u> | **39.50** | **39.500** | <u>39.50</u> |" in text
    assert r"central PSNR $\uparrow$" in layout.latex(ours, [], layout.columns_of(ours))
    assert layout.columns_of(ours.drop(columns="central_psnr")) == layout.COLUMNS
