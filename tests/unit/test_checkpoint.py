"""Weights of another network as a warm start where they fit."""

import pytest
import torch

from baselines.rcan import RCAN
from ssif.checkpoint import load_fitting, save_weights


@pytest.mark.parametrize(("scale", "kept"), [(4, {"upsampler.2"}), (3, {"upsampler.0"})])
def test_a_warm_start_takes_all_that_fits(tmp_path, scale, kept):
    sizes = {"image": "msi", "groups": 1, "blocks": 1, "channels": 8}
    start, model = RCAN(3, 2, **sizes), RCAN(3, scale, **sizes)
    save_weights(start, tmp_path / "start.safetensors")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    load_fitting(model, tmp_path / "start.safetensors")
    for name, value in model.state_dict().items():
        origin = before[name] if name.rpartition(".")[0] in kept else start.state_dict()[name]
        assert torch.equal(value, origin), name
    assert any(name.rpartition(".")[0] in kept for name in before)
