"""Sensors by name, bands as a user writes them, and which bands of an image feed a network."""

import builtins
import re

import numpy as np
import pytest

from ssif import band_spec, sensors
from ssif.band_spec import parse_bands
from ssif.bands import Bands
from ssif.errors import UserError
from ssif.matching import channel_matrix, described
from ssif.sensors import MEASURED, SENSORS, msi_matrix, sensor_bands

AVIRIS = Bands.from_centres(np.arange(400, 2500, 10), 10)

# Half-maximum intervals in nm, published with the responses.
PUBLISHED = {
    "sentinel-2a": {"B2": (460, 524), "B3": (543, 577), "B4": (650, 679), "B5": (698, 711), "B6": (734, 747),
                    "B7": (774, 792), "B8": (783, 887)},
    "landsat-8": {"B1": (435, 450), "B2": (453, 512), "B3": (533, 590), "B4": (636, 673), "B5": (851, 878),
                  "B6": (1567, 1651), "B7": (2108, 2294)},
}  # fmt: skip


@pytest.mark.parametrize("sensor", PUBLISHED)
def test_measured_responses_have_their_published_widths(sensor):
    bands, names = sensor_bands(sensor)
    for name, interval in PUBLISHED[sensor].items():
        assert np.abs(bands.edges[names.index(name)] - interval).max() < 1.5, name


@pytest.mark.parametrize("sensor", SENSORS)
def test_every_sensor_has_channels_and_simulates_them(sensor):
    bands, names = sensor_bands(sensor)
    assert len(bands) == len(names) == len(set(names))
    source = Bands.from_centres(np.arange(400, 701, 10), 10) if sensor == "nikon-d700" else AVIRIS
    matrix = msi_matrix(sensor, source)
    assert matrix.shape == (len(bands), len(source)) and np.allclose(matrix.sum(axis=1), 1) and matrix.min() >= 0
    seen = matrix @ source.centres
    assert (np.abs(seen - bands.centres) < np.maximum(8, 0.2 * bands.widths)).all()


def test_without_pyrsr_the_others_remain(monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name == "pyrsr":
            raise ImportError
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    for sensor in MEASURED:
        with pytest.raises(UserError, match=rf"responses of {sensor} are in the package pyrsr: pip install"):
            sensor_bands(sensor)
    text = sensors.listed()
    assert "worldview-3   8 channels, 403-948 nm" in text and text.count("pip install") == len(MEASURED)


def test_half_maximum_of_a_users_responses(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("nm,a, b\n400,0,1\n410,2,1\n420,2,0\n430,0,0\n")
    bands, names = parse_bands(str(path))
    assert names == ["a", "b"] and np.allclose(bands.edges, [[405, 425], [395, 415]])


def test_intervals_of_a_csv(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("name, start,end\nviolet, 400, 430.5\nred,600,700\n")
    bands, names = parse_bands(str(path))
    assert names == ["violet", "red"] and bands == Bands([[400, 430.5], [600, 700]])
    assert band_spec.listed(bands, names).splitlines()[1].split() == [
        "1",
        "violet",
        "400.00",
        "430.50",
        "415.25",
        "30.50",
    ]
    path.write_text("start,end\n400,430\n")
    assert parse_bands(str(path)) == (Bands([[400, 430]]), [])


def test_a_range():
    assert parse_bands("400:700:3") == (Bands([[400, 500], [500, 600], [600, 700]]), [])


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("spot", "'spot' is no bands: want a sensor (ssif sensors), a CSV"),
        ("", "'' is no bands"),
        ("400:700", "'400:700' is no bands"),
        ("a:700:3", "START, STOP and COUNT are numbers"),
        ("700:400:3", "want START below STOP"),
        ("400:700:0", "a whole COUNT of at least 1"),
        ("400:700:2.5", "a whole COUNT"),
        ("400:inf:2", "want START below STOP"),
        ("nan:700:2", "want START below STOP"),
        ("400:700:1e9", "at most 10000 bands"),
        ("0.4:0.7:3", "look like micrometres"),
        ("-100:700:3", "a band needs 0 < start < end"),
        ("none.csv", "cannot read bands from none.csv"),
        (".csv", "cannot read bands from"),
    ],
)
def test_a_spec_that_is_none(spec, message):
    with pytest.raises(UserError, match=re.escape(message)):
        parse_bands(spec)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "want increasing wavelengths"),
        (b"start,end\n", "bands are C >= 1 rows"),
        (b"start,end\n400\n", "float() argument must be"),
        (b"start,end\n400,x\n", "could not convert"),
        (b"start,end\n500,400\n", "a band needs 0 < start < end"),
        (b"start,end\n0.4,0.5\n", "look like micrometres"),
        (b"nm,a\n400,1\n", "want increasing wavelengths"),
        (b"nm,a\n400,0\n410,0\n", "a channel has no response"),
        (b"nm,a\n400,nan\n410,0\n", "one that is not finite"),
        (b"\xff\xfe\x00\x01", "cannot read bands from"),
    ],
)
def test_a_csv_that_is_none(tmp_path, text, message):
    (tmp_path / "mine.csv").write_bytes(text)
    with pytest.raises(UserError, match=re.escape(message)):
        parse_bands(str(tmp_path / "mine.csv"))
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(UserError, match="cannot read bands from"):
        parse_bands(str(tmp_path / "folder.csv"))


# --- matching

IKONOS, _ = sensor_bands("ikonos")


def test_a_sentinel_tile_fits_weights_of_ikonos():
    found, names = sensor_bands("sentinel-2a")
    matrix = channel_matrix(found, IKONOS)
    taken = [[names[band] for band in np.flatnonzero(row)] for row in matrix]
    assert taken[:3] == [["B4"], ["B3"], ["B2"]] and "B8" in taken[3]
    assert np.allclose(matrix.sum(axis=1), 1)


def test_the_sensors_own_bands_are_taken_one_by_one_though_they_overlap():
    quickbird, _ = sensor_bands("quickbird")
    assert np.array_equal(channel_matrix(quickbird, quickbird), np.eye(4))


def test_many_narrow_bands_are_averaged():
    matrix = channel_matrix(AVIRIS, Bands([[500, 530]]))
    assert np.allclose(matrix[0][AVIRIS.edges[:, 0] == 505], 1 / 3)
    assert described(matrix, AVIRIS, Bands([[500, 530]])) == [
        "channel 1 (500-530 nm) takes the mean of bands 11 (495-505 nm), 12 (505-515 nm), 13 (515-525 nm), 14 (525-535 nm)"
    ]


def test_a_band_at_the_edge_of_a_channel_does_not_stand_for_it():
    with pytest.raises(UserError, match=r"no band of the image fits 600-700 nm: .* the image has 500-610 nm$"):
        channel_matrix(Bands([[500, 610]]), Bands([[600, 700]]))
    with pytest.raises(UserError, match=r"400-410, 410-420, 420-430, 430-440, \.\.\. \(10 bands\) nm"):
        channel_matrix(Bands.from_centres(np.arange(405, 505, 10), 10), Bands([[600, 700]]))
