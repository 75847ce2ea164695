"""Attention between all pixels without the M x M matrix of their affinities."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

# The plain kernel, to which PyTorch would fall back without a word, builds the matrix.
FUSED = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION]


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """softmax(Q K^T) V over all M = h w pixels, exactly and in O(M) memory, affinities not scaled.

    query, key, value and the result are images [N, K, h, w]; Q, K, V their pixels [M, K].
    """
    width = query.shape[1]
    # Zeros change neither affinities nor values. The GPU wants a multiple of 8, a CPU's vectors like 16; one column is
    # quickest alone.
    padding = 0 if width == 1 and not query.is_cuda else -width % 16
    with torch.autocast("cuda", enabled=False), sdpa_kernel(FUSED):
        q, k, v = (_pixels(image, padding) for image in (query, key, value))
        out = F.scaled_dot_product_attention(q, k, v, scale=1.0)[:, 0, :, :width]
    return out.transpose(1, 2).unflatten(2, value.shape[2:]).to(value.dtype)


def _pixels(image: Tensor, padding: int) -> Tensor:
    """[N, K, h, w] -> [N, 1, h w, K + padding] with K last in memory, which the fused kernels insist on even for K = 1."""
    # Affinities are not scaled down, so bf16 would lose them.
    image = image.to(torch.promote_types(image.dtype, torch.float32))
    columns = F.pad(image.flatten(2).transpose(1, 2), (0, padding))
    return columns[:, None].clone(memory_format=torch.contiguous_format)
