"""SSIF, its pixel decoders and SwinIR written out line by line from the papers' equations: the oracle for the rewritten forms.

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
    return ensemble(outputs, rels, area_weights)


def ensemble(outputs: list[Tensor], rels: list[Tensor], area_weights: bool = False) -> Tensor:
    """The four outputs [N, Q, out], weighted by the distances [N, Q, 2] of the opposite pixels."""
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


def lte(decoder, features: Tensor, query: Tensor, cell: Tensor) -> Tensor:
    """h_l [N, Q, out] of LTE: an MLP on a local Fourier series, averaged as in LIIF."""
    h, w = features.shape[2:]
    coefficients, frequencies = (
        layer(features).flatten(2).transpose(1, 2) for layer in (decoder.coefficient, decoder.frequency)
    )
    outputs, rels = [], []
    for sign in OFFSETS:
        index, rel = nearest(query, (1 / h, 1 / w), h, w, sign)
        phase = decoder.phase(cell * cell.new_tensor([h, w]))
        images = []
        for n in range(len(query)):
            along_y, along_x = frequencies[n, index[n]].chunk(2, dim=-1)
            angle = along_y * rel[n, :, :1] + along_x * rel[n, :, 1:] + phase[n]
            waves = torch.cat([(np.pi * angle).cos(), (np.pi * angle).sin()], dim=-1)
            x = coefficients[n, index[n]] * waves
            for layer in decoder.middle:
                x = layer(x).relu()
            images.append(decoder.last(x))
        outputs.append(torch.stack(images))
        rels.append(rel.abs())
    return ensemble(outputs, rels)


def ciaosr(decoder, features: Tensor, query: Tensor, cell: Tensor) -> Tensor:
    """h_l [N, Q, out] of CiaoSR: the pixel of the query attends to the four around it."""
    h, w = features.shape[2:]
    asked = take(features, nearest(query, (0, 0), h, w, (1, 1))[0])
    found = None if decoder.non_local is None else non_local(decoder.non_local, features).flatten(2)
    scores, values = [], []
    for sign in OFFSETS:
        index, rel = nearest(query, (1 / h, 1 / w), h, w, sign)
        place = torch.cat([rel, (cell * cell.new_tensor([h, w]))[:, None].expand_as(rel)], dim=-1)
        key = value = take(features, index)
        if found is not None:
            value = torch.cat([key, torch.stack([image[:, i].T for image, i in zip(found, index)])], dim=-1)
        scores.append((asked * key * decoder.key(torch.cat([key, place], dim=-1))).sum(dim=-1, keepdim=True).exp())
        values.append(value * decoder.value(torch.cat([value, place], dim=-1)))
    average = sum(score * value for score, value in zip(scores, values)) / sum(scores)
    return decoder.last(decoder.merge(average).relu())


def non_local(block, features: Tensor) -> Tensor:
    """CiaoSR's cross-scale attention, one patch after the other: [N, c, h, w] -> same."""
    h, w = features.shape[2:]
    even = torch.cat([features, features[:, :, -1:]], dim=2) if h % 2 else features
    even = torch.cat([even, even[..., -1:]], dim=3) if w % 2 else even
    small = sum(even[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)) / 4
    query, key, value = block.query(even), block.key(small), block.value(even)

    def patch(image: Tensor, top: int, left: int, size: int) -> Tensor:
        return F.pad(image, [2] * 4)[..., top + 2 : top + 2 + size, left + 2 : left + 2 + size]

    wide = F.pad(torch.zeros_like(F.interpolate(value, scale_factor=2)), [2] * 4)
    places = [(i, j) for i in range(small.shape[2]) for j in range(small.shape[3])]
    for n in range(len(even)):
        keys = torch.stack([F.normalize(patch(key[n], i - 1, j - 1, 3).flatten(), dim=0) for i, j in places])
        values = torch.stack([patch(value[n], 2 * i - 2, 2 * j - 2, 6) for i, j in places])
        for i in range(even.shape[2]):
            for j in range(even.shape[3]):
                alike = (10 * keys @ patch(query[n], i - 1, j - 1, 3).flatten()).softmax(dim=0)
                # Pixel (i, j) is at (2 i, 2 j) of the wide image, which has a margin of 2.
                wide[n, :, 2 * i : 2 * i + 6, 2 * j : 2 * j + 6] += torch.tensordot(alike, values, 1) / 9
    return block.down(wide[..., 2:-2, 2:-2])[..., :h, :w]


def swinir(network, x: Tensor) -> Tensor:
    """SwinIR's features [N, channels, h, w], one window after the other."""
    h, w = x.shape[2:]
    size = network.period

    def reflected(n: int) -> list[int]:
        places = []
        for i in range(-(-n // size) * size):
            while i >= n:
                i = abs(2 * (n - 1) - i) if n > 1 else 0
            places.append(i)
        return places

    shallow = network.head(x[:, :, reflected(h)][..., reflected(w)])
    tokens = network.norm_first(shallow.movedim(1, -1))
    for block in network.blocks:
        before = tokens
        for number, layer in enumerate(block.layers):
            tokens = tokens + windowed(layer, layer.norm_attention(tokens), size, size // 2 * (number % 2))
            tokens = tokens + layer.mlp(layer.norm_mlp(tokens))
        tokens = before + block.conv(tokens.movedim(-1, 1)).movedim(1, -1)
    return network.tail(shallow + network.body(network.norm_last(tokens).movedim(-1, 1)))[..., :h, :w]


def windowed(layer, x: Tensor, size: int, shift: int) -> Tensor:
    """Attention of [N, h, w, width] in windows that start at `shift`; those at the border are cut off there."""
    out = torch.zeros_like(x)
    for top in range(shift - size, x.shape[1], size):
        for left in range(shift - size, x.shape[2], size):
            part = slice(max(top, 0), top + size), slice(max(left, 0), left + size)
            window = x[:, *part]
            if not window.numel():
                continue
            y, xs = (axis.flatten() for axis in torch.meshgrid(*map(torch.arange, window.shape[1:3]), indexing="ij"))
            offset = (y[:, None] - y + size - 1) * (2 * size - 1) + xs[:, None] - xs + size - 1
            q, k, v = layer.qkv(window.flatten(1, 2)).chunk(3, dim=-1)
            heads = []
            for head, (a, b, c) in enumerate(zip(*(one.chunk(layer.heads, dim=-1) for one in (q, k, v)))):
                scores = a @ b.transpose(1, 2) / a.shape[-1] ** 0.5 + layer.bias[offset, head]
                heads.append(scores.softmax(dim=-1) @ c)
            out[:, *part] = layer.join(torch.cat(heads, dim=-1)).view(window.shape)
    return out


def ssif(model, lr_msi: Tensor, query: Tensor, cell: Tensor, bands, generator=None) -> Tensor:
    """Values [N, Q, C] of Equation 6: for each band the weighted sum over K wavelengths of D(b_ik; h_l)."""
    features = model.encoder((lr_msi - 0.5) / 0.5)
    pixel = DECODERS[type(model.decoder).__name__](model.decoder, features, query, cell)
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


DECODERS = {"LIIFDecoder": liif, "ITSRNDecoder": itsrn, "LTEDecoder": lte, "CiaoSRDecoder": ciaosr}


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
