"""Published weights: which tensor in the released file of a method is which parameter here (docs/published-weights.md)."""

import re
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from baselines.liif import LIIF
from ssif.checkpoint import foreign_tensors
from ssif.errors import UserError, flat
from ssif.nets.field import NeuralField

NAMED = 3  # number of tensors of each kind in an error


@dataclass(frozen=True)
class Release:
    """How the tensor names of a release become ours.

    renaming: substitutions (pattern, replacement), applied in turn. groups: (release prefix, own prefix) of parameters that
    both define in the same order, so that the first tensor below one prefix is the first below the other. unused: a pattern
    for tensors that have no effect.
    """

    renaming: tuple[tuple[str, str], ...] = ()
    groups: tuple[tuple[str, str], ...] = ()
    unused: str = r"(?!)"

    def names(self, theirs: list[str], own: list[str]) -> dict[str, str]:
        """Release name -> own name, without unused tensors; an unknown name is kept."""
        found = {name: name for name in theirs if not re.fullmatch(self.unused, name)}
        for pattern, replacement in self.renaming:
            found = {name: re.sub(pattern, replacement, ours) for name, ours in found.items()}
        for release, ours in self.groups:
            below = [name for name in found if name.startswith(release)]
            found |= zip(below, [name for name in own if name.startswith(ours)])
        return found


def _in_order(*groups: tuple[str, str]) -> Release:
    # The mean shifts of the EDSR family are 1x1 convolutions at both ends.
    return Release(groups=groups, unused=r"(.*\.)?(sub|add)_mean\..*")


def _counted(pattern: str, replacement: str, count: int) -> tuple[tuple[str, str], ...]:
    """`count` substitutions; {} is 0, 1, ... in the replacement and 1, 2, ... in the pattern."""
    return tuple((pattern.format(i + 1), replacement.format(i)) for i in range(count))


# The key is the name of the class of the network, or of the pixel decoder of a neural field.
RELEASES = {
    "US3RN": Release((
        (r"^body1\.", "first."), (r"^body2\.", "middle."), (r"^body3\.", "last."),
        (r"\.alpha_hidden$", ".alpha"), (r"\.channels_inc$", ".r_t.weight"), (r"\.channels_dec$", ".r.weight"),
        (r"\.(up|down)sample(\d)\.\1sample\.", r".\1\2."), (r"\.nl\.W\.0\.", ".non_local.out."),
        (r"\.nl\.W\.1\.", ".non_local.norm."), (r"\.nl\.", ".non_local."),
        # Our sequence of blocks has activations in between, which count as layers.
        (r"\.correct\.2\.", ".prox.4."), (r"\.correct\.1\.", ".prox.2."), (r"\.correct\.0\.", ".prox.0."),
        (r"\.body\.0\.", ".first."), (r"\.body\.2\.", ".second."), (r"\.conv1x1_1\.", ".zconv."),
        (r"^res_x\.0\.upsample\.", "skip_up."), (r"^res_x\.1\.", "skip."), (r"^convx\.0\.", "fuse."),
        (r"^convxx\.", "out."),
    )),
    "AWAN": Release((
        (r"\.conv2d\.", "."), (r"^input_conv2D\.", "shallow.0."), (r"^input_prelu2D\.", "shallow.1."),
        (r"^head_conv2D\.", "shallow.2."), (r"^backbone\.", "blocks."), (r"\.conv1\.", ".first.0."),
        (r"\.relu1\.", ".first.1."), (r"\.conv2\.", ".first.2."), (r"\.relu2\.", ".first_act."),
        (r"\.up_conv\.", ".wide."), (r"\.up_relu\.", ".wide_act."), (r"\.se\.conv\.", ".attention.mask."),
        (r"\.se\.fc\.", ".attention.gate."), (r"\.down_conv\.", ".last."), (r"\.down_relu\.", ".last_act."),
        (r"^tail_conv2D\.", "skip."), (r"^output_prelu2D\.", "out.0."), (r"^output_conv2D\.", "out.1."),
        (r"^tail_nonlocal\.non_local\.W\.", "non_local.out."), (r"^tail_nonlocal\.", ""),
    )),
    "MoGDCN": Release(
        (
            (r"^(delta|eta)_0$", r"\1_z"), (r"^(delta|eta)_3$", r"\1_x"),
            *_counted(r"^spatial\.Encoding_block{}\.", "unet.encoders.{}.", 4),
            (r"^spatial\.Encoding_block_end\.", "unet.bottom."),
            *_counted(r"^spatial\.Decoding_block{}\.", "unet.decoders.{}.", 3),
            (r"^spatial\.Decoding_block_End\.", "unet.decoders.3."), (r"(\.decoders\..*)\.conv3\.", r"\1.out."),
            *((rf"(\.decoders\..*)\.conv{i}\.", rf"\1.convs.{i}.") for i in range(3)),
            (r"\.conv4\.", ".map."), (r"\.conv5\.", ".down."),
            *_counted(r"\.conv{}\.", ".convs.{}.", 3),
            (r"^fe_conv1\.", "embed."),
            *((rf"^fe_conv{i + 2}\.", f"mix.{i}.") for i in range(7)),
            (r"^conv_downsample\.", "blur."), (r"^conv_upsample\.", "blur_t."), (r"^conv_torgb\.", "response."),
            (r"^conv_tohsi\.", "response_t."),
        ),
        unused=r"P|(delta|eta)_[12456]|(spatial\.)?acti\.weight",
    ),
    "A2S2K": Release((
        (r"^conv1x1\.", "stem.narrow.0."), (r"^conv3x3\.", "stem.wide.0."),
        (r"^batch_norm1x1\.0\.", "stem.narrow.1."), (r"^batch_norm3x3\.0\.", "stem.wide.1."),
        (r"^conv_se\.0\.", "stem.squeeze."), (r"^conv_ex\.", "stem.excite.0."),
        # The first block has no norm before its first convolution.
        (r"^res_net1\.bn1\.", "spectral.0.norms.0."), (r"^res_net1\.bn2\.", "spectral.0.norms.1."),
        (r"\.bn(\d)\.", r".norms.\1."), (r"^res_net1\.", "spectral.0."), (r"^res_net2\.", "spectral.1."),
        (r"^res_net3\.", "spatial.0."), (r"^res_net4\.", "spatial.1."), (r"\.conv1\.0\.", ".first."),
        (r"\.conv2\.", ".second."), (r"\.ecalayer\.conv\.", ".attention."), (r"^conv2\.", "squeeze.0."),
        (r"^batch_norm2\.0\.", "squeeze.1."), (r"^conv3\.", "spatial_stem.0."),
        (r"^batch_norm3\.0\.", "spatial_stem.1."), (r"^full_connection\.0\.", "head."),
    )),
    "RCAN": _in_order(("", "")),
    "SSPSR": _in_order(("", "")),
    "LIIFDecoder": _in_order(("encoder.", "encoder."), ("imnet.", "decoder.")),
    "ITSRNDecoder": _in_order(
        ("encoder.", "encoder."), ("imnet.", "decoder.weights."), ("Score.", "decoder.score."),
        ("Weight.", "decoder.merge."),
    ),
}  # fmt: skip


def load_release(model: nn.Module, path: Path) -> None:
    """Fill `model` from the file in which the weights of its method were published, or from a file with our own names.

    path: as in `ssif.checkpoint.foreign_tensors`. Raises UserError, and leaves `model` as it was, if tensors are missing,
    unknown or of another shape, naming them. Sides of 1 at the end of a shape do not count.
    """
    theirs, own = foreign_tensors(path), model.state_dict()
    # The pixel decoder determines the release of a neural field; SSIF has none.
    kind = (type(model.decoder) if type(model) in (LIIF, NeuralField) else type(model)).__name__
    release = RELEASES.get(kind)
    if theirs.keys() == own.keys():
        release = Release()
    elif release is None:
        raise UserError(f"no published weights of {kind} are known, and the tensors in {path} do not have our names")
    elif release.groups and path.suffix == ".safetensors":
        raise UserError(
            f"{path}: weights of {kind} are matched by their order, which safetensors do not keep; use the PyTorch file"
        )
    found, faults = {}, {"missing": [], "of another shape": [], "unknown": []}
    for name, ours in release.names(list(theirs), list(own)).items():
        value = theirs[name]
        if ours not in own or ours in found:
            faults["unknown"].append(f"{name} {list(value.shape)}")
            continue
        found[ours] = value
        if _form(value) != _form(own[ours]):
            faults["of another shape"].append(f"{name} {list(value.shape)} for {ours} {list(own[ours].shape)}")
    faults["missing"] = [f"{name} {list(value.shape)}" for name, value in own.items() if name not in found]
    if any(faults.values()):
        listed = "; ".join(f"{_some(tensors)} {fault}" for fault, tensors in faults.items() if tensors)
        raise UserError(f"{path} does not fit this {kind}: {listed}")
    found = {name: value.to(own[name].dtype).reshape(own[name].shape) for name, value in found.items()}
    if kind == "RCAN" and any(name.startswith(("sub_mean.", "add_mean.")) for name in theirs):
        _fold_mean_shift(found, theirs, path)
    model.load_state_dict(found)


def _form(tensor: Tensor) -> tuple[list[int], bool]:
    """The shape without sides of 1 at its end, and whether the values are real.

    A release may have a scalar as [1], or a linear layer as 1x1x1 convolution.
    """
    shape = list(tensor.shape)
    while shape and shape[-1] == 1:
        shape.pop()
    return shape, tensor.is_floating_point()


def _some(tensors: list[str]) -> str:
    more = f" and {len(tensors) - NAMED} more" if len(tensors) > NAMED else ""
    return flat(", ".join(tensors[:NAMED])) + more


def _fold_mean_shift(own: dict[str, Tensor], theirs: dict[str, Tensor], path: Path) -> None:
    """Fold the mean shifts of the released RCAN, for values up to 255 less their mean, into its first and last layer.

    The result is for values in [0, 1]. It is exact except at the border, where the release pads with the mean and the folded
    first layer with black. Raises UserError for a mean shift that is missing or of another shape.
    """
    bands = own["tail.bias"].numel()
    for name in ("sub_mean", "add_mean"):
        for part, shape in {"weight": [bands, bands, 1, 1], "bias": [bands]}.items():
            if f"{name}.{part}" not in theirs or list(theirs[f"{name}.{part}"].shape) != shape:
                raise UserError(f"{path} does not fit this RCAN: its mean shift needs {name}.{part} {shape}")
    (mix_in, shift_in), (mix_out, shift_out) = (
        (theirs[f"{name}.weight"].float().flatten(1), theirs[f"{name}.bias"].float())
        for name in ("sub_mean", "add_mean")
    )
    # The mean of values up to 1 is less than 1.
    largest = 255 if shift_in.abs().max() > 1 else 1
    head, tail = own["head.weight"], own["tail.weight"]
    own["head.bias"] = own["head.bias"] + torch.einsum("ocij,c->o", head, shift_in)
    own["head.weight"] = largest * torch.einsum("ocij,ck->okij", head, mix_in)
    own["tail.weight"] = torch.einsum("ko,ocij->kcij", mix_out, tail) / largest
    own["tail.bias"] = (mix_out @ own["tail.bias"] + shift_out) / largest
