"""Weights as a warm start, and damaged weights and states."""

import pytest
import safetensors.torch
import torch
from torch import nn

from baselines.rcan import RCAN
from ssif.checkpoint import load_card, load_fitting, load_state, load_weights, save_state, save_weights
from ssif.errors import UserError


def same(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


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


def flips(whole: bytes, step: int):
    """Copies of the bytes, each with one byte changed, at every `step`-th place."""
    for place in range(0, len(whole), step):
        yield place, whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]


def test_weights_with_a_changed_byte_are_refused_or_the_same(tmp_path):
    path, model, card = (
        tmp_path / "w.safetensors",
        nn.Linear(3, 2),
        {"network": "a line", "wavelengths": [400.0, 700.5]},
    )
    save_weights(model, path, card)
    whole, refused = path.read_bytes(), 0
    assert load_card(path) == card
    for place, spoiled in flips(whole, 1):
        path.write_bytes(spoiled)
        other = nn.Linear(3, 2)
        try:
            load_weights(other, path)
            assert same(other, model) and (not load_card(path) or card.items() <= load_card(path).items()), place
        except UserError as error:
            assert str(path) in str(error) and "\n" not in str(error)
            refused += 1
    # Some bytes of the header have no effect: blanks, and the name of the checksum.
    assert refused > 0.9 * len(whole)


def test_weights_of_an_earlier_version_have_no_checksum_and_are_read(tmp_path):
    path, model, other = tmp_path / "w.safetensors", nn.Linear(3, 2), nn.Linear(3, 2)
    safetensors.torch.save_file(model.state_dict(), path, {"card": '{"network": "a line"}'})
    load_weights(other, path)
    assert same(other, model) and load_card(path) == {"network": "a line"}


def test_equal_weights_are_equal_files(tmp_path):
    model, card = nn.Linear(3, 2), {"b": 1, "a": (2, 3)}
    for name in ("one", "two"):
        save_weights(model, tmp_path / name, card)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_training_state_with_a_changed_byte_is_refused(tmp_path):
    path, state = tmp_path / "state.pt", {"model": nn.Linear(3, 2).state_dict(), "step": 7}
    save_state(path, {"steps": 9}, state)
    assert load_state(path, {"steps": 9}, torch.device("cpu"))["step"] == 7
    whole = path.read_bytes()
    for _, spoiled in [*flips(whole, 11), (0, b""), (0, whole[: len(whole) // 2])]:
        path.write_bytes(spoiled)
        with pytest.raises(
            UserError, match=r"^cannot read the training state .*state\.pt \(.*\); delete it to start afresh$"
        ):
            load_state(path, {"steps": 9}, torch.device("cpu"))
