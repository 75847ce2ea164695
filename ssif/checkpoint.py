"""Weights as safetensors, and the state of an unfinished training; both whole or absent, neither unpickles code."""

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

# Under which keys files of weights have their tensors, those first that are meant for use; and how deep at most.
CONTAINERS = ("state_dict", "params_ema", "params", "param", "model", "net", "sd")
DEPTH = 3


def save_weights(model: nn.Module, path: Path, card: dict | None = None) -> None:
    """Write parameters and buffers of `model` as safetensors, with a `card` of what JSON can write in its metadata.

    The card also gets a "sha256" of itself and the tensors, which every reader below checks.
    """
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    card = json.loads(json.dumps(card or {}))
    text = json.dumps(card | {"sha256": _digest(tensors, card)})
    with whole_file(path) as temporary:
        temporary.write_bytes(safetensors.torch.save(tensors, {"card": text}))


def load_card(path: Path) -> dict:
    """What weights say of themselves, {} where they say nothing. Raises UserError if the file is missing or damaged."""
    return _read(path)[1]


def described(model: nn.Module, card: dict) -> dict:
    """`card` with what `ssif.load` needs to build this neural field again."""
    return {"network": model.name, "arguments": model.arguments} | card


def load_weights(model: nn.Module, path: Path) -> None:
    """Fill `model` from `path`. Raises UserError if the file is missing or damaged, or names and shapes do not match."""
    tensors = _tensors(path)
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise UserError(f"{path} does not hold the weights of this model: {' '.join(str(error).split())}") from None


def load_fitting(model: nn.Module, path: Path) -> None:
    """Fill what `path` has under the same name and in the same shape, as a warm start; the rest stays as it is.

    Raises UserError if the file is missing or damaged.
    """
    found, own = _tensors(path), model.state_dict()
    model.load_state_dict(
        {name: found[name] if _fits(found.get(name), value) else value for name, value in own.items()}
    )


def _tensors(path: Path) -> dict[str, Tensor]:
    return _read(path)[0]


def _read(path: Path) -> tuple[dict[str, Tensor], dict]:
    """Tensors and card. Weights of an earlier version, or of somebody else, have no "sha256" to be checked."""
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


def _fits(found: Tensor | None, own: Tensor) -> bool:
    return found is not None and found.shape == own.shape


def foreign_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of somebody else's weights by name, in the order of the file: of a PyTorch file or of safetensors.

    What usually stands around them is taken off: dictionaries (CONTAINERS, one in another) and the prefix `module.` of
    parallel training. No code in the file is run. Raises UserError where it holds anything else or cannot be read.
    """
    if path.is_dir():
        raise UserError(f"{path} is a directory, not weights")
    content = _tensors(path) if path.suffix == ".safetensors" else _unpickled(path)
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
    """Whether this is a tensor of numbers: neither sparse nor quantised nor a shape alone."""
    return (
        isinstance(value, Tensor)
        and value.layout == torch.strided
        and value.device.type == "cpu"
        and not (value.is_quantized or value.is_complex())
    )


def _unpickled(path: Path):
    """What is in a PyTorch file, of plain data and tensors."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise UserError(f"cannot read weights from {path}: {error.strerror}") from None
    except pickle.UnpicklingError as error:
        # PyTorch's own text says how to run the code.
        found = re.search(r"GLOBAL (\S+)", str(error))
        raise UserError(
            f"{path} holds more than tensors and plain values ({found[1] if found else 'objects of Python'}); reading it"
            " would run its code: save the model's state_dict() instead"
        ) from None
    except Exception as error:
        raise UserError(f"cannot read weights from {path}: {flat(str(error))[:100] or 'it is empty'}") from None


def save_state(path: Path, config: dict, state: dict) -> None:
    """Write a training state beside the configuration that it belongs to, and note its checksum (`ssif.seals`)."""
    buffer = io.BytesIO()
    torch.save({"config": json.dumps(config, sort_keys=True), **state}, buffer)
    with noted_file(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


class OtherState(UserError):
    """A training state at `path` of another configuration; `differing`: the keys in which, with both values."""

    def __init__(self, path: Path, differing: list[str]):
        self.differing = ", ".join(differing)
        super().__init__(f"{path} was saved under another configuration ({self.differing}); delete it to start afresh")


def load_state(path: Path, config: dict, device: torch.device) -> dict | None:
    """The state saved at `path`, or None where there is none.

    Raises UserError if it is damaged, and OtherState if it was saved under another configuration, naming the keys that differ.
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
    """Dotted names of the keys that two nested configurations do not share or disagree on, with both values."""
    names = []
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key, "absent"), new.get(key, "absent")
        if isinstance(before, dict) and isinstance(after, dict):
            names += differing_keys(before, after, f"{prefix}{key}.")
        elif before != after:
            names.append(f"{prefix}{key}: {before} there, {after} here")
    return names
