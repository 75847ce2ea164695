"""The channels of a sensor, as intervals or as measured response curves, and the CSV files that hold either."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ssif.bands import Bands, around, overlap_matrix
from ssif.errors import UserError

# Columns of a table of intervals, without a unit: START and END, or CENTRE and perhaps WIDTH; perhaps NAME.
START, END = ("start", "begin", "low"), ("end", "stop", "high")
CENTRE, WIDTH = ("centre", "center", "wavelength", "wl"), ("width", "fwhm")
NAME = ("name", "band", "channel")


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


@dataclass(frozen=True, eq=False)
class Sensor:
    """`names` of c channels, their `bands` [c, 2] nm, and their `responses`, None for a sensor that is given by intervals.

    The bands of responses end at half of their maximum.
    """

    names: tuple[str, ...]
    bands: Bands
    responses: tuple[Channel, ...] | None = None

    @classmethod
    def of_responses(cls, found: list[Channel]) -> "Sensor":
        """A sensor with these channels."""
        return cls(tuple(one.name for one in found), Bands([one.half_maximum() for one in found]), tuple(found))

    def only(self, wanted: str) -> "Sensor":
        """The channels that a list names, in its order: names ("B2,B8A", in any case, B02 is B2) and numbers that count from 1
        ("2,3", "2-5"). Raises UserError for an unknown channel and for one that is named twice."""
        places, names = [], [plain_name(name) for name in self.names]
        for item in (part.strip() for part in wanted.split(",")):
            numbers = re.fullmatch(r"(\d+)(?:-(\d+))?", item)
            first, last = (int(numbers[1]), int(numbers[2] or numbers[1])) if numbers else (0, 0)
            if plain_name(item) in names:
                places.append(names.index(plain_name(item)))
            elif 1 <= first <= last <= len(names):
                places += range(first - 1, last)
            else:
                listed = ", ".join(self.names[:20]) + (", ..." if len(names) > 20 else "")
                raise UserError(f"no channel is called {item!r}; known: {listed}, or numbers from 1 to {len(names)}")
        if len(set(places)) < len(places):
            raise UserError(f"{wanted!r} names a channel twice")
        responses = self.responses and tuple(self.responses[place] for place in places)
        return Sensor(tuple(self.names[place] for place in places), Bands(self.bands.edges[places]), responses)

    def weights_on(self, bands: Bands, name: str) -> np.ndarray:
        """Weights [c, C] from a spectrum on `bands` to the channels; rows sum to 1.

        Intervals weigh bands by overlap, responses by their value at the centres of `bands`. Raises UserError, naming the
        sensor, for a channel without response on `bands`.
        """
        if self.responses is None:
            return overlap_matrix(bands, self.bands)
        weights = [np.interp(bands.centres, each.nm, each.response, left=0, right=0) for each in self.responses]
        weights = np.stack(weights)
        blind = weights.sum(axis=1) <= 0
        if blind.any():
            raise UserError(f"{name}: channel {self.names[int(blind.argmax())]} has no response on {bands}")
        return weights / weights.sum(axis=1, keepdims=True)


def plain_name(name: str) -> str:
    """The name of a channel in small letters, without blanks and leading zeros, so that "B02" and "b2" are equal."""
    return re.sub(r"(?<!\d)0+(?=\d)", "", re.sub(r"[\s_]+", "", name.lower()))


def read(path: Path) -> Sensor:
    """The channels in a CSV: intervals if its columns say so, else response curves.

    Intervals have a row for each band and the columns `start` and `end`, or `centre` and perhaps `width` or `fwhm`, and perhaps
    `name`; without widths a band is as wide as the smaller step to its neighbours. Response curves have a column of increasing
    wavelengths and one column of response for each channel. All wavelengths are in nm. Raises UserError for a file of another form.
    """
    header, *rows = read_lines(path)
    columns = [re.sub(r"[_ ]*\(?nm\)?$", "", name.strip().lower()) for name in header.split(",")]
    start, end, centre, width, name = (
        next((alias for alias in aliases if alias in columns), None) for aliases in (START, END, CENTRE, WIDTH, NAME)
    )
    # If other columns stand beside the centres, the centres are the first column of response curves.
    if (start and end) or (centre and set(columns) <= {*CENTRE, *WIDTH, *NAME, "good"}):
        return _intervals(path, columns, rows, [start, end] if start and end else [centre, width], name)
    return Sensor.of_responses(_responses(path, header, rows))


def _intervals(path: Path, columns: list[str], rows: list[str], numbers: list[str | None], name: str | None) -> Sensor:
    values, names = [], []
    for number, row in enumerate(rows, 2):
        if not row.strip():
            continue
        try:
            fields = dict(zip(columns, row.split(","), strict=True))
            values.append([float(fields[column]) for column in numbers if column and fields[column].strip()])
            if not np.isfinite(values[-1]).all() or len(values[-1]) != len(values[0]) or not values[-1]:
                raise ValueError
        except ValueError:
            raise UserError(
                f"{path}, line {number}: the columns {', '.join(columns)} must hold numbers in nm, got {row!r}"
            ) from None
        names.append(fields.get(name, "").strip())
    values = np.array(values)
    if numbers[0] in START:
        bands = Bands(values)
    elif values.shape[1] == 2:
        bands = Bands.from_centres(*values.T)
    else:
        bands = around(values[:, 0])
    return Sensor(tuple(name or interval for name, interval in zip(names, interval_names(bands))), bands)


def interval_names(bands: Bands) -> list[str]:
    """Names for bands without names: their intervals."""
    return [f"{start:g}-{end:g}" for start, end in bands.edges]


def _responses(path: Path, header: str, rows: list[str]) -> list[Channel]:
    names = [name.strip() for name in header.split(",")]
    try:
        table = np.loadtxt(rows, delimiter=",", ndmin=2)
    except ValueError as error:
        raise UserError(f"cannot read the sensor's responses from {path}: {error}") from None
    nm, responses = table[:, 0], table[:, 1:]
    if min(table.shape) < 2 or not np.isfinite(table).all() or (np.diff(nm) <= 0).any() or nm.max() < 100:
        raise UserError(
            f"{path}: the first column must hold increasing wavelengths in nm, and each further column the response of a channel"
        )
    # If the first line has only numbers, the file has no header.
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
        raise UserError(f"{path} has no rows below its header")
    return lines
