"""Scores of a predicted hyperspectral image against the truth, in float64 on the device of the tensors (docs/metrics.md)."""

import math

import torch
import torch.nn.functional as F

from ssif.errors import UserError

MSE_FLOOR = 1e-10  # limits a PSNR to 100 dB, so that one perfect band cannot make a mean infinite
BLACK = 1e-8  # a spectrum with a smaller norm has no direction, a band with a smaller mean no relative error
WINDOW = 11  # px, side of the SSIM window
SIGMA = 1.5  # px
BLOCK = 12  # px, windows of a row that one product blurs; larger blocks multiply more zeros
GROUP = 2**17  # values in a group of bands: 1 MiB in float64, so that intermediate results stay in a CPU's cache
C1, C2 = 0.01**2, 0.03**2  # (K1 L)^2 and (K2 L)^2 with L = 1


def evaluate(
    prediction: torch.Tensor, truth: torch.Tensor, scale: float, known: torch.Tensor | None = None
) -> dict[str, float]:
    """All scores of one image: mpsnr and psnr_cube in dB, ssim, sam in degrees, ergas, cc, rmse.

    prediction, truth: [C, H, W] in [0, 1], any real dtype; the prediction is clamped to [0, 1]. scale: the spatial scale p
    that ERGAS divides by. known [H, W]: the pixels that have data, None for all. Pixels without data are left out, and SSIM
    leaves out the windows that contain one. A score is nan if it leaves out every band or pixel. Raises UserError if the shapes
    differ or are not [C, H, W], if a value is not finite, if the image is smaller than the window of SSIM, 11 x 11 px, and if
    no window has data everywhere.
    """
    _check(prediction, truth)
    if min(truth.shape[1:]) < WINDOW:
        raise UserError(
            f"SSIM needs images of at least {WINDOW} x {WINDOW} px, got {' x '.join(map(str, truth.shape[1:]))}"
        )
    windows = None if known is None else _windows(known)
    scores = [_band_scores(x, y, known, windows) for x, y in _groups(prediction, truth, 0)]
    mse, means, similarities, correlations = (torch.cat(values) for values in zip(*scores))
    angles = _angles(prediction, truth)
    relative = (mse / means**2).where(means.abs() >= BLACK, math.nan)
    return {
        "mpsnr": float(_psnr(mse).mean()),
        "psnr_cube": float(_psnr(mse.mean())),
        "ssim": float(similarities.mean()),
        "sam": math.degrees((angles if known is None else angles[known]).nanmean()),
        "ergas": 100 / scale * math.sqrt(relative.nanmean()),
        "cc": float(correlations.nanmean()),
        "rmse": math.sqrt(mse.mean()),
    }


def mpsnr(prediction: torch.Tensor, truth: torch.Tensor) -> float:
    """The mpsnr of `evaluate` alone, in dB, of an image [C, H, W] of any size with data everywhere."""
    _check(prediction, truth)
    return float(_psnr(torch.cat([_mse(x, y) for x, y in _groups(prediction, truth, 0)])).mean())


def sam(prediction: torch.Tensor, truth: torch.Tensor) -> float:
    """The sam of `evaluate` alone, in degrees, of an image [C, H, W] of any size with data everywhere."""
    _check(prediction, truth)
    return math.degrees(_angles(prediction, truth).nanmean())


def _check(prediction, truth):
    shown, wanted = (" x ".join(map(str, image.shape)) for image in (prediction, truth))
    if shown != wanted:
        raise UserError(f"the prediction is {shown}, but the truth is {wanted}")
    if truth.ndim != 3 or truth.numel() == 0:
        raise UserError(f"an image to score must be [C, H, W] and not empty, got {wanted}")
    for name, image in (("prediction", prediction), ("truth", truth)):
        # A nan appears in both extremes. Unlike isfinite on the image this makes no copy of it.
        if not torch.stack(torch.aminmax(image)).isfinite().all():
            raise UserError(f"the {name} contains a value that is not finite")


def _groups(prediction, truth, axis: int):
    """Yield (clamped prediction, truth) in float64, one group of bands (axis 0) or rows (axis 1) after the other.

    A whole cube in float64 may not fit into memory. A group fits into the cache, so several passes over it cost little.
    """
    step = max(1, GROUP * truth.shape[axis] // truth.numel())
    for x, y in zip(prediction.detach().split(step, axis), truth.detach().split(step, axis)):
        yield x.double().clamp(0, 1), y.double()


def _windows(known) -> torch.Tensor:
    """Which windows of SSIM [H - 10, W - 10] have data everywhere. Raises UserError if none has."""
    windows = -F.max_pool2d(-known[None].float(), WINDOW, stride=1)[0] == 1
    if not windows.any():
        raise UserError(f"SSIM needs {WINDOW} x {WINDOW} px with data everywhere, but the image has no such place")
    return windows


def _mse(x, y) -> torch.Tensor:
    """Mean squared error of each band: [B, H, W] twice -> [B]."""
    return (x - y).square().mean(dim=(1, 2))


def _psnr(mse) -> torch.Tensor:
    """PSNR in dB of mean squared errors."""
    return -10 * mse.clamp(min=MSE_FLOOR).log10()


def _band_scores(x, y, known, windows) -> tuple[torch.Tensor, ...]:
    """Mean squared error, mean of the truth, SSIM and correlation of each band: [B, H, W] twice -> four times [B].

    The correlation is nan for a band that is constant.
    """
    similarity = _similarity(x, y, windows)
    if known is not None:
        x, y = x[:, known][..., None], y[:, known][..., None]
    scores = _mse(x, y), y.mean(dim=(1, 2)), similarity
    x, y = x.flatten(1), y.flatten(1)
    # The variance does not tell: the mean of equal values is rounded, so their variance need not be 0.
    varies = (x.amin(1) < x.amax(1)) & (y.amin(1) < y.amax(1))
    x, y = x - x.mean(1, keepdim=True), y - y.mean(1, keepdim=True)
    product = torch.linalg.vecdot(x, y) / (torch.linalg.vector_norm(x, dim=1) * torch.linalg.vector_norm(y, dim=1))
    return *scores, product.where(varies, math.nan)


def _similarity(x, y, windows) -> torch.Tensor:
    """SSIM of each band, as a mean over `windows` [H - 10, W - 10], or over all if None.

    Both factors of SSIM are ratios (a - b + 2 C) / (a + b + 2 C) of the sum s = x + y and the difference d = x - y: the
    first of squared means of s and d, the second of their variances.
    """
    s, d = x + y, x - y
    mean_s, mean_d, var_s, var_d = (_blur(_blur(maps)) for maps in (s, d, s.square(), d.square()))
    var_s -= mean_s.square_()
    var_d -= mean_d.square_()
    mean_s += 2 * C1
    var_s += 2 * C2
    ratio = (mean_s - mean_d).mul_(var_s - var_d).div_(mean_s.add_(mean_d).mul_(var_s.add_(var_d)))
    return ratio.mean(dim=(0, 1)) if windows is None else ratio[windows].mean(dim=0)


def _blur(maps) -> torch.Tensor:
    """Means under the window along the last axis, which becomes the first: [..., N] -> [N - 10, ...].

    Applied twice, it blurs both axes of [B, H, W], to [H - 10, W - 10, B]. It multiplies with a banded matrix, a block of
    windows at a time: on a CPU, torch's convolution in float64 is several times slower, a sum of shifted maps half as fast.
    """
    offsets = torch.arange(WINDOW, dtype=torch.float64) - WINDOW // 2
    weights = torch.softmax(-(offsets**2) / (2 * SIGMA**2), dim=0)
    lines = maps.flatten(0, -2)
    windows = lines.shape[1] - WINDOW + 1
    block = min(BLOCK, windows)
    band = torch.stack([F.pad(weights, (shift, block - 1 - shift)) for shift in range(block)]).to(maps.device)
    whole, rest = divmod(windows, block)
    blurred = lines.new_empty(windows, len(lines))
    blocks = lines.unfold(1, block + WINDOW - 1, block).permute(1, 2, 0)
    torch.bmm(band.expand(whole, -1, -1), blocks, out=blurred[: whole * block].view(whole, block, -1))
    torch.mm(band[:rest, : rest + WINDOW - 1], lines[:, whole * block :].T, out=blurred[whole * block :])
    return blurred.view(windows, *maps.shape[:-1])


def _angles(prediction, truth) -> torch.Tensor:
    """Angles in radians [H, W] between the spectra of [C, H, W]; nan where a spectrum has no direction."""
    return torch.cat([_angles_of_rows(x, y) for x, y in _groups(prediction, truth, 1)])


def _angles_of_rows(x, y) -> torch.Tensor:
    norm_x, norm_y = (torch.linalg.vecdot(image, image, dim=0).sqrt() for image in (x, y))
    # Rounding carries the cosine of parallel spectra past 1, where arccos is nan.
    angles = (torch.linalg.vecdot(x, y, dim=0) / (norm_x * norm_y)).clamp(-1, 1).arccos()
    return angles.masked_fill((norm_x < BLACK) | (norm_y < BLACK), math.nan)
