"""The readers of Pavia Centre, Indian Pines and the synthetic scenes, also on real files if SSIF_DATA has them."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io

from ssif.data import cave, indian_pines, pavia_centre, synthetic
from ssif.data.raw import sha256
from ssif.errors import UserError
from tests.real_data import real

# --- .mat files and Pavia Centre


def write_mat(path: Path, version: str, **arrays):
    if version == "5":
        scipy.io.savemat(path, arrays)
        return
    # MATLAB writes a header of 512 bytes and reverses the axes.
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_group("#refs#")
        for key, array in arrays.items():
            file[key] = array.T
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_mat_values_keys_and_truncation(tmp_path, version):
    path = tmp_path / "cube.mat"
    cube = np.arange(4 * 5 * 6, dtype=np.uint16).reshape(4, 5, 6)
    write_mat(path, version, cube=cube, other=cube[:, :, 0])
    for key, array in (("cube", cube), ("other", cube[:, :, 0])):
        found = pavia_centre.read_mat(path, key)
        assert found.dtype == np.uint16
        assert np.array_equal(found, array)
    with pytest.raises(UserError, match="has no key 'pavia'; keys found: cube, other"):
        pavia_centre.read_mat(path, "pavia")
    content = path.read_bytes()
    for size in (0, 100, 200, 300, len(content) - 20):
        path.write_bytes(content[:size])
        with pytest.raises(UserError, match=r"cube\.mat: (is not a whole \.mat file|has no key)"):
            pavia_centre.read_mat(path, "other")


def test_pavia_split_and_scale(tmp_path):
    # Chunks that are not written take no space and have the fill value, so a small file has the real shape.
    with h5py.File(tmp_path / "Pavia.mat", "w") as file:
        cube = file.create_dataset("pavia", (102, 715, 1096), np.uint16, chunks=(1, 128, 1096), fillvalue=7)
        cube[3, 127, 1023] = 100
        cube[4, 128, 1095] = 200
        cube[5, 0, 1024] = 8000
    data = pavia_centre.read(tmp_path)
    scenes = {scene.split: scene for scene in data.scenes}
    assert scenes["test"].hsi.shape == (1024, 128, 102)
    assert scenes["train"].hsi.shape == (1096, 587, 102)
    assert scenes["test"].hsi[1023, 127, 3] == scenes["test"].hsi.max() == 100
    assert scenes["train"].hsi[1095, 0, 4] == scenes["train"].hsi.max() == 200
    # The maximum of the whole cube is in the strip that belongs to neither part.
    assert data.scale == 8000
    assert scenes["test"].sources == {"Pavia.mat": sha256(tmp_path / "Pavia.mat")}
    assert len(data.bands) == 102
    assert data.bands.centres[[0, -1]].tolist() == pytest.approx([430, 860])
    assert data.bands.edges[1:, 0] == pytest.approx(data.bands.edges[:-1, 1])


@pytest.mark.parametrize("shape", [(1095, 715, 102), (1096, 715, 101), (1096, 715)])
def test_pavia_wrong_shape(tmp_path, shape):
    with h5py.File(tmp_path / "Pavia.mat", "w") as file:
        file.create_dataset("pavia", shape[::-1], np.uint8, chunks=True)
    with pytest.raises(UserError, match=r"Pavia\.mat: 'pavia' has the shape .* must have \(1096, 715, 102\)"):
        pavia_centre.read(tmp_path)


@pytest.mark.parametrize(("value", "message"), [(np.nan, "1 values are NaN"), (-2, "negative values down to -2")])
def test_pavia_bad_values(tmp_path, value, message):
    with h5py.File(tmp_path / "Pavia.mat", "w") as file:
        file.create_dataset("pavia", (102, 715, 1096), np.float16, chunks=(1, 128, 1096), fillvalue=1)
        file["pavia"][1, 2, 3] = value
    with pytest.raises(UserError, match=rf"Pavia\.mat: (there are )?{message}"):
        pavia_centre.read(tmp_path)


def test_pavia_wrong_key(tmp_path):
    scipy.io.savemat(tmp_path / "Pavia.mat", {"PaviaCenter": np.ones((2, 2, 2))})
    with pytest.raises(UserError, match="has no key 'pavia'; keys found: PaviaCenter"):
        pavia_centre.read(tmp_path)


def test_pavia_labels_of_another_file(tmp_path):
    scipy.io.savemat(tmp_path / "Pavia_gt.mat", {"pavia_gt": np.zeros((1096, 715), np.uint8)})
    with pytest.raises(UserError, match=r"Pavia_gt\.mat: the hash does not match"):
        pavia_centre.read_land_cover(tmp_path)


# --- Indian Pines


def test_indian_pines():
    import tensorly.datasets

    shipped = tensorly.datasets.load_indian_pines()
    data = indian_pines.read()
    scenes = {scene.split: scene for scene in data.scenes}
    train, test = scenes["train"].hsi, scenes["test"].hsi
    assert (train.shape, test.shape) == ((145, 97, 200), (144, 48, 200))
    assert train.dtype == test.dtype == np.uint16
    assert data.scale == 9604
    assert (np.diff(data.bands.centres) > 0).all()
    assert data.bands.widths == pytest.approx(np.full(200, 10))
    # Every band has its own wavelength, even where the list of tensorly is not sorted.
    for index, centre in enumerate(shipped.ticks[-1]):
        band = int(np.argmin(np.abs(data.bands.centres - centre)))
        assert data.bands.centres[band] == pytest.approx(centre)
        assert np.array_equal(test[:, :, band], shipped.tensor[:144, :48, index])
        assert np.array_equal(train[:, :, band], shipped.tensor[:, 48:, index])
    (digest,) = scenes["train"].sources.values()
    folder = Path(tensorly.datasets.__file__).parent / "data"
    assert scenes["train"].sources == {"Indian_pines_corrected.npy": digest}
    assert digest == sha256(folder / "Indian_pines_corrected.npy")


# --- synthetic


def test_synthetic_is_deterministic_and_split():
    first, second = list(synthetic.read().scenes), list(synthetic.read().scenes)
    assert [scene.name for scene in first] == [f"synthetic-{index}" for index in range(4)]
    assert [scene.split for scene in first] == ["train", "train", "train", "test"]
    assert [scene.split for scene in synthetic.read(size=8, scenes=8).scenes] == ["train"] * 6 + ["test"] * 2
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one.hsi, other.hsi)
    assert not np.array_equal(first[0].hsi, first[1].hsi)
    # Scene k does not change with the number of scenes.
    assert np.array_equal(next(iter(synthetic.read(scenes=9).scenes)).hsi, first[0].hsi)


def test_synthetic_values():
    data = synthetic.read(size=48)
    assert data.bands == cave.BANDS
    for scene in data.scenes:
        values = scene.hsi / data.scale
        assert scene.hsi.dtype == np.uint16
        assert values.shape == (48, 48, 31)
        assert values.min() > 0
        assert values.max() < 1
        assert values.std(axis=(0, 1)).min() > 0.02
        # Edges: some neighbours differ far more than the median pair does; spectra: smooth along the bands.
        steps = np.abs(np.diff(values, axis=1))
        assert steps.max() > 10 * np.median(steps)
        assert np.abs(np.diff(values, 2, axis=2)).mean() < 0.1 * values.std()


@pytest.mark.parametrize("arguments", [{"scenes": 1}, {"size": 7}])
def test_synthetic_bad_arguments(arguments):
    with pytest.raises(UserError, match="at least 2 scenes"):
        synthetic.read(**arguments)


def test_real_pavia_crop():
    cube = pavia_centre.read_mat(real("pavia_centre_crop_105x120x102.mat"), "PaviaCenter")
    assert cube.shape == (105, 120, 102)
    # The class in MATLAB is double; the stored type is another.
    assert (cube.dtype, cube.min(), cube.max()) == (np.float64, 0, 6733)
