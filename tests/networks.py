"""Networks with parameters away from their initial values, held against plain forms of themselves (see tests.plain)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from tests.plain.layers import Tape


def count(build: Callable[[], nn.Module]) -> int:
    """The number of parameters, without memory for them."""
    with torch.device("meta"):
        return sum(p.numel() for p in build().parameters())


def randomised(model: nn.Module) -> nn.Module:
    """Move every parameter and statistic a little away from its initial value, so that none is without effect."""
    torch.manual_seed(1)
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                value += 0.1 * torch.randn_like(value).clamp(-2, 2)
                if name.endswith("running_var"):
                    value.abs_().add_(0.5)
    return model.double().eval()


def assert_equal_to_plain(ours: Callable, plain: Callable, parameters: list[Tensor], *images: Tensor) -> None:
    """The outputs of `ours(*images)` and `plain(tape, *images)` and their gradients of `parameters` and images are equal.

    The tape holds the parameters, which `plain` must use up. A gradient must not be zero everywhere.
    """
    images = [image.clone().requires_grad_() for image in images]
    tape = Tape(parameters)
    outputs = ours(*images), plain(tape, *images)
    tape.end()
    outputs = [output if isinstance(output, tuple) else (output,) for output in outputs]
    torch.manual_seed(2)
    weights = [torch.randn_like(output) for output in outputs[0]]
    gradients = [
        torch.autograd.grad(
            sum((weight * image).sum() for weight, image in zip(weights, output)), [*parameters, *images]
        )
        for output in outputs
    ]
    for mine, theirs in zip(*outputs, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-10)
    for mine, theirs in zip(*gradients, strict=True):
        assert mine.any()
        torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-10)
