"""Each network of a baseline has its published size and equals its plain transcription."""

import pytest
import torch

from baselines.awan import AWAN
from baselines.mog_dcn import MoGDCN
from baselines.rcan import RCAN
from baselines.ssjsr import SSJSR
from baselines.sspsr import SSPSR
from baselines.us3rn import US3RN
from tests.networks import count, randomised
from tests.plain import joint, sequential
from tests.plain.layers import Tape

SCALES = [1, 2, 3, 4, 6, 8]
SIZES = [(7, 5), (4, 6)]


RCAN_COUNTS = {
    3: {2: 15_444_643, 3: 15_629_283, 4: 15_592_355, 8: 15_740_067},
    4: {2: 15_445_796, 3: 15_630_436, 4: 15_593_508, 8: 15_741_220},
    31: {2: 15_476_927, 3: 15_661_567, 4: 15_624_639, 8: 15_772_351},
    102: {2: 15_558_790, 3: 15_743_430, 4: 15_706_502, 8: 15_854_214},
}


@pytest.mark.parametrize("bands", RCAN_COUNTS)
def test_size_of_rcan(bands):
    assert {p: count(lambda p=p: RCAN(bands, p, image="hsi")) for p in (2, 3, 4, 8)} == RCAN_COUNTS[bands]


def test_size_of_reduced_rcan():
    assert count(lambda: RCAN(3, 4, image="msi", groups=5, blocks=10)) == 4_242_315
    assert count(lambda: RCAN(31, 4, image="hsi", groups=5, blocks=10)) == 4_274_599
    assert count(lambda: RCAN(3, 4, image="msi", groups=3, blocks=6)) == 1_786_507
    assert count(lambda: RCAN(31, 4, image="hsi", groups=3, blocks=6)) == 1_818_791


@pytest.mark.parametrize(
    ("sizes", "counts"),
    [
        ({}, {(3, 31): 17_461_521, (4, 102): 17_594_514}),
        ({"channels": 128, "blocks": 20}, {(3, 31): 17_417_341, (4, 102): 17_503_678}),
        ({"channels": 96}, {(3, 31): 4_039_425, (4, 102): 4_105_026}),
        ({"channels": 64, "blocks": 4}, {(3, 31): 947_885}),
    ],
)
def test_size_of_awan(sizes, counts):
    assert {pair: count(lambda pair=pair: AWAN(*pair, size="lr", **sizes)) for pair in counts} == counts


def test_awan_attends_with_two_channels_where_the_published_rule_gives_fewer():
    """K = C // 8 is 1 for C = 8 and 13 (17,419,866 and 17,430,681 parameters), where attention would be inert."""
    assert count(lambda: AWAN(3, 8, size="lr")) == 17_419_866 + 3 * 8
    assert count(lambda: AWAN(4, 13, size="lr")) == 17_430_681 + 3 * 13
    assert count(lambda: AWAN(3, 16, size="lr")) == count(lambda: AWAN(3, 15, size="lr")) + 9 * 200 + 3 * 2


SSPSR_COUNTS = {
    (31, 4, 1, 8): {2: 23_717_155, 3: 23_717_155 + 2_950_400, 4: 26_077_475, 8: 28_437_795},
    (31, 8, 2, 3): {2: 10_533_511, 3: 10_533_511 + 2_950_400, 4: 12_893_831, 8: 15_254_151},
    (102, 8, 2, 3): {2: 11_024_334, 3: 13_974_734, 4: 13_384_654, 8: 15_744_974},
    (102, 8, 2, 8): {2: 24_226_414, 3: 24_226_414 + 2_950_400, 4: 26_586_734, 8: 28_947_054},
}


@pytest.mark.parametrize("setting", SSPSR_COUNTS)
def test_size_of_sspsr(setting):
    bands, group, overlap, blocks = setting
    sizes = {"group": group, "overlap": overlap, "blocks": blocks}
    assert {p: count(lambda p=p: SSPSR(bands, p, **sizes)) for p in (2, 3, 4, 8)} == SSPSR_COUNTS[setting]


def test_size_of_reduced_sspsr():
    assert count(lambda: SSPSR(31, 4, channels=128, blocks=3)) == 3_279_699


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_size_of_mog_dcn(scale):
    assert count(lambda: MoGDCN(3, 31, scale)) == 7_070_824
    assert count(lambda: MoGDCN(4, 102, scale)) == 10_391_201
    assert count(lambda: MoGDCN(3, 31, scale, width=32)) == 2_027_560


SSJSR_COUNTS = {
    (3, 31): [254_833, 267_121, 261_761, 268_689],
    (4, 102): [270_193, 282_481, 277_121, 284_049],
}


@pytest.mark.parametrize("setting", SSJSR_COUNTS)
def test_size_of_ssjsr(setting):
    c, bands = setting
    assert [count(lambda p=p: SSJSR(c, bands, p)) for p in (2, 3, 4, 8)] == SSJSR_COUNTS[setting]


US3RN_COUNTS = {
    (3, 8): {2: 17_961, 4: 22_039, 8: 26_117},
    (3, 16): {2: 67_801, 4: 81_039, 8: 94_277},
    (3, 24): {2: 150_281, 4: 178_439, 8: 206_597},
    (3, 31): {1: 203_288, 2: 249_226, 3: 330_234, 4: 295_164, 6: 376_172, 8: 341_102, 12: 422_110, 16: 387_040},
    (4, 13): {2: 45_933, 4: 55_539, 8: 65_145},
    (4, 26): {2: 176_739, 4: 210_005, 8: 243_271},
    (4, 51): {2: 670_539, 4: 792_055, 8: 913_571},
    (4, 102): {2: 2_666_271, 3: 3_510_367, 4: 3_142_237, 8: 3_618_203},
}


@pytest.mark.parametrize("pair", US3RN_COUNTS)
def test_size_of_us3rn(pair):
    assert {p: count(lambda p=p: US3RN(*pair, p)) for p in US3RN_COUNTS[pair]} == US3RN_COUNTS[pair]


@pytest.mark.parametrize("c", [1, 3, 4, 8])
@pytest.mark.parametrize("C", [1, 10, 31, 200])
@pytest.mark.parametrize("doublings", [1, 2, 3, 4])
def test_size_of_us3rn_in_closed_form(c, C, doublings):
    i = max(1, c // 2)
    non_local = 3 * (c * i + i) + i * c + c + 2 * c
    steps = 7 * (9 * c * c + c) + 30 * c + 5 * (9 * C * C + C) + 60 * C
    head = (c * C + C) + (36 * C * C + C) + (9 * C * C + C)
    expected = 18 * (9 * C * C + C) + 3 * (C * C + C) + 6 * c * C + 3 * non_local + 11 + doublings * steps + head
    assert count(lambda: US3RN(c, C, 2**doublings)) == expected


def tape(model) -> Tape:
    return Tape([value for value in model.state_dict().values()])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scale", SCALES)
def test_rcan_equals_its_plain_transcription(scale, size):
    model = randomised(RCAN(5, scale, image="msi", groups=2, blocks=2, channels=16))
    x, weights = torch.rand(2, 5, *size, dtype=torch.double), tape(model)
    expected = sequential.rcan(weights, x, scale=scale, groups=2, blocks=2)
    weights.end()
    assert expected.shape[2:] == (size[0] * scale, size[1] * scale)
    torch.testing.assert_close(model(x), expected)


@pytest.mark.parametrize("bands", [5, 13, 40])
@pytest.mark.parametrize("size", [(3, 3), *SIZES, (16, 9)])
def test_awan_equals_its_plain_transcription(bands, size):
    model = randomised(AWAN(3, bands, size="hr", channels=16, blocks=2))
    x, weights = torch.rand(2, 3, *size, dtype=torch.double), tape(model)
    expected = sequential.awan(weights, x, blocks=2)
    weights.end()
    torch.testing.assert_close(model(x), expected)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scale", SCALES)
def test_sspsr_equals_its_plain_transcription(scale, size):
    model = randomised(SSPSR(13, scale, channels=16, blocks=2, group=5, overlap=2))
    x, weights = torch.rand(2, 13, *size, dtype=torch.double), tape(model)
    expected = sequential.sspsr(weights, x, scale=scale, blocks=2, overlap=2)
    weights.end()
    torch.testing.assert_close(model(x), expected)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scale", SCALES)
def test_mog_dcn_equals_its_plain_transcription(scale, size):
    model = randomised(MoGDCN(3, 9, scale, width=4, kernel=5))
    lr_hsi = torch.rand(2, 9, *size, dtype=torch.double)
    hr_msi = torch.rand(2, 3, size[0] * scale, size[1] * scale, dtype=torch.double)
    weights = tape(model)
    expected = sequential.mog_dcn(weights, lr_hsi, hr_msi, scale=scale)
    weights.end()
    torch.testing.assert_close(model(lr_hsi, hr_msi), expected)


@pytest.mark.parametrize("bands", [7, 12])
@pytest.mark.parametrize("scale", [1, 2, 3, 4, 6])
def test_ssjsr_equals_its_plain_transcription(scale, bands):
    x = torch.rand(2, 3, 5, 4, dtype=torch.double)
    model = randomised(SSJSR(3, bands, scale, width=6, inner=4, blocks=2))
    weights = tape(model)
    expected = joint.ssjsr(weights, x, bands=bands, scale=scale, blocks=2)
    weights.end()
    torch.testing.assert_close(model(x), expected)


@pytest.mark.parametrize("c", [1, 3, 4])
@pytest.mark.parametrize("scale", SCALES)
def test_us3rn_equals_its_plain_transcription(scale, c):
    model = randomised(US3RN(c, 9, scale))
    x, weights = torch.rand(2, c, 7, 5, dtype=torch.double), tape(model)
    out, y, z, *lists = joint.us3rn(weights, x, scale=scale)
    weights.end()
    ours, states = model.unfold(x)
    torch.testing.assert_close(ours, out)
    torch.testing.assert_close((states[-1].y, states[-1].z), (y, z))
    for field, theirs in zip("xyz", lists):
        for state, value in zip(states, theirs):
            torch.testing.assert_close(getattr(state, field), value)
