"""Scores of one predicted hyperspectral image against the truth, in float64 on the device of the tensors.

Every metric takes `prediction` and `truth` as [C, H, W] reflectances or radiances scaled to [0, 1], of any real dtype, and
clamps the prediction to [0, 1]. Every one returns a float and raises UserError where the shapes differ or are not a
non-empty [C, H, W], and where a value is not finite. A score that no band or pixel can enter is nan.
docs/metrics.md holds the formulas.
"""

import math

import torch
import torch.nn.functional as F

from ssif.errors import UserError

MSE_FLOOR = 1e-10  # caps a PSNR at 100 dB, so that one perfect band cannot make a mean infinite
BLACK = 1e-8  # a spectrum of smaller norm has no direction, a band of smaller mean no relative error
WINDOW = 11  # px, side of the SSIM window
SIGMA = 1.5  # px
BLOCK = 12  # px, windows of a row that one product blurs; larger blocks multiply more zeros
GROUP = 2**17  # values in a group of bands: 1 MiB in float64, so that what is made of a group stays in a CPU's cache
C1, C2 = 0.01**2, 0.03**2  # (K1 L)^2 and (K2 L)^2 with L = 1


def evaluate(prediction: torch.Tensor, truth: torch.Tensor, scale: float) -> dict[str, float]:
    """All scores of one image: mpsnr and psnr_cube in dB, ssim, sam in degrees, ergas, cc, rmse.

    `scale` is the spatial scale p that ERGAS divides by. Raises UserError also where an image is below 11 x 11 px.
    """
    _check(prediction, truth)
    _check_window(truth)
    # One walk through the cube serves all the measures of bands; angles want whole spectra and take a second.
    mse, means, similarities, correlations = _by_band(prediction, truth, _mse, _true_mean, _similarity, _correlation)
    return {
        "mpsnr": _mean_psnr(mse),
        "psnr_cube": _mean_psnr(mse.mean()),
        "ssim": float(similarities.mean()),
        "sam": _mean_angle(prediction, truth),
        "ergas": _ergas(mse, means, scale),
        "cc": _mean_known(correlations),
        "rmse": math.sqrt(mse.mean()),
    }


def mpsnr(prediction: torch.Tensor, truth: torch.Tensor) -> float:
    """PSNR of each band for peak 1, averaged over the bands; dB, at most 100."""
    _check(prediction, truth)
    return _mean_psnr(*_by_band(prediction, truth, _mse))


def psnr_cube(prediction: torch.Tensor, truth: torch.Tensor) -> float:
    """PSNR for peak 1 from the mean squared error of the whole cube; dB, at most 100."""
    _check(prediction, truth)
    (mse,) = _by_band(prediction, truth, _mse)
    return _mean_psnr(mse.mean())


def ssim(prediction: torch.Tensor, truth: torch.Tensor) -> float:
    """Structural similarity of each band, averaged over the bands; in [-1, 1].

    11 x 11 Gaussian window of sigma 1.5, population moments, only windows that lie inside the image. Raises UserError
    where the image is smaller than the window.
    """
    _check(prediction, truth)
    _check_window(truth)
    (similarities,) = _by_band(prediction, truth, _similarity)
    return float(similarities.mean())


def sam(prediction: torch.Tensor, truth: torch.Tensor) -> float:
    """Angle between the two spectra of a pixel, averaged over the pixels; degrees in [0, 180].

    Pixels whose true or predicted spectrum has a norm below 1e-8 are left out. The arc cosine resolves no angle below
    about 1e-6 degrees, so equal images score near 0 but not always exactly 0.
    """
    _check(prediction, truth)
    return _mean_angle(prediction, truth)


def ergas(prediction: torch.Tensor, truth: torch.Tensor, scale: float) -> float:
    """(100 / scale) sqrt(mean over bands of MSE_b / mean(truth_b)^2); a percentage, 0 or more.

    `scale` is the spatial scale p. Bands whose true mean is below 1e-8 in magnitude are left out.
    """
    _check(prediction, truth)
    return _ergas(*_by_band(prediction, truth, _mse, _true_mean), scale)


def cc(prediction: torch.Tensor, truth: torch.Tensor) -> float:
    """Pearson correlation of each band over its pixels, averaged over the bands; in [-1, 1].

    Bands that are constant in the truth or in the prediction are left out.
    """
    _check(prediction, truth)
    return _mean_known(*_by_band(prediction, truth, _correlation))


def rmse(prediction: torch.Tensor, truth: torch.Tensor) -> float:
    """Root of the mean squared error of the whole cube, in the units of the images."""
    _check(prediction, truth)
    (mse,) = _by_band(prediction, truth, _mse)
    return math.sqrt(mse.mean())


def _check(prediction, truth):
    if prediction.shape != truth.shape:
        raise UserError(f"the prediction is {_size(prediction)} but the truth is {_size(truth)}")
    if truth.ndim != 3 or truth.numel() == 0:
        raise UserError(f"an image to score is a non-empty [C, H, W], got {_size(truth)}")
    for name, image in (("prediction", prediction), ("truth", truth)):
        # nan carries into both extremes, and unlike isfinite on the image this takes no copy of it.
        if not torch.stack(torch.aminmax(image)).isfinite().all():
            raise UserError(f"the {name} holds a value that is not finite")


def _check_window(truth):
    if min(truth.shape[1:]) < WINDOW:
        raise UserError(f"SSIM needs images of at least {WINDOW} x {WINDOW} px, got {_size(truth)}")


def _size(image) -> str:
    return " x ".join(map(str, image.shape))


def _groups(prediction, truth, axis: int):
    """Yield (clamped prediction, truth) in float64, a group of bands (axis 0) or rows (1) after the other.

    A cube in float64 may not fit into memory, and what fits into the cache is gone through several times at little cost.
    """
    step = max(1, GROUP * truth.shape[axis] // truth.numel())
    for x, y in zip(prediction.detach().split(step, axis), truth.detach().split(step, axis)):
        yield x.double().clamp(0, 1), y.double()


def _by_band(prediction, truth, *measures) -> list[torch.Tensor]:
    """For each of `measures`, functions of a group's [B, H, W] pair to [B], its values at all bands [C]."""
    groups = [[measure(x, y) for measure in measures] for x, y in _groups(prediction, truth, 0)]
    return [torch.cat(values) for values in zip(*groups)]


def _mse(x, y) -> torch.Tensor:
    return (x - y).square().mean(dim=(1, 2))


def _true_mean(x, y) -> torch.Tensor:
    return y.mean(dim=(1, 2))


def _correlation(x, y) -> torch.Tensor:
    """nan for a band that is constant."""
    x, y = x.flatten(1), y.flatten(1)
    # A variance would not do: the mean of equal values is rounded, so theirs need not be 0.
    varies = (x.amin(1) < x.amax(1)) & (y.amin(1) < y.amax(1))
    x, y = x - x.mean(1, keepdim=True), y - y.mean(1, keepdim=True)
    product = torch.linalg.vecdot(x, y) / (torch.linalg.vector_norm(x, dim=1) * torch.linalg.vector_norm(y, dim=1))
    return product.where(varies, math.nan)


def _similarity(x, y) -> torch.Tensor:
    """SSIM of each band. Both factors of SSIM are ratios (a - b + 2 C) / (a + b + 2 C) of the sum s = x + y and the
    difference d = x - y: squared means of s and d in the luminance, variances of s and d in the other."""
    s, d = x + y, x - y
    mean_s, mean_d, var_s, var_d = (_blur(_blur(maps)) for maps in (s, d, s.square(), d.square()))
    var_s -= mean_s.square_()
    var_d -= mean_d.square_()
    mean_s += 2 * C1
    var_s += 2 * C2
    ratio = (mean_s - mean_d).mul_(var_s - var_d).div_(mean_s.add_(mean_d).mul_(var_s.add_(var_d)))
    return ratio.mean(dim=(0, 1))


def _blur(maps) -> torch.Tensor:
    """Means under the window along the last axis, which becomes the first: [..., N] -> [N - 10, ...]. Twice blurs both
    axes of [B, H, W], to [H - 10, W - 10, B].

    Products with a banded matrix, a block of windows at a time: on a CPU, torch's float64 convolution is several times
    slower, sums of shifted maps half as fast.
    """
    offsets = torch.arange(WINDOW, dtype=torch.float64) - WINDOW // 2
    weights = torch.softmax(-(offsets**2) / (2 * SIGMA**2), dim=0)
    lines = maps.flatten(0, -2)
    windows = lines.shape[1] - WINDOW + 1
    block = min(BLOCK, windows)
    band = torch.stack([F.pad(weights, (shift, block - 1 - shift)) for shift in range(block)]).to(maps.device)
    whole, rest = divmod(windows, block)
    blurred = lines.new_empty(windows, len(lines))
    reach = block + WINDOW - 1
    blocks = lines.unfold(1, reach, block).permute(1, 2, 0)
    torch.bmm(band.expand(whole, -1, -1), blocks, out=blurred[: whole * block].view(whole, block, -1))
    torch.mm(band[:rest, : rest + WINDOW - 1], lines[:, whole * block :].T, out=blurred[whole * block :])
    return blurred.view(windows, *maps.shape[:-1])


def _mean_angle(prediction, truth) -> float:
    """Degrees."""
    angles = torch.cat([_angles(x, y) for x, y in _groups(prediction, truth, 1)])
    return math.degrees(_mean_known(angles))


def _angles(x, y) -> torch.Tensor:
    """Radians [H, W] between spectra of [C, H, W]; nan where one has no direction."""
    norm_x, norm_y = (torch.linalg.vecdot(image, image, dim=0).sqrt() for image in (x, y))
    # Rounding carries the cosine of parallel spectra past 1, where arccos is nan.
    angles = (torch.linalg.vecdot(x, y, dim=0) / (norm_x * norm_y)).clamp(-1, 1).arccos()
    return angles.masked_fill((norm_x < BLACK) | (norm_y < BLACK), math.nan)


def _mean_psnr(mse) -> float:
    return float(-10 * mse.clamp(min=MSE_FLOOR).log10().mean())


def _ergas(mse, means, scale) -> float:
    relative = (mse / means**2).where(means.abs() >= BLACK, math.nan)
    return 100 / scale * math.sqrt(_mean_known(relative))


def _mean_known(values) -> float:
    """Mean of those that are not nan; nan where all are."""
    return float(values.nanmean())
