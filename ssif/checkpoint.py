"""Weights as safetensors, and the state of an unfinished training; both whole or absent, neither unpickles code."""

import io
import json
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from ssif.errors import UserError
from ssif.io import whole_file


def save_weights(model: nn.Module, path: Path, card: dict | None = None) -> None:
    """Write parameters and buffers of `model` as safetensors, with a `card` of what JSON can write in its metadata."""
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    with whole_file(path) as temporary:
        temporary.write_bytes(safetensors.torch.save(tensors, {"card": json.dumps(card)} if card else None))


def described(model: nn.Module, card: dict) -> dict:
    """`card` with what `ssif.load` needs to build this SSIF or SSIF+ again."""
    return {"network": model.name, "arguments": model.arguments} | card


def load_weights(model: nn.Module, path: Path) -> None:
    """Fill `model` from `path`. Raises UserError if the file is missing or torn, or names and shapes do not match."""
    tensors = _tensors(path)
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise UserError(f"{path} does not hold the weights of this model: {' '.join(str(error).split())}") from None


def load_fitting(model: nn.Module, path: Path) -> None:
    """Fill what `path` has under the same name and in the same shape, as a warm start; the rest stays as it is.

    Raises UserError if the file is missing or torn.
    """
    found, own = _tensors(path), model.state_dict()
    model.load_state_dict(
        {name: found[name] if _fits(found.get(name), value) else value for name, value in own.items()}
    )


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        return safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError) as error:
        raise UserError(f"cannot read weights from {path}: {' '.join(str(error).split())}") from None


def _fits(found: Tensor | None, own: Tensor) -> bool:
    return found is not None and found.shape == own.shape


def load_by_position(model: nn.Module, path: Path) -> None:
    """Fill `model` from foreign weights of the same layout, whatever their names: the first tensor to the first, and on.

    `path`: a PyTorch file of a state dict, or of a dict that holds one under "state_dict", "model" or "params"; no code
    in it is run. (safetensors keep no order.) Raises UserError at the first tensor whose shape differs, naming both,
    and where their numbers differ; `model` is then as it was.
    """
    foreign, own = _foreign(path), model.state_dict()
    for place, ((name, value), (their_name, theirs)) in enumerate(zip(own.items(), foreign.items())):
        if value.shape != theirs.shape:
            raise UserError(
                f"{path}: tensor {place}, {their_name} {list(theirs.shape)}, does not fit {name} {list(value.shape)}"
            )
    if len(own) != len(foreign):
        raise UserError(f"{path} holds {len(foreign)} tensors, this model has {len(own)}; the first ones fit")
    model.load_state_dict(dict(zip(own, foreign.values())))


def _foreign(path: Path) -> dict[str, Tensor]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise UserError(f"cannot read weights from {path}: {' '.join(str(error).split())}") from None
    for key in ("state_dict", "model", "params"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise UserError(f"{path} does not hold a state dict of tensors")
    return dict(content)


def save_state(path: Path, config: dict, state: dict) -> None:
    """Write a training state beside the configuration that it belongs to."""
    buffer = io.BytesIO()
    torch.save({"config": json.dumps(config, sort_keys=True), **state}, buffer)
    with whole_file(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def load_state(path: Path, config: dict, device: torch.device) -> dict | None:
    """The state saved at `path`, or None where there is none.

    Raises UserError if it is torn or was saved under another configuration; the message names the keys that differ.
    """
    if not path.exists():
        return None
    try:
        state = torch.load(path, map_location=device, weights_only=True)
        saved = json.loads(state.pop("config"))
    except Exception as error:
        raise UserError(f"cannot read the training state {path} ({error}); delete it to start afresh") from None
    differing = differing_keys(saved, json.loads(json.dumps(config)))
    if differing:
        raise UserError(
            f"{path} was saved under another configuration ({', '.join(differing)}); delete it to start afresh"
        )
    return state


def differing_keys(old: dict, new: dict, prefix: str = "") -> list[str]:
    """Dotted names of the keys that two nested configurations do not share or disagree on, with both values."""
    names = []
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key, "absent"), new.get(key, "absent")
        if isinstance(before, dict) and isinstance(after, dict):
            names += differing_keys(before, after, f"{prefix}{key}.")
        elif before != after:
            names.append(f"{prefix}{key}: {before} there, {after} here")
    return names
