"""The plan of a prediction, made before the first tile. Images that do not fit are refused here."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
from torch import Tensor

from ssif import formats
from ssif.bands import Bands
from ssif.channels import Sensor
from ssif.consistency import response_on
from ssif.data.degrade import hr_size
from ssif.errors import UserError, flat
from ssif.formats.header import Header, Image
from ssif.matching import by_name, channel_matrix, listed, matches
from ssif.pretrained import Pretrained
from ssif.sensors import SENSORS, parse_sensor, split_spec
from ssif.tiles import TILE, Grid, check_tiles
from ssif.white import RELATIVE, bright, check_white, fits

TILE_BYTES = 2**27  # limit of the output of a tile
SAMPLED = 32  # number of rows that are inspected beforehand

Say = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """The user's request: `bands` (with `names`) at a `scale` p, and what the file of the image does not contain.

    input: the channels of the image. as_trained: whether they are those of the training, whatever the file says.
    white: the physical value that is 1 to the network. extrapolate: whether bands may leave the wavelengths of the training.
    tile: LR side of a tile. overviews: whether a GeoTIFF has overviews. consistent: whether the prediction is corrected so that
    the sensor of the weights would see the image in it. command: the command line, for the provenance.
    """

    bands: Bands
    names: tuple[str, ...] = ()
    scale: float = 1
    input: Sensor | None = None
    as_trained: bool = False
    white: float | None = None
    extrapolate: bool = False
    tile: int | None = None
    overviews: bool = False
    consistent: bool = False
    command: str = ""


@dataclass
class Plan:
    """The way from an image to the input of the network, and the form of the output."""

    grid: Grid
    size: tuple[int, int]
    header: Header  # of the output
    matrix: np.ndarray  # [c, C_in], from the bands of the image to the channels of the network
    white: float
    side: int
    response: (
        Tensor | None
    )  # [c, C] of the sensor of the weights on the bands of the output, if they cover what it sees
    clipped: list[int] = field(default_factory=lambda: [0, 0])  # number of values outside [0, 1], and of all values

    @classmethod
    def of(cls, image: Image, out: Path, model: Pretrained, wanted: Wanted, say: Say) -> "Plan":
        check_tiles(model.network)
        found = image.header
        for line in found.notes:
            say(f"{image.path}: {line}")
        matrix = _channels(image, model, wanted, say)
        if not wanted.extrapolate:
            model.check_bands(wanted.bands)
        # Raises UserError if the network cannot extrapolate.
        model.network.readout(wanted.bands)
        low = (found.height, found.width)
        size = hr_size(low, wanted.scale)
        sample = _sample(image, matrix)
        white = _white(image, wanted.white, model, sample, say)
        p = max(high / side for high, side in zip(size, low))
        largest = max(16, int((TILE_BYTES / 4 / len(wanted.bands)) ** 0.5 / p))
        header = _output(found, out, size, model.output_white(white), wanted, model)
        line = check_white(sample, white, "with --white", image.path) if len(sample) else ""
        if line and model.white is not None:
            say(line)
        if formats.is_picture(out):
            lost = " or coordinates" if header.transform or header.crs else ""
            say(f"{out}: a picture cannot hold wavelengths{lost}")
        try:
            response = response_on(model.card["msi"], model.input_bands, wanted.bands)
        except UserError as error:
            if wanted.consistent:
                raise UserError(f"--consistent needs bands that cover the whole sensor: {error}") from None
            response = None
        return cls(Grid.of(low, size), size, header, matrix, white, wanted.tile or min(TILE, largest), response)

    def shapes(self) -> list[tuple[int, ...]]:
        """[H, W, C] of the output of each tile."""
        count = len(self.header.bands)
        return [
            (*(part.stop - part.start for part in self.grid.upscaled(*tile)), count)
            for tile in self.grid.tiles(self.side)
        ]

    def values(self, image: Image, rows: slice, columns: slice) -> np.ndarray:
        """The input [h, w, c] of the network in [0, 1], with NaN where a used band has no data."""
        used = np.flatnonzero(self.matrix.any(axis=0))
        values = image.read(rows, columns)[..., used] @ (self.matrix[:, used].T / self.white).astype(np.float32)
        inside = np.clip(values, 0, 1)
        self.clipped[0] += int(((values != inside) & ~np.isnan(values)).sum())
        self.clipped[1] += int(np.isfinite(values).sum())
        return inside


def _channels(image: Image, model: Pretrained, wanted: Wanted, say: Say) -> np.ndarray:
    """Weights [c, C_in] from the bands of the image, which the file or the user names, to the channels of the network."""
    bands = image.header.bands if wanted.input is None else _named(image, wanted.input)
    if bands is None or wanted.as_trained:
        return _as_trained(image, model, wanted.as_trained, say)
    if model.input_bands is None:
        raise UserError(
            f"these weights do not contain the wavelengths of their input ({model.card['msi']}); if the image has the"
            " same channels, use --input trained"
        )
    matrix = channel_matrix(bands, model.input_bands, image.header.good)
    for line in matches(matrix, bands, model.input_bands):
        say(line)
    return matrix


def _named(image: Image, sensor: Sensor) -> Bands:
    """The bands that the user names, matched to the file by name if possible and otherwise in order."""
    if places := by_name(image.header.names, sensor.names):
        return Bands(sensor.bands.edges[places])
    if len(sensor.bands) != image.header.count:
        raise UserError(f"{image.path} has {image.header.count} bands, but --input names {len(sensor.bands)}")
    return sensor.bands


def _as_trained(image: Image, model: Pretrained, asked: bool, say: Say) -> np.ndarray:
    """Weights [c, c] for an image with the channels of the training, matched by name if possible and otherwise in order."""
    count, channels, sensor = image.header.count, model.card["arguments"]["channels"], model.card["msi"]
    picture = formats.is_picture(image.path)
    if count != channels and not picture and not asked:
        raise UserError(
            f"{image.path} has no wavelengths; give its bands with --input (a sensor, a CSV or START:STOP:COUNT)"
        )
    if count != channels:
        raise UserError(
            f"{image.path} has {count} channels, but these weights take {channels}"
            + (f": {sensor}, {listed(model.input_bands)}" if model.input_bands else "")
        )
    names = parse_sensor(sensor).names if split_spec(sensor)[0] in SENSORS else ()
    places = by_name(image.header.names, names)
    line = f"{image.path}: the channels are taken as those of {sensor}, " + (
        "by their names" if places else "in this order"
    )
    if picture:
        line += "; values count as linear in light, and the gamma of most photos is not removed"
    say(line)
    return np.eye(channels)[:, places] if places else np.eye(channels)


def _sample(image: Image, matrix: np.ndarray) -> np.ndarray:
    """Pixels [n, c] with data from some rows, in the channels of the network and physical units."""
    step, used = max(1, image.header.height // SAMPLED), np.flatnonzero(matrix.any(axis=0))
    rows = range(step // 2, image.header.height, step)
    values = [image.read(slice(row, row + 1), slice(0, image.header.width))[0][:, used] for row in rows]
    values = np.concatenate(values) @ matrix[:, used].T
    return values[~np.isnan(values).any(axis=-1)]


def _white(image: Image, named: float | None, model: Pretrained, sample: np.ndarray, say: Say) -> float:
    """The physical value that is 1 to the network.

    It is the value `named` by the user; without one, the value of the training if the image can be on the same scale, and
    otherwise the usual one for the type of the file.
    """
    if named is not None:
        if not 0 < named < np.inf:
            raise UserError(f"--white must be a positive number, got {named:g}")
        return named
    header, usual, trained = image.header, usual_white(image.path, image.header), model.white
    if trained not in (None, *RELATIVE) and len(sample) and not formats.is_picture(image.path):
        brightness = bright([sample], len(sample))
        if fits(brightness, trained):
            say(f"{image.path}: values are divided by {trained:g}, as in the training of the weights")
            return trained
        if usual is not None:
            say(
                f"{image.path}: the bright values are near {brightness:g}, on another scale than those of the training, which were"
                f" divided by {trained:g}; the image is divided by {usual:g}, unless --white gives another value"
            )
    if usual is None:
        raise UserError(
            f"{image.path} contains {header.dtype} without a scale factor; give the value of a perfectly white surface with"
            " --white, such as 10000" + (f"; the weights were trained with {trained:g}" if trained else "")
        )
    return usual


def usual_white(path: Path, header: Header) -> float | None:
    """The physical value of white in files of this type; None for integers without a scale factor, which do not say it."""
    if header.scale is not None or header.dtype.kind == "f":
        return 1.0
    if header.dtype == np.uint8 or formats.is_picture(path):
        return float(np.iinfo(header.dtype).max)
    return None


def _output(found: Header, out: Path, size, white: float, wanted: Wanted, model: Pretrained) -> Header:
    """The header of the input with the new pixels and bands. white: the largest value of the output."""
    one_scale = found.scale is None or np.ndim(found.scale) == np.ndim(found.offset) == 0
    # The 256 steps of 8 bit are too coarse for a spectrum, and an image with a mask needs a value for no data.
    real = found.dtype.kind == "f" or found.dtype.itemsize == 1 or not one_scale or found.masked
    # The integers and scale factor of the input may not fit the values of another instrument.
    real = real or "output_white" in model.card
    nodata, largest = None if found.mark is None else float(found.mark), float(np.finfo(np.float32).max)
    if real:
        # NaN replaces a no-data value outside float32 or within 0 to `white`, where predictions lie.
        kept = nodata is not None and found.dtype.kind == "f" and (-largest <= nodata < 0 or white < nodata <= largest)
        nodata = nodata if kept else np.nan
    header = Header(
        *size, len(wanted.bands), np.float32 if real else found.dtype, wanted.bands, tuple(wanted.names), (), found.unit,
        nodata, None if real else found.scale, 0.0 if real else found.offset,
        found.crs, found.transform_at(size), flat(f"ssif {version('ssif-bench')}; weights {model.name}; {wanted.command}"),
        overviews=wanted.overviews, swath=found.swath, facts=found.facts,
    )  # fmt: skip
    if formats.is_picture(out):
        dtype = np.uint16 if found.dtype == np.uint16 and out.suffix.lower() == ".png" else np.uint8
        # A picture has no scale factor: white becomes the largest value, and no data becomes black.
        header = replace(header, dtype=dtype, scale=white / np.iinfo(dtype).max, offset=0.0, nodata=0)
    return header
