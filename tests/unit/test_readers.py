"""The readers of the data sets, on small files in the owners' layouts and, below SSIF_DATA, on the real ones."""

import os
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
from PIL import Image

from ssif.data import cave, indian_pines, pavia_centre, synthetic
from ssif.data.raw import sha256
from ssif.errors import UserError

H, W = 6, 9


def cave_values(name: str) -> np.ndarray:
    """The raw file values of a made-up scene: [H, W, 31], 16-bit, or 8-bit for watercolors."""
    rng = np.random.default_rng((cave.TRAIN + cave.TEST).index(name))
    high = 256 if name == "watercolors" else 65536
    values = rng.integers(0, high, (H, W, 31))
    values[0, 0] = high - 1
    return values


def write_scene(folder: Path, name: str):
    folder.mkdir(parents=True)
    for index, band in enumerate(np.moveaxis(cave_values(name), 2, 0), start=1):
        image = Image.fromarray(band.astype(np.uint8 if name == "watercolors" else np.uint16))
        image = image.convert("RGBA") if name == "watercolors" else image
        image.save(folder / f"{name}_ms_{index:02d}.png")
    Image.fromarray(np.full((H, W, 3), (255, 51, 0), np.uint8)).save(folder / f"{name}_RGB.bmp")


@pytest.fixture(scope="module")
def whole_cave(tmp_path_factory):
    root = tmp_path_factory.mktemp("cave")
    for name in cave.TRAIN + cave.TEST:
        write_scene(root / "complete_ms_data" / f"{name}_ms" / f"{name}_ms", name)
    return root


@pytest.fixture
def own_cave(whole_cave, tmp_path):
    """A copy to spoil."""
    return Path(shutil.copytree(whole_cave, tmp_path / "own"))


def scene_folder(root: Path, name: str) -> Path:
    return root / "complete_ms_data" / f"{name}_ms" / f"{name}_ms"


# --- CAVE


def test_cave_split():
    assert (len(cave.TRAIN), len(cave.TEST)) == (22, 10)
    assert sorted(set(cave.TRAIN + cave.TEST), key=lambda name: f"{name}_ms") == cave.TRAIN + cave.TEST
    assert cave.TRAIN[-1] == "oil_painting"
    assert cave.TEST[-1] == "watercolors"


def test_cave_values(whole_cave):
    data = cave.read(whole_cave)
    assert (data.name, data.scale) == ("cave", 65535)
    assert data.bands.edges[[0, -1]].tolist() == [[395, 405], [695, 705]]
    assert set(data.choices) == {"split", "values", "rgb"}
    scenes = list(data.scenes)
    assert [scene.name for scene in scenes] == cave.TRAIN + cave.TEST
    assert [scene.split for scene in scenes] == ["train"] * 22 + ["test"] * 10
    for scene in scenes:
        assert scene.hsi.dtype == np.uint16
        assert scene.msi is None
        factor = 257 if scene.name == "watercolors" else 1
        assert np.array_equal(scene.hsi, cave_values(scene.name) * factor)
    assert np.array_equal(scenes[-1].hsi / data.scale, cave_values("watercolors") / 255)
    assert len({digest for scene in scenes for digest in scene.sources.values()}) == 32


def test_cave_reads_one_scene_at_a_time(own_cave):
    """A fault in the second scene does not keep the first one from being read, and is found when it is reached."""
    (scene_folder(own_cave, "beads") / "beads_ms_07.png").unlink()
    scenes = iter(cave.read(own_cave).scenes)
    assert next(scenes).name == "balloons"
    with pytest.raises(UserError, match=r"beads_ms_07\.png: is missing"):
        next(scenes)


def test_cave_other_layouts(whole_cave, tmp_path):
    expected = [scene.sources for scene in cave.read(whole_cave).scenes]
    inside = cave.read(whole_cave / "complete_ms_data")
    assert [scene.sources for scene in inside.scenes] == expected
    for name in cave.TRAIN + cave.TEST:
        shutil.copytree(scene_folder(whole_cave, name), tmp_path / "complete_ms_data" / f"{name}_ms")
    assert [scene.sources for scene in cave.read(tmp_path).scenes] == expected


@pytest.mark.parametrize("top", ["complete_ms_data", "."])
def test_cave_from_the_zip(whole_cave, tmp_path, top):
    root = whole_cave if top != "." else whole_cave / "complete_ms_data"
    shutil.make_archive(tmp_path / "complete_ms_data", "zip", root, top)
    scene = next(iter(cave.read(tmp_path).scenes))
    assert np.array_equal(scene.hsi, cave_values("balloons"))


def test_cave_bmp(own_cave):
    scene = next(iter(cave.read(own_cave, rgb="bmp").scenes))
    assert scene.msi.dtype == np.float32
    assert scene.msi.shape == (H, W, 3)
    assert scene.msi[0, 0].tolist() == pytest.approx([1, 0.2, 0])
    bmp = scene_folder(own_cave, "balloons") / "balloons_RGB.bmp"
    assert scene.sources[bmp.name] == sha256(bmp)
    Image.new("RGB", (W, H + 1)).save(bmp)
    with pytest.raises(UserError, match=r"balloons_RGB\.bmp: has shape"):
        next(iter(cave.read(own_cave, rgb="bmp").scenes))
    bmp.unlink()
    with pytest.raises(UserError, match=r"balloons_RGB\.bmp: is missing"):
        next(iter(cave.read(own_cave, rgb="bmp").scenes))


def test_cave_unknown_rgb(whole_cave):
    with pytest.raises(UserError, match="unknown rgb 'png'; known: bmp, simulated"):
        cave.read(whole_cave, rgb="png")


def test_cave_missing_scenes_are_named_before_any_is_read(own_cave):
    for name in ("cd", "watercolors"):
        shutil.rmtree(own_cave / "complete_ms_data" / f"{name}_ms")
    with pytest.raises(UserError, match=r"2 of the 32 CAVE scenes are missing: cd_ms, watercolors_ms"):
        cave.read(own_cave)


@pytest.mark.parametrize("keep", [0, 20, 60, 0.5, 0.8])
def test_cave_truncated_png(own_cave, keep):
    file = scene_folder(own_cave, "balloons") / "balloons_ms_31.png"
    content = file.read_bytes()
    file.write_bytes(content[: keep if isinstance(keep, int) else int(len(content) * keep)])
    with pytest.raises(UserError, match=r"balloons_ms_31\.png: is not a whole image"):
        next(iter(cave.read(own_cave).scenes))


@pytest.mark.parametrize("mode", ["L", "RGBA", "P"])
def test_cave_8_bit_png_in_a_16_bit_scene(own_cave, mode):
    Image.new(mode, (W, H)).save(scene_folder(own_cave, "balloons") / "balloons_ms_02.png")
    with pytest.raises(UserError, match=rf"balloons_ms_02\.png: is a PNG of mode {mode} \(8 bits\)"):
        next(iter(cave.read(own_cave).scenes))


def test_cave_8_bit_values_in_16_bit_files(own_cave):
    folder = scene_folder(own_cave, "balloons")
    for file in folder.glob("*.png"):
        Image.fromarray(np.full((H, W), 255, np.uint16)).save(file)
    with pytest.raises(UserError, match="balloons_ms: the largest value is 255"):
        next(iter(cave.read(own_cave).scenes))


def test_cave_wrong_size(own_cave):
    file = scene_folder(own_cave, "balloons") / "balloons_ms_03.png"
    Image.fromarray(np.zeros((H, W + 1), np.uint16)).save(file)
    with pytest.raises(UserError, match=rf"balloons_ms_03\.png: is {H} x {W + 1}, want {H} x {W}"):
        next(iter(cave.read(own_cave).scenes))


# --- .mat files and Pavia Centre


def write_mat(path: Path, version: str, **arrays):
    if version == "5":
        scipy.io.savemat(path, arrays)
        return
    # As MATLAB writes it: 512 bytes for a header of its own, axes reversed.
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
    # Chunks that are never written take no space and read as the fill value: the real shape in a small file.
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
    # The maximum of the whole cube lies in the strip that is in neither part.
    assert data.scale == 8000
    assert scenes["test"].sources == {"Pavia.mat": sha256(tmp_path / "Pavia.mat")}
    assert len(data.bands) == 102
    assert data.bands.centres[[0, -1]].tolist() == pytest.approx([430, 860])
    assert data.bands.edges[1:, 0] == pytest.approx(data.bands.edges[:-1, 1])


@pytest.mark.parametrize("shape", [(1095, 715, 102), (1096, 715, 101), (1096, 715)])
def test_pavia_wrong_shape(tmp_path, shape):
    with h5py.File(tmp_path / "Pavia.mat", "w") as file:
        file.create_dataset("pavia", shape[::-1], np.uint8, chunks=True)
    with pytest.raises(UserError, match=r"Pavia\.mat: 'pavia' has shape .* want \(1096, 715, 102\)"):
        pavia_centre.read(tmp_path)


@pytest.mark.parametrize(("value", "message"), [(np.nan, "1 values are NaN"), (-2, "negative values down to -2")])
def test_pavia_bad_values(tmp_path, value, message):
    with h5py.File(tmp_path / "Pavia.mat", "w") as file:
        file.create_dataset("pavia", (102, 715, 1096), np.float16, chunks=(1, 128, 1096), fillvalue=1)
        file["pavia"][1, 2, 3] = value
    with pytest.raises(UserError, match=rf"Pavia\.mat: (holds )?{message}"):
        pavia_centre.read(tmp_path)


def test_pavia_wrong_key(tmp_path):
    scipy.io.savemat(tmp_path / "Pavia.mat", {"PaviaCenter": np.ones((2, 2, 2))})
    with pytest.raises(UserError, match="has no key 'pavia'; keys found: PaviaCenter"):
        pavia_centre.read(tmp_path)


def test_pavia_labels_of_another_file(tmp_path):
    scipy.io.savemat(tmp_path / "Pavia_gt.mat", {"pavia_gt": np.zeros((1096, 715), np.uint8)})
    with pytest.raises(UserError, match=r"Pavia_gt\.mat: the hash does not match"):
        pavia_centre.read_labels(tmp_path)


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
    # Every band goes with its own wavelength, also those that the shipped list has out of order.
    for index, centre in enumerate(shipped.ticks[-1]):
        band = int(np.argmin(np.abs(data.bands.centres - centre)))
        assert data.bands.centres[band] == pytest.approx(centre)
        assert np.array_equal(test[:, :, band], shipped.tensor[:144, :48, index])
        assert np.array_equal(train[:, :, band], shipped.tensor[:, 48:, index])
    (digest,) = scenes["train"].sources.values()
    folder = Path(tensorly.datasets.__file__).parent / "data"
    assert scenes["train"].sources == {"Indian_pines_corrected.npy": digest}
    assert digest == sha256(folder / "Indian_pines_corrected.npy")


def test_indian_pines_labels():
    labels = indian_pines.read_labels()
    assert labels.shape == (145, 145)
    assert labels.dtype == np.uint8
    assert np.unique(labels).tolist() == list(range(17))


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


# --- real data, where SSIF_DATA has it


def real(name: str) -> Path:
    path = Path(os.environ.get("SSIF_DATA", "not set"), name).expanduser()
    if not path.exists():
        pytest.skip(f"SSIF_DATA has no {name}")
    return path


def test_real_cave():
    real("complete_ms_data")
    folders = cave._folders(cave._root(None))
    scene = cave._scene("beads", folders["beads"], "bmp")
    assert scene.hsi.shape == (512, 512, 31)
    assert scene.msi.shape == (512, 512, 3)
    assert scene.hsi.max() > 255
    assert len(np.unique(scene.hsi)) > 256
    scene = cave._scene("watercolors", folders["watercolors"], "simulated")
    image = np.asarray(Image.open(folders["watercolors"] / "watercolors_ms_16.png"))
    assert image.dtype == np.uint8
    assert np.array_equal(scene.hsi[:, :, 15], image[:, :, 0].astype(int) * 257)


def test_real_pavia_crop():
    cube = pavia_centre.read_mat(real("pavia_centre_crop_105x120x102.mat"), "PaviaCenter")
    assert cube.shape == (105, 120, 102)
    assert (cube.dtype, cube.min(), cube.max()) == (np.uint16, 0, 6733)


def test_real_pavia_labels():
    labels = pavia_centre.read_labels(real("Pavia_gt.mat").parent)
    assert labels.shape == (1096, 715)
    assert labels.dtype == np.uint8
    counts = [65971, 7598, 3090, 2685, 6584, 9248, 7287, 42826, 2863]
    assert np.bincount(labels.ravel())[1:].tolist() == counts
