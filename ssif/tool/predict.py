"""The prediction of an image file of any size and bands from an image file (`ssif predict`).

It takes limited memory, and goes on where it was stopped.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from ssif import formats
from ssif.errors import UserError
from ssif.formats.header import Header, Image
from ssif.io import remove_leftovers
from ssif.pretrained import Pretrained
from ssif.progress import Progress
from ssif.tiles import render_tile
from ssif.tool.request import Plan, Say, Wanted
from ssif.tool.unfinished import Blocks

STRIP_BYTES = 2**26  # number of bytes copied to the output at a time


def note(text: str) -> None:
    print(text, file=sys.stderr)


def predict(
    source: Path, out: Path, model: Pretrained, wanted: Wanted, key: str | None = None, say: Say = note
) -> None:
    """Read `source` (its array `key`) and write `out`. `say` receives assumptions and findings; the progress goes to stderr.

    The output has the georeference, unit of wavelengths, type, scale factor and no-data value of the input. 8-bit values
    become float32 in the same units, unless `out` is a picture. Unfinished work is in `out`.part, and the same call goes on
    from there. Raises UserError and writes nothing if bands, values or formats do not fit, if `out` exists, or if the disk is
    too small.
    """
    if out.is_dir():
        raise UserError(f"{out} is a directory; name the file to write")
    for file in formats.written_files(out):
        if file.exists():
            raise UserError(f"{file} exists; remove it or choose another name")
    with formats.open_image(source, key) as image:
        plan = Plan.of(image, out, model, wanted, say)
        part = out.with_name(f"{out.name}.part")
        _check_room(plan, out, part)
        _rehearse(plan.header, out)
        files = {str(file.resolve()): file.stat() for file in formats.read_files(source, key)}
        identity = {
            "image": {name: [status.st_size, status.st_mtime_ns] for name, status in files.items()}, "key": key,
            "weights": model.name, "size": plan.size, "bands": plan.header.bands.edges.tolist(), "white": plan.white,
            "matrix": plan.matrix.tolist(), "tile": plan.side,
        }  # fmt: skip
        with closing(Blocks(part, identity, plan.shapes())) as blocks:
            # The blocks are locked, so no other process works on these files.
            for file in formats.written_files(out):
                remove_leftovers(file)
            try:
                _compute(plan, image, model, blocks, say)
            except UserError:
                # Finished blocks stay, because the disk of the image may have failed only for a moment.
                if not blocks.done:
                    blocks.remove()
                raise
            with formats.create_image(out, plan.header) as write:
                for rows in _assembled(plan, blocks):
                    write(rows * model.output_white(plan.white))
            blocks.remove()
    say(f"{out}: {plan.size[0]} x {plan.size[1]} pixels, {len(plan.header.bands)} bands")


def _check_room(plan: Plan, out: Path, part: Path) -> None:
    """Raise UserError if the disk cannot hold the unfinished work and the output."""
    folder = out.resolve().parent
    if not folder.is_dir():
        raise UserError(f"{folder} is not a directory to write into")
    if not os.access(folder, os.W_OK):
        raise UserError(f"{folder} cannot be written into")
    needed = formats.written_bytes(out, plan.header) + sum(4 * int(np.prod(shape)) for shape in plan.shapes())
    free = shutil.disk_usage(folder).free + (part.stat().st_size if part.is_file() else 0)
    if needed > free:
        raise UserError(
            f"{out} needs {needed / 2**30:.1f} GiB while it is written; the disk has {free / 2**30:.1f} GiB left"
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


def _compute(plan: Plan, image: Image, model: Pretrained, blocks: Blocks, say: Say) -> None:
    tiles = list(plan.grid.tiles(plan.side))
    if blocks.done:
        say(f"{blocks.path}: {blocks.done} of {len(tiles)} tiles are done, going on from there")
    progress = Progress(image.path.name, len(tiles), "tiles", blocks.done)
    for tile in tiles[blocks.done :]:
        blocks.append(render_tile(model.network, plan.grid, partial(plan.values, image), *tile, plan.header.bands))
        progress.update(blocks.done)
    outside, total = plan.clipped
    if outside:
        say(f"{image.path}: {outside / total:.2%} of its values lie outside 0 to {plan.white:g} and were clipped")
    # This call read no valid pixel, but an earlier one may have.
    if not total and not any(np.isfinite(rows).any() for rows in _assembled(plan, blocks)):
        blocks.remove()
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
