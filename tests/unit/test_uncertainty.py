"""Several networks of one task: the mean of their predictions and its standard deviation."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

import ssif
from ssif.checkpoint import described, save_weights
from ssif.errors import UserError
from ssif.tool.predict import deviation_file, predict
from tests.predicting import HEADER, WANTED, read, small_model, write


@pytest.fixture
def models(tmp_path):
    """Three networks that differ by their weights."""
    first, found = small_model(tmp_path), []
    for seed in range(3):
        torch.manual_seed(seed)
        for parameter in first.network.parameters():
            parameter.data += 0.05 * torch.randn_like(parameter)
        path = tmp_path / f"{seed}.safetensors"
        save_weights(first.network, path, described(first.network, first.card))
        found.append(ssif.load(path))
    return found


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_mean_and_deviation(tmp_path, models, dtype):
    values = np.random.default_rng(0).uniform(0.1, 0.9, (9, 12, 3)).astype(np.float32)
    values[2, 3, 1] = np.nan
    header = replace(HEADER, dtype=dtype, scale=1e-4 if dtype == "uint16" else None)
    source, out = write(tmp_path / "a.tif", header, values), tmp_path / "b.tif"
    predict(source, out, models[0], WANTED, say=lambda line: None, more=models[1:])
    _, image = read(source)
    every = np.stack([model.predict(image, WANTED.bands, scale=WANTED.scale) for model in models])
    assert np.allclose(read(out)[1], every.mean(axis=0), atol=1e-4, equal_nan=True)
    found_header, found = read(deviation_file(out))
    assert np.allclose(found, every.std(axis=0, ddof=1), atol=1e-6, equal_nan=True)
    assert found_header.dtype == np.float32 and found_header.transform == read(out)[0].transform
    assert np.isnan(found).any() and deviation_file(out).name == "b.std.tif"


def test_networks_of_another_task_are_refused(tmp_path, models):
    source = write(tmp_path / "a.tif", HEADER, np.full((9, 12, 3), 0.5))
    (tmp_path / "other").mkdir()
    other = small_model(tmp_path / "other", wavelengths=[395.0, 900.0])
    with pytest.raises(UserError, match="differ in wavelengths, so they cannot be averaged"):
        predict(source, tmp_path / "b.tif", models[0], WANTED, more=[other])
    (tmp_path / "b.std.tif").touch()
    with pytest.raises(UserError, match=re.escape("b.std.tif exists; remove it")):
        predict(source, tmp_path / "b.tif", models[0], WANTED, more=models[1:])
