"""The prediction of an image file of any size and bands from an image file (`ssif predict`).

It takes limited memory, and goes on where it was stopped.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from ssif import formats
from ssif.consistency import MARGIN, Seen, distance
from ssif.errors import UserError
from ssif.formats.header import Header, Image
from ssif.io import remove_leftovers
from ssif.pretrained import Pretrained
from ssif.progress import Progress
from ssif.tiles import render_tile
from ssif.tool.request import Plan, Say, Wanted
from ssif.tool.unfinished import Blocks

TAPS = 2  # number of LR pixels at the border of a tile that bicubic decimation fills from outside
STRIP_BYTES = 2**26  # number of bytes copied to the output at a time


def to_stderr(text: str) -> None:
    print(text, file=sys.stderr)


def deviation_file(out: Path) -> Path:
    """Where the standard deviations over several networks go: out.std.tif for out.tif."""
    return out.with_suffix(f".std{out.suffix}")


def predict(
    source: Path,
    out: Path,
    model: Pretrained,
    wanted: Wanted,
    key: str | None = None,
    say: Say = to_stderr,
    more: Sequence[Pretrained] = (),
) -> None:
    """Read `source` (its array `key`) and write `out`. `say` receives assumptions and findings; the progress goes to stderr.

    more: networks that were trained as `model`, from other seeds. Then `out` is the mean over all, and `deviation_file` gets
    the standard deviation of each pixel and band, in the same units.

    The output has the georeference, unit of wavelengths, type, scale factor and no-data value of the input. 8-bit values
    become float32 in the same units, unless `out` is a picture. Unfinished work is in `out`.part, and the same call goes on
    from there. Raises UserError and writes nothing if bands, values or formats do not fit, if `out` exists, or if the disk is
    too small.
    """
    if out.is_dir():
        raise UserError(f"{out} is a directory; name the file to write")
    models = [model, *more]
    _check_alike(models)
    files = [out, deviation_file(out)] if more else [out]
    written = [file for path in files for file in formats.written_files(path)]
    for file in written:
        if file.exists():
            raise UserError(f"{file} exists; remove it or choose another name")
    with formats.open_image(source, key) as image:
        plan = Plan.of(image, out, model, wanted, say)
        part = out.with_name(f"{out.name}.part")
        # Standard deviations are real numbers, NaN without data.
        deviations = replace(plan.header, dtype=np.float32, nodata=np.nan, scale=None, offset=0.0)
        headers = [plan.header, deviations][: len(files)]
        shapes = [(*size, len(files) * count) for *size, count in plan.shapes()]
        _check_room(dict(zip(files, headers)), shapes, part)
        for file, header in zip(files, headers):
            _rehearse(header, file)
        status = {str(file.resolve()): file.stat() for file in formats.read_files(source, key)}
        identity = {
            "image": {name: [found.st_size, found.st_mtime_ns] for name, found in status.items()}, "key": key,
            "weights": ", ".join(each.name for each in models), "size": plan.size, "bands": plan.header.bands.edges.tolist(), "white": plan.white,
            "matrix": plan.matrix.tolist(), "tile": plan.side, "consistent": wanted.consistent,
        }  # fmt: skip
        with closing(Blocks(part, identity, shapes)) as blocks:
            # The blocks are locked, so no other process works on these files.
            for file in written:
                remove_leftovers(file)
            try:
                _compute(plan, image, models, blocks, wanted.consistent, say)
            except UserError:
                # Finished blocks stay, because the disk of the image may have failed only for a moment.
                if not blocks.done:
                    blocks.remove()
                raise
            count = len(plan.header.bands)
            for place, (file, header) in enumerate(zip(files, headers)):
                with formats.create_image(file, header) as write:
                    for rows in _assembled(plan, blocks):
                        write(rows[..., place * count : (place + 1) * count] * model.output_white(plan.white))
            blocks.remove()
    for file in files:
        say(f"{file}: {plan.size[0]} x {plan.size[1]} pixels, {len(plan.header.bands)} bands")


def _check_alike(models: list[Pretrained]) -> None:
    """Raise UserError for networks that do not take and give the same."""
    for key in ("msi", "input_bands", "wavelengths", "white", "output_white"):
        found = [model.card.get(key) for model in models]
        if any(value != found[0] for value in found):
            raise UserError(f"{models[0].name} and {models[1].name} differ in {key}, so they cannot be averaged")


def _check_room(headers: dict[Path, Header], shapes: list[tuple[int, ...]], part: Path) -> None:
    """Raise UserError if the disk cannot hold the unfinished work, arrays of these `shapes`, and the output."""
    out = next(iter(headers))
    folder = out.resolve().parent
    if not folder.is_dir():
        raise UserError(f"{folder} is not a directory")
    if not os.access(folder, os.W_OK):
        raise UserError(f"{folder} cannot be written into")
    needed = sum(formats.written_bytes(*each) for each in headers.items())
    needed += sum(4 * int(np.prod(shape)) for shape in shapes)
    free = shutil.disk_usage(folder).free + (part.stat().st_size if part.is_file() else 0)
    if needed > free:
        raise UserError(
            f"{out} needs {needed / 2**30:.1f} GiB while it is written, but the disk has {free / 2**30:.1f} GiB left"
        )


def _rehearse(header: Header, out: Path) -> None:
    """Write one pixel of the output beside `out`: what the format cannot hold shows before hours of work."""
    with tempfile.TemporaryDirectory(".part", f".{out.name}.", out.resolve().parent) as folder:
        trial = Path(folder, out.name)
        try:
            with formats.create_image(trial, replace(header, height=1, width=1)) as write:
                write(np.zeros((1, 1, header.count), np.float32))
        except UserError as error:
            raise UserError(str(error).replace(str(trial), str(out))) from None


def _compute(plan: Plan, image: Image, models: list[Pretrained], blocks: Blocks, consistent: bool, say: Say) -> None:
    tiles = list(plan.grid.tiles(plan.side))
    if blocks.done:
        say(f"{blocks.path}: {blocks.done} of {len(tiles)} tiles are finished; continuing from there")
    progress = Progress(image.path.name, len(tiles), "tiles", blocks.done)
    distances = []
    for tile in tiles[blocks.done :]:
        values = [_rendered(plan, image, model, tile, consistent, distances) for model in models]
        if len(values) > 1:
            every = np.stack(values)
            values = [np.concatenate([every.mean(axis=0), every.std(axis=0, ddof=1)], axis=-1)]
        blocks.append(values[0])
        progress.update(blocks.done)
    if distances:
        rmse, angle = np.mean(distances, axis=0)
        say(
            f"seen by {models[0].card['msi']} and decimated, the prediction differs from the image by {np.sqrt(rmse):.4f} of white (root mean square) and"
            f" {angle:.2f} degrees" + (", before it is corrected" if consistent else "")
        )
    outside, total = plan.clipped
    if outside:
        say(f"{image.path}: {outside / total:.2%} of its values are outside 0 to {plan.white:g} and were clipped")
    # This call read no valid pixel, but an earlier one may have.
    if not total and not any(np.isfinite(rows).any() for rows in _assembled(plan, blocks)):
        blocks.remove()
        raise UserError(f"{image.path}: no pixel has data")


def _rendered(plan: Plan, image: Image, model: Pretrained, tile, consistent: bool, distances: list) -> np.ndarray:
    """The HR pixels [H, W, C] of a tile. distances: gets the squared distance of the tile from the image, and the angle."""
    read = partial(plan.values, image)
    # A correction depends on the pixels around the tile.
    wide = [axis.halo(part, MARGIN if consistent else 0) for axis, part in zip(plan.grid, tile)]
    values = render_tile(model.network, plan.grid, read, *wide, plan.header.bands)
    if plan.response is None:
        return values
    prediction, lr_msi = (torch.from_numpy(each).permute(2, 0, 1) for each in (values, read(*wide)))
    sensor = Seen(plan.response, plan.grid, model.card.get("antialias", False), wide)
    # At the border of a tile, what is seen depends on pixels outside of it.
    inner = (slice(None), slice(TAPS, -TAPS), slice(TAPS, -TAPS))
    found = distance(sensor.of(prediction)[inner], lr_msi[inner])
    if np.isfinite(found["input_sam"]):
        distances.append((found["input_rmse"] ** 2, found["input_sam"]))
    if not consistent:
        return values
    ends = [
        slice(inside.start - outside.start, inside.stop - outside.start)
        for inside, outside in zip(plan.grid.upscaled(*tile), plan.grid.upscaled(*wide))
    ]
    return sensor.corrected(prediction, lr_msi).permute(1, 2, 0).float().numpy()[tuple(ends)]


def _assembled(plan: Plan, blocks: Blocks) -> Iterator[np.ndarray]:
    """The whole blocks from top to bottom, a few rows [h, W, C] at a time."""
    across = len(plan.grid.columns.parts(plan.side))
    most = max(1, STRIP_BYTES // (4 * plan.size[1] * blocks.shapes[0][2]))
    for first in range(0, len(blocks.shapes), across):
        height = blocks.shapes[first][0]
        for top in range(0, height, most):
            rows = slice(top, min(top + most, height))
            yield np.concatenate([blocks.rows(first + i, rows) for i in range(across)], axis=1)
