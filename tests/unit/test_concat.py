"""The look-up of sorted knots in decoder C against the plain sum of hinges."""

import pytest
import torch

from ssif.nets.concat import ConcatDecoder, hinges

SHAPES = {
    "one of everything": ((1,), 1, 1, 1),
    "one band": ((37,), 1, 5, 3),
    "one wavelength": ((37,), 7, 1, 4),
    "more bands than a group holds": ((2, 3), 11, 4, 5),
    "two whole groups": ((12,), 6, 9, 2),
    "two groups and a rest": ((4, 17), 19, 3, 8),
    "leading dimensions": ((2, 3, 5), 4, 6, 7),
}


def given(queries, c, k, h, dtype=torch.float64):
    """Leaves pixel, at, rho (of both signs), last weight and last bias."""
    torch.manual_seed(0)
    shapes = (*queries, h), (c, k, h), (c, k), (h,), (1,)
    return [torch.randn(shape, dtype=dtype, requires_grad=True) for shape in shapes]


def plain(pixel, at, rho, weight, bias):
    """Equation 6 term by term, for every wavelength and query."""
    return (rho * ((pixel[..., None, None, :] + at).relu() @ weight + bias)).sum(dim=-1)


def fast(pixel, at, rho, weight, bias):
    return hinges(pixel, at, rho[..., None] * weight) + rho.sum(dim=1) * bias


def same_with_gradients(leaves):
    ours, theirs = fast(*leaves), plain(*leaves)
    torch.testing.assert_close(ours, theirs, atol=1e-12, rtol=1e-12)
    upstream = torch.randn_like(theirs)
    for one, other in zip(torch.autograd.grad(ours, leaves, upstream), torch.autograd.grad(theirs, leaves, upstream)):
        torch.testing.assert_close(one, other, atol=1e-11, rtol=1e-11)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_values_and_gradients_equal_the_plain_form(shape):
    same_with_gradients(given(*shape))


def test_equal_values_and_queries_on_a_knot():
    """A hinge at exactly zero is off, as in the ReLU of PyTorch."""
    leaves = given((40,), 5, 4, 3)
    with torch.no_grad():
        leaves[0].round_(decimals=0)
        leaves[1].round_(decimals=0)
    assert (leaves[0][:, None, None] == -leaves[1]).any()
    same_with_gradients(leaves)


@pytest.mark.parametrize("shift", [-100, 100])
def test_hinges_all_off_and_all_on(shift):
    pixel, *hinge = given((9,), 3, 4, 5)
    same_with_gradients([(pixel.detach() + shift).requires_grad_(), *hinge])


def test_gradcheck():
    leaves = given((2, 4), 3, 2, 3)
    assert (leaves[0][..., None, None, :] + leaves[1]).abs().min() > 1e-4  # no kink within reach of the differences
    assert torch.autograd.gradcheck(fast, leaves, eps=1e-6)


def test_float32_is_as_accurate_as_the_plain_form():
    exact = given((500,), 20, 16, 64)
    single = [leaf.detach().float().requires_grad_() for leaf in exact]
    exact = [leaf.detach().double().requires_grad_() for leaf in single]
    upstream = torch.randn(500, 20)
    truth = [plain(*exact), *torch.autograd.grad(plain(*exact), exact, upstream.double())]
    ours = [fast(*single), *torch.autograd.grad(fast(*single), single, upstream)]
    for one, other in zip(ours, truth):
        assert one.dtype == torch.float32
        assert (one - other).abs().max() < 3e-6 * other.abs().max()


def test_passes_repeat_bit_for_bit():
    leaves = given((300,), 20, 8, 32, torch.float32)
    runs = [torch.autograd.grad(fast(*leaves).square().sum(), leaves) for _ in range(2)]
    assert all(torch.equal(one, other) for one, other in zip(*runs))


@pytest.mark.parametrize("broken", [0, 1])
def test_what_is_not_a_number_shows(broken):
    leaves = given((6,), 2, 3, 4)
    with torch.no_grad():
        leaves[broken].view(-1)[0] = torch.nan
    assert torch.equal(fast(*leaves).isnan(), plain(*leaves).isnan())


def decoder():
    """A decoder of d = 6 and width 8, and the arguments of its readout; the pixel feature is the hidden activation."""
    torch.manual_seed(0)
    embeddings, response = torch.randn(5, 4, 6), torch.rand(5, 4)
    return ConcatDecoder(6, 8), (embeddings, response, lambda rows: (rows, torch.zeros(len(rows))))


def test_inference_mode_gives_the_numbers_of_training():
    network, arguments = decoder()
    hidden = torch.randn(2, 30, 6)
    trained = network.readout(*arguments)(hidden)
    with torch.inference_mode():
        assert torch.equal(network.readout(*arguments)(hidden), trained)


def test_bfloat16_autocast_stays_close():
    network, arguments = decoder()
    hidden = torch.randn(2, 30, 6, requires_grad=True)
    results = []
    for enabled in (False, True):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            values = network.readout(*arguments)(hidden)
        results.append([values, *torch.autograd.grad(values.square().sum(), [hidden, *network.parameters()])])
        assert values.dtype == torch.float32
    for exact, rough in zip(*results):
        assert (rough - exact).abs().max() < 0.03 * exact.abs().max()


def test_nothing_saved_for_the_backward_pass_has_both_queries_and_wavelengths():
    q, c, k, h = 2000, 8, 64, 16
    sizes = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda saved: sizes.append(saved.numel()) or saved, lambda saved: saved
    ):
        fast(*given((q,), c, k, h, torch.float32))
    assert sum(sizes) < q * c * k * h / 20
