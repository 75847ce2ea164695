"""Scores of one predicted hyperspectral image against the truth, in float64 on the device of the tensors.

Every metric takes `prediction` and `truth` as [C, H, W] reflectances or radiances scaled to [0, 1], of any real dtype, and
clamps the prediction to [0, 1]. Every one returns a float and raises UserError where the shapes differ or are not a
non-empty [C, H, W], and where a value is not finite. A score that no band or pixel can enter is nan.
docs/metrics.md holds the formulas.
"""

import math

import torch

from ssif.errors import UserError

MSE_FLOOR = 1e-10  # caps a PSNR at 100 dB, so that one perfect band cannot make a mean infinite
BLACK = 1e-8  # a spectrum of smaller norm has no direction, a band of smaller mean no relative error
WINDOW = 11  # px, side of the SSIM window
SIGMA = 1.5  # px
C1, C2 = 0.01**2, 0.03**2  # (K1 L)^2 and (K2 L)^2 with L = 1


def evaluate(prediction: torch.Tensor, truth: torch.Tensor, scale: float) -> dict[str, float]:
    """All scores of one image: mpsnr and psnr_cube in dB, ssim, sam in degrees, ergas, cc, rmse.

    `scale` is the spatial scale p that ERGAS divides by. Raises UserError also where an image is below 11 x 11 px.
    """
    _check(prediction, truth)
    mse = _band_mse(prediction, truth)
    return {
        "mpsnr": _mean_psnr(mse),
        "psnr_cube": _mean_psnr(mse.mean()),
        "ssim": ssim(prediction, truth),
        "sam": sam(prediction, truth),
        "ergas": _ergas(mse, truth, scale),
        "cc": cc(prediction, truth),
        "rmse": math.sqrt(mse.mean()),
    }


def mpsnr(prediction: torch.Tensor, truth: torch.Tensor) -> float:
    """PSNR of each band for peak 1, averaged over the bands; dB, at most 100."""
    _check(prediction, truth)
    return _mean_psnr(_band_mse(prediction, truth))


def psnr_cube(prediction: torch.Tensor, truth: torch.Tensor) -> float:
    """PSNR for peak 1 from the mean squared error of the whole cube; dB, at most 100."""
    _check(prediction, truth)
    return _mean_psnr(_band_mse(prediction, truth).mean())


def ssim(prediction: torch.Tensor, truth: torch.Tensor) -> float:
    """Structural similarity of each band, averaged over the bands; in [-1, 1].

    11 x 11 Gaussian window of sigma 1.5, population moments, only windows that lie inside the image. Raises UserError
    where the image is smaller than the window.
    """
    _check(prediction, truth)
    if min(truth.shape[1:]) < WINDOW:
        raise UserError(f"SSIM needs images of at least {WINDOW} x {WINDOW} px, got {_size(truth)}")
    scores = []
    for x, y in _bands(prediction, truth):
        # The variances enter SSIM only as their sum, so one filtered map serves both.
        mean_x, mean_y, squares, product = _blur(torch.stack([x, y, x * x + y * y, x * y]))
        means_product, means_squares = mean_x * mean_y, mean_x**2 + mean_y**2
        luminance = (2 * means_product + C1) / (means_squares + C1)
        structure = (2 * (product - means_product) + C2) / (squares - means_squares + C2)
        scores.append((luminance * structure).mean())
    return float(torch.stack(scores).mean())


def sam(prediction: torch.Tensor, truth: torch.Tensor) -> float:
    """Angle between the two spectra of a pixel, averaged over the pixels; degrees in [0, 180].

    Pixels whose true or predicted spectrum has a norm below 1e-8 are left out. The arc cosine resolves no angle below
    about 1e-6 degrees, so equal images score near 0 but not always exactly 0.
    """
    _check(prediction, truth)
    dot, square_x, square_y = torch.zeros(3, *truth.shape[1:], dtype=torch.float64, device=truth.device)
    for x, y in _bands(prediction, truth):
        dot += x * y
        square_x += x * x
        square_y += y * y
    norm_x, norm_y = square_x.sqrt(), square_y.sqrt()
    # Rounding carries the cosine of parallel spectra past 1, where arccos is nan.
    angles = (dot / (norm_x * norm_y)).clamp(-1, 1).arccos()
    return math.degrees(_mean_where(angles, (norm_x >= BLACK) & (norm_y >= BLACK)))


def ergas(prediction: torch.Tensor, truth: torch.Tensor, scale: float) -> float:
    """(100 / scale) sqrt(mean over bands of MSE_b / mean(truth_b)^2); a percentage, 0 or more.

    `scale` is the spatial scale p. Bands whose true mean is below 1e-8 in magnitude are left out.
    """
    _check(prediction, truth)
    return _ergas(_band_mse(prediction, truth), truth, scale)


def cc(prediction: torch.Tensor, truth: torch.Tensor) -> float:
    """Pearson correlation of each band over its pixels, averaged over the bands; in [-1, 1].

    Bands that are constant in the truth or in the prediction are left out.
    """
    _check(prediction, truth)
    correlations, varies = [], []
    for x, y in _bands(prediction, truth):
        # A variance would not do: the mean of equal values is rounded, so theirs need not be 0.
        varies.append((x.amin() < x.amax()) & (y.amin() < y.amax()))
        x, y = x - x.mean(), y - y.mean()
        correlations.append((x * y).sum() / (x.norm() * y.norm()))
    return _mean_where(torch.stack(correlations), torch.stack(varies))


def rmse(prediction: torch.Tensor, truth: torch.Tensor) -> float:
    """Root of the mean squared error of the whole cube, in the units of the images."""
    _check(prediction, truth)
    return math.sqrt(_band_mse(prediction, truth).mean())


def _check(prediction, truth):
    if prediction.shape != truth.shape:
        raise UserError(f"the prediction is {_size(prediction)} but the truth is {_size(truth)}")
    if truth.ndim != 3 or truth.numel() == 0:
        raise UserError(f"an image to score is a non-empty [C, H, W], got {_size(truth)}")
    for name, image in (("prediction", prediction), ("truth", truth)):
        # nan carries into both extremes, and unlike isfinite on the image this takes no copy of it.
        if not torch.stack(torch.aminmax(image)).isfinite().all():
            raise UserError(f"the {name} holds a value that is not finite")


def _size(image) -> str:
    return " x ".join(map(str, image.shape))


def _bands(prediction, truth):
    """Yield (clamped prediction, truth) of one band after the other, [H, W] float64: a cube in float64 may not fit."""
    for x, y in zip(prediction.detach(), truth.detach()):
        yield x.double().clamp(0, 1), y.double()


def _band_mse(prediction, truth) -> torch.Tensor:
    """[C] mean squared errors."""
    return torch.stack([(x - y).square().mean() for x, y in _bands(prediction, truth)])


def _mean_psnr(mse) -> float:
    return float(-10 * mse.clamp(min=MSE_FLOOR).log10().mean())


def _ergas(mse, truth, scale) -> float:
    means = torch.stack([band.double().mean() for band in truth.detach()])
    return 100 / scale * math.sqrt(_mean_where(mse / means**2, means.abs() >= BLACK))


def _mean_where(values, kept) -> float:
    return float(values[kept].mean()) if kept.any() else math.nan


def _blur(maps) -> torch.Tensor:
    """Means of [N, H, W] maps under the SSIM window, [N, H - 10, W - 10].

    Sums of shifted maps: on a CPU, torch's float64 convolution is several times slower.
    """
    offsets = torch.arange(WINDOW, dtype=torch.float64) - WINDOW // 2
    weights = torch.softmax(-(offsets**2) / (2 * SIGMA**2), dim=0).tolist()
    for axis in (1, 2):
        length = maps.shape[axis] - WINDOW + 1
        blurred = torch.zeros_like(maps.narrow(axis, 0, length))
        for start, weight in enumerate(weights):
            blurred.add_(maps.narrow(axis, start, length), alpha=weight)
        maps = blurred
    return maps
