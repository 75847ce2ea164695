"""Weights as safetensors, and the state of an unfinished training. Files are complete or absent; reading them runs no code."""

import hashlib
import io
import json
import pickle
import re
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from ssif.errors import UserError, flat
from ssif.io import whole_file
from ssif.seals import check_note, noted_file

# Keys under which weights files have their tensors, those meant for use first, and the largest depth.
CONTAINERS = ("state_dict", "params_ema", "params", "param", "model", "net", "sd")
DEPTH = 3


def save_weights(model: nn.Module, path: Path, card: dict | None = None) -> None:
    """Write parameters and buffers of `model` as safetensors, with a `card` (any JSON) in the metadata.

    The card also gets the "sha256" of itself and the tensors, which the readers below check.
    """
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    card = json.loads(json.dumps(card or {}))
    text = json.dumps(card | {"sha256": _digest(tensors, card)})
    with whole_file(path) as temporary:
        temporary.write_bytes(safetensors.torch.save(tensors, {"card": text}))


def load_card(path: Path) -> dict:
    """The card of weights, {} if they have none. Raises UserError if the file is missing or damaged."""
    return _read(path)[1]


def described(model: nn.Module, card: dict) -> dict:
    """`card` with the entries from which `ssif.load` builds this neural field again."""
    return {"network": model.name, "arguments": model.arguments} | card


def load_weights(model: nn.Module, path: Path) -> None:
    """Fill `model` from `path`. Raises UserError if the file is missing or damaged, or if names or shapes do not match."""
    tensors, _ = _read(path)
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise UserError(f"{path} does not hold the weights of this model: {' '.join(str(error).split())}") from None


def load_fitting(model: nn.Module, path: Path) -> None:
    """Warm start: fill every tensor that `path` has with the same name and shape; all other tensors stay as they are.

    Raises UserError if the file is missing or damaged.
    """
    found, own = _read(path)[0], model.state_dict()
    fitting = {name: found[name] for name, value in own.items() if name in found and found[name].shape == value.shape}
    model.load_state_dict(own | fitting)


def _read(path: Path) -> tuple[dict[str, Tensor], dict]:
    """Tensors and card. Weights of earlier versions and of other programs have no "sha256" and are not checked."""
    try:
        with safetensors.safe_open(path, "pt") as file:
            card = json.loads((file.metadata() or {}).get("card", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise UserError(f"cannot read weights from {path}: {flat(str(error))}") from None
    if isinstance(card, dict) and card.pop("sha256", None) not in (None, _digest(tensors, card)):
        raise UserError(f"cannot read weights from {path}: their checksum does not match")
    return tensors, card


def _digest(tensors: dict[str, Tensor], card: dict) -> str:
    digest = hashlib.sha256(json.dumps(card, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.cpu().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def foreign_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors by name in weights of other programs, a PyTorch file or safetensors, in the order of the file.

    Removes nested dictionaries (CONTAINERS) and the prefix `module.` of parallel training. Runs no code in the file. Raises
    UserError if the file holds anything but tensors or cannot be read.
    """
    if path.is_dir():
        raise UserError(f"{path} is a directory, not a file of weights")
    content = _read(path)[0] if path.suffix == ".safetensors" else _unpickled(path)
    for _ in range(DEPTH):
        inner = content if isinstance(content, dict) else {}
        content = next((inner[key] for key in CONTAINERS if isinstance(inner.get(key), dict)), content)
    if not isinstance(content, dict) or not content:
        raise UserError(f"{path} does not hold a state dict of tensors")
    if strange := [str(key) for key, value in content.items() if not _plain(value)]:
        raise UserError(f"{path} does not hold a state dict of tensors; it has {flat(', '.join(strange[:5]))}")
    while all(str(name).startswith("module.") for name in content):
        content = {str(name).removeprefix("module."): value for name, value in content.items()}
    return {str(name): value for name, value in content.items()}


def _plain(value) -> bool:
    """Whether this is a dense tensor of real numbers, neither quantised nor without data."""
    return (
        isinstance(value, Tensor)
        and value.layout == torch.strided
        and value.device.type == "cpu"
        and not (value.is_quantized or value.is_complex())
    )


def _unpickled(path: Path):
    """The tensors and plain data in a PyTorch file."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise UserError(f"cannot read weights from {path}: {error.strerror}") from None
    except pickle.UnpicklingError as error:
        # PyTorch's message explains how to run the code.
        found = re.search(r"GLOBAL (\S+)", str(error))
        raise UserError(
            f"{path} holds more than tensors and plain values ({found[1] if found else 'objects of Python'}); reading it"
            " would run its code: save the model's state_dict() instead"
        ) from None
    except Exception as error:
        raise UserError(f"cannot read weights from {path}: {flat(str(error))[:100] or 'it is empty'}") from None


def save_state(path: Path, config: dict, state: dict) -> None:
    """Write a training state with its configuration, and note the checksum (`ssif.seals`)."""
    buffer = io.BytesIO()
    torch.save({"config": json.dumps(config, sort_keys=True), **state}, buffer)
    with noted_file(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


class OtherState(UserError):
    """The training state at `path` has another configuration; `differing`: the keys that differ, with both values."""

    def __init__(self, path: Path, differing: list[str]):
        self.differing = ", ".join(differing)
        super().__init__(f"{path} was saved under another configuration ({self.differing}); delete it to start afresh")


def load_state(path: Path, config: dict, device: torch.device) -> dict | None:
    """The state saved at `path`, or None if there is none.

    Raises UserError if it is damaged, and OtherState if it was saved under another configuration.
    """
    if not path.exists():
        return None
    try:
        check_note(path)
        state = torch.load(path, map_location=device, weights_only=True)
        saved = json.loads(state.pop("config"))
    except Exception as error:
        raise UserError(
            f"cannot read the training state {path} ({flat(str(error))[:200]}); delete it to start afresh"
        ) from None
    differing = differing_keys(saved, json.loads(json.dumps(config)))
    if differing:
        raise OtherState(path, differing)
    return state


def differing_keys(old: dict, new: dict, prefix: str = "") -> list[str]:
    """Dotted names of the keys in which two nested configurations differ, with both values."""
    names = []
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key, "absent"), new.get(key, "absent")
        if isinstance(before, dict) and isinstance(after, dict):
            names += differing_keys(before, after, f"{prefix}{key}.")
        elif before != after:
            names.append(f"{prefix}{key}: {before} there, {after} here")
    return names
