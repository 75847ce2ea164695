"""Nothing stale: an edit of whatever a result depends on is found by the next dry run, in a copy of the project; and a checkout
runs its own code."""

import os
from pathlib import Path

import pytest
import yaml

from tests.snake import ROOT, copy_project, jobs, snakemake

SHOWN = ["results/cells.csv", "results/figures/fig3.pdf"]


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """The project in another folder, with finished scores and a figure of three methods on a sensor of one's own."""
    folder = tmp_path_factory.mktemp("copy") / "project"
    copy_project(folder)
    (folder / "camera.csv").write_text(
        "nm,red,blue\n" + "".join(f"{nm},{nm - 395},{705 - nm}\n" for nm in range(395, 706, 5))
    )
    preset = yaml.safe_load((ROOT / "config/smoke.yaml").read_text())
    data = preset["datasets"]["synthetic"]
    del data["land_use"]
    data |= {"msi": "camera.csv", "scales": {"train": [1, 2], "test": [2]}, "counts": {"train": [31, 31], "test": [31]}}
    data["training"]["steps"] = data["baselines"]["rcan"]["training"]["steps"] = 2
    data["baselines"]["awan"]["training"]["steps"] = 2
    preset |= {
        "methods": ["bicubic", "awan+rcan", "ssif-rf-uf"],
        "tables": {"table1": "synthetic"},
        "figures": {"fig3": {"dataset": "synthetic", "scales": [2]}},
        "ablations": {},
    }
    (folder / "preset.yaml").write_text(yaml.safe_dump(preset))
    made = jobs(run(folder))
    assert made["train"] == 4 and made["evaluate"] == 3
    assert "Nothing to be done" in run(folder, "--dry-run")
    return folder


def run(folder: Path, *arguments: str) -> str:
    return snakemake(folder, folder / "preset.yaml", *SHOWN, *arguments, root=folder)


def after(copy: Path, file: str, old: str, new: str) -> dict[str, int]:
    """The jobs of a dry run with `old` replaced in a file of the copy, which is then as it was."""
    path = copy / file
    text, times = path.read_text(), path.stat()
    assert text.count(old) == 1, f"{file} holds {old!r} {text.count(old)} times"
    path.write_text(text.replace(old, new))
    try:
        found = jobs(run(copy, "--dry-run"))
    finally:
        path.write_text(text)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    found.pop("total", None)
    return found


EVERY_TRAINING, EVERY_SCORE = {"train": 4}, {"evaluate": 3, "cells": 1, "figure": 1}
# What is edited: file, old and new text, and the jobs that must follow.
EDITS = {
    "a comment": ("workflow/steps/recipes.py", "# A network that serves every p learns", "# Such a network learns", {}),
    "training at p = 1 alone": ("workflow/steps/recipes.py", "scales=scales,", "scales=(1, 1),", EVERY_TRAINING | EVERY_SCORE),
    "patches of another p": ("workflow/steps/recipes.py", "run.scale or 1", "1", EVERY_TRAINING | EVERY_SCORE),
    "the side of a patch": (
        "workflow/config/schema.py", 'self.crop["hr"] // scale', 'self.crop["hr"] // (2 * scale)', {"train": 2, "evaluate": 1, "cells": 1, "figure": 1}
    ),
    "lambda_min of the widest band": (
        "workflow/steps/building.py", "store.bands.widths.min()", "store.bands.widths.max()", EVERY_TRAINING | EVERY_SCORE
    ),
    "a builder": ("workflow/steps/building.py", '"bands": store.bands.parts(run.count)', '"bands": store.bands', EVERY_TRAINING | EVERY_SCORE),
    "the rate": ("workflow/steps/learning.py", "training.rate, recipe", "2 * training.rate, recipe", EVERY_TRAINING | EVERY_SCORE),
    "the weights that are written": ("workflow/steps/building.py", "save_weights(model,", "save_weights(model.half(),", EVERY_TRAINING | EVERY_SCORE),
    "an argument of one method": (
        "workflow/methods.py", '_ssif("RF-UF", "k")', '_ssif("RF-GF", "k")', {"train": 1, "evaluate": 1, "cells": 1, "figure": 1}
    ),
    "the order of a chain": (
        "workflow/methods.py", '("awan-lr", "rcan-hsi")', '("rcan-hsi", "awan-lr")', {"evaluate": 1, "cells": 1, "figure": 1}
    ),
    "a label": ("workflow/methods.py", '"bicubic+linear"', '"bicubic"', {"evaluate": 1, "cells": 1, "figure": 1}),
    "the image that is scored": ("workflow/steps/scoring.py", "image[0] / view.exposure", "image[0] * 0 / view.exposure", EVERY_SCORE),
    "the bands that are scored": ("workflow/steps/scoring.py", "resampling_matrix(store.bands, bands)", "overlap_matrix(store.bands, bands)", EVERY_SCORE),
    "the images that are kept": ("workflow/steps/predictions.py", "image.astype(np.float16)", "image.astype(np.float32)", EVERY_SCORE),
    "how data are prepared": (
        "ssif/data/prepare.py", "image.astype(", "(image / 2).astype(", {"prepare": 1} | EVERY_TRAINING | EVERY_SCORE
    ),
    "the responses of a sensor": ("camera.csv", "\n500,", "\n500.5,", {"prepare": 1} | EVERY_TRAINING | EVERY_SCORE),
    "the style of figures": ("workflow/figures/ssif.mplstyle", "axes.facecolor: white", "axes.facecolor: red", {"figure": 1}),
    "what is published": ("workflow/publish.py", "torch.float16", "torch.bfloat16", {}),
    "a module of no other data set": ("ssif/data/pavia_centre.py", "import numpy as np", "import numpy", {}),
}  # fmt: skip


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_is_found_by_the_next_dry_run(copy, edit):
    *place, expected = EDITS[edit]
    assert after(copy, *place) == expected


def test_no_code_in_the_working_directory_is_run(tmp_path):
    """Where Snakemake is told to use another checkout's Snakefile, by whatever path."""
    (tmp_path / "workflow").mkdir()
    for name in ("__init__", "prepare"):
        (tmp_path / f"workflow/{name}.py").write_text("raise SystemExit('another checkout')")
    snakemake(tmp_path, "smoke", "results/data/synthetic.h5")
