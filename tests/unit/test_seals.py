"""Checksums in files and beside them: every damage is told, and a kill leaves no false alarm."""

import subprocess

import h5py
import numpy as np
import pytest

from ssif import seals
from ssif.data import archive
from ssif.errors import UserError
from ssif.seals import check_note, check_seal, noted_file


@pytest.fixture
def sealed(tmp_path):
    with archive.create(tmp_path / "a.h5") as file:
        archive.put(file, "values", np.arange(6))
        file.attrs["name"] = "six"
    return tmp_path / "a.h5"


def test_any_byte_that_changes_is_told(sealed):
    whole = sealed.read_bytes()
    with archive.read(sealed) as file:
        assert file["values"][()].tolist() == [0, 1, 2, 3, 4, 5] and file.attrs["name"] == "six"
    for place in range(0, len(whole), 7):
        sealed.write_bytes(whole[:place] + bytes([whole[place] ^ 128]) + whole[place + 1 :])
        with pytest.raises(OSError, match="its checksum does not match"):
            archive.read(sealed)
    for size in (0, 100, 511, 512, 513, len(whole) - 1):
        sealed.write_bytes(whole[:size])
        with pytest.raises(OSError, match="its checksum does not match"):
            archive.read(sealed)
    sealed.write_bytes(whole + b"\0")
    with pytest.raises(OSError, match="its checksum does not match"):
        check_seal(sealed)


def test_a_file_without_a_seal_is_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w", userblock_size=512) as file:
        file["values"] = 1
    with pytest.raises(OSError, match="its checksum does not match"):
        archive.read(tmp_path / "a.h5")


def test_other_programs_read_a_sealed_file(sealed):
    with h5py.File(sealed) as file:
        assert file.userblock_size == seals.HEAD and file["values"].shape == (6,)
    assert sealed.read_bytes().startswith(b"sha256 of all that follows byte 512: ")


@pytest.fixture
def noted(tmp_path):
    path = tmp_path / "a table.csv"
    with noted_file(path) as temporary:
        temporary.write_text("p,C\n2,31\n")
    return path


def test_text_that_changes_is_told_and_the_note_is_a_common_one(noted):
    check_note(noted)
    subprocess.run(["sha256sum", "--check", "--strict", ".a table.csv.sha256"], cwd=noted.parent, check=True)
    noted.write_text("p,C\n2,32\n")
    with pytest.raises(UserError, match=r"its checksum is not the one in \.a table\.csv\.sha256"):
        check_note(noted)
    noted.unlink()
    with pytest.raises(FileNotFoundError):
        check_note(noted)


def test_a_file_copied_without_its_note_passes(noted, tmp_path):
    (tmp_path / "b.csv").write_bytes(noted.read_bytes())
    check_note(tmp_path / "b.csv")


def test_who_is_stopped_between_a_file_and_its_note_leaves_no_false_alarm(noted, monkeypatch):
    class Stopped(BaseException):
        pass

    def stop(*_):
        raise Stopped

    replace = seals.whole_file

    def second(path):
        return stop() if str(path).endswith(".sha256") else replace(path)

    monkeypatch.setattr(seals, "whole_file", second)
    with pytest.raises(Stopped), noted_file(noted) as temporary:
        temporary.write_text("p,C\n3,31\n")
    check_note(noted)
    assert noted.read_text() == "p,C\n3,31\n"


def test_a_failure_keeps_the_older_file_and_its_note(noted):
    with pytest.raises(ZeroDivisionError), noted_file(noted) as temporary:
        temporary.write_text(str(1 / 0))
    check_note(noted)
    assert noted.read_text() == "p,C\n2,31\n" and len(list(noted.parent.iterdir())) == 2
