"""The arithmetic behind the cost estimate, against the framework's own count of a forward pass."""

import dataclasses
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from baselines.awan import AWAN
from baselines.mog_dcn import MoGDCN
from baselines.rcan import RCAN
from baselines.ssjsr import SSJSR
from baselines.sspsr import SSPSR
from baselines.us3rn import US3RN
from ssif.bands import Bands
from ssif.nets.ssif import SSIF
from workflow.config import presets
from workflow.plan import arithmetic, cost, runs, targets

CONFIG = presets.load("config/config.yaml")
SIDE = 8


def counted(network, *shapes) -> float:
    """Multiply-adds of a forward pass; nothing is computed."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        network().eval()(*(torch.empty(shape) for shape in shapes))
    return counter.get_total_flops() / 2


@pytest.mark.parametrize("decoder", ["D", "C"])
@pytest.mark.parametrize(("variant", "pixel_decoder"), [("RF-UF", "liif"), ("RF-UI", "liif"), ("RF-UF", "bilinear")])
def test_a_neural_field(variant, pixel_decoder, decoder):
    changes = {"lr_sizes": [16], "lambda_min": 3.2, "spectral_decoder": decoder, "pixel_decoder": pixel_decoder}
    data = presets.changed(CONFIG.datasets["indian_pines"], changes, "here")
    bands = Bands.from_centres([500 + 10 * i for i in range(125)], 10)
    model = SSIF(4, variant=variant, **dataclasses.asdict(data.network))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        n = data.training.batch
        model(torch.rand(n, 4, 16, 16), torch.rand(n, 256, 2), torch.full((n, 2), 0.1), bands)
    assert counter.get_total_flops() / 2 == pytest.approx(arithmetic.field(data, 4, 125, variant == "RF-UF"), rel=0.1)


NETWORKS = {
    "rcan": lambda c, C, p, **sizes: RCAN(C, p, image="hsi", **sizes),
    "awan": lambda c, C, p, **sizes: AWAN(c, C, size="lr", **sizes),
    "sspsr": lambda c, C, p, **sizes: SSPSR(C, p, **sizes),
    "mog-dcn": MoGDCN,
    "ssjsr": SSJSR,
    "us3rn": US3RN,
}
REDUCED = CONFIG.datasets["indian_pines"].baselines


@pytest.mark.parametrize("reduced", [False, True])
@pytest.mark.parametrize("p", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("block", NETWORKS)
def test_a_network_on_a_grid(block, p, reduced):
    c, C = 4, 40
    sizes = REDUCED[block].network if reduced else {}
    side = SIDE * (8 // p if block == "mog-dcn" else 1)  # five levels of a U-Net round small images up
    reads = {"rcan": [C], "sspsr": [C], "mog-dcn": [C, (c, p)]}.get(block, [c])
    shapes = [(1, n, side, side) if isinstance(n, int) else (1, n[0], side * n[1], side * n[1]) for n in reads]
    expected = side**2 * arithmetic.ON_GRID[block](c, C, p, **sizes)
    assert counted(lambda: NETWORKS[block](c, C, p, **sizes), *shapes) == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("variant", ["sep1", "sep2"])
def test_the_separate_variants_of_ssjsr(variant):
    expected = SIDE**2 * arithmetic.ssjsr(4, 40, 2, variant=variant)
    assert counted(lambda: SSJSR(4, 40, 2, variant=variant), (1, 4, SIDE, SIDE)) == pytest.approx(expected, rel=0.1)


def test_rcan_on_the_msi():
    expected = SIDE**2 * arithmetic.rcan(4, None, 4, groups=1, blocks=1)
    network = lambda: RCAN(4, 4, image="msi", groups=1, blocks=1)  # noqa: E731
    assert counted(network, (1, 4, SIDE, SIDE)) == pytest.approx(expected, rel=0.1)


def test_a_network_without_a_formula_is_named_and_not_counted(monkeypatch):
    monkeypatch.delitem(arithmetic.ON_GRID, "us3rn")
    run = runs.find(targets.rows(CONFIG), "indian_pines.us3rn.p2.C200.s0")
    assert cost.seconds(CONFIG, run) is None
    assert cost.summary(CONFIG).splitlines()[0].endswith("(finished ones are kept), not counting us3rn")


def test_every_network_of_every_preset_has_a_cost():
    for path in Path("config").glob("*.yaml"):
        config = presets.load(path)
        for run in targets.networks(config):
            seconds = cost.seconds(config, run)
            assert seconds["gpu"] > 0 and seconds["cpu"] > 0
        assert f"preset {config.preset}: " in cost.summary(config)


def test_the_summary_lists_what_each_target_adds():
    head, *lines = cost.summary(CONFIG).splitlines()
    assert head.startswith("preset quick: 49 networks; training is about")
    assert [line.split()[0] for line in lines] == [*CONFIG.tables, *CONFIG.figures, *CONFIG.ablations]
    assert "  fig3 on indian_pines: 2 more, " in lines[5] and lines[5].endswith(": 2 liif")
    assert lines[1] == "  table2 on indian_pines: none more"
    assert "  table3 on indian_pines: 1 more, " in lines[2] and lines[2].endswith(": a2s2k")
    assert "  table_sensors on indian_pines: 1 more, " in lines[3] and lines[3].endswith(": ssif-rf-uf")
    total = sum(int(line.split(": ")[1].split()[0]) for line in lines if " more, " in line)
    assert total == 49


def test_published_weights_cost_seconds():
    config = dataclasses.replace(presets.load("config/standard.yaml"), weights="published")
    assert "preset standard: 84 networks; training is about 7 min of one CPU core or 7 min" in cost.summary(config)


def test_a_window_of_the_classifier_costs_125_million_multiply_adds():
    assert arithmetic.a2s2k(102, kernels=24, patch=11) == pytest.approx(125.2e6, rel=1e-3)
