"""The rewritten networks against the literal equations, and the properties of a neural field."""

import numpy as np
import pytest
import torch

from baselines.liif import LIIF
from ssif import inference
from ssif.bands import Bands
from ssif.coordinates import pixel_coordinates
from ssif.data.degrade import lr_size
from ssif.errors import UserError
from ssif.nets import ciaosr
from ssif.nets.ciaosr import CiaoSRDecoder
from ssif.nets.edsr import EDSR
from ssif.nets.itsrn import ITSRNDecoder
from ssif.nets.liif import LIIFDecoder
from ssif.nets.lte import LTEDecoder
from ssif.nets.rdn import RDN
from ssif.nets.ssif import SSIF
from ssif.nets.swinir import SwinIR
from ssif.response import VARIANTS
from tests import literal

IRREGULAR = Bands([[400, 420], [410, 470], [455, 456], [600, 700], [640, 660]])
ENCODER = {"name": "edsr", "blocks": 1, "channels": 6}
every_decoder = pytest.mark.parametrize("pixel_decoder", ["liif", "itsrn", "lte", "ciaosr", "ciaosr-nonlocal"])


def make(variant="RF-GS", decoder="D", pixel_decoder="liif", channels=3, k=4, **options) -> SSIF:
    torch.manual_seed(0)
    sizes = {"encoder": ENCODER, "hidden": 16, "dim": 5, "spectral_hidden": 12, "frequencies": 4}
    sizes |= {"lambda_min": 3.0, "lambda_max": 500.0, "k": k} | options
    return SSIF(channels, variant=variant, pixel_decoder=pixel_decoder, spectral_decoder=decoder, **sizes)


def inputs(scale: float, size=(37, 52), batch=2, channels=3, dtype=torch.float32, queries=400):
    """An LR image made for an HR grid of `size` at this scale, and random queries on that grid."""
    (h, w), (height, width) = lr_size(size, scale)
    torch.manual_seed(1)
    lr_msi = torch.rand(batch, channels, h, w, dtype=dtype)
    index = torch.randint(height * width, (batch, queries))
    row, column = index // width, index % width
    query = torch.stack([(2 * row.to(dtype) + 1) / height - 1, (2 * column.to(dtype) + 1) / width - 1], dim=-1)
    return lr_msi, query, torch.tensor([2 / height, 2 / width], dtype=dtype).expand(batch, 2)


def difference(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).detach().abs().max() / other.detach().abs().max())


def check_equals_literal(model: SSIF, scale: float, dtype: torch.dtype, bound: float) -> None:
    model = model.to(dtype)
    lr_msi, query, cell = inputs(scale, dtype=dtype, queries=60)
    with torch.no_grad():
        ours = model(lr_msi, query, cell, IRREGULAR, torch.Generator().manual_seed(5))
        theirs = literal.ssif(model, lr_msi, query, cell, IRREGULAR, torch.Generator().manual_seed(5))
    assert ours.shape == (2, 60, 5) and ours.dtype == dtype
    assert difference(ours, theirs) < bound


@pytest.mark.parametrize("decoder", ["D", "C"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_equals_the_literal_equations(variant, decoder):
    check_equals_literal(make(variant, decoder), 3.7, torch.float64, 1e-12)


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
@pytest.mark.parametrize("scale", [1, 2, 3.7, 8, 14])
@every_decoder
def test_every_pixel_decoder_equals_the_literal_equations(pixel_decoder, scale, dtype, bound):
    check_equals_literal(make("RF-GS", "D", pixel_decoder), scale, dtype, bound)


@pytest.mark.parametrize("decoder", ["D", "C"])
@every_decoder
def test_gradients_equal_the_literal_ones(decoder, pixel_decoder):
    model = make("RF-UF", decoder, pixel_decoder).double()
    lr_msi, query, cell = inputs(3.7, dtype=torch.float64, queries=50)
    gradients = []
    for forward in (model, lambda *given: literal.ssif(model, *given)):
        model.zero_grad()
        forward(lr_msi, query, cell, IRREGULAR).square().sum().backward()
        gradients.append({name: p.grad.clone() for name, p in model.named_parameters()})
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradient, gradients[1][name], rtol=1e-9, atol=1e-12, msg=name)


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_axis_weights_are_the_area_weights_of_liif(scale):
    torch.manual_seed(0)
    decoder = LIIFDecoder(6, 16, 5).double()
    features = torch.rand(2, 6, 8, 8, dtype=torch.float64)
    _, query, cell = inputs(scale, (8 * scale, 8 * scale), dtype=torch.float64)
    ours = literal.liif(decoder, features, query, cell)
    theirs = literal.liif(decoder, features, query, cell, area_weights=True)
    assert difference(ours, theirs) < 1e-6


def test_last_row_and_column_keep_their_own_pixel_at_p_1():
    """LIIF's area weights blend such pixels with a neighbour, because both shifted points are in one cell and all areas are 0."""
    image = torch.rand(1, 1, 6, 7)
    decoder = LIIFDecoder(1, 1, 1)
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.zero_()
        decoder.first.weight[0, 4] = 1  # the centre of the 3x3 neighbourhood is the output
        for layer in [*decoder.middle, decoder.last]:
            layer.weight[0, 0] = 1
    _, _, cell = inputs(1, (6, 7), batch=1)
    index = torch.arange(42)
    query = torch.stack([(2 * (index // 7) + 1) / 6 - 1, (2 * (index % 7) + 1) / 7 - 1], dim=-1)[None]
    weight, bias = decoder.fold(torch.ones(1, 1))
    ours = decoder(decoder.prepare(image), query, cell) @ weight.T + bias
    strict = literal.liif(decoder, image, query, cell, area_weights=True)
    torch.testing.assert_close(ours[0, :, 0].reshape(6, 7), image[0, 0], atol=1e-5, rtol=0)
    assert (strict[0, :, 0].reshape(6, 7) - image[0, 0])[-1].abs().max() > 0.01


@pytest.mark.parametrize(
    ("network", "count"),
    [
        (lambda: EDSR(3), 1_220_416),
        (lambda: EDSR(4), 1_220_992),
        (lambda: EDSR(3, blocks=32, channels=256), 38_362_368),
        (lambda: RDN(3), 21_973_952),
        (lambda: RDN(4, channels=256), 40_785_920),
        (lambda: RDN(3, blocks=20, layers=6, growth=32), 5_467_072),
        (lambda: LIIFDecoder(64, 256, 31), 354_079),
        (lambda: LIIFDecoder(256, 512, 102), 2_022_502),
        (lambda: ITSRNDecoder(64, 256, 3), 642_752 + 1_537 + 1_025),
        (lambda: LTEDecoder(64, 256, 3), 493_827),
        (lambda: LTEDecoder(64, 256, 31), 501_023),
        (lambda: CiaoSRDecoder(64, 256, 3, non_local=True), 1_428_614),
        (lambda: CiaoSRDecoder(64, 256, 31, non_local=True), 1_435_810),
        (lambda: CiaoSRDecoder(64, 256, 31, non_local=True).non_local, 45_251),
        (lambda: CiaoSRDecoder(64, 256, 3), 494_144 + 494_144 + 345_859),
        (lambda: SwinIR(3), 11_603_044),
    ],
)
def test_parameter_counts(network, count):
    assert sum(p.numel() for p in network().parameters()) == count


@pytest.mark.parametrize("decoder", ["D", "C"])
@every_decoder
def test_gradient_reaches_every_parameter(decoder, pixel_decoder):
    model = make("RF-US", decoder, pixel_decoder)
    lr_msi, query, cell = inputs(2.5)
    model(lr_msi, query, cell, IRREGULAR, torch.Generator()).square().sum().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


@every_decoder
def test_predict_equals_forward_whatever_the_chunk(pixel_decoder, monkeypatch):
    model = make(pixel_decoder=pixel_decoder).eval()
    lr_msi, _, cell = inputs(2.6)
    height, width = round(2 / float(cell[0, 0])), round(2 / float(cell[0, 1]))
    image = model.predict(lr_msi, (height, width), IRREGULAR)
    query = pixel_coordinates(torch.arange(height * width), height, width).expand(2, -1, 2)
    with torch.no_grad():
        values = model(lr_msi, query, cell, IRREGULAR).clamp(0, 1).transpose(1, 2).unflatten(-1, (height, width))
    torch.testing.assert_close(image, values, atol=1e-6, rtol=0)
    monkeypatch.setitem(inference.CHUNK, "cpu", 37)
    monkeypatch.setattr(ciaosr, "PATCHES", 37)
    torch.testing.assert_close(model.predict(lr_msi, (height, width), IRREGULAR), image, atol=1e-6, rtol=0)


def test_one_pass_for_many_band_sets_equals_one_pass_each():
    model = make("RF-GS").eval()
    lr_msi, _, _ = inputs(2)
    targets = [IRREGULAR, Bands([[500, 510]]), Bands.from_centres(np.arange(400, 701, 10), 10)]
    for bands, image in zip(targets, model.predict_each(lr_msi, (36, 52), targets)):
        assert image.shape == (2, len(bands), 36, 52) and image.dtype == torch.float32
        torch.testing.assert_close(image, model.predict(lr_msi, (36, 52), bands), atol=1e-6, rtol=0)


def test_images_of_a_batch_do_not_touch_each_other():
    model = make().eval()
    lr_msi, _, _ = inputs(3)
    both = model.predict(lr_msi, (36, 51), IRREGULAR)
    torch.testing.assert_close(both[1:], model.predict(lr_msi[1:], (36, 51), IRREGULAR), atol=1e-6, rtol=0)


def test_cost_of_decoder_d_does_not_grow_with_k():
    weight = [make("RF-UF", k=k).readout(IRREGULAR)(torch.rand(2, 16)).shape for k in (1, 64)]
    assert weight == [(2, 5), (2, 5)]
    one, many = make("M", k=1), make("RF-UF", k=1)
    torch.testing.assert_close(one.readout(IRREGULAR)(torch.ones(1, 16)), many.readout(IRREGULAR)(torch.ones(1, 16)))


@pytest.mark.parametrize("decoder", ["D", "C"])
@every_decoder
def test_half_precision_leaves_coordinates_alone(decoder, pixel_decoder):
    """As on a GPU: bf16 has 8 bits, which would send queries of a 64-pixel row to the wrong neighbours."""
    model = make("RF-UF", decoder, pixel_decoder)
    lr_msi, query, cell = inputs(4, size=(8, 256))
    exact = model(lr_msi, query, cell, IRREGULAR)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = model(lr_msi, query, cell, IRREGULAR)
    rough.float().sum().backward()
    assert (rough.float() - exact).abs().max() < 0.02
    table = model.decoder.prepare(torch.rand(1, 6, 2, 64)).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
        low = model.decoder(table, query[:1], cell[:1]).float()
    full = model.decoder(table.float(), query[:1], cell[:1]).detach()
    assert difference(low, full) < 0.05


def test_unknown_names_list_the_known_ones():
    with pytest.raises(UserError, match="known: edsr, rdn, swinir"):
        make(encoder={"name": "vgg"})
    with pytest.raises(UserError, match="unknown option of the encoder edsr: 'depth'; known: blocks, channels"):
        make(encoder={"name": "edsr", "depth": 3})
    with pytest.raises(UserError, match="known: M, RF-GF, RF-GI, RF-GS, RF-UF, RF-UI, RF-US"):
        make("RF-XX")
    with pytest.raises(UserError, match="hidden is even, got 15"):
        make(pixel_decoder="lte", hidden=15)


def test_liif_with_c_outputs_serves_any_scale_and_only_its_own_bands():
    bands = Bands.from_centres(np.arange(400, 701, 10), 10)
    model = LIIF(3, bands=bands, encoder=ENCODER, hidden=16).eval()
    assert model.predict(torch.rand(1, 3, 6, 5), (17, 14), bands).shape == (1, 31, 17, 14)
    with pytest.raises(UserError, match="trained for"):
        model.predict(torch.rand(1, 3, 6, 5), (17, 14), bands.parts(8))
