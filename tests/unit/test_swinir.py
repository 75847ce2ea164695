"""SwinIR against its literal form, one window after the other; what it refuses."""

import pytest
import torch

from ssif.errors import UserError
from ssif.nets.swinir import SwinIR, mirrored
from tests import literal


@pytest.fixture
def network():
    torch.manual_seed(0)
    return SwinIR(3, blocks=2, layers=4, width=12, heads=3, channels=6, window=4)


def with_biases(network):
    """In float64. Biases between pixels start at zero, which would hide their order."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith("bias"):
                parameter.normal_()
    return network.double()


# Whole windows; sides that end inside a window; a side of one window or less.
@pytest.mark.parametrize("size", [(8, 12), (11, 9), (4, 13), (3, 2), (1, 5)])
def test_values_and_gradients_equal_the_literal_form(network, size):
    network = with_biases(network)
    x = torch.rand(2, 3, *size, dtype=torch.float64, requires_grad=True)
    leaves = [x, *network.parameters()]
    ours, theirs = network(x), literal.swinir(network, x)
    assert ours.shape == (2, 6, *size)
    torch.testing.assert_close(ours, theirs, atol=1e-10, rtol=1e-10)
    upstream = torch.randn_like(theirs)
    for one, other in zip(torch.autograd.grad(ours, leaves, upstream), torch.autograd.grad(theirs, leaves, upstream)):
        torch.testing.assert_close(one, other, atol=1e-10, rtol=1e-9)


def test_an_image_is_continued_as_in_a_mirror():
    assert mirrored(5, 8, torch.device("cpu")).tolist() == [0, 1, 2, 3, 4, 3, 2, 1]
    assert mirrored(8, 8, torch.device("cpu")).tolist() == list(range(8))
    assert mirrored(1, 4, torch.device("cpu")).tolist() == [0, 0, 0, 0]


def test_bfloat16_autocast_stays_close(network):
    x = torch.rand(2, 3, 11, 9)
    results = []
    for enabled in (False, True):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            values = network(x)
        gradient = torch.autograd.grad(values.float().square().sum(), list(network.parameters()))
        results.append((values.float(), torch.cat([part.flatten() for part in gradient])))
    for exact, rough, bound in zip(*results, (0.02, 0.05)):
        assert (rough - exact).norm() < bound * exact.norm()


def test_other_sizes_are_refused():
    with pytest.raises(UserError, match=r"even number of layers.*got 3 layers"):
        SwinIR(3, layers=3)
    with pytest.raises(UserError, match="got 6 layers, width 64, 6 heads"):
        SwinIR(3, width=64)
