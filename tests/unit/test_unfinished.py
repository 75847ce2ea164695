"""The file of unfinished work: one process at a time and one prediction per file."""

import subprocess
import sys

import numpy as np
import pytest

from ssif.errors import UserError
from ssif.tool.unfinished import Blocks

SHAPES = [(2, 3), (1, 3), (2, 3)]


def block(index: int) -> np.ndarray:
    return np.full(SHAPES[index], index, np.float32)


def test_it_goes_on_behind_the_last_whole_block(tmp_path):
    path = tmp_path / "a.part"
    blocks = Blocks(path, {"of": 1}, SHAPES)
    blocks.append(block(0))
    blocks.append(block(1))
    blocks.close()
    for torn in (0, 5):
        with open(path, "r+b") as file:
            file.truncate(path.stat().st_size - torn)
        blocks = Blocks(path, {"of": 1}, SHAPES)
        assert blocks.done == 2 - bool(torn)
        assert np.array_equal(blocks.rows(0, slice(1, 2)), block(0)[1:])
        blocks.close()
    with pytest.raises(UserError, match=r"a\.part belongs to another prediction \(of: 1 there, 2 here\)"):
        Blocks(path, {"of": 2}, SHAPES)
    blocks.remove()
    assert not path.exists()


def test_killed_before_its_first_byte_it_starts_afresh(tmp_path):
    (tmp_path / "a.part").touch()
    blocks = Blocks(tmp_path / "a.part", {}, SHAPES)
    assert blocks.done == 0
    blocks.append(block(0))
    blocks.close()
    assert Blocks(tmp_path / "a.part", {}, SHAPES).done == 1


OTHER = """
import sys
from ssif.tool.unfinished import Blocks
blocks = Blocks(__import__("pathlib").Path(sys.argv[1]), {}, [(2, 3)])
print("open", flush=True)
sys.stdin.read()
"""


def test_two_processes_do_not_write_into_one_file(tmp_path):
    path = tmp_path / "a.part"
    command = [sys.executable, "-c", OTHER, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "open\n"
        with pytest.raises(UserError, match=r"a\.part: another process is working on it"):
            Blocks(path, {}, [(2, 3)])
        assert path.exists()
        other.kill()
    Blocks(path, {}, [(2, 3)]).close()
