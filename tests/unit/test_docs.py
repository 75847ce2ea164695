"""What README.md and docs/ tell a reader to type runs: every `ssif` command, and the Python for one's own images."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import ssif
from ssif.bands import Bands
from ssif.checkpoint import described, save_weights
from ssif.formats import create_image
from ssif.formats.header import Header
from ssif.nets.ssif import SSIF
from ssif.sensors import sensor_bands
from tests.predicting import SIZES

ROOT = Path(__file__).resolve().parents[2]
# add-a-data-set.md needs a data set: tests/workflow/test_own_data.py follows it; tests/workflow/test_tutorial.py follows tutorial.md.
ELSEWHERE = {ROOT / "docs/add-a-data-set.md", ROOT / "docs/tutorial.md"}
PAGES = [ROOT / "README.md", *sorted(set((ROOT / "docs").glob("*.md")) - ELSEWHERE)]
EVERY_PAGE = [ROOT / "README.md", ROOT / "config/README.md", ROOT / "results/reference/README.md"]
EVERY_PAGE += sorted([*(ROOT / "docs").glob("*.md"), *(ROOT / "results/reference/weights").glob("*.md")])


def commands(page: Path) -> list[str]:
    """The lines of a page's shell blocks that need nothing but this package, and what they are fed with."""
    blocks = re.findall(r"^ {4}(\S.*)$", page.read_text(), re.MULTILINE)
    return [line for line in blocks if line.startswith(("ssif ", "printf "))]


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A reader's folder: a photo, a tile of four channels without wavelengths, weights for it, and those of the package."""
    (tmp_path / "results").symlink_to(ROOT / "results")
    ikonos, _ = sensor_bands("ikonos")
    card = {"msi": "ikonos", "wavelengths": [400.0, 1000.0], "input_bands": ikonos.edges.tolist()}
    torch.manual_seed(0)
    network = SSIF(4, variant="RF-UF", **SIZES)
    save_weights(network, tmp_path / "weights.safetensors", described(network, card))
    values = np.random.default_rng(0).random((20, 30, 4)).astype(np.float32)
    for name, header, its in [
        ("photo.png", Header(20, 30, 3, "uint8"), 255 * values[..., :3]),
        ("tile.tif", Header(20, 30, 4, "uint16"), 9000 * values),
    ]:
        with create_image(tmp_path / name, header) as write:
            write(its)
    program = tmp_path / "bin/ssif"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.quote(sys.executable)} -m ssif.cli "$@"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: page.name)
def test_every_command_runs(folder, page):
    done = subprocess.run(["bash", "-ec", "\n".join(commands(page))], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr


def anchors(page: Path) -> set[str]:
    """The names under which a page's headings are linked."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", EVERY_PAGE, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        place, _, anchor = link.partition("#")
        if place.startswith("https://"):
            continue
        target = page.parent / place if place else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", EVERY_PAGE, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_program_that_is_named_exists(page):
    text = page.read_text()
    for module in re.findall(r"python -m ((?:workflow|ssif)[\w.]*)", text):
        assert (ROOT / f"{module.replace('.', '/')}.py").is_file(), module
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    made = re.findall(r"(?:`|^ {4})(?:SSIF_DATA=\S+ )?make ([a-z][\w-]*)", text, re.MULTILINE)
    assert set(made) <= targets
    for preset in re.findall(r"(?:PRESET=|config/)([a-z][\w-]*)(?:\.yaml|`|$| )", text):
        known = {path.stem for path in (ROOT / "config").glob("*.yaml")} | {"README", "field", "tutorial"}
        assert preset in known, preset


def test_commands_are_found():
    found = {page.name: len(commands(page)) for page in PAGES}
    assert found["predict.md"] == 4 and found["sensors.md"] == 8 and found["README.md"] >= 1


def test_the_examples_of_the_readme_and_of_predict_run(folder, monkeypatch, capsys):
    monkeypatch.setenv("MPLBACKEND", "agg")
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    exec(example, {})
    shape, decibels = re.fullmatch(r"(\(.*\)) PSNR (.*) dB\n", capsys.readouterr().out).groups()
    assert shape == "(128, 128, 31)" and 22 < float(decibels) < 26
    assert (folder / "spectrum.png").stat().st_size > 10_000
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/predict.md").read_text(), re.DOTALL)
    names = {"ssif": ssif, "array": np.zeros((5, 6, 4)), "bands": Bands([[500, 600]])}
    exec(example, names)
    assert names["image"].shape == (10, 12, 1)
