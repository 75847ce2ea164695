"""From an image file to an image file of any size and bands (`ssif predict`), in bounded memory, stopped and resumed at will."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from ssif import formats
from ssif.bands import Bands
from ssif.data.degrade import hr_size
from ssif.errors import UserError
from ssif.formats.header import Header, Image
from ssif.matching import channel_matrix, described, spelled
from ssif.pretrained import Pretrained
from ssif.progress import Progress
from ssif.tiles import TILE, Grid, check_tiles, render_tile
from ssif.unfinished import Blocks

TILE_BYTES = 2**27  # of a tile's output, at most
SAMPLED = 32  # rows that are looked at beforehand
STRIP_BYTES = 2**26  # of what is copied to the output at a time


def note(text: str) -> None:
    print(text, file=sys.stderr)


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


def predict(
    source: Path,
    out: Path,
    model: Pretrained,
    wanted: Wanted,
    key: str | None = None,
    say: Callable[[str], None] = note,
) -> None:
    """Read `source` (its array `key`), write `out`; what is assumed and seen goes to `say`, progress to stderr.

    Georeference, unit of wavelengths, type, scale factor and no-data value are the input's; 8-bit values become float32, in
    the same units, unless `out` is a picture, too. Work in progress is in `out`.part: killed, the same call goes on from
    there. Raises UserError, with nothing written, for whatever does not fit: bands, values, formats, an `out` that exists,
    a disk too small.
    """
    for taken in formats.written_files(out):
        if taken.exists():
            raise UserError(f"{taken} exists; remove it or choose another name")
    with formats.open_image(source, key) as image:
        plan = Plan.of(image, out, model, wanted, say)
        _check_room(plan, out)
        identity = {
            "image": str(source.resolve()), "bytes": source.stat().st_size, "changed": source.stat().st_mtime_ns, "key": key,
            "weights": model.name, "size": plan.size, "bands": plan.header.bands.edges.tolist(), "white": plan.white,
            "matrix": plan.matrix.tolist(), "tile": plan.side,
        }  # fmt: skip
        part = out.with_name(f"{out.name}.part")
        blocks = Blocks(part, identity, plan.shapes())
        try:
            _compute(plan, image, model, blocks, say)
            with formats.create_image(out, plan.header) as write:
                for rows in _assembled(plan, blocks):
                    write(rows * plan.white)
        except UserError:
            # Another try would fail alike; after anything else the work is kept.
            blocks.remove()
            raise
        finally:
            blocks.close()
        blocks.remove()
    say(f"{out}: {plan.size[0]} x {plan.size[1]} pixels, {len(plan.header.bands)} bands")


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
        if (wanted.scale is None) == (wanted.size is None):
            raise UserError("give either a scale or a size")
        low = (found.height, found.width)
        size = wanted.size or hr_size(low, wanted.scale)
        white = _white(image, wanted.white)
        p = max(high / its for high, its in zip(size, low))
        largest = max(16, int((TILE_BYTES / 4 / len(wanted.bands)) ** 0.5 / p))
        side = wanted.tile or min(TILE, largest)
        header = _output(found, out, size, white, wanted, model)
        plan = cls(Grid.of(low, size), size, header, matrix, white, side)
        plan.check_white(image)
        return plan

    def shapes(self) -> list[tuple[int, ...]]:
        """[H, W, C] of each tile's output."""
        count = len(self.header.bands)
        return [
            (*(its.stop - its.start for its in self.grid.upscaled(*tile)), count) for tile in self.grid.tiles(self.side)
        ]

    def values(self, image: Image, rows: slice, columns: slice) -> np.ndarray:
        """The network's input [h, w, c] in [0, 1], NaN where a band that is needed has no data."""
        used = np.flatnonzero(self.matrix.any(axis=0))
        values = image.read(rows, columns)[..., used] @ (self.matrix[:, used].T / self.white).astype(np.float32)
        inside = np.clip(values, 0, 1)
        self.clipped[0] += int(((values != inside) & ~np.isnan(values)).sum())
        self.clipped[1] += int(np.isfinite(values).sum())
        return inside

    def check_white(self, image: Image) -> None:
        """Raise a UserError for an image of which, in a sample of its rows, most values are clipped: `white` is wrong."""
        step = max(1, image.header.height // SAMPLED)
        sample = [
            self.values(image, slice(row, row + 1), slice(0, image.header.width))
            for row in range(step // 2, image.header.height, step)
        ]
        clipped, total = self.clipped
        self.clipped = [0, 0]
        if clipped > total / 2 and np.nanmean(sample) > 0.5:
            raise UserError(
                f"{image.path}: most values lie above {self.white:g}; name the value that stands for a perfectly white surface"
                " with --white"
            )


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
        say(f"{image.path}: a picture, its channels are taken for those of {model.card['msi']}, in their order")
        return np.eye(channels)
    if wanted is None:
        raise UserError(
            f"these weights do not say the wavelengths of their input ({model.card['msi']}); give a picture"
        )
    matrix = channel_matrix(bands, wanted, header.good)
    for line in described(matrix, bands, wanted):
        say(line)
    return matrix


def _white(image: Image, said: float | None) -> float:
    """The physical value that is 1 to the network."""
    if said is not None:
        if not 0 < said < np.inf:
            raise UserError(f"--white is a positive number, got {said:g}")
        return said
    header = image.header
    if header.scale is not None or header.dtype.kind == "f":
        return 1.0
    if header.dtype == np.uint8 or formats.is_picture(image.path):
        return float(np.iinfo(header.dtype).max)
    raise UserError(
        f"{image.path} holds {header.dtype} without a scale factor: name the value that stands for a perfectly white surface"
        " with --white, such as 10000"
    )


def _output(found: Header, out: Path, size, white: float, wanted: Wanted, model: Pretrained) -> Header:
    """The header of the output: the input's, for the new pixels and bands."""
    transform = None
    if found.transform:
        a, b, c, d, e, f = found.transform
        rows, columns = found.height / size[0], found.width / size[1]
        transform = (a * columns, b * rows, c, d * columns, e * rows, f)
    one_scale = found.scale is None or np.ndim(found.scale) == np.ndim(found.offset) == 0
    # The 256 steps of 8 bit are too coarse for a spectrum.
    real = found.dtype.kind == "f" or found.dtype.itemsize == 1 or not one_scale
    header = Header(
        *size, len(wanted.bands), np.float32 if real else found.dtype, wanted.bands, tuple(wanted.names), (), found.unit,
        np.nan if real else found.nodata, None if real else found.scale, 0.0 if real else found.offset, found.crs, transform,
        f"ssif {version('ssif-bench')}; weights {model.name}; {wanted.command}",
    )  # fmt: skip
    if formats.is_picture(out):
        dtype = np.uint16 if found.dtype == np.uint16 and out.suffix.lower() == ".png" else np.uint8
        # A picture has no scale factor: white is its largest value, no data is black.
        header = replace(header, dtype=dtype, scale=white / np.iinfo(dtype).max, offset=0.0, nodata=0)
    return header


def _check_room(plan: Plan, out: Path) -> None:
    """Raise a UserError where the disk cannot hold the work in progress and the output."""
    folder = out.resolve().parent
    if not folder.is_dir():
        raise UserError(f"{folder} is no directory to write into")
    if not os.access(folder, os.W_OK):
        raise UserError(f"{folder} cannot be written into")
    part = out.with_name(f"{out.name}.part")
    needed = plan.header.nbytes + sum(4 * int(np.prod(shape)) for shape in plan.shapes())
    free = shutil.disk_usage(folder).free + (part.stat().st_size if part.is_file() else 0)
    if needed > free:
        raise UserError(
            f"{out} needs {needed / 2**30:.1f} GiB while it is made, the disk has {free / 2**30:.1f} GiB left"
        )


def _compute(plan: Plan, image: Image, model: Pretrained, blocks: Blocks, say: Callable[[str], None]) -> None:
    tiles = list(plan.grid.tiles(plan.side))
    if blocks.done:
        say(f"{blocks.path}: {blocks.done} of {len(tiles)} tiles are done, going on from there")
    progress = Progress(image.path.name, len(tiles), "tiles", blocks.done)
    for rows, columns in tiles[blocks.done :]:
        values = render_tile(
            model.network, plan.grid, lambda r, c: plan.values(image, r, c), rows, columns, plan.header.bands
        )
        blocks.append(values)
        progress.update(blocks.done)
    outside, total = plan.clipped
    if outside:
        say(f"{image.path}: {outside / total:.2%} of its values lie outside 0 to {plan.white:g} and were clipped")
    # Nothing valid was read by this call; an earlier one may have.
    if not total and not any(np.isfinite(rows).any() for rows in _assembled(plan, blocks)):
        raise UserError(f"{image.path}: no pixel has data")


def _assembled(plan: Plan, blocks: Blocks) -> Iterator[np.ndarray]:
    """The whole image from top to bottom, a few rows [h, W, C] at a time."""
    across = len(plan.grid.columns.parts(plan.side))
    most = max(1, STRIP_BYTES // (4 * plan.size[1] * len(plan.header.bands)))
    for first in range(0, len(blocks.shapes), across):
        height = blocks.shapes[first][0]
        for top in range(0, height, most):
            rows = slice(top, min(top + most, height))
            yield np.concatenate([blocks.rows(first + i, rows) for i in range(across)], axis=1)
