"""RCAN, spatial super-resolution by residual channel attention (Zhang et al. 2018, arXiv 1807.02758)."""

from torch import Tensor, nn

from baselines.grid import GridNetwork, prime_factors
from ssif.training import halving


class ChannelAttention(nn.Module):
    """Scale each channel by sigmoid(W2 ReLU(W1 mean)) of the channels' means over the image: [N, channels, h, w]."""

    def __init__(self, channels: int, reduction: int = 16):
        super().__init__()
        inner = max(1, channels // reduction)
        self.down = nn.Conv2d(channels, inner, 1)
        self.up = nn.Conv2d(inner, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean(dim=(2, 3), keepdim=True)
        return x * self.up(self.down(mean).relu()).sigmoid()


class AttentionBlock(nn.Module):
    """RCAB: x + attention(conv3x3(ReLU(conv3x3(x))))."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.attention = ChannelAttention(channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.attention(self.second(self.first(x).relu()))


class ResidualGroup(nn.Module):
    """x + conv3x3(blocks(x)): the short skip connection."""

    def __init__(self, channels: int, blocks: int):
        super().__init__()
        self.blocks = nn.Sequential(*(AttentionBlock(channels) for _ in range(blocks)))
        self.tail = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.tail(self.blocks(x))


def upsampler(channels: int, scale: int) -> nn.Sequential:
    """[N, channels, h, w] -> [N, channels, p h, p w]: for each prime factor q a conv3x3 and a pixel shuffle by q."""
    layers = []
    for q in prime_factors(scale):
        layers += [nn.Conv2d(channels, channels * q * q, 3, padding=1), nn.PixelShuffle(q)]
    return nn.Sequential(*layers)


class RCAN(GridNetwork):
    """[N, bands, h, w] -> [N, bands, p h, p w]; the MSI (image="msi") or all bands of the HSI at once ("hsi").

    The defaults are the official sizes: 15,592,355 parameters for 3 bands at p = 4. There is no mean shift, which in the
    release is fixed to RGB, and no self-ensemble.
    """

    # The rate is halved after every 200,000 of the official 1,000,000 updates.
    decay = staticmethod(halving(0.2, 0.4, 0.6, 0.8))

    def __init__(self, bands: int, scale: int, *, image: str, groups: int = 10, blocks: int = 20, channels: int = 64):
        super().__init__()
        self.reads, self.writes = (f"lr_{image}",), f"hr_{image}"
        self.head = nn.Conv2d(bands, channels, 3, padding=1)
        self.groups = nn.Sequential(*(ResidualGroup(channels, blocks) for _ in range(groups)))
        self.body_tail = nn.Conv2d(channels, channels, 3, padding=1)
        self.upsampler = upsampler(channels, scale)
        self.tail = nn.Conv2d(channels, bands, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        shallow = self.head(x)
        deep = shallow + self.body_tail(self.groups(shallow))
        return self.tail(self.upsampler(deep))
