"""Consistency: what the sensor sees of a prediction, how far it is from the input, and the change that makes them equal."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ssif.bands import Bands
from ssif.consistency import MARGIN, Seen, distance, response_on
from ssif.data.degrade import bicubic_matrix, downsample
from ssif.errors import UserError
from ssif.sensors import msi_matrix, parse_bands
from ssif.tiles import Grid
from ssif.tool.request import Wanted
from tests.predicting import HEADER, read, run, small_model, write

CAVE, _ = parse_bands("395:705:31")
RESPONSE = torch.from_numpy(msi_matrix("nikon-d700", CAVE))


def image(height: int, width: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(31, height, width, generator=generator, dtype=torch.float64) * 0.8 + 0.1


def test_the_truth_is_consistent_with_what_was_seen_of_it():
    truth = image(24, 32)
    seen = Seen(RESPONSE, Grid.of((6, 8), (24, 32)))
    msi = torch.einsum("kc,chw->khw", RESPONSE, truth)
    lr_msi = downsample(msi[None], (6, 8))[0]
    assert distance(seen.of(truth), lr_msi) == {
        "input_rmse": pytest.approx(0, abs=1e-12),
        "input_sam": pytest.approx(0, abs=1e-4),
    }
    assert torch.allclose(seen.corrected(truth, lr_msi), truth, atol=1e-12)


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize(
    "low, high",
    [
        ((6, 8), (12, 16)),
        ((6, 8), (24, 32)),
        ((5, 7), (40, 56)),
        ((7, 6), (19, 16)),
        ((6, 8), (6, 8)),
        ((4, 5), (12, 15)),
    ],
)
def test_a_correction_is_exact(low, high, antialias):
    prediction, lr_msi = image(*high), torch.rand(3, *low, dtype=torch.float64)
    seen = Seen(RESPONSE, Grid.of(low, high), antialias)
    found = seen.corrected(prediction, lr_msi)
    assert (seen.of(found) - lr_msi).abs().max() < 1e-9
    # A second correction has nothing left to change.
    assert torch.allclose(seen.corrected(found, lr_msi), found, atol=1e-9)


def test_a_correction_changes_spectra_the_least():
    """It lies in the span of the responses: what no channel sees stays as it was."""
    prediction, lr_msi = image(16, 16), torch.rand(3, 4, 4, dtype=torch.float64)
    change = Seen(RESPONSE, Grid.of((4, 4), (16, 16))).corrected(prediction, lr_msi) - prediction
    unseen = torch.eye(31, dtype=torch.float64) - torch.linalg.pinv(RESPONSE) @ RESPONSE
    assert torch.einsum("kc,chw->khw", unseen, change).abs().max() < 1e-12


def test_a_constant_offset_is_taken_off_whole():
    prediction = image(16, 24)
    seen = Seen(RESPONSE, Grid.of((8, 12), (16, 24)))
    shifted = prediction + 0.05 * (torch.linalg.pinv(RESPONSE) @ torch.ones(3, dtype=torch.float64))[:, None, None]
    lr_msi = seen.of(prediction)
    assert distance(seen.of(shifted), lr_msi)["input_rmse"] == pytest.approx(0.05, rel=1e-9)
    assert torch.allclose(seen.corrected(shifted, lr_msi), prediction, atol=1e-12)


def test_the_angle_is_that_between_channels():
    response = torch.eye(2, dtype=torch.float64)
    seen = Seen(response, Grid.of((2, 2), (2, 2)))
    one = torch.tensor([1.0, 0.0], dtype=torch.float64)[:, None, None].expand(2, 2, 2).clone()
    other = torch.tensor([1.0, 1.0], dtype=torch.float64)[:, None, None].expand(2, 2, 2)
    assert distance(seen.of(one), other) == {"input_rmse": pytest.approx(np.sqrt(0.5)), "input_sam": pytest.approx(45)}
    assert np.isnan(distance(torch.zeros(2, 2, 2), other)["input_sam"])


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("source, target", [(16, 4), (15, 5), (10, 4), (4, 16), (5, 13), (6, 6)])
def test_the_matrix_is_the_decimation(source, target, antialias):
    lines = torch.rand(1, 1, source, 3, dtype=torch.float64)
    matrix = bicubic_matrix(source, target, antialias)
    assert torch.allclose(matrix @ lines[0, 0], downsample(lines, (target, 3), antialias)[0, 0], atol=1e-12)
    window = bicubic_matrix(source, target, antialias, slice(1, 3), slice(2, 4))
    assert torch.equal(window, matrix[1:3, 2:4])


@pytest.mark.parametrize("high", [(80, 84), (100, 97)])
def test_a_tile_with_a_margin_is_corrected_as_the_whole(high):
    low = (40, 42)
    grid, prediction, lr_msi = Grid.of(low, high), image(*high), torch.rand(3, *low, dtype=torch.float64)
    whole = Seen(RESPONSE, grid).corrected(prediction, lr_msi)
    tile = (slice(14, 20), slice(30, 42))
    wide = tuple(axis.halo(part, MARGIN) for axis, part in zip(grid, tile))
    rows, columns = grid.upscaled(*wide)
    part = Seen(RESPONSE, grid, tile=wide).corrected(prediction[:, rows, columns], lr_msi[:, wide[0], wide[1]])
    inside = [slice(a.start - b.start, a.stop - b.start) for a, b in zip(grid.upscaled(*tile), (rows, columns))]
    rows, columns = grid.upscaled(*tile)
    assert torch.allclose(part[:, inside[0], inside[1]], whole[:, rows, columns], atol=1e-9)


def test_pixels_without_data_spoil_no_others():
    prediction, lr_msi = image(32, 32), torch.rand(3, 8, 8, dtype=torch.float64)
    seen = Seen(RESPONSE, Grid.of((8, 8), (32, 32)))
    holed = prediction.clone()
    holed[:, 8:12, 12:16] = torch.nan
    found = seen.corrected(holed, lr_msi)
    assert torch.equal(torch.isnan(found), torch.isnan(holed))
    residual = (seen.of(torch.nan_to_num(found)) - lr_msi).abs().amax(dim=0)
    assert residual[5:].max() < 0.02 and residual[2, 3] > 0.1


def test_the_response_on_other_bands():
    fine = response_on("nikon-d700", None, parse_bands("395:705:62")[0])
    assert torch.allclose(fine.reshape(3, 31, 2).sum(dim=2), RESPONSE) and torch.equal(
        response_on("nikon-d700", None, CAVE), RESPONSE
    )
    sensor, seen = "sentinel-2a:B2,B3,B4", parse_bands("sentinel-2a:B2,B3,B4")[0]
    assert torch.allclose(response_on(sensor, seen, CAVE).sum(dim=1), torch.ones(3, dtype=torch.float64))
    for name, bands in (("nikon-d700", Bands([[400, 500], [500, 690]])), (sensor, Bands([[400, 500], [500, 600]]))):
        with pytest.raises(UserError, match=f"do not cover what {name}|has no response"):
            response_on(name, seen, bands)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Of a sensor whose three channels are intervals."""
    folder = tmp_path_factory.mktemp("weights")
    (folder / "camera.csv").write_text("name,start,end\nred,600,700\ngreen,500,600\nblue,400,500\n")
    return small_model(folder, msi=str(folder / "camera.csv"))


@pytest.mark.parametrize("scale", [1, 2.5, 4])
def test_predict_makes_an_image_consistent(tmp_path, model, scale):
    values = np.random.default_rng(0).uniform(0.2, 0.8, (22, 17, 3)).astype(np.float32)
    source = write(tmp_path / "a.npy", replace(HEADER, height=22, width=17, dtype="float32", scale=None), values)
    bands, names = parse_bands("400:700:6")
    wanted = Wanted(bands, tuple(names), scale=scale, tile=9, consistent=True)
    (line,) = [line for line in run(source, tmp_path / "b.npy", model, wanted) if "degrees" in line]
    assert line.endswith("before it is corrected") and "camera.csv and decimated" in line
    (line,) = [
        line for line in run(source, tmp_path / "c.npy", model, replace(wanted, consistent=False)) if "degrees" in line
    ]
    assert line.endswith("degrees")
    found, plain = (torch.from_numpy(read(tmp_path / name)[1]).permute(2, 0, 1) for name in ("b.npy", "c.npy"))
    seen = Seen(response_on(model.card["msi"], model.input_bands, bands), Grid.of((22, 17), found.shape[1:]))
    lr_msi = torch.from_numpy(values).permute(2, 0, 1)
    assert (seen.of(found) - lr_msi).abs().max() < 1e-5
    assert (seen.of(plain) - lr_msi).abs().max() > 0.05
    assert torch.allclose(seen.corrected(plain, lr_msi).float(), found, atol=1e-5)


def test_bands_that_do_not_cover_the_sensor(tmp_path, model):
    source = write(tmp_path / "a.npy", HEADER, np.full((9, 12, 3), 0.5))
    wanted = Wanted(Bands([[400, 500], [510, 600]]), ("a", "b"), scale=2)
    assert not [line for line in run(source, tmp_path / "b.npy", model, wanted) if "degrees" in line]
    with pytest.raises(UserError, match="--consistent needs bands that cover the whole sensor: "):
        run(source, tmp_path / "c.npy", model, replace(wanted, consistent=True))
