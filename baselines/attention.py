"""Attention between all pixels without the M x M matrix of affinities."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

# Without this list PyTorch may fall back to the plain kernel, which builds the matrix.
FUSED = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION]


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """softmax(Q K^T) V over all M = h w pixels, exactly and in O(M) memory; affinities are not scaled.

    query, key, value and the result are images [N, K, h, w]; Q, K, V are their pixels [M, K].
    """
    width = query.shape[1]
    # Padding with zeros changes neither affinities nor values. A GPU needs a multiple of 8 columns and the vectors of a CPU are
    # faster with 16, but a single column is faster without padding.
    padding = 0 if width == 1 and not query.is_cuda else -width % 16
    with torch.autocast("cuda", enabled=False), sdpa_kernel(FUSED):
        q, k, v = (_pixels(image, padding) for image in (query, key, value))
        out = F.scaled_dot_product_attention(q, k, v, scale=1.0)[:, 0, :, :width]
    return out.transpose(1, 2).unflatten(2, value.shape[2:]).to(value.dtype)


def _pixels(image: Tensor, padding: int) -> Tensor:
    """[N, K, h, w] -> [N, 1, h w, K + padding] with K last in memory, which the fused kernels need even for K = 1."""
    # Affinities are not scaled down, so bfloat16 would be too coarse.
    image = image.to(torch.promote_types(image.dtype, torch.float32))
    columns = F.pad(image.flatten(2).transpose(1, 2), (0, padding))
    return columns[:, None].clone(memory_format=torch.contiguous_format)
