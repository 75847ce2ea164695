"""Presets: bases, and nonsense, which is one clear line."""

import copy
import re
from pathlib import Path

import pytest
import yaml

from ssif.errors import UserError
from tests.quick import BLOCK, QUICK, changed
from workflow.config import presets
from workflow.plan import targets

CONFIGS = sorted(path for path in Path("config").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_preset_is_whole_and_names_itself(path):
    config = presets.load(path)
    assert config.preset == ("quick" if path.stem == "config" else path.stem)
    assert targets.rows(config)


@pytest.fixture
def bases(tmp_path, monkeypatch) -> Path:
    """The folder of presets, here with two: `large`, and `middle`, which has a base itself."""
    monkeypatch.setattr(presets, "FOLDER", tmp_path)
    (tmp_path / "large.yaml").write_text(yaml.safe_dump(QUICK | {"preset": "large"}))
    (tmp_path / "middle.yaml").write_text("base: large\npreset: middle\n")
    return tmp_path


def test_a_preset_takes_from_its_base_what_it_does_not_say(bases):
    own = {
        "base": "large",
        "preset": "small",
        "methods": ["bicubic", "liif"],
        "datasets": {"indian_pines": {"network": {"k": 7}, "training": {"lr_sizes": [5]}}},
    }
    (bases / "small.yaml").write_text(yaml.safe_dump(own))
    expected = copy.deepcopy(QUICK) | {"preset": "small", "methods": ["bicubic", "liif"]}
    expected["datasets"]["indian_pines"]["network"]["k"] = 7
    expected["datasets"]["indian_pines"]["training"]["lr_sizes"] = [5]
    assert presets.whole(own) == expected and presets.load(bases / "small.yaml") == presets.parse(expected)
    assert presets.whole(expected) == expected


def test_a_value_of_a_preset_stands_for_a_whole_block_of_its_base(bases):
    """And a block for a value."""
    (bases / "large.yaml").write_text(yaml.safe_dump({"a": {"b": 1, "c": 2}, "d": 3}))
    assert presets.whole({"base": "large", "a": 4, "d": {"e": 5}}) == {"a": 4, "d": {"e": 5}}


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ("huge", r"^unknown base 'huge'; known: large, middle$"),
        (3, r"^unknown base 3; known: large, middle$"),
        (["large"], r"^unknown base \['large'\]; known: large, middle$"),
        ("middle", "^the base middle has a base itself; use base: large$"),
    ],
)
def test_a_base_that_cannot_be_is_refused(bases, base, message):
    with pytest.raises(UserError, match=message):
        presets.parse({"base": base, "preset": "small"})


def test_a_mistake_beside_a_base_is_told(bases):
    with pytest.raises(UserError, match=r"^unknown key in the configuration: 'colour'"):
        presets.parse({"base": "large", "preset": "small", "colour": "red"})


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_preset_and_what_it_is_with_its_base_are_one(path, tmp_path):
    """Snakemake writes the second for its jobs."""
    (tmp_path / "whole.yaml").write_text(yaml.safe_dump(presets.whole(yaml.safe_load(path.read_text()))))
    assert "base" not in yaml.safe_load((tmp_path / "whole.yaml").read_text())
    assert presets.load(tmp_path / "whole.yaml") == presets.load(path)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("colour", "red", "unknown key in the configuration: 'colour'; known: ablations, antialias, datasets"),
        ("datasets.indian_pines.network.width", 3, "unknown key in datasets.indian_pines.network: 'width'"),
        ("methods", ["ssif-rf-xx"], "unknown model 'ssif-rf-xx'; known: awan+rcan, awan+sspsr"),
        ("datasets.indian_pines.training.steps", "many", "training.steps must be a whole number, got 'many'"),
        ("datasets.indian_pines.training.lr_sizes", [], "lr_sizes must be a list"),
        ("datasets.indian_pines.scales.train", [1, 2, 3], "scales.train must be a list of 2 numbers"),
        ("datasets.indian_pines.scales.train", [0.5, 4], "at least 1"),
        ("datasets.indian_pines.scales.test", [0.9], "at least 1"),
        ("datasets.indian_pines.counts.test", [0, 200], "at least 1"),
        ("datasets.indian_pines.counts.test", [50.5, 200], "whole number"),
        ("datasets.indian_pines.counts.test", [50], "must contain the largest training count 200"),
        ("datasets.indian_pines.training.rate", 0, "positive"),
        ("datasets.indian_pines.training.halve_at", [1.5], "between 0 and 1"),
        ("datasets.indian_pines.training.decay", "linear", "unknown datasets.indian_pines.training.decay: 'linear'"),
        ("datasets.indian_pines.training.average", 1.0, "average must be at least 0 and below 1"),
        ("datasets.indian_pines.training.queries", 0, "queries must be at least 1"),
        ("datasets.indian_pines.exceptions", {"us3rn": {}}, "unknown neural field in datasets.indian_pines.exceptions"),
        (
            "datasets.indian_pines.exceptions",
            {"liif": {"colour": 1}},
            "unknown key in datasets.indian_pines.exceptions.liif",
        ),
        (
            "datasets.indian_pines.exceptions",
            {"liif": 3},
            "exceptions.liif must have keys of network or training, got 3",
        ),
        ("datasets.indian_pines.exceptions", {"liif": {"steps": 0}}, "steps, batch and rate must be positive"),
        ("tables", {"table1": "cave"}, "unknown data set for tables.table1 'cave'; known: indian_pines"),
        ("tables", {"table9": "indian_pines"}, "unknown table 'table9'"),
        ("tables", {"table3": "indian_pines"}, "tables.table3 needs scales"),
        ("tables", {"table1": {"dataset": "indian_pines", "scales": [2]}}, "tables.table1 must not have scales"),
        ("tables.table3.methods", ["vgg"], "unknown model 'vgg'"),
        ("datasets.indian_pines.land_use", None, "lacks land_use, the classifier that table3 needs"),
        ("datasets.indian_pines.land_use.training.train", [3, 2], "train must be [fewest, most]"),
        ("datasets.indian_pines.land_use.training.rate", 0, "positive"),
        ("datasets", {"mars": {}}, "unknown data set without a source 'mars'; known: arad_1k, cave"),
        (
            "datasets.indian_pines.baselines.vgg",
            {},
            "unknown key in datasets.indian_pines.baselines: 'vgg'; known: awan, mog-dcn",
        ),
        ("datasets.indian_pines.baselines.rcan.lr", 1, "unknown key in datasets.indian_pines.baselines.rcan: 'lr'"),
        ("datasets.indian_pines.baselines", {}, "baselines lacks rcan, which the model rcan+awan needs"),
        ("datasets.indian_pines.baselines.rcan.training.crop", {"lr": 8, "hr": 16}, "crop must be either lr or hr"),
        ("datasets.indian_pines.baselines.rcan.training.crop", {"hr": 0}, "crop must be either lr or hr"),
        ("datasets.indian_pines.baselines.rcan.training.crop", {"hr": 8.5}, "crop must be either lr or hr"),
        (
            "datasets.indian_pines.baselines.rcan.training.crop",
            {"hr": 3},
            "crop: 3 HR pixels are less than one LR pixel at p = 4",
        ),
        ("datasets.indian_pines.baselines.rcan.training.steps", 0, "positive"),
        ("figures.fig2", {}, "unknown figure 'fig2'; known: cost, fig1, fig3, fig4, fig8"),
        ("figures.fig3.dataset", "cave", "unknown data set for figures.fig3 'cave'; known: indian_pines"),
        ("figures.fig3.scales", [0.5], "figures.fig3.scales: every scale p must be at least 1"),
        ("figures.fig3.methods", ["liif"], "figures.fig3 must not have methods"),
        ("figures.fig1.counts", [], "figures.fig1.counts must be a list"),
        ("figures.fig8", {"dataset": "indian_pines", "scales": [2]}, "figures.fig8 needs methods"),
        ("figures.fig8.methods", ["vgg"], "unknown model 'vgg'"),
        (
            "ablations.fig6.change",
            "colour",
            "unknown key in ablations.fig6: 'colour'; known: average, batch, decay, dim",
        ),
        ("ablations.fig6.values", [3], "ablations.fig6.spectral_decoder must be a text, got 3"),
        ("ablations.fig6.values", [], "ablations.fig6.values must not be empty"),
        ("ablations.fig6.fixed", {"steps": 0}, "ablations.fig6.training: steps, batch and rate must be positive"),
        (
            "ablations.fig6.methods",
            ["us3rn"],
            "unknown neural field in ablations.fig6 'us3rn'; known: ciaosr, liif, lte, ssif+",
        ),
        ("ablations.lambda_min.values", [-1], "lambda_min must be nyquist, or nm between 0 and lambda_max, got -1"),
        ("ablations.fig3", {}, "ablations.fig3 lacks dataset, scales, methods, change, values"),
        ("ablations.table1", BLOCK, "ablations.table1: the name must not be that of a table or figure"),
        ("ablations.My K", BLOCK, "an ablation must be a name of at most 40 letters"),
        ("device", "tpu", "unknown device 'tpu'; known: auto, cpu, cuda"),
        ("datasets.indian_pines", "yes", "must have the keys msi, scales"),
        ("threads", True, "threads must be a whole number, got True"),
        ("precision", "half", "unknown precision 'half'; known: auto, bfloat16, float32"),
        ("seeds_of", {"ssif-xl": [0]}, "unknown method of seeds_of 'ssif-xl'; known: awan+rcan, awan+sspsr"),
        (
            "seeds_of",
            {"liif": [0, 0]},
            "seeds_of.liif must be different whole numbers from 0 to 4294967295, got [0, 0]",
        ),
        ("seeds_of", {"liif": [-1]}, "seeds_of.liif must be different whole numbers"),
        ("seeds_of", {"liif": []}, "seeds_of.liif must be a list of one or more whole numbers, got []"),
        ("seeds_of", {"liif": 1}, "seeds_of.liif must be a list of one or more whole numbers, got 1"),
        ("seeds_of", [0], "seeds_of must be a mapping, got [0]"),
        ("weights", 3, "weights must be a text, got 3"),
    ],
)
def test_nonsense_is_refused_with_what_would_be_right(path, value, message):
    with pytest.raises(UserError, match=re.escape(message)):
        presets.parse(changed(path, value))


def test_a_missing_key_is_named():
    mapping = copy.deepcopy(QUICK)
    del mapping["seeds"], mapping["datasets"]["indian_pines"]["network"]["k"]
    with pytest.raises(UserError, match="the configuration lacks seeds"):
        presets.parse(mapping)
    mapping["seeds"] = [0]
    with pytest.raises(UserError, match="network lacks k"):
        presets.parse(mapping)


def test_a_broken_or_missing_file_is_one_line(tmp_path):
    with pytest.raises(UserError, match="cannot read the configuration"):
        presets.load(tmp_path / "none.yaml")
    (tmp_path / "torn.yaml").write_text("preset: [")
    with pytest.raises(UserError, match="is not YAML") as error:
        presets.load(tmp_path / "torn.yaml")
    assert "\n" not in str(error.value)
    for content in (b"preset: caf\xe9", b"\xff\xfe\x00 binary", bytes(range(256))):
        (tmp_path / "latin.yaml").write_bytes(content)
        with pytest.raises(UserError, match=r"latin\.yaml is not UTF-8: ") as error:
            presets.load(tmp_path / "latin.yaml")
        assert "\n" not in str(error.value)
    (tmp_path / "empty.yaml").write_bytes(b"")
    with pytest.raises(UserError, match="the configuration must have the keys preset, device"):
        presets.load(tmp_path / "empty.yaml")


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
@pytest.mark.parametrize(
    "key",
    ["training.rate", "training.halve_at.0", "network.lambda_max", "baselines.us3rn.training.crop.lr", "scales.test.1"],
)
def test_a_number_that_is_not_finite_is_refused(key, number):
    where, _, place = f"datasets.indian_pines.{key}".rpartition(".")
    value = {"0": [number], "1": [2, number], "lr": {"lr": number}}.get(place, number)
    mapping = changed(where if place in ("0", "1", "lr") else f"{where}.{place}", value)
    with pytest.raises(UserError, match=rf"^datasets\.indian_pines\.{key} must be a finite number, got (nan|inf)$"):
        presets.parse(mapping)
