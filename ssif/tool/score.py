"""Scores of an image against another that is the truth, from files in any two formats (`ssif score`)."""

import json
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from ssif import formats
from ssif.bands import Bands, coverage, overlap_matrix
from ssif.errors import UserError
from ssif.formats.header import Header
from ssif.matching import listed
from ssif.metrics import evaluate
from ssif.tool.request import Say, usual_white
from ssif.white import check_white

UNITS = {"mpsnr": "dB", "psnr_cube": "dB", "sam": "degrees"}
SAME = 0.1  # two bands whose ends differ by less than this share of the width are one band
COVERED = 0.9  # least share of a band of the prediction that bands of the truth must cover


class Side(NamedTuple):
    """One of the two images: its `header`, the `bands` that are good, None if they are not known, and their values [H, W, C] in
    physical units, NaN where there is no data."""

    path: Path
    header: Header
    bands: Bands | None
    values: np.ndarray

    @classmethod
    def of(cls, path: Path, key: str | None, named: Bands | None) -> "Side":
        """The image of a file (its array `key`); named: its bands, if the file does not say them."""
        with formats.open_image(path, key) as image:
            header = image.header
            values = image.read(slice(0, header.height), slice(0, header.width))
        bands = header.bands or named
        if bands is not None and len(bands) != header.count:
            raise UserError(f"{path} has {header.count} bands, but --bands names {len(bands)}")
        if header.good and bands is not None:
            good = np.array(header.good, dtype=bool)
            values, bands = values[..., good], Bands(bands.edges[good])
        return cls(path, header, bands, values)


def score(
    prediction: Path, truth: Path, say: Say, *, p: float = 1, white: float | None = None, truth_white: float | None = None,
    keys: tuple[str | None, str | None] = (None, None), bands: Bands | None = None,
) -> dict[str, float]:  # fmt: skip
    """All metrics of `ssif.metrics.evaluate`, over the pixels where both images have data and lie on each other.

    p: the scale that ERGAS divides by. white, truth_white: the physical values that are 1 in the prediction and in the truth,
    None for the usual ones of their files and for that of the prediction. keys: the arrays in the files; bands: of a file
    that does not say its own. The bands of the truth are brought to those of the prediction by wavelength, and images with
    georeference are laid on each other; `say` gets what was assumed. Raises UserError, saying what differs, for images
    that do not fit.
    """
    one, two = (Side.of(path, key, bands) for path, key in zip((prediction, truth), keys))
    two = two._replace(values=_resampled(one, two, say))
    one, two = _overlapping(one, two, say)
    white = usual_white(one.path, one.header) if white is None else white
    whites = (white, white if truth_white is None else truth_white)
    images = []
    for side, value in zip((one, two), whites):
        if value is None or not 0 < value < np.inf:
            raise UserError(
                f"{side.path} contains {side.header.dtype} without a scale factor; give the value of white with --white"
            )
        known = side.values[np.isfinite(side.values).all(axis=-1)]
        if line := check_white(known, value, "with --white or --truth-white", side.path):
            say(line)
        images.append(torch.from_numpy(side.values / np.float32(value)).permute(2, 0, 1))
    known = torch.from_numpy(np.isfinite(one.values).all(axis=-1) & np.isfinite(two.values).all(axis=-1))
    if not known.any():
        raise UserError(f"{prediction} and {truth} have no pixel where both have data")
    if not known.all():
        say(f"{int((~known).sum())} of {known.numel()} pixels are left out: one of the images has no data there")
    predicted, true = (torch.nan_to_num(image) for image in images)
    return evaluate(predicted, true, p, None if known.all() else known)


def formatted(scores: dict[str, float], form: str) -> str:
    """Scores as a "table", as "csv" or as "json"."""
    if form == "json":
        # JSON has no nan.
        return json.dumps({name: None if math.isnan(value) else value for name, value in scores.items()})
    if form == "csv":
        return f"{','.join(scores)}\n{','.join(f'{value:.6g}' for value in scores.values())}"
    return "\n".join(f"{name:<10} {value:>10.4f} {UNITS.get(name, '')}".rstrip() for name, value in scores.items())


def _resampled(one: Side, two: Side, say: Say) -> np.ndarray:
    """The values of the truth in the bands of the prediction."""
    wanted, found = one.bands, two.bands
    if wanted is None or found is None:
        counts = [side.values.shape[2] for side in (one, two)]
        if counts[0] != counts[1]:
            raise UserError(
                f"{one.path} has {counts[0]} bands, {two.path} has {counts[1]}, and at least one has no wavelengths;"
                " give them with --bands"
            )
        say("at least one file has no wavelengths, so the bands are assumed to be the same and in the same order")
        return two.values
    apart = np.abs(wanted.edges[:, None] - found.edges[None]).max(axis=-1) / np.minimum(
        wanted.widths[:, None], found.widths
    )
    nearest = apart.argmin(axis=1)
    if apart.min(axis=1).max() <= SAME:
        return two.values[..., nearest]
    if coverage(found, wanted).min() < COVERED:
        raise UserError(f"the bands of {two.path}, {listed(found)}, do not cover those of {one.path}, {listed(wanted)}")
    say(f"each band of {one.path} is compared with the mean of the bands of {two.path} inside it, weighted by overlap")
    return two.values @ overlap_matrix(found, wanted).T.astype(np.float32)


def _overlapping(one: Side, two: Side, say: Say) -> tuple[Side, Side]:
    """Both images on the pixels that they share."""
    first, second = one.header, two.header
    if not (first.transform and second.transform):
        if one.values.shape[:2] != two.values.shape[:2]:
            sizes = (f"{side.path} has {side.header.height} x {side.header.width} pixels" for side in (one, two))
            raise UserError(f"{', '.join(sizes)}, and at least one has no georeference")
        return one, two
    if first.crs and second.crs and first.crs != second.crs:
        raise UserError(f"{one.path} and {two.path} are in different coordinate systems; warp one of them first")
    a, b, c, d, e, f = first.transform
    grid, other = np.array([[a, b], [d, e]]), np.array(second.transform).reshape(2, 3)
    if not np.allclose(grid, other[:, :2], rtol=1e-4, atol=1e-12):
        raise UserError(
            f"the pixels of {one.path} and {two.path} differ in size or direction; resample one of them first"
        )
    shift = np.linalg.solve(grid, other[:, 2] - (c, f))  # columns, rows
    right, down = np.rint(shift).astype(int)
    if np.abs(shift - (right, down)).max() > 0.05:
        raise UserError(
            f"the pixels of {two.path} lie {abs(shift[1]):.2f} rows and {abs(shift[0]):.2f} columns off those of {one.path}; resample one of them first"
        )
    rows, columns = (
        range(max(0, start), min(mine, start + theirs))
        for start, mine, theirs in ((down, first.height, second.height), (right, first.width, second.width))
    )
    if not rows or not columns:
        raise UserError(f"{one.path} and {two.path} do not overlap")
    if (len(rows), len(columns)) != (first.height, first.width) or one.values.shape[:2] != two.values.shape[:2]:
        say(f"scored on the {len(rows)} x {len(columns)} pixels that both images have")
    return tuple(
        side._replace(
            values=side.values[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        )
        for side, top, left in ((one, 0, 0), (two, down, right))
    )
