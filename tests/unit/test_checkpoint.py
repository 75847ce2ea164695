"""Weights from elsewhere: by position whatever their names, and as a warm start where they fit."""

import pytest
import torch
from torch import nn

from baselines.rcan import RCAN
from baselines.us3rn import US3RN
from ssif.checkpoint import load_by_position, load_fitting, save_weights
from ssif.errors import UserError


def renamed(model: nn.Module) -> dict:
    """The model's tensors in their order, under names whose alphabetical order is another."""
    return {f"net.{hash(name) % 997}.{name[::-1]}": value.clone() for name, value in model.state_dict().items()}


def same(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


@pytest.mark.parametrize("wrap", [None, "state_dict", "model", "params"])
def test_foreign_weights_of_the_same_layout_are_loaded_by_position(tmp_path, wrap):
    theirs, ours = US3RN(3, 7, 4), US3RN(3, 7, 4)
    content = renamed(theirs)
    torch.save({wrap: content, "epoch": 152} if wrap else content, tmp_path / "weights.pth")
    assert not same(theirs, ours)
    load_by_position(ours, tmp_path / "weights.pth")
    assert same(theirs, ours)


def test_the_first_shape_that_differs_is_named(tmp_path):
    torch.save(renamed(US3RN(3, 8, 4)), tmp_path / "weights.pth")
    model = US3RN(3, 7, 4)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(UserError, match=r"tensor 28, net\.\d+\.thgiew\.t_r\.tsrif \[8, 3, 1, 1\], does not fit"
                       r" first\.r_t\.weight \[7, 3, 1, 1\]"):  # fmt: skip
        load_by_position(model, tmp_path / "weights.pth")
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_another_number_of_tensors_is_named(tmp_path):
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    torch.save(nn.Linear(2, 2).state_dict(), tmp_path / "weights.pth")
    with pytest.raises(UserError, match="holds 2 tensors, this model has 4; the first ones fit"):
        load_by_position(model, tmp_path / "weights.pth")


def test_what_is_no_state_dict_is_refused_and_no_code_is_run(tmp_path):
    model = nn.Linear(2, 2)
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(UserError, match="does not hold a state dict"):
        load_by_position(model, tmp_path / "list.pth")
    torch.save(model, tmp_path / "pickled.pth")
    (tmp_path / "torn.pth").write_bytes(b"PK\x03\x04 torn")
    for name in ("pickled.pth", "torn.pth", "absent.pth"):
        with pytest.raises(UserError, match=rf"cannot read weights from .*{name}"):
            load_by_position(model, tmp_path / name)


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
