"""A training step of the standard SSIF beside the literal formulation with a loader of one sample at a time."""

import dataclasses
from functools import partial

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from ssif.bands import Bands, parts_matrix
from ssif.coordinates import pixel_coordinates
from ssif.data.degrade import downsample
from ssif.data.patches import Queries, TrainingSet, draw_queries
from ssif.nets.ssif import SSIF
from ssif.response import nyquist_factor
from tests import literal
from workflow.config import presets

pytestmark = pytest.mark.slow

LR = 32
STANDARD = presets.load("config/standard.yaml").datasets["cave"]
BANDS = Bands.from_centres(np.arange(400, 701, 10), 10)


def make() -> SSIF:
    torch.manual_seed(0)
    sizes = dataclasses.asdict(STANDARD.network) | {"lambda_min": nyquist_factor(10)}
    return SSIF(3, variant="RF-UF", **sizes)


def literal_draw(data: TrainingSet, step: int, batch: int, lr_size: int) -> Queries:
    """A batch made sample by sample: crop both images, degrade, resample all of the crop, flip, pick pixels."""
    draws = np.random.default_rng(step)
    count = int(draws.integers(8, 32))
    weights = torch.tensor(parts_matrix(data.bands, count), dtype=torch.float32)
    samples = []
    for _ in range(batch):
        side = round(lr_size * draws.uniform(1, 8))
        scene = draws.integers(len(data.hsi))
        top, left = (draws.integers(length - side + 1) for length in data.hsi.shape[1:3])
        place = scene, slice(top, top + side), slice(left, left + side)
        hsi, msi = (data.hsi[place] @ weights.T).permute(2, 0, 1), data.msi[place].permute(2, 0, 1)
        for axis in (1, 2):
            if draws.random() < 0.5:
                hsi, msi = hsi.flip(axis), msi.flip(axis)
        if draws.random() < 0.5:
            hsi, msi = hsi.transpose(1, 2), msi.transpose(1, 2)
        lr_msi = downsample(msi[None], (lr_size, lr_size))[0]
        values, seen = hsi.reshape(count, -1).T, msi.reshape(len(msi), -1).T
        grid = pixel_coordinates(torch.arange(side * side), side, side)
        chosen = torch.from_numpy(draws.choice(side * side, lr_size**2, replace=False))
        samples.append((lr_msi, grid[chosen], torch.tensor([2 / side, 2 / side]), values[chosen], seen[chosen]))
    lr_msi, query, cell, target, msi = (torch.stack(parts) for parts in zip(*samples))
    generator = torch.Generator().manual_seed(step)
    return Queries(lr_msi, query, cell, target, msi, data.bands.parts(count), generator, torch.zeros(batch))


def test_a_training_step_is_three_times_faster_than_the_literal_one(benchmark, report, seconds, product_rate):
    """Standard sizes and batch, LR of 32 pixels: drawing, forward, backward and Adam; the three forms in turn.

    Three times with bfloat16, where the CPU has products of it. In float32 the encoder, which both forms share, is most of
    what is left, and the whole runs at the rate of matrix products: arithmetic allows no more.
    """
    torch.manual_seed(1)
    data = TrainingSet(torch.rand(2, 512, 512, 31), torch.rand(2, 512, 512, 3), BANDS)
    batch, models = STANDARD.training.batch, {form: make() for form in ("literal", "float32", "bfloat16")}
    adams = {form: torch.optim.Adam(model.parameters(), 1e-4, fused=True) for form, model in models.items()}

    def step(form: str, number: int) -> None:
        model = models[form]
        if form == "literal":
            drawn = literal_draw(data, number, batch, LR)
            values = literal.ssif(model, drawn.lr_msi, drawn.query, drawn.cell, drawn.bands)
            loss = (values - drawn.target).abs().mean()
        else:
            drawn = draw_queries(
                data, number, seed=0, batch=batch, lr_sizes=[LR], scales=(1, 8), counts=(8, 31), antialias=False
            )
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=form == "bfloat16"):
                loss = model.loss(drawn)
        adams[form].zero_grad()
        loss.backward()
        adams[form].step()

    taken = {form: [] for form in models}
    for number in range(4):
        for form, found in taken.items():
            found.append(seconds(partial(step, form, number)))
    benchmark.pedantic(step, args=("bfloat16", 0), rounds=1)
    literal_seconds, full, half = (np.mean(found) for found in taken.values())
    drawn = draw_queries(data, 0, seed=0, batch=batch, lr_sizes=[LR], scales=(1, 8), counts=(8, 31), antialias=False)
    with FlopCounterMode(display=False) as counter:
        models["float32"].loss(drawn).backward()
    least = counter.get_total_flops() / 2 / product_rate
    report(
        literal=literal_seconds, float32=full, bfloat16=half, ratio_float32=literal_seconds / full,
        ratio_bfloat16=literal_seconds / half, least_seconds_float32=least,
    )  # fmt: skip
    assert literal_seconds >= 1.4 * full
    one, other = torch.rand(2, 2048, 2048).bfloat16()
    if 2048**3 / seconds(lambda: one @ other, rounds=3) < 1.3 * product_rate:
        pytest.skip("this CPU has no fast products of bfloat16")
    assert literal_seconds >= 3 * half
