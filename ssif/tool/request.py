"""What is to be done with an image: decided, and refused, before the first tile."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from ssif import formats
from ssif.bands import Bands
from ssif.data.degrade import wanted_size
from ssif.errors import UserError, flat
from ssif.formats.header import Header, Image
from ssif.pretrained import Pretrained
from ssif.tiles import TILE, Grid, check_tiles
from ssif.tool.matching import channel_matrix, described, spelled
from ssif.white import RELATIVE, bright, check, fits

TILE_BYTES = 2**27  # of a tile's output, at most
SAMPLED = 32  # rows that are looked at beforehand


@dataclass(frozen=True)
class Wanted:
    """What is asked for: `bands` (with `names`) at a `scale` p or a `size` (H, W); and what an image does not say itself.

    input_bands: the image's bands, where the file has none; white: the physical value that is 1 to the network;
    extrapolate: also bands outside the wavelengths of the training; tile: LR side of a tile; command: for the record.
    """

    bands: Bands
    names: tuple[str, ...] = ()
    scale: float | None = None
    size: tuple[int, int] | None = None
    input_bands: Bands | None = None
    white: float | None = None
    extrapolate: bool = False
    tile: int | None = None
    command: str = ""


@dataclass
class Plan:
    """How an image becomes the network's input, and what comes out: decided before the first tile."""

    grid: Grid
    size: tuple[int, int]
    header: Header  # of the output
    matrix: np.ndarray  # [c, C_in], from the image's bands to the network's channels
    white: float
    side: int
    clipped: list[int] = field(default_factory=lambda: [0, 0])  # values outside [0, 1], and all

    @classmethod
    def of(cls, image: Image, out: Path, model: Pretrained, wanted: Wanted, say: Callable[[str], None]) -> "Plan":
        check_tiles(model.network)
        found = image.header
        for line in found.notes:
            say(f"{image.path}: {line}")
        matrix = _channels(image, model, wanted.input_bands, say)
        if not wanted.extrapolate:
            model.check_bands(wanted.bands)
        # Raises where a network cannot leave its wavelengths at all.
        model.network.readout(wanted.bands)
        low = (found.height, found.width)
        size = wanted_size(low, wanted.scale, wanted.size)
        sample = _sample(image, matrix)
        white = _white(image, wanted.white, model, sample, say)
        p = max(high / side for high, side in zip(size, low))
        largest = max(16, int((TILE_BYTES / 4 / len(wanted.bands)) ** 0.5 / p))
        side = wanted.tile or min(TILE, largest)
        header = _output(found, out, size, white, wanted, model)
        plan = cls(Grid.of(low, size), size, header, matrix, white, side)
        _check(image, white, model, sample, say)
        if formats.is_picture(out):
            say(
                f"{out}: a picture has no room for wavelengths{', coordinates' if header.transform or header.crs else ''}"
            )
        return plan

    def shapes(self) -> list[tuple[int, ...]]:
        """[H, W, C] of each tile's output."""
        count = len(self.header.bands)
        return [
            (*(part.stop - part.start for part in self.grid.upscaled(*tile)), count)
            for tile in self.grid.tiles(self.side)
        ]

    def values(self, image: Image, rows: slice, columns: slice) -> np.ndarray:
        """The network's input [h, w, c] in [0, 1], NaN where a band that is needed has no data."""
        used = np.flatnonzero(self.matrix.any(axis=0))
        values = image.read(rows, columns)[..., used] @ (self.matrix[:, used].T / self.white).astype(np.float32)
        inside = np.clip(values, 0, 1)
        self.clipped[0] += int(((values != inside) & ~np.isnan(values)).sum())
        self.clipped[1] += int(np.isfinite(values).sum())
        return inside


def _channels(image: Image, model: Pretrained, said: Bands | None, say: Callable[[str], None]) -> np.ndarray:
    """Weights [c, C_in] from the image's bands to the network's channels."""
    header, channels, wanted = image.header, model.card["arguments"]["channels"], model.input_bands
    if said is not None and len(said) != header.count:
        raise UserError(f"{image.path} has {header.count} bands, --input names {len(said)}")
    bands = said or header.bands
    if bands is None:
        if not formats.is_picture(image.path):
            raise UserError(
                f"{image.path} does not say its wavelengths; name its bands with --input (a sensor, a CSV of intervals"
                " or START:STOP:COUNT)"
            )
        if header.count != channels:
            raise UserError(
                f"{image.path} has {header.count} channels, these weights take {channels}"
                + (f": {model.card['msi']}, {spelled(wanted)}" if wanted else "")
            )
        say(
            f"{image.path}: a picture, its channels are taken for those of {model.card['msi']}, in their order, and its values"
            " as linear in light, without the gamma that most photos have"
        )
        return np.eye(channels)
    if wanted is None:
        raise UserError(
            f"these weights do not say the wavelengths of their input ({model.card['msi']}); give a picture"
        )
    matrix = channel_matrix(bands, wanted, header.good)
    for line in described(matrix, bands, wanted):
        say(line)
    return matrix


def _sample(image: Image, matrix: np.ndarray) -> np.ndarray:
    """Pixels [n, c] of some rows that have data: the network's channels in physical units."""
    step, used = max(1, image.header.height // SAMPLED), np.flatnonzero(matrix.any(axis=0))
    rows = range(step // 2, image.header.height, step)
    values = [image.read(slice(row, row + 1), slice(0, image.header.width))[0][:, used] for row in rows]
    values = np.concatenate(values) @ matrix[:, used].T
    return values[~np.isnan(values).any(axis=-1)]


def _white(
    image: Image, said: float | None, model: Pretrained, sample: np.ndarray, say: Callable[[str], None]
) -> float:
    """The physical value that is 1 to the network: what is said, else that of the weights' training if the image's values
    can be on its scale, else what the type of the file stands for."""
    if said is not None:
        if not 0 < said < np.inf:
            raise UserError(f"--white is a positive number, got {said:g}")
        return said
    header, own, trained = image.header, None, model.white
    if header.scale is not None or header.dtype.kind == "f":
        own = 1.0
    elif header.dtype == np.uint8 or formats.is_picture(image.path):
        own = float(np.iinfo(header.dtype).max)
    if trained not in (None, *RELATIVE) and len(sample) and not formats.is_picture(image.path):
        brightness = bright([sample], len(sample))
        if fits(brightness, trained):
            say(f"{image.path}: values are divided by {trained:g}, as in the training of the weights")
            return trained
        if own is not None:
            say(
                f"{image.path}: its bright values are at {brightness:g}, on another scale than those of the training, which"
                f" were divided by {trained:g}; they are divided by {own:g} unless --white is given"
            )
    if own is None:
        raise UserError(
            f"{image.path} holds {header.dtype} without a scale factor: name the value that stands for a perfectly white surface"
            " with --white, such as 10000" + (f"; the weights were trained with {trained:g}" if trained else "")
        )
    return own


def _check(image: Image, white: float, model: Pretrained, sample: np.ndarray, say: Callable[[str], None]) -> None:
    """Say where the image is on another scale than its white. Raises UserError where most of it would be clipped."""
    if not len(sample):
        return
    try:
        line = check(sample, white, "with --white")
    except UserError as error:
        raise UserError(f"{image.path}: {error}") from None
    if line and model.white is not None:
        say(f"{image.path}: {line}")


def _output(found: Header, out: Path, size, white: float, wanted: Wanted, model: Pretrained) -> Header:
    """The header of the output: the input's, for the new pixels and bands."""
    transform = None
    if found.transform:
        a, b, c, d, e, f = found.transform
        rows, columns = found.height / size[0], found.width / size[1]
        transform = (a * columns, b * rows, c, d * columns, e * rows, f)
    one_scale = found.scale is None or np.ndim(found.scale) == np.ndim(found.offset) == 0
    # The 256 steps of 8 bit are too coarse for a spectrum, and what a mask hides wants a value that says so.
    real = found.dtype.kind == "f" or found.dtype.itemsize == 1 or not one_scale or found.masked
    header = Header(
        *size, len(wanted.bands), np.float32 if real else found.dtype, wanted.bands, tuple(wanted.names), (), found.unit,
        _no_data(found, white, real), None if real else found.scale, 0.0 if real else found.offset,
        found.crs, transform, flat(f"ssif {version('ssif-bench')}; weights {model.name}; {wanted.command}"),
    )  # fmt: skip
    if formats.is_picture(out):
        dtype = np.uint16 if found.dtype == np.uint16 and out.suffix.lower() == ".png" else np.uint8
        # A picture has no scale factor: white is its largest value, no data is black.
        header = replace(header, dtype=dtype, scale=white / np.iinfo(dtype).max, offset=0.0, nodata=0)
    return header


def _no_data(found: Header, white: float, real: bool) -> float | None:
    """The no-data value of the output: the input's; of `real` numbers NaN, unless no prediction in 0 to `white` takes it."""
    mark, largest = None if found.mark is None else float(found.mark), float(np.finfo(np.float32).max)
    if not real:
        return mark
    kept = mark is not None and found.dtype.kind == "f" and (-largest <= mark < 0 or white < mark <= largest)
    return mark if kept else np.nan
