"""Nothing stale: an edit of whatever a result depends on is found by the next dry run, in a copy of the project."""

import contextlib
import os
from pathlib import Path

import pytest

from tests.snake import jobs, named_jobs, snakemake
from workflow.config import presets
from workflow.plan import fingerprints, runs, targets

SHOWN = ["results/cells.csv", "results/figures/fig3.pdf"]
EVERY_TRAINING, EVERY_SCORE = {"train": 5}, {"evaluate": 4, "cells": 1, "figure": 1}


@pytest.fixture(scope="module")
def copy(project) -> Path:
    folder, _ = project
    assert "Nothing to be done" in run(folder)
    return folder


def run(folder: Path) -> str:
    return snakemake(folder, folder / "preset.yaml", *SHOWN, "--dry-run", root=folder)


@contextlib.contextmanager
def edited(copy: Path, *edits: tuple[str, str, str]):
    """Inside, one text of a file of the copy is replaced by another; then the file is as it was."""
    with contextlib.ExitStack() as stack:
        for file, old, new in edits:
            path = copy / file
            text, times = path.read_text(), path.stat()
            assert text.count(old) == 1, f"{file} holds {old!r} {text.count(old)} times"
            stack.callback(os.utime, path, ns=(times.st_atime_ns, times.st_mtime_ns))
            stack.callback(path.write_text, text)
            path.write_text(text.replace(old, new))
        yield


# What is edited, file, old and new text, and the jobs that must follow.
EDITS = {
    "the rate": ("workflow/steps/learning.py", "training.rate, recipe", "2 * training.rate, recipe", EVERY_TRAINING | EVERY_SCORE),
    "the image that is scored": ("workflow/steps/scoring.py", "image[0] / view.exposure", "image[0] * 0 / view.exposure", EVERY_SCORE),
    "the side of a patch": (
        "workflow/config/schema.py", 'self.crop["hr"] // scale', 'self.crop["hr"] // (2 * scale)', {"train": 2, "evaluate": 1, "cells": 1, "figure": 1}
    ),
    "how data are prepared": (
        "ssif/data/prepare.py", "image.astype(", "(image / 2).astype(", {"prepare": 1} | EVERY_TRAINING | EVERY_SCORE
    ),
    "the responses of a sensor": ("camera.csv", "\n500,", "\n500.5,", {"prepare": 1} | EVERY_TRAINING | EVERY_SCORE),
    "the style of figures": ("workflow/figures/ssif.mplstyle", "axes.facecolor: white", "axes.facecolor: red", {"figure": 1}),
}  # fmt: skip


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_is_found_by_the_next_dry_run(copy, edit):
    *place, expected = EDITS[edit]
    with edited(copy, place):
        found = jobs(run(copy))
    assert {name: count for name, count in found.items() if name != "total"} == expected


def test_an_edit_of_one_method_concerns_that_method(copy):
    """An argument of SSIF, the order of a chain, which changes no training, and the label of a row."""
    file = "workflow/methods.py"
    swapped = (file, '("awan-lr", "rcan-hsi")', '("rcan-hsi", "awan-lr")')
    with edited(copy, (file, '_ssif("RF-UF", "k")', '_ssif("RF-GF", "k")')):
        ssif = named_jobs(run(copy))
    fields = {"synthetic.ssif-rf-uf.s0", "synthetic.ssif-rf-uf.k-2.s0"}
    assert ssif == {"train": fields, "evaluate": fields}
    with edited(copy, swapped, (file, '"bicubic+linear"', '"bicubic"')):
        others = named_jobs(run(copy))
    assert others == {"evaluate": {"synthetic.awan+rcan.p2.C31.s0", "synthetic.bicubic.s0"}}


def test_edits_without_effect_change_nothing(copy):
    comment = ("workflow/steps/recipes.py", "# A network that serves every p learns", "# Such a network learns")
    published = ("workflow/publish.py", "torch.float16", "torch.bfloat16")
    another_data_set = ("ssif/data/pavia_centre.py", "import numpy as np", "import numpy")
    with edited(copy, comment, published, another_data_set):
        assert "Nothing to be done" in run(copy)


# More edits of what a training and a score depend on, whose hashes reach their rules as those of the first two above.
OF_TRAINING = {
    "training at p = 1 alone": ("workflow/steps/recipes.py", "scales=scales,", "scales=(1, 1),"),
    "patches of another p": ("workflow/steps/recipes.py", "run.scale or 1", "1"),
    "lambda_min of the widest band": ("workflow/steps/building.py", "store.bands.widths.min()", "store.bands.widths.max()"),
    "a builder": ("workflow/steps/building.py", '"bands": store.bands.parts(run.count)', '"bands": store.bands'),
    "the weights that are written": ("workflow/steps/building.py", "save_weights(model,", "save_weights(model.half(),"),
}  # fmt: skip
OF_SCORES = {
    "the bands that are scored": ("workflow/steps/scoring.py", "resampling_matrix(store.bands, bands)", "overlap_matrix(store.bands, bands)"),
    "the images that are kept": ("workflow/steps/predictions.py", "image.astype(np.float16)", "image.astype(np.float32)"),
}  # fmt: skip


@pytest.mark.parametrize("edit", [*OF_TRAINING, *OF_SCORES])
def test_an_edit_changes_the_hash_of_the_code(copy, monkeypatch, edit):
    monkeypatch.setattr(fingerprints, "ROOT", copy)
    monkeypatch.chdir(copy)
    config = presets.load("preset.yaml")
    of_table1 = targets.networks(config, [targets.targets(config)["table1"]])

    def hashes() -> list[str]:
        fingerprints._read.cache_clear()
        if edit in OF_SCORES:
            return [
                fingerprints.of_job("workflow.evaluate", *runs.modules(runs.stages(row)))
                for row in targets.rows(config)
            ]
        return [fingerprints.of_job(*runs.training_modules(config, its)) for its in of_table1]

    before = hashes()
    with edited(copy, (OF_TRAINING | OF_SCORES)[edit]):
        after = hashes()
    assert before and not set(before) & set(after)
    assert hashes() == before
