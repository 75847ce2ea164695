"""Headers that are long, odd or of another program's habits."""

import json
import re

import h5py
import numpy as np
import pytest
import rasterio
import scipy.io
import spectral
from PIL import ExifTags
from PIL import Image as Picture
from rasterio.control import GroundControlPoint

from ssif.bands import Bands
from ssif.errors import UserError
from ssif.formats import create_image, open_image
from ssif.formats.header import Header
from ssif.formats.matlab import read_mat
from ssif.sensors import parse_bands
from ssif.tool.about import about

CUBES = ("a.hdr", "a.tif", "a.mat", "a.h5", "a.npy", "a.npz")


def write(path, header: Header, value: float = 0.5) -> Header:
    """The header of an image written with this one, and read."""
    with create_image(path, header) as target:
        target(np.full((header.height, header.width, header.count), value, np.float32))
    with open_image(path) as image:
        assert np.allclose(image.read(slice(0, header.height), slice(0, header.width)), value)
        return image.header


@pytest.mark.parametrize("name", CUBES)
@pytest.mark.parametrize("count", [1500, 4000])
def test_thousands_of_bands(tmp_path, name, count):
    bands, names = parse_bands(f"400:700:{count}")
    header = Header(2, 3, count, "uint16", bands, tuple(names), scale=1e-4, offset=-0.1, provenance="by a test")
    found = write(tmp_path / name, header)
    assert np.allclose(found.bands.edges, bands.edges, atol=1e-6) and found.names == header.names
    assert (found.scale, found.offset, found.provenance) == (1e-4, -0.1, "by a test")


CENTRES, VALUES = np.array([500.0, 520.0, 560.0]), np.arange(18).reshape(2, 3, 3)


def theirs(path, values: np.ndarray, **said) -> None:
    """A cube as another program writes it, in the byte order of `values`, with what is `said` of it."""
    swapped = values.dtype.byteorder == ">"
    match path.suffix:
        case ".hdr":
            metadata = {key.replace("_", " "): value for key, value in said.items()}
            metadata["wavelength"] = metadata.pop("wavelengths")
            spectral.envi.save_image(str(path), values, byteorder=int(swapped), metadata=metadata, ext=".img")
        case ".tif":
            profile = {"driver": "GTiff", "height": 2, "width": 3, "count": 3, "dtype": values.dtype.newbyteorder("=")}
            with rasterio.open(path, "w", **profile, ENDIANNESS="BIG" if swapped else "LITTLE") as target:
                target.write(values.transpose(2, 0, 1).astype(profile["dtype"]))
                for i, centre in enumerate(said["wavelengths"], start=1):
                    target.update_tags(i, wavelength=centre, wavelength_units=said["wavelength_units"])
        case ".mat":
            scipy.io.savemat(path, {"cube": values} | said)
        case ".h5":
            with h5py.File(path, "w") as file:
                file["cube"] = values
                file["cube"].attrs.update(said)
        case ".npz":
            np.savez(path, cube=values, **said)
        case ".npy":
            np.save(path, values)
            path.with_suffix(".json").write_text(json.dumps(said | {"wavelengths": list(said["wavelengths"])}))


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("name", CUBES)
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("unit", "factor"), [("Nanometers", 1), ("Micrometers", 1000)])
def test_a_cube_of_another_program_without_widths(tmp_path, name, order, unit, factor):
    theirs(tmp_path / name, VALUES.astype(f"{order}u2"), wavelengths=CENTRES / factor, wavelength_units=unit)
    with open_image(tmp_path / name) as image:
        assert np.allclose(image.header.bands.edges, [[490, 510], [510, 530], [540, 580]])
        assert image.header.unit == ("nm" if factor == 1 else "µm")
        assert (
            "the file has no band widths, so each band is as wide as the smaller step to its neighbours"
            in image.header.notes
        )
        assert np.array_equal(image.read(slice(0, 2), slice(0, 3)), VALUES)


@pytest.mark.parametrize("name", CUBES)
def test_odd_names(tmp_path, name):
    header = Header(
        2, 3, 2, "float32", names=("é = {a, b};", "red  edge\n2"), provenance="as {it} is, = é\nin two lines"
    )
    found = write(tmp_path / name, header)
    if name != "a.hdr":
        assert (found.names, found.provenance) == (header.names, header.provenance)
    else:
        # ENVI's lists have no way to write these.
        assert found.names == ("é = a b ;", "red edge 2") and found.provenance == "as it is, = é in two lines"


@pytest.mark.filterwarnings("ignore:Parameters with non-lowercase names")
def test_an_envi_header_by_hand(tmp_path):
    np.arange(12, dtype=np.uint8).tofile(tmp_path / "a.dat")
    text = """ENVI
; wavelength = {1, 2}
description = {
  two
  lines, = }
Samples = 3
lines=2
bands   = 2
data type = 1
byte order = 0
interleave = bsq
Wavelength Units = Nanometers
wavelength = {
; not this
 500.5,
 600 }
FWHM = {10, 20}
sensor  type = Unknown
"""
    (tmp_path / "a.hdr").write_bytes(text.replace("\n", "\r\n").encode())
    with open_image(tmp_path / "a.dat") as image:
        assert np.allclose(image.header.bands.edges, [[495.5, 505.5], [590, 610]])
        assert image.header.provenance == "two lines, ="
        assert np.array_equal(image.read(slice(0, 2), slice(0, 3))[..., 1], [[6, 7, 8], [9, 10, 11]])
    theirs = spectral.envi.open(str(tmp_path / "a.hdr"))
    assert theirs.bands.centers == [500.5, 600] and theirs.bands.bandwidths == [10, 20]
    (tmp_path / "a.hdr").write_text(text.partition(" 600 }")[0])
    with pytest.raises(UserError, match=r"a\.hdr is torn: the list of wavelength has no end"):
        open_image(tmp_path / "a.dat")


def test_decreasing_and_overlapping_wavelengths_are_read_and_said(tmp_path):
    bands = Bands([[600, 700], [480, 610], [400, 500]])
    with create_image(tmp_path / "a.tif", Header(2, 3, 3, "float32", bands)) as target:
        target(np.zeros((2, 3, 3), np.float32))
    with open_image(tmp_path / "a.tif") as image:
        assert np.allclose(image.header.bands.edges, bands.edges)
        assert image.header.notes == (
            "the wavelengths do not increase; the bands keep the order of the file",
            "bands overlap; each keeps its own interval",
        )


@pytest.mark.parametrize(("data", "header"), [("A.IMG", "A.HDR"), ("a.b.rfl", "a.b.rfl.hdr"), ("a", "a.hdr")])
def test_envi_files_of_any_name(tmp_path, data, header):
    with create_image(tmp_path / "x.img", Header(2, 3, 1, "uint8")) as target:
        target(np.full((2, 3, 1), 7, np.float32))
    (tmp_path / "x.img").rename(tmp_path / data)
    (tmp_path / "x.hdr").rename(tmp_path / header)
    for name in (data, header):
        with open_image(tmp_path / name) as image:
            assert (image.read(slice(0, 2), slice(0, 3)) == 7).all()


@pytest.mark.parametrize("scale", [0, np.nan, np.inf, [1, 0]])
def test_a_scale_of_nothing(tmp_path, scale):
    with pytest.raises(UserError, match="the scale factor must be finite and not 0"):
        Header(2, 3, 2, "uint16", scale=scale)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["cube"] = np.ones((2, 3, 2), np.uint16)
        file["cube"].attrs["scale_factor"] = scale
    with pytest.raises(
        UserError, match=rf"{re.escape(str(tmp_path / 'a.h5'))}: the scale factor must be finite and not 0"
    ):
        open_image(tmp_path / "a.h5")


def test_text_that_no_encoding_has(tmp_path):
    """MATLAB keeps text as UTF-16, half a pair of which is no letter."""
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
        file["cube"] = np.ones((2, 3, 2))
        for name in ("crs", "provenance"):
            file[name] = np.array([[0xD800], [0x41]], np.uint16)
            file[name].attrs["MATLAB_class"] = np.bytes_("char")
    np.save(tmp_path / "b.npy", np.ones((2, 3, 2)))
    (tmp_path / "b.json").write_text(json.dumps({"crs": "\ud800A", "provenance": "\ud800A"}))
    for name in ("a.mat", "b.npy"):
        with open_image(tmp_path / name) as image:
            assert image.header.provenance == "?A"
        with pytest.raises(UserError, match="the coordinate reference system is not WKT"):
            about(tmp_path / name)


def test_texts_of_somebody_else_do_nothing_to_a_terminal(tmp_path):
    np.savez(tmp_path / "a.npz", **{"one\n\x1b[2J": np.ones((2, 3, 2)), "two": np.ones((2, 3, 2))})
    with pytest.raises(UserError, match=r"arrays found: one \[2J \[2, 3, 2\], two \[2, 3, 2\]$"):
        open_image(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", cube=np.ones((2, 3, 1)), provenance="made\r\n\x1b[2Jby me", wavelengths=[500], widths=[9],
             band_names=["a\nb"])  # fmt: skip
    described = about(tmp_path / "b.npz")
    assert "provenance: made [2Jby me" in described.splitlines() and "band 1 a b: 495.5-504.5" in described


def test_axes_in_another_order(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["cube"] = np.ones((4, 30, 20))
        file["cube"].attrs["wavelengths"] = [400, 500, 600, 700]
    with pytest.raises(
        UserError, match=r"the axes \[4, 30, 20\] look like \[bands, height, width\]; save the array as \[height, "
    ):
        open_image(tmp_path / "a.h5")


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_ground_control_points_are_said_to_be_lost(tmp_path):
    with rasterio.open(tmp_path / "a.tif", "w", driver="GTiff", height=2, width=3, count=1, dtype="uint8") as target:
        points = [GroundControlPoint(row, column, 5 + column, 50 - row) for row, column in ((0, 0), (0, 3), (2, 0))]
        target.gcps = points, rasterio.CRS.from_epsg(4326)
    with open_image(tmp_path / "a.tif") as image:
        assert image.header.transform is None
        assert [line for line in image.header.notes if line.startswith("ground control points")]


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_a_camera_that_was_turned_is_said(tmp_path, name):
    picture = Picture.new("RGB", (8, 8))
    exif = picture.getexif()
    for orientation in (1, 6):
        exif[ExifTags.Base.Orientation] = orientation
        picture.save(tmp_path / name, exif=exif)
        with open_image(tmp_path / name) as image:
            assert any("EXIF" in line for line in image.header.notes) == (orientation == 6)
    content = (tmp_path / name).read_bytes()
    assert b"\x00\x2a" in content
    if name == "a.jpg":  # PNG has a checksum
        (tmp_path / name).write_bytes(content.replace(b"\x00\x2a\x00\x00\x00\x08", b"\x00\x2a\xff\xff\xff\xff"))
        with open_image(tmp_path / name) as image:
            assert (image.read(slice(0, 8), slice(0, 8)) == 0).all()


@pytest.mark.parametrize(("name", "kept"), [("a.png", True), ("a.jpg", True), ("a.bmp", False)])
def test_pictures_say_where_they_come_from(tmp_path, name, kept):
    header = Header(8, 8, 3, "uint8", provenance="ssif predict 'é, ü.tif'")
    assert write(tmp_path / name, header, 100).provenance == header.provenance * kept


@pytest.mark.parametrize("name", ["a.h5", "a.mat"])
def test_values_in_other_files_are_not_read(tmp_path, name):
    """Of somebody's HDF5 file that points at a file of the reader's own."""
    (tmp_path / "secret").write_bytes(bytes(range(24)))
    with h5py.File(tmp_path / name, "w") as file:
        file.create_dataset("cube", (2, 3, 4), "u1", external=[(str(tmp_path / "secret"), 0, 24)])
    with pytest.raises(UserError, match=rf"{name}: the values of /cube lie in other files, which are not read$"):
        open_image(tmp_path / name)
    with pytest.raises(UserError, match="the values of /cube lie in other files"):
        read_mat(tmp_path / name, "cube")


def test_virtual_values_are_read_from_the_file_itself_alone(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["cube"] = np.ones((2, 3, 4))
    for source, where in ((".", "/parts/cube"), ("other.h5", "cube")):
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file["parts/cube"] = np.ones((2, 3, 4))
            layout = h5py.VirtualLayout((2, 3, 4), "f8")
            layout[:] = h5py.VirtualSource(source, where, (2, 3, 4))
            file.create_virtual_dataset("virtual", layout)
        if source == ".":
            with open_image(tmp_path / "a.h5", "virtual") as image:
                assert (image.read(slice(0, 2), slice(0, 3)) == 1).all()
        else:
            with pytest.raises(UserError, match="the values of /virtual lie in other files"):
                open_image(tmp_path / "a.h5", "virtual")


@pytest.mark.parametrize("name", ["a.h5", "a.mat"])
@pytest.mark.parametrize("link", [h5py.ExternalLink("other.h5", "wavelengths"), h5py.SoftLink("/away/wavelengths")])
def test_links_to_other_files_are_not_followed(tmp_path, name, link):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["wavelengths"] = [400.0, 500.0, 600.0]
    with h5py.File(tmp_path / name, "w") as file:
        file["cube"] = np.ones((3, 20, 30) if name == "a.mat" else (30, 20, 3))
        file["away"] = h5py.ExternalLink("other.h5", "/")
        file["wavelengths"] = link
        file["linked"] = h5py.ExternalLink("other.h5", "wavelengths")
    with open_image(tmp_path / name) as image:
        assert image.header.bands is None
    with pytest.raises(UserError, match=r"has no key 'linked'; keys found: cube$"):
        read_mat(tmp_path / name, "linked")


def test_texts_of_variable_length_in_hdf5(tmp_path):
    """Of any length, with free space between them, and with sizes of four bytes instead of eight."""
    sizes = h5py.h5p.create(h5py.h5p.FILE_CREATE)
    sizes.set_sizes(4, 4)
    names = ["é" * (37 * i % 50) + "." for i in range(300)]
    for name, parts in (("a.h5", {}), ("b.h5", {"fcpl": sizes})):
        with h5py.File(h5py.h5f.create(bytes(tmp_path / name), h5py.h5f.ACC_TRUNC, **parts)) as file:
            file["cube"] = np.ones((2, 3, 300))
            file["cube"].attrs.update(band_names=names[::-1], crs="x", provenance="y" * 10_000)
            for key, value in (("crs", "z" * 5000), ("band_names", names)):
                del file["cube"].attrs[key]
                file["cube"].attrs[key] = value
        with open_image(tmp_path / name) as image:
            assert image.header.names == tuple(names)
            assert image.header.crs == "z" * 5000 and image.header.provenance == "y" * 10_000


def test_a_field_in_hdf5_that_is_neither_numbers_nor_text(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["cube"] = np.ones((2, 3, 1))
        file.create_dataset("wavelength", (1,), h5py.vlen_dtype(float))[0] = [500.0]
    with pytest.raises(UserError, match="wavelength is neither numbers nor text"):
        open_image(tmp_path / "a.h5")
