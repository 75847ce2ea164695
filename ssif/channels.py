"""Channels of a sensor as measured response curves: read from a CSV, cut at half maximum, sampled at the centres of bands."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ssif.bands import Bands
from ssif.errors import UserError


@dataclass(frozen=True)
class Channel:
    """The relative `response` of a channel at wavelengths `nm`, both [T]; linear in between and zero outside."""

    name: str
    nm: np.ndarray
    response: np.ndarray

    def half_maximum(self) -> tuple[float, float]:
        """First and last wavelength in nm at which the response is half of its maximum.

        If the response is above half at an end of the table, that end counts. Raises UserError for a response of zero.
        """
        half = self.response.max() / 2
        if half <= 0:
            raise UserError(f"channel {self.name} has no response")
        first, last = np.flatnonzero(self.response >= half)[[0, -1]]
        start, end = self.nm[first], self.nm[last]
        if first > 0:
            start = np.interp(half, self.response[first - 1 : first + 1], self.nm[first - 1 : first + 1])
        if last + 1 < len(self.nm):
            end = np.interp(half, self.response[last : last + 2][::-1], self.nm[last : last + 2][::-1])
        return float(start), float(end)


def weights_on(channels: list[Channel], bands: Bands, sensor: str) -> np.ndarray:
    """Weights [c, C]: the responses at the centres of `bands`; rows sum to 1.

    Raises UserError, naming the sensor, for a channel without response on `bands`.
    """
    weights = np.stack([np.interp(bands.centres, each.nm, each.response, left=0, right=0) for each in channels])
    blind = weights.sum(axis=1) <= 0
    if blind.any():
        raise UserError(f"{sensor}: channel {channels[int(blind.argmax())].name} has no response on {bands}")
    return weights / weights.sum(axis=1, keepdims=True)


def read(path: Path) -> list[Channel]:
    """The channels in a CSV: a header, a column of increasing wavelengths in nm and one column of response per channel.

    Raises UserError for a file of another form.
    """
    header, *rows = read_lines(path)
    names = [name.strip() for name in header.split(",")]
    try:
        table = np.loadtxt(rows, delimiter=",", ndmin=2)
    except ValueError as error:
        raise UserError(f"cannot read the sensor's responses from {path}: {error}") from None
    nm, responses = table[:, 0], table[:, 1:]
    if min(table.shape) < 2 or not np.isfinite(table).all() or (np.diff(nm) <= 0).any() or nm.max() < 100:
        raise UserError(f"{path}: want increasing wavelengths in nm, then one column of response for each channel")
    # A first line of numbers is no header.
    if len(names) != table.shape[1] or re.fullmatch(r"[\d.]+", names[0]):
        raise UserError(
            f"{path}: the first line must name each of the {table.shape[1]} columns, got {header.strip()!r}"
        )
    return [Channel(name, nm, response) for name, response in zip(names[1:], responses.T)]


def read_lines(path: Path) -> list[str]:
    """The lines of a CSV, header first. Raises UserError for a file that is not text and for one without rows."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"cannot read {path}: it is not text") from None
    if not any(line.strip() for line in lines[1:]):
        raise UserError(f"{path} has no rows below a header")
    return lines
