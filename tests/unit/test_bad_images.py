"""Bad input: one clear line that names the file, nothing half-written, no memory for what a broken file claims."""

import json
import os
import re
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
import torch

from ssif.bands import Bands
from ssif.checkpoint import described, save_weights
from ssif.errors import UserError
from ssif.formats import create_image, mat5, matlab, open_image
from ssif.formats.header import Header
from ssif.nets.ssif import SSIF
from tests.linux import needs_proc
from tests.predicting import SIZES

WHOLE = ("a.hdr", "a.img", "a.tif", "a.mat", "a73.mat", "a.h5", "a.npy", "a.npz", "a.png", "a.jpg", "a.bmp")
RGB = Bands([[400, 500], [500, 600], [600, 700]])
GIB = 2**30


def write(path, bands=RGB, **change):
    pictured = path.suffix in (".png", ".jpg", ".bmp")
    header = Header(40, 50, 3, "uint8") if pictured else Header(40, 50, 3, "float32", bands, **change)
    values = np.random.default_rng(0).random((40, 50, 3)).astype(np.float32)
    with create_image(path, header) as target:
        target(255 * values if pictured else values)
    return path


def refused(path, message, **arguments):
    """Opening or reading `path` is a UserError of one line that begins with its data file's or its own name."""
    with pytest.raises(UserError) as raised, open_image(path, **arguments) as image:
        image.read(slice(0, image.header.height), slice(0, image.header.width))
    text = str(raised.value)
    assert str(path.with_suffix("")) in text and "\n" not in text
    assert re.search(message, text), text


@pytest.fixture
def limited():
    """Memory for 1 GiB more than there is."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + GIB, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.parametrize("name", WHOLE)
def test_an_empty_torn_or_missing_file_and_a_directory(tmp_path, name, monkeypatch):
    path = tmp_path / name
    monkeypatch.setattr(matlab, "LARGEST_V5", 0 if name == "a73.mat" else matlab.LARGEST_V5)
    refused(path, "does not exist$")
    path.mkdir()
    refused(path, "is a directory, not an image$")
    path.rmdir()
    data = write(path) if name != "a.hdr" else write(path).with_suffix(".img")
    content = data.read_bytes()
    for size in (len(content) - len(content) // 4, len(content) // 2, 0):
        data.write_bytes(content[:size])
        refused(path, ".")


def test_broken_letters_in_a_tag_print_nothing_else(tmp_path):
    path = write(tmp_path / "a.tif")
    content = path.read_bytes()
    assert content.count(b"<Item ") > 5
    path.write_bytes(content.replace(b"<Item ", b"<I\xf4em ", 1))
    done = ssif("info", path)
    assert "Error" not in done.stderr and "ignored" not in done.stderr and len(done.stderr.splitlines()) <= 1


@pytest.mark.parametrize("name", ["a.h5", "a.npy", "a.png", "a.mat", "a.tif"])
def test_a_file_of_somebody_else(name):
    # Not in tmp_path, which is the user's alone.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = write(Path(folder, name))
        path.chmod(0)
        user = os.geteuid()
        if user == 0:  # root may read everything, so that it is nobody for a moment
            os.seteuid(65534)
        try:
            refused(path, "[Pp]ermission denied$")
        finally:
            os.seteuid(user)


def test_a_text_in_place_of_an_image(tmp_path):
    for name in WHOLE:
        path = tmp_path / name
        path.write_text("ENVI is not what this is\n" * 100)
        refused(path, ".")


@pytest.mark.parametrize(
    ("said", "instead", "message"),
    [
        ("lines = 40", "lines = 41", r"41 x 50 x 3 values of float32 make 24600 bytes, but the file has 24000$"),
        ("samples = 50", "samples = 5000000", "Image file is too small$"),
        ("lines = 40", "lines = 39", r"make 23400 bytes, but the file has 24000$"),
        ("bands = 3", "bands = 2", "3 wavelengths for 2 bands$"),
        ("bands = 3", "bands = 99999999", "."),
        ("data type = 4", "data type = 12", r"values of uint16 make 12000 bytes, but the file has 24000$"),
        ("data type = 4", "data type = 77", "."),
        ("data type = 4", "data type = 6", "values are of type complex64, but must be integers or real numbers$"),
        ("lines = 40", "lines = -40", "."),
        ("header offset = 0", "header offset = 24", "make 24024 bytes, but the file has 24000$"),
        ("Nanometers", "Parsec", "unknown unit of wavelengths 'Parsec'; known: nanometers, micrometers$"),
    ],
)
def test_an_envi_header_that_lies(tmp_path, said, instead, message):
    path = write(tmp_path / "a.hdr")
    text = re.sub(r" +=", " =", path.read_text())
    assert said in text
    path.write_text(text.replace(said, instead))
    refused(path, message)


@pytest.mark.parametrize("name", ["a.h5", "a.npz", "a.npy"])
@pytest.mark.parametrize(
    ("wavelengths", "widths", "unit", "message"),
    [
        ([450, 550, 0.65], None, None, "wavelengths from 0.65 to 550 mix nanometres and micrometres$"),
        ([0.45, 0.55, 0.65], None, "nanometers", "wavelengths from 0.45 to 0.65 cannot be in nanometers$"),
        ([450, 550, 650], None, "micrometers", "wavelengths from 450 to 650 cannot be in micrometers$"),
        ([450, 450, 650], None, "nm", "band widths are missing and cannot be computed from equal wavelengths$"),
        ([450, 550], [10, 10], "nm", "2 wavelengths for 3 bands$"),
        ([450, 550, 650], [10, 10], "nm", "each of the 3 bands needs a positive width"),
        ([450, 550, 650], [10, -10, 10], "nm", "band widths must be positive, got"),
        ([450, np.nan, 650], None, "nm", "wavelengths must be positive"),
    ],
)
def test_wavelengths_that_make_no_sense(tmp_path, name, wavelengths, widths, unit, message):
    fields = {"wavelengths": wavelengths, "widths": widths, "wavelength_units": unit}
    fields = {key: value for key, value in fields.items() if value is not None}
    path, cube = tmp_path / name, np.zeros((4, 5, 3), np.float32)
    if name == "a.h5":
        with h5py.File(path, "w") as file:
            file["cube"] = cube
            file["cube"].attrs.update(fields)
    elif name == "a.npz":
        np.savez(path, cube=cube, **fields)
    else:
        np.save(path, cube)
        path.with_suffix(".json").write_text(json.dumps(fields))
    refused(path, message)


def test_scales_of_another_number_of_bands(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((4, 5, 3), np.uint16))
    path.with_suffix(".json").write_text(json.dumps({"scale_factor": [1, 2]}))
    refused(path, "2 scales for 3 bands$")


@needs_proc
def test_bombs_are_refused_before_they_burst(tmp_path, limited):
    """Small files that claim, or unpack to, many GiB."""
    bomb = tmp_path / "one_chunk.h5"
    with h5py.File(bomb, "w") as file:
        file.create_dataset("cube", (2**13, 2**13, 32), "f4", chunks=(2**13, 2**13, 15), compression="gzip")
    refused(bomb, "a chunk of it takes 3.8 GiB in memory at once")
    bomb = tmp_path / "field.h5"
    with h5py.File(bomb, "w") as file:
        file["cube"] = np.zeros((2, 3, 4))
        file.create_dataset("wavelengths", (4,), "f8", chunks=(2**29,), maxshape=(None,), compression="gzip")
    refused(bomb, "a chunk of it takes 4.0 GiB in memory at once")

    head = b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little")
    head += b"{'descr': '<f4', 'fortran_order': False, 'shape': (60000, 60000, 3)}".ljust(117) + b"\n"
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("cube.npy", head + bytes(2**26))
    refused(tmp_path / "a.npz", "cube takes 40.2 GiB in memory at once")
    (tmp_path / "a.npy").write_bytes(head + bytes(2**10))
    refused(tmp_path / "a.npy", "is not a whole .npy file")

    small = tmp_path / "small.mat"
    scipy.io.savemat(small, {"cube": np.zeros((2, 3, 4))})
    content = small.read_bytes()
    sizes = np.int32([2, 3, 4]).tobytes()
    claimed = content.replace(sizes, np.int32([50000, 50000, 4]).tobytes())
    (tmp_path / "claims.mat").write_bytes(claimed)
    refused(tmp_path / "claims.mat", "cube takes 74.5 GiB in memory at once")
    packed = zlib.compress(claimed[128:] + bytes(2**26))
    (tmp_path / "packed.mat").write_bytes(content[:128] + np.uint32([15, len(packed)]).tobytes() + packed)
    assert mat5.variables(tmp_path / "packed.mat")["cube"].shape == (50000, 50000, 4)
    refused(tmp_path / "packed.mat", "cube takes 74.5 GiB in memory at once")


@pytest.mark.parametrize("name", ["a.h5", "a.nc"])
def test_a_broken_heap_ends_in_time(tmp_path, name):
    """HDF5 itself would loop forever over an object of no size, which here is the first or a later one."""
    path = write(tmp_path / name, names=("r", "g", "b"))
    content = path.read_bytes()
    heap = content.index(b"GCOL")
    for first in (heap + 16, heap + 16 + 16 + 8):
        path.write_bytes(content[:first] + bytes(48) + content[first + 48 :])
        refused(path, rf"is not a whole \{path.suffix} file \(a global heap is broken\)$")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    network = SSIF(3, variant="RF-UF", **SIZES)
    path = tmp_path_factory.mktemp("weights") / "w.safetensors"
    card = {"msi": "a camera", "wavelengths": [400.0, 700.0], "input_bands": RGB.edges.tolist()}
    save_weights(network, path, described(network, card))
    return path


def ssif(*arguments, **options):
    command = [sys.executable, "-m", "ssif.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, **options)


def small_disk():
    """Files of at most 100 kB, as a full disk has it: writing more raises EFBIG."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))


def test_a_full_disk_is_one_line_and_leaves_no_output(tmp_path, weights):
    source = write(tmp_path / "a.npy")
    there = sorted(tmp_path.iterdir())
    done = ssif("predict", source, tmp_path / "b.tif", "--weights", weights, "--scale", 2, "--bands", "400:700:10",
                preexec_fn=small_disk)  # fmt: skip
    assert done.returncode == 1
    assert re.fullmatch(r"error: the disk is full \(.*\); finished files are whole", done.stderr.splitlines()[-1])
    assert "Traceback" not in done.stderr
    # The work so far stays, to go on from.
    assert sorted(tmp_path.iterdir()) == sorted([*there, tmp_path / "b.tif.part"])


WRITER = """
import sys
import numpy as np
from ssif.errors import exit_cleanly
from ssif.formats import create_image, matlab
from ssif.formats.header import Header

@exit_cleanly
def main(path):
    with create_image(path, Header(200, 300, 3, "float32")) as write:
        write(np.random.default_rng(0).random((200, 300, 3)))

whole = matlab.LARGEST_V5
for path in sys.argv[1:]:
    matlab.LARGEST_V5 = 0 if path.endswith("a73.mat") else whole
    try:
        main(path)
    except SystemExit as end:
        print(end.code, file=sys.stderr)
"""


def test_a_disk_that_fills_up_while_a_file_is_written(tmp_path):
    """HDF5 might speak up at the end of the process."""
    paths = [str(tmp_path / name) for name in ("a.hdr", "a.tif", "a.mat", "a73.mat", "a.h5", "a.npy", "a.npz")]
    command = [sys.executable, "-c", WRITER, *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=True, preexec_fn=small_disk)
    said = done.stderr.splitlines()
    assert len(said) == len(paths) and not list(tmp_path.iterdir())
    assert all(re.fullmatch(r"error: the disk is full \(.*\); finished files are whole", line) for line in said)


def test_the_command_line_says_one_line_and_fails(tmp_path, weights):
    source = write(tmp_path / "a.h5")
    source.write_bytes(source.read_bytes()[:2000])
    there = sorted(tmp_path.iterdir())
    done = ssif("predict", source, tmp_path / "b.tif", "--weights", weights, "--bands", "400:700:10")
    assert done.returncode == 1 and done.stdout == ""
    assert re.fullmatch(rf"error: {source}: is not a whole \.h5 file \(.*\)\n", done.stderr)
    assert sorted(tmp_path.iterdir()) == there


def test_a_reader_that_stops_early_is_no_error():
    if not shutil.which("head"):
        pytest.skip("needs head")
    command = f"{shlex.quote(sys.executable)} -m ssif.cli bands 400:700:9000 | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert "name" in done.stdout and done.stderr == "" and done.returncode in (0, 141)
