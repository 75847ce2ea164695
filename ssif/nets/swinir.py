"""SwinIR as an image encoder, without its upsampler (Liang et al. 2021, arXiv 2108.10257).

Attention inside windows of the image, which are shifted by half a window in every other layer.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssif.errors import UserError


class SwinIR(nn.Module):
    """[N, in_channels, h, w] -> [N, channels, h, w]: head, `blocks` residual blocks of `layers` layers, long skip, tail.

    width: of the embedding; ratio: of the hidden layer of an MLP to it. The defaults are the published sizes: 11,603,044 parameters
    for three input channels. Raises UserError for an odd number of layers, and for heads that do not divide the width.
    """

    def __init__(
        self,
        in_channels: int,
        blocks: int = 6,
        layers: int = 6,
        width: int = 180,
        heads: int = 6,
        channels: int = 64,
        window: int = 8,
        ratio: int = 2,
    ):
        super().__init__()
        if layers % 2 or width % heads:
            raise UserError(
                "the encoder swinir wants an even number of layers and a width that its heads divide, got"
                f" {layers} layers, width {width}, {heads} heads"
            )
        self.out_channels = channels
        # The windows start at multiples of this many pixels.
        self.period = window
        # A feature depends on this many pixels to either side: four convolutions in a row, a window, and half a window more for
        # each further layer. The convolutions between the blocks lie within the half windows.
        self.reach = 4 + window - 1 + window // 2 * (blocks * layers - 1)
        self.head = nn.Conv2d(in_channels, width, 3, padding=1)
        self.norm_first = nn.LayerNorm(width)
        self.blocks = nn.Sequential(*(Block(width, layers, heads, window, ratio) for _ in range(blocks)))
        self.norm_last = nn.LayerNorm(width)
        self.body = nn.Conv2d(width, width, 3, padding=1)
        self.tail = nn.Conv2d(width, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        h, w = x.shape[2:]
        rows, columns = (mirrored(n, self.period, x.device) for n in (h, w))
        shallow = self.head(x[:, :, rows[:, None], columns])
        deep = self.norm_last(self.blocks(self.norm_first(shallow.permute(0, 2, 3, 1))))
        return self.tail(shallow + self.body(deep.permute(0, 3, 1, 2)))[..., :h, :w]


class Block(nn.Module):
    """Residual Swin block: x + conv3x3(layers(x)): [N, h, w, width] -> same; h and w are multiples of `window`."""

    def __init__(self, width: int, layers: int, heads: int, window: int, ratio: int):
        super().__init__()
        shifts = [0, window // 2] * (layers // 2)
        self.layers = nn.Sequential(*(Layer(width, heads, window, ratio, shift) for shift in shifts))
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(self.layers(x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class Layer(nn.Module):
    """Attention in windows that start `shift` pixels later, then an MLP, each after a norm and with a skip: [N, h, w, width] -> same."""

    def __init__(self, width: int, heads: int, window: int, ratio: int, shift: int):
        super().__init__()
        self.heads, self.window, self.shift = heads, window, shift
        self.norm_attention = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        # One number for each head and offset between two pixels of a window, counted row by row.
        self.bias = nn.Parameter(torch.zeros((2 * window - 1) ** 2, heads))
        place = torch.cartesian_prod(torch.arange(window), torch.arange(window))
        offset = place[:, None] - place[None] + window - 1
        self.register_buffer("offset", offset[..., 0] * (2 * window - 1) + offset[..., 1], persistent=False)
        self.join = nn.Linear(width, width)
        self.norm_mlp = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, ratio * width), nn.GELU(), nn.Linear(ratio * width, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attend(self.norm_attention(x))
        return x + self.mlp(self.norm_mlp(x))

    def attend(self, x: Tensor) -> Tensor:
        """The pixels of each window attend to each other; [N, h, w, width] -> same."""
        n, h, w, _ = x.shape
        windows = self.split(x.roll((-self.shift, -self.shift), (1, 2)))
        q, k, v = self.qkv(windows).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        # The backward pass of an embedding look-up is deterministic, unlike that of fancy indexing on a GPU.
        mask = F.embedding(self.offset, self.bias).permute(2, 0, 1)[None].to(q.dtype)
        if self.shift:
            # The last windows hold pixels of opposite ends of the image, which must not see each other.
            wrapped = [torch.arange(side, device=x.device) >= side - self.shift for side in (h, w)]
            part = self.split((2 * wrapped[0][:, None] + wrapped[1]).expand(n, h, w)[..., None])
            mask = mask.masked_fill((part != part.transpose(1, 2))[:, None], -torch.inf)
        windows = self.join(F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).flatten(2))
        return self.whole(windows, n, h, w).roll((self.shift, self.shift), (1, 2))

    def split(self, x: Tensor) -> Tensor:
        """[N, h, w, ...] -> the windows row by row, [N * h * w / window ** 2, window ** 2, ...]."""
        size = self.window
        return x.unflatten(2, (-1, size)).unflatten(1, (-1, size)).transpose(2, 3).flatten(3, 4).flatten(0, 2)

    def whole(self, windows: Tensor, n: int, h: int, w: int) -> Tensor:
        """The inverse of `split`."""
        size = self.window
        parts = windows.unflatten(1, (size, size)).unflatten(0, (n, h // size, w // size))
        return parts.transpose(2, 3).flatten(3, 4).flatten(1, 2)


def mirrored(n: int, window: int, device: torch.device) -> Tensor:
    """The pixels 0 to n - 1 of an axis, mirrored back and forth at the end up to a multiple of `window`."""
    turn = max(2 * n - 2, 1)
    index = torch.arange(-(-n // window) * window, device=device) % turn
    return torch.minimum(index, turn - index)
