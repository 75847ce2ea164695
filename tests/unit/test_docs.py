"""The documentation holds: links lead somewhere, commands exist, and the examples for one's own images run."""

import functools
import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from snakemake.cli import get_argument_parser

import ssif
from ssif.bands import Bands
from ssif.checkpoint import described, save_weights
from ssif.cli import main, parser
from ssif.formats import create_image, open_image
from ssif.formats.header import Header
from ssif.nets.ssif import SSIF
from ssif.sensors import parse_bands
from tests.predicting import SIZES
from workflow.config.presets import load
from workflow.config.schema import Config

ROOT = Path(__file__).resolve().parents[2]
# add-a-data-set.md needs a data set: tests/workflow/test_own_data.py follows it; tests/workflow/test_tutorial.py follows tutorial.md.
ELSEWHERE = {ROOT / "docs/add-a-data-set.md", ROOT / "docs/tutorial.md"}
PAGES = [ROOT / "README.md", *sorted(set((ROOT / "docs").glob("*.md")) - ELSEWHERE)]
# The other .md files under results/ are tables, which programs write.
EVERY_PAGE = [ROOT / name for name in ("README.md", "CHANGELOG.md", "config/README.md", "results/reference/README.md")]
EVERY_PAGE += sorted([*(ROOT / "docs").glob("*.md"), *(ROOT / "results/reference/weights").glob("*.md")])
# Presets that a reader makes on the page.
MADE = {"config/field.yaml": "config/my-data.yaml", "config/tutorial.yaml": "config/my-data.yaml"}
# And one that a program makes of another.
MADE |= {"results/presets/paper.finished.yaml": "config/paper.yaml"}
every_page = pytest.mark.parametrize("page", EVERY_PAGE, ids=lambda page: str(page.relative_to(ROOT)))


def commands(page: Path) -> list[str]:
    """The lines of a page's shell blocks that need nothing but this package, and what they are fed with."""
    blocks = re.findall(r"^ {4}(\S.*)$", page.read_text(), re.MULTILINE)
    return [line for line in blocks if line.startswith(("ssif ", "printf "))]


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A reader's folder: a photo, a tile of four channels without wavelengths, weights for it, and those of the package."""
    (tmp_path / "results").symlink_to(ROOT / "results")
    ikonos, _ = parse_bands("ikonos")
    card = {"msi": "ikonos", "wavelengths": [400.0, 1000.0], "input_bands": ikonos.edges.tolist()}
    torch.manual_seed(0)
    network = SSIF(4, variant="RF-UF", **SIZES)
    save_weights(network, tmp_path / "weights.safetensors", described(network, card))
    values = np.random.default_rng(0).random((20, 30, 4)).astype(np.float32)
    for name, header, pixels in [
        ("photo.png", Header(20, 30, 3, "uint8"), 255 * values[..., :3]),
        ("tile.tif", Header(20, 30, 4, "uint16"), 9000 * values),
    ]:
        with create_image(tmp_path / name, header) as write:
            write(pixels)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: page.name)
def test_every_command_runs(folder, page, monkeypatch, capsys):
    for line in commands(page):
        if line.startswith("printf "):
            subprocess.run(["sh", "-ec", line], check=True)
        else:
            monkeypatch.setattr(sys, "argv", shlex.split(line, comments=True))
            main()
    assert "error" not in capsys.readouterr().err


def anchors(page: Path) -> set[str]:
    """The names under which a page's headings are linked."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@every_page
def test_every_link_leads_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        place, _, anchor = link.partition("#")
        if place.startswith("https://"):
            continue
        target = page.parent / place if place else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def named(page: Path, program: str) -> list[list[str]]:
    """The words after `program` of every command in a code span or an indented block of a page, without comments."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`([^`]+)`", text) + re.findall(r"^ {4}(\S.*)$", text, re.MULTILINE)
    parts = [part.strip() for span in spans for part in re.split(r"&&", span.split("  #")[0])]
    parts = [re.sub(r"^([A-Z_]+=\S+ )+", "", part) for part in parts]
    return [shlex.split(part)[len(program.split()) :] for part in parts if f"{part} ".startswith(f"{program} ")]


@every_page
def test_every_python_module_exists(page):
    for module, *words in named(page, "python -m"):
        assert importlib.util.find_spec(module), module
        if module.startswith("workflow."):
            source = Path(importlib.util.find_spec(module).origin).read_text()
            source += (ROOT / "workflow/steps/arguments.py").read_text()
            assert all(f'"{word}"' in source for word in words if word.startswith("--")), (module, words)


@every_page
def test_every_make_target_exists(page):
    targets = set(re.findall(r"^([\w./-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for words in named(page, "make"):
        settings = dict(word.split("=") for word in words if "=" in word)
        assert {word for word in words if "=" not in word} <= targets, words
        check_preset(f"config/{settings.get('PRESET', 'config')}.yaml")


@every_page
def test_every_ssif_command_exists(page):
    (commands,) = [action for action in parser()._actions if action.dest == "command"]
    for command, *words in filter(None, named(page, "ssif")):
        assert command in commands.choices or command == "--help", command
        options = commands.choices.get(command, parser())._option_string_actions
        assert {word for word in words if word.startswith("--")} <= set(options), words


@every_page
def test_every_snakemake_command_exists(page):
    for words in named(page, "snakemake"):
        arguments = get_argument_parser().parse_args(words)
        preset = str(arguments.configfile[0]) if arguments.configfile else "config/config.yaml"
        config = check_preset(preset)
        made = {f"results/{table}.csv" for table in (*config.tables, "cells", "ablation")}
        made |= {
            f"results/figures/{name}.{kind}" for name in config.figures | config.ablations for kind in ("pdf", "png")
        }
        # The tutorial makes a preset with a figure of its own.
        made |= {"results/figures/fig8.pdf"} if preset in MADE else set()
        assert set(arguments.targets) <= made | {"results/report.html", "all", "figures"}, words


@every_page
def test_every_preset_that_is_named_exists(page):
    for preset in re.findall(r"\bconfig/[\w-]+\.yaml", page.read_text()):
        check_preset(preset)


@functools.cache
def check_preset(path: str) -> Config:
    return load(ROOT / MADE.get(path, path))


def test_commands_are_found(tmp_path):
    """The patterns that the tests above rely on match."""
    assert [len(commands(ROOT / page)) for page in ("README.md", "docs/predict.md", "docs/sensors.md")] == [1, 5, 8]
    page = tmp_path / "page.md"
    page.write_text(
        "Text, `make all PRESET=smoke` and `make`.\n\n    SSIF_DATA=~/data make table1     # a comment\n    ls && make test\n"
    )
    assert named(page, "make") == [["all", "PRESET=smoke"], [], ["table1"], ["test"]]


def test_the_examples_of_the_readme_and_of_predict_run(folder, monkeypatch, capsys):
    monkeypatch.setenv("MPLBACKEND", "agg")
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    exec(example, {})
    shape, decibels = re.fullmatch(r"(\(.*\)) PSNR (.*) dB\n", capsys.readouterr().out).groups()
    assert shape == "(128, 128, 31)" and 22 < float(decibels) < 26
    assert (folder / "spectrum.png").stat().st_size > 10_000
    first, second = re.findall(r"```python\n(.*?)```", (ROOT / "docs/predict.md").read_text(), re.DOTALL)
    names = {"ssif": ssif, "array": np.zeros((5, 6, 4)), "bands": Bands([[500, 600]])}
    exec(first, names)
    assert names["image"].shape == (10, 12, 1)
    exec(second, names)
    with open_image(folder / "fine.tif") as image:
        assert (image.header.height, image.header.width, image.header.count) == (40, 60, 8)
