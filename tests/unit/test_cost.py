"""What a preset trains, in words, and what a training step costs, measured."""

import dataclasses
from pathlib import Path

import pytest

from ssif.data.prepare import prepare
from workflow import cost
from workflow.config import presets
from workflow.plan import runs, targets

CONFIG = presets.load("config/config.yaml")
SMOKE = presets.load("config/smoke.yaml")


def test_the_summary_lists_what_each_target_adds():
    head, *lines = targets.announced(CONFIG).splitlines()
    assert head == "preset quick: 50 networks to train (finished ones are kept)"
    assert [line.split()[0] for line in lines] == [*CONFIG.tables, *CONFIG.figures, *CONFIG.ablations]
    assert lines[5] == "  fig3 on indian_pines: 2 more: 2 liif"
    assert lines[1] == "  table2 on indian_pines: none more"
    assert sum(int(line.split(": ")[1].split()[0]) for line in lines if " more: " in line) == 50


def test_published_weights_are_taken():
    config = dataclasses.replace(CONFIG, weights="published")
    assert targets.announced(config).startswith("preset quick: 50 networks taken from published weights\n")


def test_every_preset_has_a_summary():
    for path in Path("config").glob("*.yaml"):
        assert f"preset {presets.load(path).preset}: " in targets.announced(presets.load(path))


def test_the_multiply_adds_of_a_step_are_those_of_the_layers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    prepare("synthetic", runs.data_file("synthetic"), SMOKE.datasets["synthetic"].msi)
    row = cost.measured(SMOKE, runs.find(targets.networks(SMOKE), "synthetic.rcan-msi.p2.s0"))
    sizes, training = runs.settings(SMOKE, runs.find(targets.networks(SMOKE), "synthetic.rcan-msi.p2.s0"))
    w, c, pixels = sizes["channels"], 3, training.batch * training.lr_size(2) ** 2
    head, trunk = 9 * c * w, (sizes["groups"] * (18 * sizes["blocks"] + 9) + 9) * w * w
    up, tail = 9 * w * w * 4, 9 * c * w * 4
    # Forward, and twice as much backward, but nobody asks for the gradient of the input.
    expected = pixels * (3 * (head + trunk + up + tail) - head)
    assert row["multiply_adds"] == pytest.approx(expected, rel=0.02)
    assert row["hours"] == pytest.approx(row["steps"] * row["step_seconds"] / 3600) and row["step_seconds"] > 0
    assert cost.measured(SMOKE, runs.find(targets.networks(SMOKE), "synthetic.bicubic.s0"))["steps"] == 0
