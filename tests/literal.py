"""SSIF, LIIF and ITSRN written out line by line from the papers' equations: the oracle for the rewritten forms.

Slow and memory-hungry on purpose: every query unfolds, gathers and runs its MLP four times, every wavelength meets
every pixel. Uses the parameters of a rewritten model, so both must give the same numbers.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ssif.response import sample

OFFSETS = [(-1, -1), (-1, 1), (1, -1), (1, 1)]


def nearest(query: Tensor, reach, h: int, w: int, sign: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Row-major index [N, Q] of the LR pixel nearest to the shifted query, and rel_coord [N, Q, 2] to its centre."""
    index, rel = [], []
    for axis, n in enumerate((h, w)):
        shifted = query[..., axis] + sign[axis] * reach[axis] + 1e-6
        shifted = shifted.clamp(-1 + 1e-6, 1 - 1e-6)
        i = torch.round(((shifted + 1) * n - 1) / 2)
        index.append(i.long())
        rel.append((query[..., axis] - (-1 + (2 * i + 1) / n)) * n)
    return index[0] * w + index[1], torch.stack(rel, dim=-1)


def take(features: Tensor, index: Tensor) -> Tensor:
    """3x3-unfolded features [N, Q, 9 * channels] at flat LR pixels [N, Q]."""
    unfolded = F.unfold(features, 3, padding=1)
    return unfolded.gather(2, index[:, None].expand(-1, unfolded.shape[1], -1)).transpose(1, 2)


def liif(decoder, features: Tensor, query: Tensor, cell: Tensor, area_weights: bool = False) -> Tensor:
    """h_l [N, Q, out] of Equation 4. `area_weights`: LIIF's own form, which fails where both sides are one pixel."""
    h, w = features.shape[2:]
    outputs, rels = [], []
    for sign in OFFSETS:
        index, rel = nearest(query, (1 / h, 1 / w), h, w, sign)
        rel_cell = (cell * cell.new_tensor([h, w]))[:, None].expand_as(rel)
        x = torch.cat([take(features, index), rel, rel_cell], dim=-1)
        for layer in [decoder.first, *decoder.middle]:
            x = layer(x).relu()
        outputs.append(decoder.last(x))
        rels.append(rel.abs())
    if area_weights:
        areas = [rel[..., 0] * rel[..., 1] + 1e-9 for rel in rels]
        weights = [areas[3 - j] / sum(areas) for j in range(4)]
    else:
        weights = []
        for j in range(4):
            near, far = rels[j] + 1e-9, rels[3 - j] + 1e-9
            weights.append((far / (near + far)).prod(dim=-1))
    return sum(weight[..., None] * output for weight, output in zip(weights, outputs))


def itsrn(decoder, features: Tensor, query: Tensor, cell: Tensor) -> Tensor:
    """h_l [N, Q, out] of ITSRN: a matrix for each query and neighbour times the features, plus a score, merged."""
    h, w = features.shape[2:]
    one_over = cell / 2
    reach = [(1 - one_over[:, axis : axis + 1]) / (n - 1) for axis, n in enumerate((h, w))]
    outputs = []
    for sign in OFFSETS:
        index, rel = nearest(query, reach, h, w, sign)
        token = (one_over * cell.new_tensor([h, w]))[:, None].expand_as(rel)
        value = take(features, index)
        matrix = decoder.weights(torch.cat([rel, token], dim=-1)).unflatten(-1, (value.shape[-1], decoder.out))
        outputs.append(torch.einsum("nqv,nqvo->nqo", value, matrix) + decoder.score(rel))
    return decoder.merge(torch.stack(outputs, dim=-1))[..., 0]


def ssif(model, lr_msi: Tensor, query: Tensor, cell: Tensor, bands, generator=None) -> Tensor:
    """Values [N, Q, C] of Equation 6: for each band the weighted sum over K wavelengths of D(b_ik; h_l)."""
    features = model.encoder((lr_msi - 0.5) / 0.5)
    pixel = {"LIIFDecoder": liif, "ITSRNDecoder": itsrn}[type(model.decoder).__name__](
        model.decoder, features, query, cell
    )
    if model.variant in ("RF-UI", "RF-GI"):
        wavelengths, share = quadrature(model.variant, bands)
        response = torch.ones(len(bands), 1, dtype=torch.float64)
    else:
        wavelengths, response = sample(model.variant, bands, model.k, generator or torch.Generator().manual_seed(0))
    encoder = model.spectral_encoder
    phases = [wavelengths / factor for factor in encoder.factors.double()]
    psi = torch.stack([wave for phase in phases for wave in (phase.sin(), phase.cos())], dim=-1)
    if model.variant in ("RF-UI", "RF-GI"):
        psi = torch.einsum("k,ckf->cf", share, psi)[:, None]
    radiance = radiances(model.spectral_decoder, encoder.mlp(psi.to(lr_msi.dtype)), pixel)
    return (response.to(lr_msi.dtype) * radiance).sum(dim=-1) * 0.5 + 0.5


def quadrature(variant: str, bands) -> tuple[Tensor, Tensor]:
    """Wavelengths [C, 150] and shares [150] whose weighted sum is the mean over a box (UI) or a Gaussian (GI)."""
    centres, widths = (torch.tensor(values)[:, None] for values in (bands.centres, bands.widths))
    nodes, share = (
        np.polynomial.legendre.leggauss(150) if variant == "RF-UI" else np.polynomial.hermite_e.hermegauss(150)
    )
    reach = widths / 2 if variant == "RF-UI" else widths / 6
    return centres + reach * torch.tensor(nodes), torch.tensor(share / share.sum())


def radiances(decoder, embeddings: Tensor, pixel: Tensor) -> Tensor:
    """D(b_ik; h_l) [N, Q, C, K] from b [C, K, d] and h [N, Q, d]: the dot product, or the MLP on the concatenation."""
    if type(decoder).__name__ == "DotDecoder":
        return torch.einsum("nqd,ckd->nqck", pixel, embeddings)
    shape = (*pixel.shape[:2], *embeddings.shape)
    both = torch.cat([embeddings.expand(shape), pixel[:, :, None, None].expand(shape)], dim=-1)
    return decoder.last(decoder.first(both).relu())[..., 0]
