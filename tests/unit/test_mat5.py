"""MATLAB's version 5 against SciPy's reader, on files that MATLAB itself and SciPy wrote."""

from pathlib import Path

import numpy as np
import pytest
import scipy.io
import scipy.io.matlab

from ssif.errors import UserError
from ssif.formats import mat5, torn

# Real files of MATLAB 6 to 7.4, from little and big endian machines, that come with SciPy.
REAL = sorted(Path(scipy.io.matlab.__file__).parent.glob("tests/data/test*_[67]*.mat"))
TORN = ("testbool_8_WIN64", "testhdf5_7")


def same(ours, theirs):
    if theirs.dtype.kind == "U":
        return [str(line) for line in np.ravel(theirs)] == [str(line) for line in ours]
    return ours.shape == theirs.shape and np.array_equal(ours, theirs)


def test_real_files_are_there():
    if not REAL:
        pytest.skip("this SciPy came without its test files")
    assert len(REAL) > 50


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_a_file_of_matlab_reads_as_scipy_reads_it(path):
    if path.stem.startswith(TORN):
        with pytest.raises(UserError), torn.one_line(path):
            mat5.variables(path)
        return
    theirs = {name: value for name, value in scipy.io.loadmat(path).items() if not name.startswith("__")}
    found = {name: its for name, its in mat5.variables(path).items() if name in theirs}
    assert list(found) == list(theirs)
    for name, value in theirs.items():
        plain = isinstance(value, np.ndarray) and (value.dtype.kind in "iuf" or value.dtype.kind == "U")
        assert (found[name].dtype is not None) == plain
        if plain:
            assert same(mat5.load(path, found[name]), value)


@pytest.mark.parametrize("compressed", [False, True])
def test_every_type_and_text(tmp_path, compressed):
    path, rng = tmp_path / "a.mat", np.random.default_rng(0)
    whole = {f"{kind}{bits}": rng.integers(0, 100, (3, 4, 5)).astype(f"{kind}{bits // 8}")
             for kind in "iu" for bits in (8, 16, 32, 64)}  # fmt: skip
    real = {f"f{bits}": rng.random((2, 3)).astype(f"f{bits // 8}") for bits in (32, 64)}
    text = {"one": "µm and λ", "rows": np.array(["red", "green"]), "single": np.uint8([[7]]), "none": np.empty((0, 3))}
    scipy.io.savemat(path, whole | real | text, do_compression=compressed)
    theirs, found = scipy.io.loadmat(path), mat5.variables(path)
    for name in whole | real | text:
        assert same(mat5.load(path, found[name]), theirs[name])
    for name, value in (whole | real).items():
        assert mat5.load(path, found[name]).dtype == value.dtype


def test_a_flipped_bit_in_compressed_values_is_seen(tmp_path):
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, {"cube": np.random.default_rng(0).random((8, 8, 8))}, do_compression=True)
    content = bytearray(path.read_bytes())
    content[-9] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"is not a whole \.mat file"), torn.one_line(path):
        mat5.load(path, mat5.variables(path)["cube"])


def test_what_is_no_array_of_real_numbers_is_named(tmp_path):
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, {"wave": np.array([1 + 2j]), "box": {"a": 1}})
    for name, its in mat5.variables(path).items():
        assert its.dtype is None
        with pytest.raises(UserError, match=f"{name} holds neither"):
            mat5.load(path, its)
