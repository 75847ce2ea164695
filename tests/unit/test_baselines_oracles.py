"""Known properties of the parts of the baselines: identities, limits, group lists, loss weights, gradients."""

from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from baselines.attention import attend
from baselines.awan import AWAN, SecondOrderNonLocal, WeightedChannelAttention
from baselines.chains import Chain, carry
from baselines.grid import prime_factors
from baselines.mog_dcn import MoGDCN
from baselines.mst import MST
from baselines.rcan import RCAN, upsampler
from baselines.ssfin import SSFIN
from baselines.ssjsr import SSJSR
from baselines.sspsr import SSPSR, group_starts
from baselines.us3rn import US3RN, NonLocal, down, up
from ssif.bands import Bands
from ssif.data.patches import Patches
from ssif.errors import UserError

BANDS = Bands.from_centres(range(400, 710, 10), 10)


def test_prime_factors():
    factors = {p: prime_factors(p) for p in (1, 2, 3, 4, 6, 7, 8, 12)}
    assert factors == {1: [], 2: [2], 3: [3], 4: [2, 2], 6: [2, 3], 7: [7], 8: [2, 2, 2], 12: [2, 2, 3]}


@pytest.mark.parametrize("width", [1, 2, 3, 12])
@pytest.mark.parametrize("m", [1, 7, 600])
def test_fused_attention_equals_explicit_affinities(m, width):
    q, k, v = (torch.randn(2, width, m, 2, dtype=torch.double).requires_grad_() for _ in range(3))
    rows = [image.flatten(2).transpose(1, 2) for image in (q, k, v)]
    explicit = ((rows[0] @ rows[1].transpose(1, 2)).softmax(dim=-1) @ rows[2]).transpose(1, 2).unflatten(2, (m, 2))
    fused = attend(q, k, v)
    torch.testing.assert_close(fused, explicit)
    torch.testing.assert_close(attend(q.float(), k.float(), v.float()), explicit.float(), atol=1e-5, rtol=1e-5)
    weight = torch.randn_like(v)
    for ours, theirs in zip(
        torch.autograd.grad((fused * weight).sum(), (q, k, v)),
        torch.autograd.grad((explicit * weight).sum(), (q, k, v)),
    ):
        torch.testing.assert_close(ours, theirs)


# US3RN


@pytest.mark.parametrize("training", [True, False])
def test_the_non_local_block_starts_as_the_identity(training):
    block = NonLocal(4).train(training)
    x = torch.randn(3, 4, 6, 5)
    assert torch.equal(block(x), x)


@pytest.mark.parametrize("q", [1, 2, 3, 5, 6, 7, 12])
def test_up_and_down_change_the_size_exactly(q):
    x = torch.rand(1, 2, 5, 4)
    large = up(2, q)(x)
    assert large.shape == (1, 2, 5 * q, 4 * q)
    assert down(2, q)(large).shape == x.shape


def test_us3rn_has_three_stage_modules_and_four_stages():
    model = US3RN(3, 7, 2).eval()
    seen = []
    for name in ("first", "middle", "last"):
        getattr(model, name).register_forward_hook(lambda *_, name=name: seen.append(name))
    out, states = model.unfold(torch.rand(2, 3, 4, 5))
    assert seen == ["first", "middle", "middle", "last"]
    assert out.shape == (2, 7, 8, 10) and len(states) == 4
    for state in states:
        assert state.x.shape == (2, 7, 8, 10) and state.y.shape == (2, 3, 8, 10) and state.z.shape == (2, 7, 4, 5)
        assert min(state.x.min(), state.y.min(), state.z.min()) >= 0
    for state in states[:3]:
        assert state.u.shape == state.y.shape and state.v.shape == state.z.shape
    assert states[3].u is None and states[3].v is None


def test_the_deep_supervised_loss_weighs_as_released(monkeypatch):
    """With every error equal to 1 the loss is 1 + 0.4 + 3 * 0.3 = 2.3."""
    model = US3RN(3, 5, 2)
    batch = Patches(
        torch.rand(1, 3, 4, 4), torch.rand(1, 3, 8, 8), torch.rand(1, 5, 4, 4), torch.rand(1, 5, 8, 8), None
    )
    off = SimpleNamespace(x=batch.hr_hsi + 1, y=batch.hr_msi - 1, z=batch.lr_hsi + 1)
    monkeypatch.setattr(model, "unfold", lambda _: (batch.hr_hsi - 1, [off] * 4))
    assert model.loss(batch).item() == pytest.approx(2.3)
    no_x = SimpleNamespace(x=None, y=off.y, z=off.z)
    monkeypatch.setattr(model, "unfold", lambda _: (batch.hr_hsi, [off] * 3 + [no_x]))
    assert model.loss(batch).item() == pytest.approx(1.3)


def test_initial_values():
    model = US3RN(3, 31, 4)
    stages = (model.first, model.middle, model.last)
    assert [(s.alpha.item(), s.beta.item(), s.gamma.item()) for s in stages] == [(0.5, 1, 1)] * 3
    assert [s.eta.item() for s in stages[1:]] == pytest.approx([0.1, 0.1])
    assert model.middle.r.weight.std().item() == pytest.approx(31**-0.5, rel=0.25)


def test_the_start_is_moderate_for_every_seed():
    x = torch.rand(1, 3, 8, 8)
    for seed in range(20):
        torch.manual_seed(seed)
        with torch.no_grad():
            assert US3RN(3, 31, 2).eval()(x).abs().mean() < 1


# AWAN


@pytest.mark.parametrize("size", [(6, 4), (7, 5), (9, 16)])
def test_psnl_equals_explicit_affinities_in_each_quadrant(size):
    block = SecondOrderNonLocal(31)
    torch.nn.init.normal_(block.out.weight)
    x = torch.rand(2, 31, *size)
    height, width = size[0] // 2, size[1] // 2
    expected = torch.empty_like(x)
    for rows in (slice(0, height), slice(height, None)):
        for columns in (slice(0, width), slice(width, None)):
            part = x[:, :, rows, columns]
            t, g = (conv(part).flatten(2).transpose(1, 2) for conv in (block.theta, block.g))
            affinity = (t - t.mean(dim=2, keepdim=True)) @ t.transpose(1, 2) / 3
            y = (affinity.softmax(dim=2) @ g).transpose(1, 2).unflatten(2, part.shape[2:])
            expected[:, :, rows, columns] = part + block.out(y)
    torch.testing.assert_close(block(x), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("bands", [*range(1, 20), 31, 102])
def test_psnl_starts_as_the_identity_and_works_for_every_band_count(bands):
    block = SecondOrderNonLocal(bands)
    x = torch.rand(1, bands, 6, 5)
    assert torch.equal(block(x), x)
    torch.nn.init.normal_(block.out.weight)
    assert torch.isfinite(block(x)).all() and not torch.equal(block(x), x)


def test_awca_with_a_constant_mask_pools_by_the_mean():
    block = WeightedChannelAttention(16)
    torch.nn.init.zeros_(block.mask.weight)
    x = torch.rand(2, 16, 5, 7)
    torch.testing.assert_close(block(x), x * block.gate(x.mean(dim=(2, 3)))[..., None, None])


def test_the_camera_term_has_a_gradient_and_its_weight_is_one():
    torch.manual_seed(0)
    response = torch.rand(3, 6).softmax(dim=1)
    model, plain = (AWAN(3, 6, size="lr", response=r, channels=8, blocks=1) for r in (response, None))
    plain.load_state_dict(model.state_dict())
    msi, hsi = torch.rand(1, 3, 6, 6), torch.rand(1, 6, 6, 6)
    batch = Patches(msi, None, hsi, None, None)
    seen = torch.einsum("cb,nbhw->nchw", response, model(msi))
    camera = model.loss(batch) - plain.loss(batch)
    torch.testing.assert_close(camera, (seen - msi).abs().mean())
    camera.backward()
    assert model.out[1].weight.grad.abs().sum() > 0


def test_awan_refuses_what_cannot_be_reflected():
    with pytest.raises(UserError, match="at least 3 x 3 pixels, got 2 x 9"):
        AWAN(3, 6, size="lr", channels=8, blocks=1)(torch.rand(1, 3, 2, 9))


# SSPSR


@pytest.mark.parametrize(
    ("bands", "group", "overlap", "starts"),
    [
        (31, 4, 1, list(range(0, 28, 3))),
        (102, 8, 2, [*range(0, 91, 6), 94]),
        (8, 4, 1, [0, 3, 4]),
        (13, 8, 2, [0, 5]),
        (26, 8, 2, [0, 6, 12, 18]),
        (52, 8, 2, [0, 6, 12, 18, 24, 30, 36, 42, 44]),
        (6, 6, 2, [0]),
        (1, 1, 0, [0]),
    ],
)
def test_groups_of_bands(bands, group, overlap, starts):
    assert group_starts(bands, group, overlap) == starts


@pytest.mark.parametrize(("bands", "group", "overlap"), [(31, 4, 1), (102, 8, 2), (8, 4, 1), (13, 8, 2), (6, 8, 2)])
def test_merging_what_was_split_gives_the_image(bands, group, overlap):
    model = SSPSR(bands, 2, channels=16, blocks=1, group=group, overlap=overlap)
    x = torch.rand(2, bands, 3, 4)
    groups = [x[:, start : start + model.group] for start in model.starts]
    torch.testing.assert_close(model.merge(groups), x)


def test_training_in_one_batch_equals_prediction_group_by_group():
    model = SSPSR(13, 4, channels=16, blocks=1, group=5, overlap=2)
    x = torch.rand(2, 13, 5, 6)
    torch.testing.assert_close(model.train()(x), model.eval()(x))


def test_total_variation_is_squared_and_of_the_output_alone(monkeypatch):
    model = SSPSR(3, 2, channels=16, blocks=1)
    ramp = torch.arange(4.0)[:, None] * 2 + torch.arange(4.0) * 3 + torch.arange(3.0)[:, None, None] * 5
    batch = Patches(None, None, torch.rand(1, 3, 2, 2), ramp[None] - 1, None)
    monkeypatch.setattr(model, "forward", lambda _: ramp[None])
    assert model.loss(batch).item() == pytest.approx(1 + 1e-3 * (4 + 9) + 1e-3 * 2 * 25)


# MoG-DCN


def test_an_inert_mog_stage_keeps_a_known_share_of_the_image():
    model = MoGDCN(3, 5, 2, width=4, kernel=3)
    for name in ("weight", "bias"):
        torch.nn.init.zeros_(getattr(model.response_t, name))
    x, z = torch.rand(1, 5, 6, 6), torch.rand(1, 3, 6, 6)
    torch.testing.assert_close(model.update_z(x, x, z), 0.82 * x)


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_the_strided_operators_of_mog_fit_every_scale(scale):
    with torch.device("meta"):
        model = MoGDCN(4, 102, scale)
        x = torch.empty(1, 102, 21 * scale, 37 * scale)
        assert model.blur(x).shape == (1, 102, 21, 37)
        assert model.blur_t(model.blur(x)).shape == x.shape


def test_mog_starts_every_convolution_as_released():
    """Xavier-normal, sigma^2 = 2 / (fan_in + fan_out), for all but the transposed convolutions."""
    torch.manual_seed(0)
    model = MoGDCN(3, 31, 4, width=32)
    convolutions = {name: module for name, module in model.named_modules() if type(module) is torch.nn.Conv2d}
    assert {"embed", "blur", "response", "response_t", "mix.0", "mix.6", "unet.bottom.map"} <= convolutions.keys()
    for name, module in convolutions.items():
        outputs, inputs, height, width = module.weight.shape
        expected = (2 / ((inputs + outputs) * height * width)) ** 0.5
        # Four standard errors of a standard deviation.
        error = 4 / (2 * module.weight.numel()) ** 0.5
        assert module.weight.std().item() == pytest.approx(expected, rel=error), name


# Shapes of the published setting, on the meta device

LAYOUTS = [
    (3, 31, p, lr) for p, lr in [(2, (256, 256)), (4, (128, 128)), (8, (64, 64)), (2, (64, 64)), (4, (64, 64))]
] + [(4, 102, p, lr) for p, lr in [(2, (512, 64)), (3, (341, 42)), (4, (256, 32)), (8, (128, 16)), (3, (21, 37))]]


@pytest.mark.parametrize(("c", "C", "scale", "lr"), LAYOUTS)
def test_shapes_of_the_official_networks(c, C, scale, lr):
    with torch.device("meta"):
        lr_msi, lr_hsi = torch.empty(1, c, *lr), torch.empty(1, C, *lr)
        hr = tuple(side * scale for side in lr)
        hr_msi = torch.empty(1, c, *hr)
        group = {"group": 4, "overlap": 1} if C == 31 else {"group": 8, "overlap": 2, "blocks": 3}
        assert RCAN(c, scale, image="msi")(lr_msi).shape == hr_msi.shape
        assert RCAN(C, scale, image="hsi")(lr_hsi).shape == (1, C, *hr)
        assert AWAN(c, C, size="lr")(lr_msi).shape == lr_hsi.shape
        assert AWAN(c, C, size="hr")(hr_msi).shape == (1, C, *hr)
        assert SSPSR(C, scale, **group)(lr_hsi).shape == (1, C, *hr)
        assert MoGDCN(c, C, scale)(lr_hsi, hr_msi).shape == (1, C, *hr)
        assert US3RN(c, C, scale)(lr_msi).shape == (1, C, *hr)
        assert SSJSR(c, C, scale)(lr_msi).shape == (1, C, *hr)
        assert MST(c, C, size="lr")(lr_msi).shape == lr_hsi.shape
        assert MST(c, C, size="hr")(hr_msi).shape == (1, C, *hr)
        assert SSFIN(c, C, scale)(lr_msi).shape == (1, C, *hr)


@pytest.mark.parametrize("factor", [2, 3])
def test_the_pixel_shuffle_is_pytorch_s(factor):
    """Channel k * q^2 + i * q + j of a pixel becomes channel k at row offset i, column offset j."""
    layer = upsampler(16, factor)
    x = torch.rand(1, 16, 3, 4)
    convolved, shuffled = layer[0](x), layer(x)
    for i in range(factor):
        for j in range(factor):
            expected = convolved[:, i * factor + j :: factor**2]
            torch.testing.assert_close(shuffled[:, :, i::factor, j::factor], expected)


# Chains


def test_a_chain_hands_each_image_on_unclamped_and_clamps_the_last():
    class Add(torch.nn.Module):
        def __init__(self, reads, writes, amount):
            super().__init__()
            self.reads, self.writes, self.amount = reads, writes, amount

        def forward(self, *images):
            return sum(F.interpolate(image[:, :1], size=4) for image in images) + self.amount

    networks = [
        Add(("lr_msi",), "hr_msi", 5),
        Add(("lr_msi",), "lr_hsi", -2),
        Add(("lr_hsi", "hr_msi"), "hr_hsi", -3.5),
    ]
    x = torch.full((1, 1, 4, 4), 0.25)
    images = carry(networks, {"lr_msi": x})
    assert [images[name].mean().item() for name in ("hr_msi", "lr_hsi", "hr_hsi")] == [5.25, -1.75, 0.0]
    chain = Chain(networks, 1, BANDS)
    assert chain.predict(torch.full((1, 1, 4, 4), 0.75), (4, 4), BANDS).mean().item() == 1.0


def test_a_chain_says_what_it_was_trained_for():
    chain = Chain([US3RN(3, 31, 2)], 2, BANDS).eval()
    lr_msi = torch.rand(1, 3, 4, 5)
    with pytest.raises(UserError, match=r"trained for p = 2 and Bands\(C=31, 395-705 nm\), so it makes 8 x 10 pixels"):
        chain.predict(lr_msi, (12, 15), BANDS)
    with pytest.raises(UserError, match="trained for p = 2"):
        chain.predict(lr_msi, (8, 10), BANDS.parts(8))
