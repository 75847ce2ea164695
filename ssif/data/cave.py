"""CAVE (Yasuma et al. 2010): 32 indoor scenes, 512 x 512, 31 bands of 400-700 nm (paper A.5; split: US3RN's 22/10)."""

from pathlib import Path

import numpy as np
from PIL import Image

from ssif.bands import Bands
from ssif.data.fetch import data_folder, locate
from ssif.data.raw import Dataset, Scene, check_cube, sha256
from ssif.errors import UserError, choose

MIRRORS = [
    "https://cave.cs.columbia.edu/old/databases/multispectral/zip/complete_ms_data.zip",
    "https://www.cs.columbia.edu/CAVE/databases/multispectral/zip/complete_ms_data.zip",
    "https://www1.cs.columbia.edu/CAVE/databases/multispectral/zip/complete_ms_data.zip",
]
SIZE = 405_988_465

BANDS = Bands.from_centres(np.arange(400, 701, 10), 10)

# The first 22 and the last 10 in ASCII order. The lists are written out because other orders depend on the system.
TRAIN = [
    "balloons", "beads", "cd", "chart_and_stuffed_toy", "clay", "cloth", "egyptian_statue", "face",
    "fake_and_real_beers", "fake_and_real_food", "fake_and_real_lemon_slices", "fake_and_real_lemons",
    "fake_and_real_peppers", "fake_and_real_strawberries", "fake_and_real_sushi", "fake_and_real_tomatoes", "feathers",
    "flowers", "glass_tiles", "hairs", "jelly_beans", "oil_painting",
]  # fmt: skip
TEST = [
    "paints", "photo_and_face", "pompoms", "real_and_fake_apples", "real_and_fake_peppers", "sponges", "stuffed_toys",
    "superballs", "thread_spools", "watercolors",
]  # fmt: skip

# The only scene that its owners publish as 8-bit RGBA (grey: its colour channels are equal).
EIGHT_BIT = "watercolors"

RGB = {"simulated": "simulated from the 31 bands", "bmp": "the BMP shipped with each scene / 255"}


def read(data_dir: Path | None = None, rgb: str = "simulated") -> Dataset:
    """CAVE as uint16 scenes [H, W, 31] with scale 65535, the 22 training scenes first.

    `data_dir` holds the folder complete_ms_data or its zip, or is that folder; without either CAVE is downloaded. With
    rgb="bmp" a scene has its `msi`, float32 [H, W, 3] in [0, 1]. Raises UserError at once for an unknown `rgb` and for
    missing scenes, and for an image that is missing, broken, 8-bit or of another size when its scene is reached.
    """
    choose("rgb", rgb, RGB)
    root = _root(data_dir)
    missing = [f"{name}_ms" for name in TRAIN + TEST if not (root / f"{name}_ms").is_dir()]
    if missing:
        raise UserError(f"{root}: {len(missing)} of the 32 CAVE scenes are missing: {', '.join(missing)}")
    return Dataset(
        name="cave",
        bands=BANDS,
        scale=65535.0,
        scenes=(read_scene(root, name, rgb) for name in TRAIN + TEST),
        choices={
            "split": f"{len(TRAIN)} train and {len(TEST)} test scenes, in ASCII order of their names",
            "values": f"16-bit / 65535; {EIGHT_BIT} 8-bit / 255, first channel",
            "rgb": RGB[rgb],
        },
    )


def _root(data_dir: Path | None) -> Path:
    """The folder that holds the folders of the scenes."""
    folder = data_folder(data_dir)
    if any((folder / f"{name}_ms").is_dir() for name in TRAIN + TEST):
        return folder
    folder = locate("complete_ms_data.zip", MIRRORS, SIZE, "CAVE, all 32 scenes", data_dir=folder)
    # An archive may hold the scenes directly or below a folder with the archive's name.
    nested = folder / "complete_ms_data"
    return nested if nested.is_dir() else folder


def read_scene(root: Path, name: str, rgb: str = "simulated") -> Scene:
    """One scene below `root`. Raises UserError as `read`."""
    folder = root / f"{name}_ms"
    folder = folder / folder.name if (folder / folder.name).is_dir() else folder
    files = [folder / f"{name}_ms_{band:02d}.png" for band in range(1, len(BANDS) + 1)]
    bands = [_band(file, name == EIGHT_BIT) for file in files]
    height, width = bands[0].shape
    for file, band in zip(files, bands):
        if band.shape != (height, width):
            raise UserError(
                f"{file} has {band.shape[0]} x {band.shape[1]} pixels, but {files[0].name} has {height} x {width}"
            )
    hsi = check_cube(np.stack(bands, axis=-1), len(BANDS), folder)
    if hsi.max() <= 255:
        raise UserError(f"{folder}: the largest value is {hsi.max()}; these 16-bit files hold 8-bit values")
    sources, msi = {f"{name}_ms_01-{len(BANDS)}.png": sha256(*files)}, None
    if rgb == "bmp":
        bmp = folder / f"{name}_RGB.bmp"
        msi = np.asarray(_open(bmp))
        if msi.shape != (height, width, 3):
            raise UserError(f"{bmp} has the shape {msi.shape}, but must have {(height, width, 3)}")
        msi = msi.astype(np.float32) / 255
        sources[bmp.name] = sha256(bmp)
    return Scene(name, "train" if name in TRAIN else "test", hsi, sources, msi)


def _band(file: Path, eight_bit: bool) -> np.ndarray:
    """uint16 [H, W] of a file."""
    image = _open(file)
    if image.mode.startswith("I"):
        return np.asarray(image).astype(np.uint16)
    if eight_bit and image.mode in ("L", "RGB", "RGBA"):
        # v * 257 / 65535 is v / 255 exactly, so one scale serves all scenes.
        return np.asarray(image.getchannel(0)).astype(np.uint16) * 257
    raise UserError(f"{file} is a PNG of mode {image.mode} (8 bits), but must be 16-bit greyscale")


def _open(file: Path) -> Image.Image:
    """The decoded image. Raises UserError if the file is missing or broken."""
    try:
        image = Image.open(file)
        image.load()
    except FileNotFoundError as error:
        raise UserError(f"{file} is missing") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise UserError(f"{file} is not a whole image ({error})") from error
    return image
