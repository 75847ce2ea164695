"""Weights as safetensors, and the state of an unfinished training; both whole or absent, neither unpickles code."""

import io
import json
from pathlib import Path

import safetensors.torch
import torch
from torch import nn

from ssif.errors import UserError
from ssif.io import whole_file


def save_weights(model: nn.Module, path: Path) -> None:
    """Write parameters and buffers of `model` as safetensors."""
    with whole_file(path) as temporary:
        temporary.write_bytes(safetensors.torch.save({name: t.contiguous() for name, t in model.state_dict().items()}))


def load_weights(model: nn.Module, path: Path) -> None:
    """Fill `model` from `path`. Raises UserError if the file is torn, or names and shapes do not match."""
    try:
        model.load_state_dict(safetensors.torch.load_file(path))
    except (safetensors.SafetensorError, OSError, RuntimeError) as error:
        raise UserError(f"{path} does not hold the weights of this model: {' '.join(str(error).split())}") from None


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
