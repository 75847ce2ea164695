"""Scores against values worked out by hand, against scikit-image and torchmetrics, and their invariances."""

import math

import numpy as np
import pytest
import torch

from ssif import metrics
from ssif.errors import UserError

# Errors are +0.1 all over band 0 and +-0.02 in band 1, so MSE is 0.01 and 0.0004. The true means are 0.5 and 0.2.
TRUTH = torch.tensor([[[0.2, 0.4], [0.6, 0.8]], [[0.2, 0.2], [0.1, 0.3]]], dtype=torch.float64)
PREDICTION = torch.tensor([[[0.3, 0.5], [0.7, 0.9]], [[0.22, 0.18], [0.12, 0.28]]], dtype=torch.float64)


def score(key, prediction, truth, scale=1):
    """One score. An image of 2 x 2 px is repeated until the window of SSIM fits in; all other scores stay the same."""
    times = (1, 6, 6) if truth.shape[1:] == (2, 2) else (1, 1, 1)
    return metrics.evaluate(prediction.tile(times), truth.tile(times), scale)[key]


def close(value):
    return pytest.approx(value, rel=1e-6)


def random_pair(bands=4, height=24, width=31, noise=0.1, dtype=torch.float64):
    """(prediction, truth) inside [0, 1], so that clamping changes nothing."""
    generator = torch.Generator().manual_seed(7)
    truth = torch.rand(bands, height, width, generator=generator, dtype=torch.float64)
    error = noise * torch.randn(bands, height, width, generator=generator, dtype=torch.float64)
    return (truth + error).clamp(0, 1).to(dtype), truth.to(dtype)


def test_mpsnr_by_hand():
    # (10 log10(1 / 0.01) + 10 log10(1 / 0.0004)) / 2 = (20 + 33.979400) / 2
    assert score("mpsnr", PREDICTION, TRUTH) == close(26.9897000)


def test_psnr_cube_by_hand():
    # 10 log10(1 / ((0.01 + 0.0004) / 2)) = 10 log10(192.307692)
    assert score("psnr_cube", PREDICTION, TRUTH) == close(22.8399666)


def test_rmse_by_hand():
    # sqrt((0.01 + 0.0004) / 2) = sqrt(0.0052)
    assert score("rmse", PREDICTION, TRUTH) == close(0.0721110255)


def test_ergas_by_hand():
    # 100 / 4 sqrt((0.01 / 0.5^2 + 0.0004 / 0.2^2) / 2) = 25 sqrt((0.04 + 0.01) / 2)
    assert score("ergas", PREDICTION, TRUTH, 4) == close(3.95284708)


def test_cc_by_hand():
    # Band 0 is shifted only: r = 1. Band 1 less its means is (0, 0, -0.1, 0.1) and (0.02, -0.02, -0.08, 0.08):
    # r = 0.016 / sqrt(0.02 * 0.0136) = 0.970142500; the mean is (1 + 0.970142500) / 2
    assert score("cc", PREDICTION, TRUTH) == close(0.98507125)


def test_sam_by_hand():
    # Spectra by pixel: (1, 0) and (0, 1): 90 degrees; (0, 1) and (0.5, 0.5): 45; (0.5, 0.5) twice: 0;
    # (0.3, 0.4) and (0.4, 0.3): arccos(0.24 / 0.25) = 16.2602047; the mean is 151.2602047 / 4
    truth = torch.tensor([[[1, 0], [0.5, 0.3]], [[0, 1], [0.5, 0.4]]], dtype=torch.float64)
    prediction = torch.tensor([[[0, 0.5], [0.5, 0.4]], [[1, 0.5], [0.5, 0.3]]], dtype=torch.float64)
    assert score("sam", prediction, truth) == close(37.81505117)


def test_scores_are_floats():
    scores = metrics.evaluate(*random_pair(), 3)
    assert list(scores) == ["mpsnr", "psnr_cube", "ssim", "sam", "ergas", "cc", "rmse"]
    assert all(type(score) is float for score in scores.values())


def test_float32_scores_as_float64():
    prediction, truth = random_pair(dtype=torch.float32)
    assert metrics.evaluate(prediction, truth, 2) == metrics.evaluate(prediction.double(), truth.double(), 2)


def test_needs_no_gradient():
    prediction, truth = random_pair()
    expected = metrics.evaluate(prediction, truth, 2)
    assert metrics.evaluate(prediction.requires_grad_(), truth, 2) == expected


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gpu_scores_as_cpu():
    prediction, truth = random_pair()
    scores = metrics.evaluate(prediction.cuda(), truth.cuda(), 2)
    assert scores == pytest.approx(metrics.evaluate(prediction, truth, 2), rel=1e-9)


# Some sides have 1, 12, 13 and 29 windows: less than one block of the blur, one block, and one or two blocks and a rest.
@pytest.mark.parametrize(
    "shape", [(4, 24, 31), (1, 11, 11), (2, 11, 40), (3, 39, 11), (3, 22, 23), (2, 23, 39), (2, 39, 22)]
)
def test_ssim_against_skimage(shape):
    skimage_metrics = pytest.importorskip("skimage.metrics")
    prediction, truth = random_pair(*shape)
    # Its Gaussian is cut at 3.5 sigma, which is the radius of 5 px used here, and its mean leaves out a border of 5 px:
    # exactly the windows that lie inside the image. Averaging over its channels is averaging over bands.
    expected = skimage_metrics.structural_similarity(
        truth.numpy(),
        prediction.numpy(),
        channel_axis=0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1,
    )
    assert score("ssim", prediction, truth) == pytest.approx(expected, abs=1e-12)


# Groups of one band or row, of two bands or nine rows with a smaller last group, and of the whole image.
@pytest.mark.parametrize("group", [1, 1500, 10**6])
def test_groups_do_not_change_scores(monkeypatch, group):
    prediction, truth = random_pair(bands=5)
    expected = metrics.evaluate(prediction, truth, 2)
    monkeypatch.setattr(metrics, "GROUP", group)
    assert metrics.evaluate(prediction, truth, 2) == pytest.approx(expected, rel=1e-12)


def test_a_group_of_its_own_for_the_last_bands():
    # More values than a group, against numpy band by band.
    prediction, truth = random_pair(bands=7, height=160, width=170)
    x, y = prediction.numpy(), truth.numpy()
    scores = metrics.evaluate(prediction, truth, 4)
    mse = ((x - y) ** 2).mean((1, 2))
    cosine = (x * y).sum(0) / np.sqrt((x**2).sum(0) * (y**2).sum(0))
    assert scores["mpsnr"] == pytest.approx(np.mean(-10 * np.log10(mse)), rel=1e-12)
    assert scores["rmse"] == pytest.approx(np.sqrt(mse.mean()), rel=1e-12)
    assert scores["sam"] == pytest.approx(np.degrees(np.arccos(cosine)).mean(), rel=1e-12)
    assert scores["ergas"] == pytest.approx(25 * np.sqrt((mse / y.mean((1, 2)) ** 2).mean()), rel=1e-12)
    assert scores["cc"] == pytest.approx(
        np.mean([np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(x, y)]), rel=1e-12
    )
    assert scores["ssim"] == pytest.approx(
        np.mean([score("ssim", a[None], b[None]) for a, b in zip(prediction, truth)])
    )


def test_images_are_left_as_they_are():
    prediction, truth = random_pair()
    prediction = 3 * prediction - 1
    before = prediction.clone(), truth.clone()
    metrics.evaluate(prediction, truth, 2)
    assert torch.equal(prediction, before[0]) and torch.equal(truth, before[1])


def test_ssim_against_torchmetrics():
    image = pytest.importorskip("torchmetrics.functional.image")
    prediction, truth = random_pair()
    padded_mean, full = image.structural_similarity_index_measure(
        prediction[None], truth[None], sigma=1.5, kernel_size=11, data_range=1.0, return_full_image=True
    )
    ours = score("ssim", prediction, truth)
    # Its map covers windows over the edge, on reflected pixels, and its score is the mean of the whole map. Only the
    # inside of the map is the quantity scored here.
    assert ours == pytest.approx(float(full[..., 5:-5, 5:-5].mean()), abs=1e-9)
    assert ours != pytest.approx(float(padded_mean), abs=1e-6)


def test_sam_against_torchmetrics():
    image = pytest.importorskip("torchmetrics.functional.image")
    prediction, truth = random_pair()
    radians = float(image.spectral_angle_mapper(prediction[None], truth[None]))
    assert score("sam", prediction, truth) == pytest.approx(math.degrees(radians), rel=1e-9)
    # One black pixel makes its score nan; here the pixel is left out.
    truth[:, 3, 5] = 0
    assert math.isnan(image.spectral_angle_mapper(prediction[None], truth[None]))
    assert math.isfinite(score("sam", prediction, truth))


def test_psnr_against_torchmetrics():
    image = pytest.importorskip("torchmetrics.functional.image")
    pooled = float(image.peak_signal_noise_ratio(PREDICTION, TRUTH, data_range=1.0))
    # It pools the error of all bands: that is the PSNR of the cube, 4 dB off MPSNR on these two bands.
    assert score("psnr_cube", PREDICTION, TRUTH) == pytest.approx(pooled, abs=1e-5)
    assert score("mpsnr", PREDICTION, TRUTH) > pooled + 4


def test_ergas_against_torchmetrics():
    image = pytest.importorskip("torchmetrics.functional.image")
    prediction, truth = random_pair()
    # Its ratio is the spatial scale p, 4 unless given, and its order (prediction, truth) matters: the second one's band
    # means normalise the errors.
    reference = image.error_relative_global_dimensionless_synthesis
    assert score("ergas", prediction, truth, 3) == close(float(reference(prediction[None], truth[None], ratio=3)))
    assert score("ergas", prediction, truth, 3) != close(float(reference(truth[None], prediction[None], ratio=3)))


def test_cc_against_numpy():
    prediction, truth = random_pair()
    expected = np.mean([np.corrcoef(x.ravel(), y.ravel())[0, 1] for x, y in zip(prediction.numpy(), truth.numpy())])
    assert score("cc", prediction, truth) == pytest.approx(expected, abs=1e-12)


def test_mpsnr_is_at_least_psnr_cube():
    prediction, truth = random_pair()
    assert score("mpsnr", prediction, truth) >= score("psnr_cube", prediction, truth)
    prediction[0] = truth[0] + 0.3 * (prediction[0] - truth[0])
    assert score("mpsnr", prediction, truth) > score("psnr_cube", prediction, truth) + 0.5


def test_identical_images():
    _, truth = random_pair()
    scores = metrics.evaluate(truth, truth, 4)
    assert [scores[key] for key in ("mpsnr", "psnr_cube", "ssim", "ergas", "rmse")] == [100, 100, 1, 0, 0]
    assert scores["cc"] == pytest.approx(1, abs=1e-12)
    assert scores["sam"] == pytest.approx(0, abs=1e-5)


def test_one_perfect_band_is_capped_at_100_dB():
    prediction = torch.stack([PREDICTION[0], TRUTH[1]])
    # (20 + 100) / 2
    assert score("mpsnr", prediction, TRUTH) == close(60)


def test_sam_ignores_brightness():
    prediction, truth = random_pair()
    factors = torch.linspace(0.1, 1, truth[0].numel(), dtype=torch.float64).reshape(truth[0].shape)
    assert score("sam", prediction * factors, truth) == close(score("sam", prediction, truth))
    assert score("sam", prediction, truth * factors) == close(score("sam", prediction, truth))


@pytest.mark.parametrize("scale", [2, 3.5, 8])
def test_ergas_falls_as_one_over_scale(scale):
    prediction, truth = random_pair()
    assert scale * score("ergas", prediction, truth, scale) == close(score("ergas", prediction, truth, 1))


def test_prediction_is_clamped():
    prediction, truth = random_pair()
    beyond = 3 * prediction - 1
    assert metrics.evaluate(beyond, truth, 2) == metrics.evaluate(beyond.clamp(0, 1), truth, 2)


def test_truth_is_not_clamped():
    truth = torch.full((1, 2, 2), 1.5)
    assert score("rmse", torch.ones(1, 2, 2), truth) == close(0.5)


@pytest.mark.parametrize("black", ["truth", "prediction"])
def test_sam_leaves_out_black_pixels(black):
    prediction, truth = random_pair()
    expected = score("sam", prediction[:, :, 1:], truth[:, :, 1:])
    {"truth": truth, "prediction": prediction}[black][:, :, 0] = 0
    assert score("sam", prediction, truth) == close(expected)


# The mean of equal copies of 0.3 is rounded, so a test on the variance would let this band through.
@pytest.mark.parametrize("constant", ["truth", "prediction"])
def test_cc_leaves_out_constant_bands(constant):
    prediction, truth = random_pair()
    expected = score("cc", prediction[1:], truth[1:])
    {"truth": truth, "prediction": prediction}[constant][0] = 0.3
    assert score("cc", prediction, truth) == close(expected)


def test_ergas_leaves_out_black_bands():
    prediction, truth = random_pair()
    truth[0] = 0
    assert score("ergas", prediction, truth, 2) == close(score("ergas", prediction[1:], truth[1:], 2))


def test_nan_where_nothing_is_left():
    black = torch.zeros(3, 12, 12)
    scores = metrics.evaluate(black, black, 2)
    assert {key for key, score in scores.items() if math.isnan(score)} == {"sam", "ergas", "cc"}


def test_shapes_must_agree():
    with pytest.raises(UserError, match="prediction is 4 x 24 x 30, but the truth is 4 x 24 x 31"):
        metrics.evaluate(torch.rand(4, 24, 30), torch.rand(4, 24, 31), 2)


@pytest.mark.parametrize("shape", [(24, 31), (1, 4, 24, 31), (0, 24, 31)])
def test_image_must_be_a_cube(shape):
    with pytest.raises(UserError, match="not empty"):
        metrics.evaluate(torch.rand(shape), torch.rand(shape), 2)


def test_image_must_hold_the_ssim_window():
    assert score("ssim", torch.ones(2, 11, 11), torch.ones(2, 11, 11)) == 1
    with pytest.raises(UserError, match="at least 11 x 11 px, got 40 x 10"):
        metrics.evaluate(torch.rand(2, 40, 10), torch.rand(2, 40, 10), 2)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_must_be_finite(value):
    for broken, name in enumerate(["prediction", "truth"]):
        pair = random_pair()
        pair[broken][1, 4, 4] = value
        with pytest.raises(UserError, match=f"{name} contains a value that is not finite"):
            metrics.evaluate(*pair, 2)


@pytest.mark.parametrize("shape", [(4, 24, 31), (7, 160, 170)])
def test_one_metric_alone_is_that_of_all_to_the_last_digit(shape):
    prediction, truth = random_pair(*shape)
    prediction, truth = 1.2 * prediction - 0.1, truth.float()
    truth[:, 0] = 0
    every = metrics.evaluate(prediction, truth, 2)
    assert metrics.mpsnr(prediction, truth) == every["mpsnr"]
    assert metrics.sam(prediction, truth) == every["sam"]


@pytest.mark.parametrize("alone", [metrics.mpsnr, metrics.sam])
def test_one_metric_alone_checks_its_images(alone):
    with pytest.raises(UserError, match="prediction is 4 x 5 x 6, but the truth is 4 x 5 x 7"):
        alone(torch.rand(4, 5, 6), torch.rand(4, 5, 7))
    with pytest.raises(UserError, match="truth contains a value that is not finite"):
        alone(torch.rand(2, 3, 3), torch.full((2, 3, 3), math.nan))
