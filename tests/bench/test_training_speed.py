"""A training step of the standard SSIF beside the literal formulation with a loader of one sample at a time."""

import dataclasses

import numpy as np
import pytest
import torch

from ssif.bands import Bands, parts_matrix
from ssif.coordinates import pixel_coordinates
from ssif.data.degrade import downsample
from ssif.data.patches import Queries, TrainingSet, draw_queries
from ssif.nets.ssif import SSIF
from ssif.nets.spectral import nyquist_factor
from tests import literal
from workflow import arithmetic, presets

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
        values = hsi.reshape(count, -1).T
        grid = pixel_coordinates(torch.arange(side * side), side, side)
        chosen = torch.from_numpy(draws.choice(side * side, lr_size**2, replace=False))
        samples.append((lr_msi, grid[chosen], torch.tensor([2 / side, 2 / side]), values[chosen]))
    lr_msi, query, cell, target = (torch.stack(parts) for parts in zip(*samples))
    generator = torch.Generator().manual_seed(step)
    return Queries(lr_msi, query, cell, target, data.bands.parts(count), generator, torch.zeros(batch))


def test_a_training_step_is_three_times_faster_than_the_literal_one(benchmark, report, seconds, product_rate):
    """Standard sizes and batch, LR of 32 pixels: drawing, forward, backward and Adam; the two forms in turn."""
    torch.manual_seed(1)
    data = TrainingSet(torch.rand(2, 512, 512, 31), torch.rand(2, 512, 512, 3), BANDS)
    batch, model, other = STANDARD.training.batch, make(), make()
    ours_adam, their_adam = (torch.optim.Adam(net.parameters(), 1e-4, fused=net is model) for net in (model, other))

    def ours(step: int, dtype: torch.dtype = torch.float32) -> None:
        queries = draw_queries(
            data, step, seed=0, batch=batch, lr_sizes=[LR], scales=(1, 8), counts=(8, 31), antialias=False
        )
        ours_adam.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
            loss = model.loss(queries)
        loss.backward()
        ours_adam.step()

    def theirs(step: int) -> None:
        queries = literal_draw(data, step, batch, LR)
        their_adam.zero_grad()
        values = literal.ssif(other, queries.lr_msi, queries.query, queries.cell, queries.bands)
        (values - queries.target).abs().mean().backward()
        their_adam.step()

    steps = range(4)
    literal_seconds, our_seconds = zip(*((seconds(lambda: theirs(step)), seconds(lambda: ours(step))) for step in steps))
    benchmark.pedantic(ours, args=(0,), rounds=1)
    ratio = sum(literal_seconds) / sum(our_seconds)
    sizes = dataclasses.replace(STANDARD, training=dataclasses.replace(STANDARD.training, lr_sizes=(LR,)))
    least = 3 * arithmetic.field(sizes, 3, 19.5, sampled=True) / product_rate
    report(
        ours=np.mean(our_seconds), literal=np.mean(literal_seconds), ratio=ratio, share_of_product_rate=least / np.mean(our_seconds)
    )  # fmt: skip
    assert ratio >= 3
