"""Attention between all pixels without the M x M matrix of their affinities."""

import torch
import torch.nn.functional as F
from torch import Tensor


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """softmax(query key^T) value over all M pixels, exactly and in O(M) memory; each [N, M, K], affinities not scaled.

    PyTorch's fused kernels want a batch of heads, K last and contiguous (a transposed view silently falls back to the
    plain form with its M x M matrix) and, on a GPU, K a multiple of 8: zeros change neither affinities nor values.
    """
    width = query.shape[-1]
    padding = -width % 8 if query.is_cuda else 0
    # Affinities are not scaled down, so bf16 would lose them.
    dtype = torch.promote_types(query.dtype, torch.float32)
    with torch.autocast("cuda", enabled=False):
        query, key, value = (F.pad(t.to(dtype), (0, padding))[:, None].contiguous() for t in (query, key, value))
        return F.scaled_dot_product_attention(query, key, value, scale=1.0)[:, 0, :, :width]


def pixels(image: Tensor) -> Tensor:
    """[N, K, h, w] -> [N, h * w, K]."""
    return image.flatten(2).transpose(1, 2)
