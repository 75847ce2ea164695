"""Changes of a scene or of its input, one at a time, which show how a method copes with conditions that its training did not
have (docs/robustness.md). A `Change` acts at one place on the way from the spectra of a scene to the input of a method."""

import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from scipy import ndimage
from torch import Tensor

from ssif.bands import Bands
from ssif.data.degrade import downsample
from ssif.errors import UserError
from ssif.gaps import filled
from ssif.illuminants import ILLUMINANTS, RANGE, illuminant, shines_on
from ssif.sensors import msi_matrix

MTF = 0.3  # gain at the Nyquist frequency of the LR pixels; multispectral sensors have 0.2 to 0.35


@dataclass(frozen=True)
class Change:
    """One change: its `name`, `value` and `unit` in tables, and its effect at each place below, None for no effect.

    spectra: on the scene [C, H, W], before values are clipped at 0; matrix [c, C]: the response that simulates the input;
    channels: on the HR-MSI [c, H, W], given the size of an LR pixel in MSI pixels; decimate: from the HR-MSI to an LR size;
    image: on the LR-MSI [c, h, w], given random draws; exposure: a factor on the LR-MSI, which is clipped to white (1). dimmed:
    the gain of PSNR in dB if the errors of each band decreased with its light.
    """

    name: str
    value: str
    unit: str = ""
    spectra: Callable[[Tensor], Tensor] | None = None
    matrix: Tensor | None = None
    channels: Callable[[Tensor, float], Tensor] | None = None
    decimate: Callable[[Tensor, tuple[int, int]], Tensor] | None = None
    image: Callable[[Tensor, np.random.Generator], Tensor] | None = None
    exposure: float = 1.0
    dimmed: float = 0.0

    def see(
        self, scene: str, hsi: Tensor, msi: Tensor, low: tuple[int, int], antialias: bool, known: Tensor | None
    ) -> tuple[Tensor, Tensor, float]:
        """The changed LR-MSI [c, h, w] of size `low`, the changed truth [C, H, W], and the share of values that were clipped.

        hsi [C, H, W], msi [c, H, W]: of the scene, in [0, 1]; antialias: of the decimation without the change; known [H, W]:
        pixels with data, None for all. Random draws depend only on the names of the `scene` and of the change.
        """
        share = 0.0
        if self.spectra:
            hsi = self.spectra(hsi)
            share = float((hsi < 0).float().mean())
            hsi = hsi.clamp(min=0)
        if self.matrix is not None:
            msi = torch.einsum("kc,chw->khw", self.matrix.to(hsi), hsi)
            msi = msi if known is None else filled(msi.movedim(0, -1), known)[0]
        if self.channels:
            msi = self.channels(msi, msi.shape[1] / low[0])
        lr_msi = self.decimate(msi, low) if self.decimate else downsample(msi[None], low, antialias)[0]
        if self.image:
            seed = zlib.crc32(f"{scene} {self.name} {self.value}".encode())
            lr_msi = self.image(lr_msi, np.random.default_rng(seed))
        if self.exposure != 1:
            lr_msi = lr_msi * self.exposure
            share = float((lr_msi > 1).float().mean())
            lr_msi = lr_msi.clamp(max=1)
        return lr_msi, hsi, share


CLEAN = Change("clean", "input")


def changes(bands: Bands, response: Tensor | None, camera: str, antialias: bool) -> list[Change]:
    """CLEAN and every change of a data set with these `bands`, the `response` [c, C] that simulates its input (None for a
    measured one) and a decimation with `antialias`. camera: another sensor of as many channels, "" for none.

    Raises UserError for a camera of another number of channels.
    """
    found = [CLEAN]
    if response is not None:
        for a in (0, 0.5, 1.5):
            found.append(Change("metamers", f"{a:g}", "x black", partial(metamers, response=response, a=a), response))
        for name in ILLUMINANTS if shines_on(bands) else ():
            light = torch.from_numpy(illuminant(name, bands))
            dimmed = float(-20 * light.log10().mean())
            found.append(Change("illuminant", name, "", partial(lit, light=light), response, dimmed=dimmed))
    if response is not None and camera:
        matrix = torch.from_numpy(msi_matrix(camera, bands))
        if len(matrix) != len(response):
            raise UserError(f"the camera {camera} has {len(matrix)} channel(s), but the input has {len(response)}")
        found.append(Change("camera", camera, matrix=matrix))
    other = "plain bicubic" if antialias else "antialiased bicubic"
    found += [Change("exposure", f"{factor:g}", "x", exposure=factor) for factor in (0.5, 2)]
    found += [Change("Gaussian noise", f"{snr}", "dB", image=partial(gaussian_noise, snr=snr)) for snr in (30, 20)]
    found += [Change("Poisson noise", f"{snr}", "dB", image=partial(poisson_noise, snr=snr)) for snr in (30, 20)]
    found += [Change("JPEG quality", f"{quality}", image=partial(jpeg, quality=quality)) for quality in (95, 65)]
    return [
        *found,
        Change("rounding", "8", "bits", image=rounded),
        Change("decimation", other, decimate=lambda msi, low: downsample(msi[None], low, not antialias)[0]),
        Change("decimation", "box mean", decimate=lambda msi, low: F.adaptive_avg_pool2d(msi, low)),
        Change("decimation", f"Gaussian, MTF {MTF}", decimate=gaussian_decimation),
        Change("grid shift", "0.5", "LR px", channels=lambda msi, side: shifted(msi, -side / 2, -side / 2)),
        Change("misregistration", "0.5", "LR px", channels=lambda msi, side: misregistered(msi, side / 2)),
    ]


def left_out(bands: Bands, response: Tensor | None, camera: str) -> list[str]:
    """A line for each kind of change that `changes` leaves out, with the reason."""
    if response is None:
        return ["Metamers, illuminants and another camera do not apply, because no response simulates the input."]
    lines = []
    if not shines_on(bands):
        lines.append(f"Illuminants do not apply: some bands lie outside their table ({RANGE[0]}-{RANGE[1]} nm).")
    if not camera:
        lines.append("There is no other camera, because the preset does not name one (`camera`).")
    return lines


def metamers(hsi: Tensor, response: Tensor, a: float) -> Tensor:
    """R s + a (I - R) s for each spectrum s of [C, H, W], R = S^T (S S^T)^-1 S of the response S [c, C].

    They have the channels of s. a = 1 gives s itself, a = 0 the part that the channels determine; values may be negative.
    """
    matrix = response.double()
    seen = (torch.linalg.pinv(matrix) @ matrix).to(hsi)
    return a * hsi + (1 - a) * torch.einsum("kc,chw->khw", seen, hsi)


def lit(hsi: Tensor, light: Tensor) -> Tensor:
    """The spectra [C, H, W] under a light [C]."""
    return hsi * light.to(hsi)[:, None, None]


def gaussian_noise(image: Tensor, draws: np.random.Generator, snr: float) -> Tensor:
    """The image with Gaussian noise of one deviation; snr: 10 log10 of mean square of the image / that of the noise, dB."""
    deviation = image.double().square().mean().sqrt() * 10 ** (-snr / 20)
    return image + deviation.to(image) * torch.from_numpy(draws.standard_normal(image.shape)).to(image)


def poisson_noise(image: Tensor, draws: np.random.Generator, snr: float) -> Tensor:
    """The image, clipped at 0, as counts of photons; the number of photons gives the same `snr` as in `gaussian_noise`, dB."""
    exact = image.clamp(min=0).double().cpu().numpy()
    photons = 10 ** (snr / 10) * exact.mean() / np.square(exact).mean()
    return torch.from_numpy(draws.poisson(exact * photons) / photons).to(image)


def rounded(image: Tensor, draws: np.random.Generator | None = None) -> Tensor:
    """The image in [0, 1] as 8-bit numbers, over 255."""
    return (image.clamp(0, 1) * 255).round() / 255


def jpeg(image: Tensor, draws: np.random.Generator | None, quality: int) -> Tensor:
    """The image [c, h, w] after a JPEG of Pillow: three channels as one colour picture (4:2:0), others each as a grey one."""
    pixels = (rounded(image) * 255).byte().movedim(0, -1).cpu().numpy()
    pictures = [pixels] if len(image) == 3 else list(np.moveaxis(pixels, -1, 0))
    read = []
    for picture in pictures:
        file = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(picture)).save(file, "JPEG", quality=quality)
        read.append(np.atleast_3d(np.asarray(Image.open(file))))
    return torch.from_numpy(np.concatenate(read, axis=-1)).movedim(-1, 0).to(image) / 255


def gaussian_decimation(msi: Tensor, low: tuple[int, int], gain: float = MTF) -> Tensor:
    """[c, H, W] -> [c, h, w]: blurred by a Gaussian with this gain at the Nyquist frequency of the LR pixels, and sampled at
    their centres. A Gaussian of deviation s has the gain exp(-2 pi^2 s^2 f^2) at f cycles a pixel."""
    rows, columns = (_gaussian(side, size, gain).to(msi) for side, size in zip(msi.shape[1:], low))
    return rows @ msi @ columns.T


def _gaussian(side: int, size: int, gain: float) -> Tensor:
    """Weights [size, side] of `gaussian_decimation` along one axis; rows sum to 1."""
    pixels = side / size
    deviation = pixels * np.sqrt(-2 * np.log(gain)) / np.pi
    centres = (np.arange(size) + 0.5) * pixels - 0.5
    weights = np.exp(-((np.arange(side) - centres[:, None]) ** 2) / (2 * deviation**2))
    return torch.from_numpy(weights / weights.sum(axis=1, keepdims=True))


def shifted(image: Tensor, rows: float, columns: float) -> Tensor:
    """[c, H, W] moved down and to the right by cubic splines; the values of the border continue outside."""
    moved = [ndimage.shift(band, (rows, columns), order=3, mode="nearest") for band in image.double().cpu().numpy()]
    return torch.from_numpy(np.stack(moved)).to(image)


def misregistered(msi: Tensor, pixels: float) -> Tensor:
    """[c, H, W] with the first channel moved along the rows (down) and the last along the columns (right)."""
    moved = msi.clone()
    moved[:1] = shifted(moved[:1], pixels, 0)
    moved[-1:] = shifted(moved[-1:], 0, pixels)
    return moved
