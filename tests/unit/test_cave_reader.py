"""CAVE's reader, on small files in the original layout and, if SSIF_DATA has them, on the real files."""

import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssif.data import cave, cave_validation
from ssif.data.raw import sha256
from ssif.errors import UserError
from tests.real_data import real

H, W = 6, 9


def cave_values(name: str) -> np.ndarray:
    """Raw values [H, W, 31] of an invented scene, 16-bit, or 8-bit for watercolors."""
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
    """A copy that a test may change."""
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


def test_validation_scenes_come_from_the_training_scenes_alone(own_cave):
    for name in cave.TEST:
        # Test images are not opened, so a broken one raises no error.
        (scene_folder(own_cave, name) / f"{name}_ms_01.png").write_bytes(b"")
    data = cave_validation.read(own_cave)
    scenes = {scene.name: scene for scene in data.scenes}
    assert list(scenes) == cave.TRAIN and data.name == "cave_validation"
    held_out = [name for name, scene in scenes.items() if scene.split == "test"]
    assert held_out == ["clay", "fake_and_real_food", "fake_and_real_sushi", "hairs"]
    whole = {scene.name: scene for scene in itertools.islice(cave.read(own_cave).scenes, 22)}
    assert all(np.array_equal(scene.hsi, whole[name].hsi) for name, scene in scenes.items())
    assert data.choices["split"] != cave.read(own_cave).choices["split"]


def test_cave_reads_one_scene_at_a_time(own_cave):
    """An error in the second scene is raised when it is reached, after the first scene."""
    (scene_folder(own_cave, "beads") / "beads_ms_07.png").unlink()
    scenes = iter(cave.read(own_cave).scenes)
    assert next(scenes).name == "balloons"
    with pytest.raises(UserError, match=r"beads_ms_07\.png is missing"):
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
    with pytest.raises(UserError, match=r"balloons_RGB\.bmp has the shape"):
        next(iter(cave.read(own_cave, rgb="bmp").scenes))
    bmp.unlink()
    with pytest.raises(UserError, match=r"balloons_RGB\.bmp is missing"):
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
    with pytest.raises(UserError, match=r"balloons_ms_31\.png is not a whole image"):
        next(iter(cave.read(own_cave).scenes))


@pytest.mark.parametrize("mode", ["L", "RGBA", "P"])
def test_cave_8_bit_png_in_a_16_bit_scene(own_cave, mode):
    Image.new(mode, (W, H)).save(scene_folder(own_cave, "balloons") / "balloons_ms_02.png")
    with pytest.raises(UserError, match=rf"balloons_ms_02\.png is a PNG of mode {mode} \(8 bits\)"):
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
    with pytest.raises(
        UserError, match=rf"balloons_ms_03\.png has {H} x {W + 1} pixels, but balloons_ms_01\.png has {H} x {W}"
    ):
        next(iter(cave.read(own_cave).scenes))


def test_real_cave():
    real("complete_ms_data")
    root = cave._root(None)
    scene = cave.read_scene(root, "beads", "bmp")
    assert scene.hsi.shape == (512, 512, 31)
    assert scene.msi.shape == (512, 512, 3)
    assert scene.hsi.max() > 255
    assert len(np.unique(scene.hsi)) > 256
    scene = cave.read_scene(root, "watercolors")
    image = np.asarray(Image.open(next(root.rglob("watercolors_ms_16.png"))))
    assert image.dtype == np.uint8
    assert np.array_equal(scene.hsi[:, :, 15], image[:, :, 0].astype(int) * 257)
