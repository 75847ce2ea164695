"""The LR operator and the batched training data against plain per-sample versions of both."""

import numpy as np
import pytest
import torch

from ssif.bands import Bands, parts_matrix
from ssif.data.degrade import downsample, downsampling_matrix, hr_size, lr_size
from ssif.data.patches import TrainingSet, check_crops, draw_patches, draw_queries
from ssif.errors import UserError
from ssif.sensors import msi_matrix

CAVE = Bands.from_centres(np.arange(400, 701, 10), 10)


@pytest.mark.parametrize("p", [2, 4, 8])
def test_taps_of_an_even_scale(p):
    line = torch.randn(1, 1, 1, 8 * p, dtype=torch.float64).expand(-1, -1, 8 * p, -1).contiguous()
    low = downsample(line, (8, 8))[0, 0, 0]
    x, m = line[0, 0, 0], p // 2
    for k in range(1, 7):
        centre = x[k * p + m - 2 : k * p + m + 2]
        taps = torch.tensor([-0.09375, 0.59375, 0.59375, -0.09375], dtype=torch.float64)
        torch.testing.assert_close(low[k], taps @ centre)


@pytest.mark.parametrize("p", [3, 5, 7])
def test_an_odd_scale_takes_the_centre_pixel(p):
    image = torch.rand(1, 2, 4 * p, 6 * p, dtype=torch.float64)
    torch.testing.assert_close(downsample(image, (4, 6)), image[:, :, p // 2 :: p, p // 2 :: p])


def test_spectral_response_and_decimation_commute():
    matrix = torch.tensor(msi_matrix("nikon-d700", CAVE))
    cube = torch.rand(1, 31, 24, 24, dtype=torch.float64)
    one = torch.einsum("kc,nchw->nkhw", matrix, downsample(cube, (6, 6)))
    other = downsample(torch.einsum("kc,nchw->nkhw", matrix, cube), (6, 6))
    torch.testing.assert_close(one, other, atol=1e-12, rtol=0)


@pytest.mark.parametrize(
    ("size", "p", "low", "high"),
    [
        ((512, 512), 8, (64, 64), (512, 512)),
        ((512, 512), 3, (170, 170), (510, 510)),
        ((512, 512), 10, (51, 51), (510, 510)),
        ((512, 512), 12, (42, 42), (504, 504)),
        ((512, 512), 14, (36, 36), (504, 504)),
        ((1024, 128), 3, (341, 42), (1023, 126)),
        ((1024, 128), 14, (73, 9), (1022, 126)),
        ((512, 512), 3.7, (138, 138), (511, 511)),
        ((144, 48), 1, (144, 48), (144, 48)),
    ],
)
def test_sizes_where_the_scale_does_not_divide(size, p, low, high):
    assert lr_size(size, p) == (low, high)


@pytest.mark.parametrize("p", [0, 0.5, -2, float("nan")])
def test_a_scale_below_one_is_refused(p):
    with pytest.raises(UserError, match="at least 1"):
        lr_size((64, 64), p)


@pytest.mark.parametrize("p", [1e5, 1e300, float("inf")])
def test_a_scale_that_can_only_be_a_slip_is_refused(p):
    with pytest.raises(UserError, match="at most 10000"):
        hr_size((64, 64), p)


def test_an_image_below_one_lr_pixel_is_refused():
    with pytest.raises(UserError, match="too small"):
        lr_size((64, 5), 8)


@pytest.mark.parametrize("antialias", [False, True])
def test_matrices_equal_the_interpolation_of_torch(antialias):
    sides = torch.tensor([16, 23, 37, 64, 100])
    weights = downsampling_matrix(sides, 100, 16, antialias)
    for side, matrix in zip(sides.tolist(), weights):
        crop = torch.rand(1, 1, side, side)
        low = matrix[:, :side] @ crop[0, 0] @ matrix[:, :side].T
        torch.testing.assert_close(low, downsample(crop, (16, 16), antialias)[0, 0], atol=2e-6, rtol=0)
        assert (matrix[:, side:] == 0).all()


def training_set(scenes=2, height=40, width=52) -> TrainingSet:
    """Scenes whose values are their places: band 0 is the row, band 1 the column, band 2 the scene (scaled)."""
    row, column = torch.meshgrid(torch.arange(height) / 64, torch.arange(width) / 64, indexing="ij")
    hsi = torch.rand(scenes, height, width, 31)
    hsi[..., 0], hsi[..., 1] = row, column
    hsi[..., 2] = torch.arange(scenes)[:, None, None] / 4
    msi = torch.stack([hsi[..., 0], hsi[..., 1], hsi[..., 2]], dim=-1)
    return TrainingSet(hsi, msi, CAVE)


OPTIONS = {"seed": 3, "batch": 6, "lr_sizes": [4, 8], "scales": (1.0, 4.0), "counts": (31, 31), "antialias": False}


def test_targets_are_the_hr_pixels_at_the_queries():
    """Rows and columns are linear in the image, so bilinear interpolation of the LR input must give the place of the target."""
    data = training_set()
    for step in range(6):
        batch = draw_queries(data, step, **OPTIONS)
        size = OPTIONS["lr_sizes"][step % 2]
        assert batch.lr_msi.shape == (6, 3, size, size)
        assert batch.query.shape == (6, size**2, 2) and batch.target.shape == (6, size**2, 31)
        grid = batch.query.flip(-1)[:, None]
        seen = torch.nn.functional.grid_sample(batch.lr_msi, grid, align_corners=False, padding_mode="border")
        seen = seen[:, :, 0].transpose(1, 2)
        inside = (batch.query.abs() < 1 - 1 / size).all(dim=-1)
        torch.testing.assert_close(seen[inside], batch.target[..., :3][inside], atol=1.01 / 64, rtol=0)
        assert torch.equal(batch.target[:, 0, 2], batch.scenes / 4)


def test_all_eight_orientations_occur():
    seen = set()
    for step in range(40):
        batch = draw_queries(training_set(), step, **OPTIONS | {"lr_sizes": [8]})
        by_row = (batch.lr_msi[..., -1, 4] - batch.lr_msi[..., 0, 4])[:, :2]
        by_column = (batch.lr_msi[..., 4, -1] - batch.lr_msi[..., 4, 0])[:, :2]
        for r, c in zip(by_row, by_column):
            axis = int(r.abs().argmax())
            seen.add((axis, bool(r[axis] > 0), bool(c[1 - axis] > 0)))
    assert len(seen) == 8


def test_every_pixel_once_at_p_1():
    batch = draw_queries(training_set(), 0, **OPTIONS | {"scales": (1.0, 1.0), "lr_sizes": [8]})
    for query in batch.query:
        assert len(torch.unique(query, dim=0)) == 64


@pytest.mark.parametrize(("scales", "asked"), [((3.0, 3.0), 4 * 64), ((1.0, 1.0), 64), ((1.5, 1.5), 144)])
def test_more_queries_than_lr_pixels_as_far_as_the_crop_has_them(scales, asked):
    batch = draw_queries(training_set(), 0, **OPTIONS | {"scales": scales, "lr_sizes": [8], "queries": 4})
    assert batch.target.shape[1] == asked
    for query in batch.query:
        assert len(torch.unique(query, dim=0)) == asked


def test_a_batch_is_a_function_of_seed_and_step():
    data = training_set()
    one, again = (draw_queries(data, 7, **OPTIONS) for _ in range(2))
    assert torch.equal(one.lr_msi, again.lr_msi) and torch.equal(one.target, again.target)
    assert torch.equal(torch.rand(3, generator=one.generator), torch.rand(3, generator=again.generator))
    for other in (draw_queries(data, 9, **OPTIONS), draw_queries(data, 7, **OPTIONS | {"seed": 4})):
        assert not torch.equal(one.lr_msi, other.lr_msi)


def test_counts_cover_their_range_and_targets_are_band_means():
    data, seen = training_set(), set()
    for step in range(200):
        batch = draw_queries(data, step, **OPTIONS | {"counts": (8, 12), "lr_sizes": [2], "batch": 1})
        seen.add(len(batch.bands))
    assert seen == {8, 9, 10, 11, 12}
    eight = draw_queries(data, 0, **OPTIONS | {"counts": (8, 8)})
    full = draw_queries(data, 0, **OPTIONS | {"counts": (31, 31)})
    matrix = torch.tensor(parts_matrix(CAVE, 8)).float()
    torch.testing.assert_close(eight.target, full.target @ matrix.T)


def test_scales_cover_their_range():
    sides = torch.cat(
        [2 / draw_queries(training_set(), step, **OPTIONS | {"lr_sizes": [10]}).cell[:, 0] for step in range(60)]
    )
    assert sides.min() < 11 and sides.max() > 39 and (sides % 1 < 1e-3).logical_or(sides % 1 > 0.999).all()


PATCHES = {"seed": 3, "batch": 5, "lr_size": 6, "scale": 3, "count": 31, "antialias": False}


def test_the_four_images_of_a_patch_belong_together():
    """The sensor's response and the LR operator are linear and act on different axes, so they commute."""
    matrix = torch.rand(3, 31).softmax(dim=1)
    data = training_set()
    data = TrainingSet(data.hsi, data.hsi @ matrix.T, CAVE)
    for scale, antialias in ((1, False), (2, True), (3, False), (4, False)):
        batch = draw_patches(data, 0, **PATCHES | {"scale": scale, "antialias": antialias})
        side = 6 * scale
        assert batch.lr_msi.shape == (5, 3, 6, 6) and batch.hr_msi.shape == (5, 3, side, side)
        assert batch.lr_hsi.shape == (5, 31, 6, 6) and batch.hr_hsi.shape == (5, 31, side, side)
        for hsi, msi in ((batch.hr_hsi, batch.hr_msi), (batch.lr_hsi, batch.lr_msi)):
            torch.testing.assert_close(torch.einsum("cb,nbhw->nchw", matrix, hsi), msi, atol=1e-6, rtol=0)
        torch.testing.assert_close(downsample(batch.hr_hsi, (6, 6), antialias), batch.lr_hsi)
        assert torch.equal(batch.hr_hsi[:, 2, 0, 0], batch.scenes / 4)


def test_patches_are_crops_in_all_orientations_from_everywhere():
    data, orientations, corners = training_set(), set(), []
    for step in range(60):
        batch = draw_patches(data, step, **PATCHES)
        places = (batch.hr_msi[:, :2] * 64).round().long()
        rows, columns = places[:, 0].flatten(1), places[:, 1].flatten(1)
        for n, scene in enumerate(batch.scenes):
            original = data.hsi[scene, rows[n], columns[n]]
            assert torch.equal(original.T.unflatten(1, (18, 18)), batch.hr_hsi[n])
            assert len(rows[n].unique()) == len(columns[n].unique()) == 18
            down, right = places[n, :, 1, 0] - places[n, :, 0, 0], places[n, :, 0, 1] - places[n, :, 0, 0]
            orientations.add((*down.tolist(), *right.tolist()))
            corners.append([rows[n].min(), columns[n].min()])
    assert len(orientations) == 8
    assert torch.tensor(corners).amin(dim=0).tolist() == [0, 0]
    assert torch.tensor(corners).amax(dim=0).tolist() == [40 - 18, 52 - 18]


def test_patches_of_fewer_bands_are_band_means():
    data = training_set()
    full, eight = (draw_patches(data, 2, **PATCHES | {"count": count}) for count in (31, 8))
    matrix = torch.tensor(parts_matrix(CAVE, 8)).float()
    torch.testing.assert_close(eight.hr_hsi, torch.einsum("kc,nchw->nkhw", matrix, full.hr_hsi))
    assert torch.equal(eight.lr_msi, full.lr_msi)


def test_patches_without_bands_are_the_same_crops_of_the_msi():
    data = training_set()
    full, msi = (draw_patches(data, 2, **PATCHES | {"count": count}) for count in (31, None))
    assert msi.hr_hsi is None and msi.lr_hsi is None
    assert torch.equal(msi.hr_msi, full.hr_msi) and torch.equal(msi.lr_msi, full.lr_msi)


def test_patches_are_a_function_of_seed_and_step():
    data = training_set()
    one, again = (draw_patches(data, 7, **PATCHES) for _ in range(2))
    assert torch.equal(one.hr_hsi, again.hr_hsi) and torch.equal(one.lr_msi, again.lr_msi)
    for other in (draw_patches(data, 8, **PATCHES), draw_patches(data, 7, **PATCHES | {"seed": 4})):
        assert not torch.equal(one.hr_hsi, other.hr_hsi)


def test_a_crop_larger_than_the_scenes_is_refused():
    data = training_set(height=40, width=52)
    check_crops(data, [8, 10], (1, 4))
    with pytest.raises(UserError, match="larger than the training scenes"):
        check_crops(data, [8, 11], (1, 4))
