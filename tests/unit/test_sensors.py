"""Sensors by name, response curves and bands of the command line, against published intervals and by hand."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ssif import sensors
from ssif.bands import Bands
from ssif.channels import Channel
from ssif.data.indian_pines import read as read_indian_pines
from ssif.errors import UserError
from ssif.instruments import MEASURED, SENSORS
from ssif.sensors import msi_matrix, parse_bands

CAVE = Bands.from_centres(np.arange(400, 701, 10), 10)
AVIRIS = read_indian_pines().bands


def test_nikon_rows_sum_to_one_and_fit_only_cave():
    matrix = msi_matrix("nikon-d700", CAVE)
    assert matrix.shape == (3, 31) and np.allclose(matrix.sum(axis=1), 1)
    # The integer table's sums and a value of each row: R peaks at 610 nm, G at 530, B at 460.
    assert np.allclose(matrix[:, [21, 13, 6]].diagonal() * [255, 203, 251], [22, 21, 30])
    assert matrix.argmax(axis=1).tolist() == [21, 13, 6]
    with pytest.raises(UserError, match="31 bands"):
        msi_matrix("nikon-d700", AVIRIS)


def test_ikonos_channels_see_their_own_interval():
    matrix = msi_matrix("ikonos", AVIRIS)
    assert np.allclose(matrix.sum(axis=1), 1)
    for weights, (low, high) in zip(matrix, parse_bands("ikonos")[0].edges):
        seen = AVIRIS.edges[weights > 0]
        assert seen[:, 1].min() > low and seen[:, 0].max() < high
        assert abs(weights @ AVIRIS.centres - (low + high) / 2) < 6


def test_measured_responses_are_interpolated_and_normalised(tmp_path):
    path = tmp_path / "sensor.csv"
    path.write_text("wavelength_nm,a,b\n400,0,1\n500,1,1\n600,0,0\n")
    bands = Bands.from_centres([450, 500, 550, 700], 10)
    assert np.allclose(msi_matrix(str(path), bands), [[0.25, 0.5, 0.25, 0], [0.4, 0.4, 0.2, 0]])
    with pytest.raises(UserError, match="no response"):
        msi_matrix(str(path), Bands([[800, 810]]))
    path.write_text("wavelength_um,a\n0.4,0\n0.5,1\n")
    with pytest.raises(UserError, match="in nm"):
        msi_matrix(str(path), bands)


def test_an_unknown_sensor_lists_the_known_ones():
    with pytest.raises(UserError, match="known: aviris, desis, emit, enmap, hyperion, ikonos"):
        msi_matrix("spot", CAVE)


@pytest.mark.parametrize(
    ("sensor", "published"),
    [
        (
            "sentinel-2a",
            {"B2": (460, 524), "B3": (543, 577), "B4": (650, 679), "B5": (698, 711), "B6": (734, 747), "B7": (774, 792),
             "B8": (783, 887)},
        ),
        (
            "landsat-8",
            {"B1": (435, 450), "B2": (453, 512), "B3": (533, 590), "B4": (636, 673), "B5": (851, 878), "B6": (1567, 1651),
             "B7": (2108, 2294)},
        ),
        ("worldview-3", {"coastal": (403, 449), "NIR2": (863, 948)}),
        ("ikonos", {"red": (632, 698), "NIR": (757, 853)}),
    ],
)  # fmt: skip
def test_channels_see_their_published_intervals(sensor, published):
    bands, names = parse_bands(sensor)
    found = dict(zip(names, bands.edges))
    for name, interval in published.items():
        assert np.allclose(found[name], interval, atol=1.5), name


@pytest.mark.parametrize(
    ("sensor", "channels"),
    [("sentinel-2b", 13), ("landsat-7", 6), ("landsat-9", 8), ("worldview-2", 8), ("quickbird", 4), ("nikon-d700", 3)],
)
def test_number_of_channels(sensor, channels):
    """Thermal and panchromatic channels are left out: Landsat 7 has six of nine, Landsat 9 eight of eleven."""
    bands, names = parse_bands(sensor)
    assert len(bands) == len(names) == len(set(names)) == channels


@pytest.mark.parametrize("sensor", sorted({"ikonos", "quickbird", "worldview-2", "worldview-3", *MEASURED}))
def test_every_sensor_simulates_an_image_from_aviris(sensor):
    bands, names = parse_bands(sensor)
    matrix = msi_matrix(sensor, AVIRIS)
    assert matrix.shape == (len(names), 200) and np.allclose(matrix.sum(axis=1), 1)
    # The mean wavelength of a channel is near the middle of its interval, except where AVIRIS has no bands.
    near = abs(matrix @ AVIRIS.centres - bands.centres) < np.maximum(6, 0.15 * bands.widths)
    assert near[(bands.centres < 1350) | (bands.centres > 1430)].all()


def test_a_channel_that_the_bands_do_not_reach_is_named():
    with pytest.raises(UserError, match="sentinel-2a: channel B6 has no response on Bands"):
        msi_matrix("sentinel-2a", CAVE)


def test_half_maximum_by_hand():
    nm = np.array([400.0, 410, 420, 430, 440, 450])
    # Half of 8 is reached between 2 and 6 and between 8 and 0; the dip in between is not an end.
    assert Channel("a", nm, np.array([0.0, 2, 6, 3, 8, 0])).half_maximum() == (415, 445)
    # The response is above half from the first row and falls from 10 to 0 in the last step.
    assert Channel("a", nm, np.array([9.0, 10, 10, 10, 10, 0])).half_maximum() == (400, 445)
    assert Channel("a", nm, np.array([0.0, 0, 0, 0, 0, 4])).half_maximum() == (445, 450)
    with pytest.raises(UserError, match="channel a has no response"):
        Channel("a", nm, np.zeros(6)).half_maximum()


def test_nikon_between_its_half_maxima():
    bands, names = parse_bands("nikon-d700")
    # Red: 11 = 22 / 2 at 580 nm, 17 at the table's end; green: from 8 at 490 to 11 at 500; blue: 15 at 420, 16 to 9 past 500.
    assert names == ["red", "green", "blue"]
    expected = [[580, 700], [490 + 10 * 2.5 / 3, 580 + 10 * 0.5 / 4], [420, 500 + 10 / 7]]
    assert np.allclose(bands.edges, expected)


def test_responses_of_a_user(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("nm, blue , red\n400,0,0\n500,1,0\n600,0,4\n700,0,0\n")
    for bands, names in (parse_bands(str(path)), parse_bands(str(path))):
        assert names == ["blue", "red"] and np.allclose(bands.edges, [[450, 550], [550, 650]])


def test_intervals_of_a_user(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("name,Start,END\nred,600,650\n\n,700,800\n")
    bands, names = parse_bands(str(path))
    assert names == ["red", "700-800"] and bands == Bands([[600, 650], [700, 800]])
    path.write_text("end,start\n450,400\n")
    assert parse_bands(str(path))[0] == Bands([[400, 450]])


def test_a_range():
    bands, names = parse_bands("400:700:3")
    assert bands == Bands([[400, 500], [500, 600], [600, 700]]) and names == ["400-500", "500-600", "600-700"]


@pytest.mark.parametrize("sensor", ["ikonos", "sentinel-2a"])
def test_a_sensor_s_name(sensor):
    assert parse_bands(sensor) == parse_bands(sensor)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("spot-5", "unknown bands .*START:STOP:COUNT in nm.* 'spot-5'; known: aviris, desis"),
        ("", "unknown bands"),
        ("400:700", "not START:STOP:COUNT"),
        ("400:700:10:1", "not START:STOP:COUNT"),
        ("blue:700:10", "unknown bands .* 'blue:700'"),
        ("400:700:2.5", r"not START:STOP:COUNT \(two wavelengths"),
        ("700:400:10", "START must be above 0 and below STOP"),
        ("400:400:10", "START must be above 0 and below STOP"),
        ("nan:700:10", "unknown bands"),
        ("5:nan:10", "START must be above 0 and below STOP"),
        ("400:inf:10", "START must be above 0 and below STOP"),
        ("400:700:0", "COUNT must be from 1"),
        ("400:700:10000000000", "COUNT must be from 1 to 10000"),
        ("0.4:0.7:10", "micrometres"),
        ("none.csv", "cannot read none.csv: No such file"),
        ("folder.csv", "cannot read folder.csv: Is a directory"),
    ],
)
def test_a_spec_that_means_nothing(tmp_path, monkeypatch, spec, message):
    monkeypatch.chdir(tmp_path)
    Path("folder.csv").mkdir()
    with pytest.raises(UserError, match=message) as error:
        parse_bands(spec)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no rows"),
        (b"name,start,end\n", "has no rows"),
        (b"\x89PNG\r\n\x1a\n\x00\xff\xfe", "it is not text"),
        (b"\x00\x01\n\x02\x03\n", "cannot read the sensor's responses"),
        (b"start,end\n400,blue\n", "line 2: the columns start, end must hold numbers in nm, got '400,blue'"),
        (b"start,end\n400,450\n400\n", "line 3: the columns start, end"),
        (b"start,end\n450,400\n", "band 0 is"),
        (b"start,end\n0.45,0.5\n", "micrometres"),
        (b"start,end\n400,nan\n", "line 2: the columns start, end must hold numbers in nm"),
        (b"centre,width\n400,10\n500,\n", "line 3: the columns centre, width"),
        (b"nm,a\n400,1\n", "the first column must hold increasing wavelengths"),
        (b"nm,a\n400,1\n400,1\n", "the first column must hold increasing wavelengths"),
        (b"nm,a\n400,1\n410,nan\n", "the first column must hold increasing wavelengths"),
        (b"nm\n400\n410\n", "each further column the response of a channel"),
        (b"nm,a\n0.4,1\n0.5,1\n", "in nm"),
        (b"nm,a\n400,1\n410,x\n", "cannot read the sensor's responses"),
        (b"nm,a\n400,1,2\n410,1,2\n", "the first line must name each of the 3 columns, got 'nm,a'"),
        (b"390,0\n400,1\n410,0\n", "the first line must name each"),
        (b"nm,a,b\n400,1,0\n410,1,0\n", "channel b has no response"),
    ],
)
def test_a_csv_that_means_nothing(tmp_path, content, message):
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message) as error:
        parse_bands(str(path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ("sentinel-2a:B2,B3,B4,B8", ["B2", "B3", "B4", "B8"]),
        ("sentinel-2a:B8A,b04", ["B8A", "B4"]),
        ("landsat-8:2-5", ["B2", "B3", "B4", "B5"]),
        ("worldview-3:Red Edge, 1", ["red edge", "coastal"]),
        ("enmap:224", ["B224"]),
    ],
)
def test_some_channels_of_a_sensor_in_the_order_that_is_asked_for(spec, names):
    whole, found = sensors.parse_sensor(spec.partition(":")[0]), sensors.parse_sensor(spec)
    assert list(found.names) == names
    places = [whole.names.index(name) for name in names]
    assert np.array_equal(found.bands.edges, whole.bands.edges[places])
    if whole.responses:
        assert found.responses == tuple(whole.responses[place] for place in places)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("ikonos:cyan", "no channel is called 'cyan'; known: red, green, blue, NIR, or numbers from 1 to 4"),
        ("ikonos:0", "no channel is called '0'"),
        ("ikonos:3-5", "no channel is called '3-5'"),
        ("ikonos:3-2", "no channel is called '3-2'"),
        ("ikonos:", "no channel is called ''"),
        ("ikonos:red,1", "'red,1' names a channel twice"),
        ("spot:B2", "unknown bands .* 'spot'"),
    ],
)
def test_channels_that_a_sensor_does_not_have(spec, message):
    with pytest.raises(UserError, match=message):
        parse_bands(spec)


def test_a_subset_simulates_an_image_of_its_channels():
    whole = msi_matrix("sentinel-2a", AVIRIS)
    assert np.array_equal(msi_matrix("sentinel-2a:B4,B2", AVIRIS), whole[[3, 1]])


def test_one_form_of_csv_for_bands_and_for_an_input(tmp_path):
    """Intervals by their ends and by centre and width, with and without widths, and channels of a file."""
    path = tmp_path / "mine.csv"
    wanted = Bands([[440, 460], [480, 520]])
    for text in (
        "name,start,end\nA1,440,460\nA2,480,520\n",
        "centre_nm,fwhm_nm,name\n450,20,A1\n500,40,A2\n",
        "band,wavelength (nm),width\nA1,450,20\nA2,500,40\n",
    ):
        path.write_text(text)
        assert parse_bands(str(path)) == (wanted, ["A1", "A2"])
        assert parse_bands(f"{path}:A2,1") == (Bands(wanted.edges[::-1]), ["A2", "A1"])
        assert np.allclose(
            msi_matrix(str(path), Bands([[440, 450], [450, 460], [480, 520]])), [[0.5, 0.5, 0], [0, 0, 1]]
        )
    path.write_text("wavelength\n450\n500\n560\n")
    assert parse_bands(str(path))[0] == Bands([[425, 475], [475, 525], [530, 590]])


@pytest.mark.parametrize(
    ("sensor", "count", "low", "high"),
    [("enmap", 224, 415, 2450), ("aviris", 224, 361, 2502), ("prisma", 239, 398, 2507), ("emit", 285, 376, 2498),
     ("desis", 235, 400, 1002), ("hyperion", 242, 350, 2583), ("pace-oci", 117, 340, 2298)],
)  # fmt: skip
def test_imaging_spectrometers_have_their_number_of_bands(sensor, count, low, high):
    bands, names = parse_bands(sensor)
    assert len(bands) == len(set(names)) == count
    assert bands.edges.min() == pytest.approx(low, abs=1) and bands.edges.max() == pytest.approx(high, abs=1)


def test_hyperion_has_its_published_centres():
    """Bands 8 and 57, 77 and 224, the ends of its calibrated bands."""
    centres = parse_bands("hyperion")[0].centres
    assert np.allclose(centres[[7, 56, 76, 223]], [426.82, 925.41, 912.45, 2395.50], atol=0.1)


def test_a_csv_from_a_spreadsheet(tmp_path):
    """A file with a byte order mark and the line ends of another system."""
    path = tmp_path / "mine.csv"
    path.write_bytes("name,start,end\r\nred,600,650\r\n".encode("utf-8-sig"))
    assert parse_bands(str(path)) == (Bands([[600, 650]]), ["red"])


def command(*arguments: str, absent: str = "") -> subprocess.CompletedProcess:
    """Run the `ssif` command in a process that cannot import the package `absent`."""
    script = f"import sys\nsys.modules[{absent!r}] = None\nfrom ssif.cli import main\nmain()"
    return subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True)


def test_the_sensors_are_listed():
    lines = command("sensors").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(SENSORS)
    assert "13 channels" in lines[5] and "433-2286 nm" in lines[5] and "pyrsr" in lines[5]


def test_without_pyrsr_the_others_are_listed_and_the_way_to_it():
    lines = command("sensors", absent="pyrsr").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(SENSORS)
    assert sum("pip install ssif-bench[sensors]" in line for line in lines) == len(MEASURED)
    refused = command("bands", "landsat-8", absent="pyrsr")
    assert refused.returncode == 1 and refused.stderr.count("\n") == 1
    assert refused.stderr.startswith("error: landsat-8 needs the package pyrsr")
    assert command("bands", "ikonos", absent="pyrsr").stdout.splitlines()[1].split()[:4] == [
        "0",
        "red",
        "632.00",
        "698.00",
    ]


def test_bands_are_listed_with_their_middle_and_width():
    lines = sensors.listing(sensors.parse_sensor("400:700:3")).splitlines()
    assert lines[0].split() == ["name", "start", "end", "centre", "width", "nm"]
    assert lines[2].split() == ["1", "500-600", "500.00", "600.00", "550.00", "100.00"]
    assert command("bands", "400:700:3").stdout == "\n".join(lines) + "\n"
