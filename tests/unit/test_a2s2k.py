"""A2S2K-ResNet: counts and oddities of the release, equality with its layer table, the dense pass."""

import re

import pytest
import torch
import torch.nn.functional as F

from ssif.errors import UserError
from tests.plain.land_use import a2s2k as plain
from tests.plain.layers import Tape
from workflow.land_use import a2s2k
from workflow.land_use.a2s2k import A2S2K
from workflow.land_use.windows import gather


def network(bands: int = 20, classes: int = 4, kernels: int = 5, **options) -> A2S2K:
    """A network in float64 and evaluation mode whose norms do something, and leave the values their spread."""
    torch.manual_seed(0)
    model = A2S2K(bands, classes, kernels, **options).double().eval()
    for name, buffer in model.named_buffers():
        if name.endswith("mean"):
            buffer.normal_(0, 0.1)
        elif name.endswith("var"):
            buffer.uniform_(0.01, 0.1)
    return model


@pytest.mark.parametrize(
    ("bands", "classes", "kernels", "count"),
    [
        (102, 9, 24, 217_752),
        (102, 10, 24, 217_777),
        (103, 9, 24, 220_824),
        (102, 9, 16, 137_136),
        (102, 9, 8, 64_712),
    ],
)
def test_parameter_counts(bands, classes, kernels, count):
    model = A2S2K(bands, classes, kernels, patch=11)
    assert sum(p.numel() for p in model.parameters()) == count
    if kernels == 24:
        assert sum(b.numel() for b in model.buffers()) == 943


@pytest.mark.parametrize(("patch", "bands"), [(7, 20), (9, 21), (11, 7), (11, 20)])
@torch.no_grad()
def test_equals_the_layer_table(patch, bands):
    model = network(bands, patch=patch)
    windows = torch.randn(3, patch, patch, bands, dtype=torch.float64)
    tape = Tape(model.state_dict().values())
    expected = plain(tape, windows)
    tape.end()
    assert (expected.std(dim=0) > 1e-3).all()
    torch.testing.assert_close(model(windows), expected, rtol=1e-10, atol=1e-10)


def test_parameters_without_effect_are_those_of_the_release():
    """The attention's layers, a norm of each middle block, the outer rows of each 3 x 3 channel attention."""
    model = network().train()
    windows = torch.randn(8, 9, 9, 20, dtype=torch.float64)
    F.cross_entropy(model(windows), torch.arange(8) % 4).backward()
    unused = {name for name, p in model.named_parameters() if p.grad is None}
    stem = {f"stem.{layer}.{kind}" for layer in ("squeeze", "excite.0") for kind in ("weight", "bias")}
    norms = {f"{block}.norms.2.{kind}" for block in ("spectral.1", "spatial.0") for kind in ("weight", "bias")}
    assert unused == stem | norms
    for name, parameter in model.named_parameters():
        if name.endswith("attention.weight"):
            assert (parameter.grad[0, 0, [0, 2]] == 0).all() and (parameter.grad[0, 0, 1] != 0).any()


def test_the_pool_of_patch_11_is_off_centre():
    """Which of the 9 x 9 last features reach the logits; the window's middle is at (4, 4)."""
    features = torch.zeros(1, 3, 9, 9, dtype=torch.float64, requires_grad=True)
    network(patch=11)._pooled(features).sum().backward()
    seen = torch.zeros(9, 9, dtype=torch.bool)
    seen[:5, :5] = True
    assert torch.equal(features.grad[0, 0] > 0, seen)


def picture(patch: int, height: int = 40, width: int = 12, bands: int = 20) -> torch.Tensor:
    """A padded image of smooth regions."""
    torch.manual_seed(1)
    coarse = torch.randn(1, bands, 6, 4, dtype=torch.float64)
    image = F.interpolate(coarse, (height, width), mode="bicubic")[0].permute(1, 2, 0)
    half = patch // 2
    return F.pad(image, (0, 0, half, half, half, half))


@pytest.mark.parametrize("patch", a2s2k.PATCHES)
def test_strips_of_the_dense_pass_meet_without_a_seam(monkeypatch, patch):
    model, image = network(patch=patch, classes=30), picture(patch)
    with torch.no_grad():
        # Of all classes equally often the first, so that small differences show.
        logits = model.head(model._pooled(model._features(image[None], a2s2k.box_mean)))
        model.head.bias -= logits.mean(dim=(0, 1, 2))
    whole = model.classify_all(image)
    monkeypatch.setattr(a2s2k, "ROWS", 3)
    assert whole.shape == (40, 12) and len(whole.unique()) > 8
    assert torch.equal(model.classify_all(image), whole)


@torch.inference_mode()
def test_the_dense_pass_is_exact_but_for_borders_and_attention():
    """With channel attention off (a gate of 1/2 everywhere) and no convolution that reaches over a window's edge."""
    model = network(patch=11)
    for block in (*model.spectral, *model.spatial):
        block.attention.weight.zero_()
    model.stem.wide[0].weight[:, :, [0, 2]] = model.stem.wide[0].weight[:, :, :, [0, 2]] = 0
    for block in model.spatial:
        for layer in (block.first, block.second):
            layer.weight[:, :, [0, 2]] = layer.weight[:, :, :, [0, 2]] = 0
    image = picture(11)
    places = torch.cartesian_prod(torch.zeros(1, dtype=torch.long), torch.arange(40), torch.arange(12))
    exact = model(gather(image[None], places, 11)).view(40, 12, -1)
    dense = model.head(model._pooled(model._features(image[None], a2s2k.box_mean)))[0]
    torch.testing.assert_close(dense, exact, rtol=1e-10, atol=1e-10)


@torch.inference_mode()
def test_classify_is_the_forward_pass_in_chunks(monkeypatch):
    model, image = network(patch=7), picture(7)[None]
    places = torch.tensor([[0, 0, 0], [0, 39, 11], [0, 20, 5], [0, 3, 11]])
    expected = model(gather(image, places, 7)).argmax(dim=1)
    monkeypatch.setitem(a2s2k.CHUNK, "cpu", 3)
    assert torch.equal(model.classify(image, places), expected)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bands": 6}, "at least 7 bands, got 6"),
        ({"patch": 5}, "unknown patch 5; known: 11, 7, 9"),
    ],
)
def test_sizes_that_make_no_sense(options, words):
    with pytest.raises(UserError, match=re.escape(words)):
        network(**options)


def test_windows_of_another_size():
    with pytest.raises(UserError, match="windows must have 7 x 7 pixels, got 9 x 9"):
        network(patch=7)(torch.zeros(1, 9, 9, 20, dtype=torch.float64))
