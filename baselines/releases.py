"""Published weights: which tensor of a method's released file is which parameter here (docs/published-weights.md)."""

import re
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from baselines.liif import LIIF
from ssif.checkpoint import foreign_tensors
from ssif.errors import UserError, flat
from ssif.nets.field import NeuralField

NAMED = 3  # tensors of each kind in an error


@dataclass(frozen=True)
class ByName:
    """The release's names become ours by these substitutions (pattern, replacement), each in turn.

    unused: of tensors in the release's file that have no effect there.
    """

    renaming: tuple[tuple[str, str], ...]
    unused: str = r"(?!)"

    def names(self, theirs: list[str], own: list[str]) -> dict[str, str]:
        """Release name -> own name, those without effect left out; an unknown name is kept."""
        found = {}
        for name in theirs:
            if not re.fullmatch(self.unused, name):
                found[name] = name
                for pattern, replacement in self.renaming:
                    found[name] = re.sub(pattern, replacement, found[name])
        return found


@dataclass(frozen=True)
class InOrder:
    """The release defines its parameters as we do: the first tensor below a prefix is the first below ours, and on.

    groups: (release prefix, own prefix). unused: by default the EDSR family's mean shifts, 1x1 convolutions at both ends.
    """

    groups: tuple[tuple[str, str], ...] = (("", ""),)
    unused: str = r"(.*\.)?(sub|add)_mean\..*"

    def names(self, theirs: list[str], own: list[str]) -> dict[str, str]:
        """Release name -> own name, those without effect left out; one too many keeps its own."""
        found = {name: name for name in theirs if not re.fullmatch(self.unused, name)}
        for release, ours in self.groups:
            below = [name for name in found if name.startswith(release)]
            found |= zip(below, [name for name in own if name.startswith(ours)])
        return found


def _counted(pattern: str, replacement: str, count: int) -> tuple[tuple[str, str], ...]:
    """`count` substitutions; {} is 0, 1, ... in the replacement and 1, 2, ... in the pattern."""
    return tuple((pattern.format(i + 1), replacement.format(i)) for i in range(count))


# By the name of the network's class, or of a neural field's pixel decoder.
RELEASES = {
    "US3RN": ByName((
        (r"^body1\.", "first."),
        (r"^body2\.", "middle."),
        (r"^body3\.", "last."),
        (r"\.alpha_hidden$", ".alpha"),
        (r"\.channels_inc$", ".r_t.weight"),
        (r"\.channels_dec$", ".r.weight"),
        (r"\.(up|down)sample(\d)\.\1sample\.", r".\1\2."),
        (r"\.nl\.W\.0\.", ".non_local.out."),
        (r"\.nl\.W\.1\.", ".non_local.norm."),
        (r"\.nl\.", ".non_local."),
        # Between the blocks here are activations, which count as layers.
        (r"\.correct\.2\.", ".prox.4."),
        (r"\.correct\.1\.", ".prox.2."),
        (r"\.correct\.0\.", ".prox.0."),
        (r"\.body\.0\.", ".first."),
        (r"\.body\.2\.", ".second."),
        (r"\.conv1x1_1\.", ".zconv."),
        (r"^res_x\.0\.upsample\.", "skip_up."),
        (r"^res_x\.1\.", "skip."),
        (r"^convx\.0\.", "fuse."),
        (r"^convxx\.", "out."),
    )),
    "AWAN": ByName((
        (r"\.conv2d\.", "."),
        (r"^input_conv2D\.", "shallow.0."),
        (r"^input_prelu2D\.", "shallow.1."),
        (r"^head_conv2D\.", "shallow.2."),
        (r"^backbone\.", "blocks."),
        (r"\.conv1\.", ".first.0."),
        (r"\.relu1\.", ".first.1."),
        (r"\.conv2\.", ".first.2."),
        (r"\.relu2\.", ".first_act."),
        (r"\.up_conv\.", ".wide."),
        (r"\.up_relu\.", ".wide_act."),
        (r"\.se\.conv\.", ".attention.mask."),
        (r"\.se\.fc\.", ".attention.gate."),
        (r"\.down_conv\.", ".last."),
        (r"\.down_relu\.", ".last_act."),
        (r"^tail_conv2D\.", "skip."),
        (r"^output_prelu2D\.", "out.0."),
        (r"^output_conv2D\.", "out.1."),
        (r"^tail_nonlocal\.non_local\.W\.", "non_local.out."),
        (r"^tail_nonlocal\.", ""),
    )),
    "MoGDCN": ByName(
        (
            (r"^(delta|eta)_0$", r"\1_z"),
            (r"^(delta|eta)_3$", r"\1_x"),
            *_counted(r"^spatial\.Encoding_block{}\.", "unet.encoders.{}.", 4),
            (r"^spatial\.Encoding_block_end\.", "unet.bottom."),
            *_counted(r"^spatial\.Decoding_block{}\.", "unet.decoders.{}.", 3),
            (r"^spatial\.Decoding_block_End\.", "unet.decoders.3."),
            (r"(\.decoders\..*)\.conv3\.", r"\1.out."),
            *((rf"(\.decoders\..*)\.conv{i}\.", rf"\1.convs.{i}.") for i in range(3)),
            (r"\.conv4\.", ".map."),
            (r"\.conv5\.", ".down."),
            *_counted(r"\.conv{}\.", ".convs.{}.", 3),
            (r"^fe_conv1\.", "embed."),
            *((rf"^fe_conv{i + 2}\.", f"mix.{i}.") for i in range(7)),
            (r"^conv_downsample\.", "blur."),
            (r"^conv_upsample\.", "blur_t."),
            (r"^conv_torgb\.", "response."),
            (r"^conv_tohsi\.", "response_t."),
        ),
        unused=r"P|(delta|eta)_[12456]|(spatial\.)?acti\.weight",
    ),
    "A2S2K": ByName((
        (r"^conv1x1\.", "stem.narrow.0."),
        (r"^conv3x3\.", "stem.wide.0."),
        (r"^batch_norm1x1\.0\.", "stem.narrow.1."),
        (r"^batch_norm3x3\.0\.", "stem.wide.1."),
        (r"^conv_se\.0\.", "stem.squeeze."),
        (r"^conv_ex\.", "stem.excite.0."),
        # The first block has no norm before its first convolution.
        (r"^res_net1\.bn1\.", "spectral.0.norms.0."),
        (r"^res_net1\.bn2\.", "spectral.0.norms.1."),
        (r"\.bn(\d)\.", r".norms.\1."),
        (r"^res_net1\.", "spectral.0."),
        (r"^res_net2\.", "spectral.1."),
        (r"^res_net3\.", "spatial.0."),
        (r"^res_net4\.", "spatial.1."),
        (r"\.conv1\.0\.", ".first."),
        (r"\.conv2\.", ".second."),
        (r"\.ecalayer\.conv\.", ".attention."),
        (r"^conv2\.", "squeeze.0."),
        (r"^batch_norm2\.0\.", "squeeze.1."),
        (r"^conv3\.", "spatial_stem.0."),
        (r"^batch_norm3\.0\.", "spatial_stem.1."),
        (r"^full_connection\.0\.", "head."),
    )),
    "RCAN": InOrder(),
    "SSPSR": InOrder(),
    "LIIFDecoder": InOrder((("encoder.", "encoder."), ("imnet.", "decoder."))),
    "ITSRNDecoder": InOrder((
        ("encoder.", "encoder."),
        ("imnet.", "decoder.weights."),
        ("Score.", "decoder.score."),
        ("Weight.", "decoder.merge."),
    )),
}  # fmt: skip


def load_release(model: nn.Module, path: Path) -> None:
    """Fill `model` from the file in which its method's weights were published, or from one that has our own names.

    `path`: as of `ssif.checkpoint.foreign_tensors`. Raises UserError where tensors are missing, unknown or of another
    shape, naming them; `model` is then as it was. Sides of 1 at the end of a shape do not count.
    """
    theirs, own = foreign_tensors(path), model.state_dict()
    # A neural field is known by its pixel decoder; SSIF itself has no release.
    kind = type(model.decoder) if type(model) in (LIIF, NeuralField) else type(model)
    release = RELEASES.get(kind.__name__)
    if theirs.keys() == own.keys():
        release = ByName(())
    elif release is None:
        raise UserError(f"no published weights of {kind.__name__} are known, and {path} has other names than ours")
    elif isinstance(release, InOrder) and path.suffix == ".safetensors":
        raise UserError(f"{path}: weights of {kind.__name__} are taken in their order, which safetensors do not keep")
    names = release.names(list(theirs), list(own))
    found, faults = {}, {"missing": [], "of another shape": [], "unknown": []}
    for name, ours in names.items():
        value = theirs[name]
        if ours not in own or ours in found:
            faults["unknown"].append(f"{name} {list(value.shape)}")
            continue
        found[ours] = value
        if not _fits(value, own[ours]):
            faults["of another shape"].append(f"{name} {list(value.shape)} for {ours} {list(own[ours].shape)}")
    faults["missing"] = [f"{name} {list(value.shape)}" for name, value in own.items() if name not in found]
    if any(faults.values()):
        listed = "; ".join(f"{_some(tensors)} {fault}" for fault, tensors in faults.items() if tensors)
        raise UserError(f"{path} does not fit this {kind.__name__}: {listed}")
    found = {name: value.to(own[name].dtype).reshape(own[name].shape) for name, value in found.items()}
    if kind.__name__ == "RCAN" and any(name in theirs for name in _mean_shifts(1)):
        for name, shape in _mean_shifts(own["tail.bias"].numel()).items():
            if name not in theirs or list(theirs[name].shape) != shape:
                raise UserError(f"{path} does not fit this RCAN: its mean shift wants {name} {shape}")
        _fold_mean_shift(found, {name: value.float() for name, value in theirs.items()})
    model.load_state_dict(found)


def _fits(theirs: Tensor, own: Tensor) -> bool:
    return _significant(theirs) == _significant(own) and theirs.is_floating_point() == own.is_floating_point()


def _significant(tensor: Tensor) -> list[int]:
    """The shape without sides of 1 at its end: a scalar may be written as [1], a linear layer as 1x1x1 convolution."""
    shape = list(tensor.shape)
    while shape and shape[-1] == 1:
        shape.pop()
    return shape


def _some(tensors: list[str]) -> str:
    more = f" and {len(tensors) - NAMED} more" if len(tensors) > NAMED else ""
    return flat(", ".join(tensors[:NAMED])) + more


def _mean_shifts(bands: int) -> dict[str, list[int]]:
    """The names and shapes of RCAN's mean shifts at its input and output."""
    parts = {"weight": [bands, bands, 1, 1], "bias": [bands]}
    return {f"{name}.{part}": shape for name in ("sub_mean", "add_mean") for part, shape in parts.items()}


def _fold_mean_shift(own: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    """Make the release's RCAN, of values up to 255 less their mean, one of values in [0, 1]: in its first and last layer.

    Exact but for the border: where the release pads with the mean, the folded first layer pads with black.
    """
    (mix_in, shift_in), (mix_out, shift_out) = (
        (theirs[f"{name}.weight"].flatten(1), theirs[f"{name}.bias"]) for name in ("sub_mean", "add_mean")
    )
    # The mean of values up to 1 is less than 1.
    largest = 255 if shift_in.abs().max() > 1 else 1
    head, tail = own["head.weight"], own["tail.weight"]
    own["head.bias"] = own["head.bias"] + torch.einsum("ocij,c->o", head, shift_in)
    own["head.weight"] = largest * torch.einsum("ocij,ck->okij", head, mix_in)
    own["tail.weight"] = torch.einsum("ko,ocij->kcij", mix_out, tail) / largest
    own["tail.bias"] = (mix_out @ own["tail.bias"] + shift_out) / largest
