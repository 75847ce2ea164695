"""`ssif predict`: interruption and resumption, and errors before anything is written."""

import re
from dataclasses import replace

import numpy as np
import pytest

from ssif.bands import Bands
from ssif.channels import Sensor
from ssif.errors import UserError
from ssif.formats.header import Image
from ssif.tool import predict as program
from tests.predicting import HEADER, WANTED, read, run, write


def test_it_goes_on_where_it_was_stopped(tmp_path, model, values, monkeypatch):
    source = write(tmp_path / "a.tif", HEADER, values)
    run(source, tmp_path / "whole.tif", model)
    rendered = []

    def stopped_after(count: int):
        def render(*arguments):
            if len(rendered) == count:
                raise KeyboardInterrupt
            rendered.append(arguments[3:5])
            return original(*arguments)

        return render

    original = program.render_tile
    for count in (2, 4):
        monkeypatch.setattr(program, "render_tile", stopped_after(count))
        with pytest.raises(KeyboardInterrupt):
            run(source, tmp_path / "b.tif", model)
        assert not (tmp_path / "b.tif").exists() and (tmp_path / "b.tif.part").exists()
        with open(tmp_path / "b.tif.part", "ab") as part:
            part.write(b"half a block")
    monkeypatch.setattr(program, "render_tile", stopped_after(1000))
    lines = run(source, tmp_path / "b.tif", model)
    assert "4 of 6 tiles are finished; continuing from there" in " ".join(lines)
    assert len(rendered) == len(set(map(str, rendered))) == 6
    assert (tmp_path / "b.tif").read_bytes() == (tmp_path / "whole.tif").read_bytes()


@pytest.mark.parametrize("name", ["b.tif", "b.hdr", "b[1].npy"])
def test_what_a_killed_process_left_goes(tmp_path, model, values, name):
    """A process that is killed while it writes the output leaves gigabytes in a temporary file."""
    source, data = write(tmp_path / "a.tif", HEADER, values), name.replace(".hdr", ".img")
    (tmp_path / f".{data}.123.part").write_text("half of it")
    (tmp_path / f".{data}.45.part").mkdir()
    (tmp_path / f".{data}.45.part/b").write_text("half of it")
    (tmp_path / ".c.tif.123.part").write_text("another's")
    run(source, tmp_path / name, model)
    assert [path.name for path in tmp_path.iterdir() if ".part" in path.name] == [".c.tif.123.part"]


def test_what_the_output_cannot_hold_is_known_before_the_work(tmp_path, model, values, monkeypatch):
    source = write(tmp_path / "a.tif", HEADER, values)
    there = sorted(tmp_path.iterdir())
    monkeypatch.setattr(program, "render_tile", lambda *_: pytest.fail("it computed"))
    four = replace(WANTED, bands=Bands([[400, 500]] * 4), names=())
    with pytest.raises(UserError, match=rf"^{re.escape(str(tmp_path / 'b.png'))}: a PNG file can hold 1 or 3 bands"):
        run(source, tmp_path / "b.png", model, four)
    assert sorted(tmp_path.iterdir()) == there


@pytest.mark.parametrize("done", [0, 3])
def test_where_the_image_cannot_be_read_any_more_what_is_done_stays(tmp_path, model, values, monkeypatch, done):
    source, window = write(tmp_path / "a.npy", HEADER, values), Image.read
    rendered, original = [], program.render_tile

    def failing(self, rows, columns):
        if len(rendered) == done and rows.stop - rows.start > 1:  # a tile, not the inspected rows
            raise UserError("Input/output error")
        return window(self, rows, columns)

    def counting(*arguments):
        rendered.append(original(*arguments))
        return rendered[-1]

    monkeypatch.setattr(program, "render_tile", counting)
    monkeypatch.setattr(Image, "read", failing)
    with pytest.raises(UserError, match="Input/output error"):
        run(source, tmp_path / "b.tif", model)
    assert (tmp_path / "b.tif.part").exists() == bool(done)
    monkeypatch.setattr(Image, "read", window)
    run(source, tmp_path / "b.tif", model)
    assert len(rendered) == 6 and not (tmp_path / "b.tif.part").exists()


def test_the_work_of_another_prediction_is_refused(tmp_path, model, values, monkeypatch):
    source = write(tmp_path / "a.tif", HEADER, values)
    monkeypatch.setattr(program, "render_tile", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        run(source, tmp_path / "b.tif", model)
    with pytest.raises(
        UserError, match=r"b\.tif\.part belongs to another prediction \(tile: 5 there, 6 here\); delete it"
    ):
        run(source, tmp_path / "b.tif", model, replace(WANTED, tile=6))
    (tmp_path / "b.tif.part").write_bytes(b"\x00\x01")
    with pytest.raises(UserError, match="is not a file of this program; delete it"):
        run(source, tmp_path / "b.tif", model)


@pytest.mark.parametrize(
    ("header", "change", "message"),
    [
        ({"bands": None}, {"input": Sensor(("a",), Bands([[400, 500]]))}, "has 3 bands, but --input names 1"),
        ({"bands": Bands([[900, 950], [500, 600], [400, 500]])}, {},
         "no band of the image fits 600-700 nm: the weights take 600-700, 500-600, 400-500 nm, the image has 900-950,"),
        ({"good": (False, True, True)}, {}, "some of them marked bad"),
        ({}, {"bands": Bands([[380, 400]])}, "trained on 395-705 nm, but Bands"),
        ({}, {"scale": 0.5}, "a scale p must be at least 1, got 0.5"),
        ({}, {"white": -1.0}, "--white must be a positive number"),
        ({"scale": None, "dtype": "uint16"}, {}, "uint16 without a scale factor; give the value"),
        ({"scale": 1.0}, {}, "most values are above 1; give the value"),
        ({"scale": -1.0}, {}, "most values are below 0, but radiance and reflectance are not negative"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_and_nothing_written(tmp_path, model, values, header, change, message):
    header = replace(HEADER, **header)
    stored = np.where(np.isnan(values), 0.5, values) * 9999 + 1
    source = write(tmp_path / "a.npy", replace(header, scale=header.scale and 1.0), stored)
    if header.scale:
        text = (tmp_path / "a.json").read_text().replace('"scale_factor": 1.0', f'"scale_factor": {header.scale}')
        (tmp_path / "a.json").write_text(text)
    there = sorted(tmp_path.iterdir())
    with pytest.raises(UserError, match=re.escape(message)):
        run(source, tmp_path / "b.npy", model, replace(WANTED, **change))
    assert sorted(tmp_path.iterdir()) == there


def test_extrapolation_is_only_for_those_who_ask(tmp_path, model, values):
    source = write(tmp_path / "a.tif", HEADER, values)
    wanted = replace(WANTED, bands=Bands([[705, 750]]), names=(), extrapolate=True)
    run(source, tmp_path / "b.tif", model, wanted)
    assert np.allclose(read(tmp_path / "b.tif")[0].bands.edges, [[705, 750]])


def test_outputs_and_folders_that_cannot_be(tmp_path, model, values, monkeypatch):
    source = write(tmp_path / "a.tif", HEADER, values)
    (tmp_path / "b.hdr").write_text("")
    (tmp_path / "d.tif.part").mkdir()
    for out, message in [
        ("b.hdr", "b.hdr exists; remove it"), ("b.img", "b.hdr exists; remove it"), ("a.tif", "a.tif exists"),
        ("c.txt", "unknown format '.txt'"), ("none/c.tif", "is not a directory"), ("c.png", "can hold 1 or 3 bands"),
        (".", "is a directory; name the file to write"), ("d.tif", "d.tif.part for unfinished work cannot be written"),
    ]:  # fmt: skip
        with pytest.raises(UserError, match=re.escape(message)):
            run(source, tmp_path / out, model, replace(WANTED, bands=Bands([[400, 500], [500, 600]]), names=()))
    monkeypatch.setattr(program.shutil, "disk_usage", lambda _: program.shutil._ntuple_diskusage(10, 5, 5))
    with pytest.raises(UserError, match=r"the disk has 0\.0 GiB left"):
        run(source, tmp_path / "c.tif", model)
    assert [path.name for path in tmp_path.iterdir() if ".part" in path.name] == ["d.tif.part"]


def test_an_image_without_any_data_is_refused(tmp_path, model):
    source = write(tmp_path / "a.tif", HEADER, np.full((9, 12, 3), np.nan, np.float32))
    with pytest.raises(UserError, match="no pixel has data"):
        run(source, tmp_path / "b.tif", model)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tif", "w.safetensors"]
