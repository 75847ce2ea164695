"""CAVE's 22 training scenes, four of them held out: for choosing sizes and rates without the ten test scenes."""

from dataclasses import replace
from itertools import islice
from pathlib import Path

from ssif.data import cave
from ssif.data.raw import Dataset

# Every fifth training scene.
HELD_OUT = cave.TRAIN[4::5]


def read(data_dir: Path | None = None, rgb: str = "simulated") -> Dataset:
    """As `ssif.data.cave.read`; the ten test scenes are not opened."""
    whole = cave.read(data_dir, rgb)
    training = islice(whole.scenes, len(cave.TRAIN))
    scenes = (replace(scene, split="test" if scene.name in HELD_OUT else "train") for scene in training)
    split = f"CAVE's training scenes: {len(cave.TRAIN) - len(HELD_OUT)} train and {len(HELD_OUT)} validation scenes"
    return replace(whole, name="cave_validation", scenes=scenes, choices=whole.choices | {"split": split})
