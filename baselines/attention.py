"""Attention between all pixels without the M x M matrix of their affinities."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

# The plain kernel, to which PyTorch would fall back without a word, builds the matrix.
FUSED = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION]


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """softmax(query key^T) value over all M pixels, exactly and in O(M) memory; each [N, M, K], affinities not scaled."""
    width = query.shape[-1]
    # Zeros change neither affinities nor values. The GPU wants a multiple of 8, a CPU's vectors like 16; one column is
    # quickest alone.
    padding = 0 if width == 1 and not query.is_cuda else -width % 16
    # Affinities are not scaled down, so bf16 would lose them.
    dtype = torch.promote_types(query.dtype, torch.float32)
    with torch.autocast("cuda", enabled=False), sdpa_kernel(FUSED):
        query, key, value = (_head(F.pad(t.to(dtype), (0, padding))) for t in (query, key, value))
        return F.scaled_dot_product_attention(query, key, value, scale=1.0)[:, 0, :, :width]


def _head(t: Tensor) -> Tensor:
    """[N, M, K] -> [N, 1, M, K] with K last in memory, which the fused kernels insist on even where K = 1."""
    return t[:, None].clone(memory_format=torch.contiguous_format)


def pixels(image: Tensor) -> Tensor:
    """[N, K, h, w] -> [N, h * w, K]."""
    return image.flatten(2).transpose(1, 2)
