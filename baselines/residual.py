"""A skip connection around a sequence of layers."""

from torch import Tensor, nn


class Residual(nn.Sequential):
    """x + layers(x): [N, channels, h, w] -> same shape."""

    def forward(self, x: Tensor) -> Tensor:
        return x + super().forward(x)
