"""From a configuration to runs: what is asked is what is listed, and nonsense is one clear line."""

import copy
from pathlib import Path

import pytest
import yaml

from ssif.errors import UserError
from workflow import code, cost, plan, presets
from workflow.models import MODELS

CONFIGS = sorted(path for path in Path("config").glob("*.yaml"))
QUICK = yaml.safe_load(Path("config/config.yaml").read_text())


def changed(path: str, value) -> dict:
    mapping = copy.deepcopy(QUICK)
    place = mapping
    *parents, last = path.split(".")
    for key in parents:
        place = place[key]
    place[last] = value
    return mapping


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_preset_is_whole_and_names_itself(path):
    config = presets.load(path)
    assert config.preset == ("quick" if path.stem == "config" else path.stem)
    assert plan.table_runs(config)


def test_runs_of_the_quick_preset():
    config = presets.load("config/config.yaml")
    assert [run.id for run in plan.runs(config)] == [
        "indian_pines.bicubic.s0",
        "indian_pines.liif.C200.s0",
        "indian_pines.ssif-m.s0",
        "indian_pines.ssif-rf-gs.s0",
        "indian_pines.ssif-rf-gf.s0",
        "indian_pines.ssif-rf-us.s0",
        "indian_pines.ssif-rf-uf.s0",
    ]


def test_seeds_multiply_the_runs_and_tables_need_only_their_data_set():
    config = presets.load("config/paper.yaml")
    assert len(plan.runs(config)) == 2 * 7 * 3
    assert len(plan.table_runs(config)) == 7 * 3
    assert len({run.id for run in plan.runs(config)}) == 42


def test_a_run_is_found_by_its_id_and_an_unknown_one_lists_them():
    config = presets.load("config/config.yaml")
    run = plan.find_run(config, "indian_pines.liif.C200.s0")
    assert (run.count, run.seed) == (200, 0)
    assert str(run.folder) == "results/runs/quick/indian_pines/indian_pines.liif.C200.s0"
    with pytest.raises(UserError, match=r"known: indian_pines\.bicubic\.s0, .*ssif-rf-us"):
        plan.find_run(config, "cave.liif.C31.s0")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("colour", "red", "unknown key in the configuration: 'colour'; known: antialias, datasets"),
        ("datasets.indian_pines.network.width", 3, "unknown key in datasets.indian_pines.network: 'width'"),
        ("methods", ["ssif-rf-xx"], "unknown model 'ssif-rf-xx'; known: bicubic, liif, ssif-m"),
        ("datasets.indian_pines.training.steps", "many", "training.steps wants a int, got 'many'"),
        ("datasets.indian_pines.training.lr_sizes", [], "lr_sizes wants a list"),
        ("datasets.indian_pines.scales.train", [1, 2, 3], "scales.train wants a list of 2 float"),
        ("datasets.indian_pines.scales.train", [0.5, 4], "at least 1"),
        ("datasets.indian_pines.scales.test", [0.9], "at least 1"),
        ("datasets.indian_pines.counts.test", [0, 200], "at least 1"),
        ("datasets.indian_pines.counts.test", [50.5, 200], "whole number"),
        ("datasets.indian_pines.counts.test", [50], "must hold the largest training count 200"),
        ("datasets.indian_pines.training.rate", 0, "positive"),
        ("datasets.indian_pines.training.halve_at", [1.5], "between 0 and 1"),
        ("tables", {"table1": "cave"}, "unknown data set for table1 'cave'; known: indian_pines"),
        ("tables", {"table9": "indian_pines"}, "unknown table 'table9'"),
        ("datasets", {"mars": {}}, "unknown data set 'mars'; known: cave"),
        ("device", "tpu", "unknown device 'tpu'; known: auto, cpu, cuda"),
        ("datasets.indian_pines", "yes", "wants the keys msi, scales"),
        ("threads", True, "threads wants a int, got True"),
    ],
)
def test_nonsense_is_refused_with_what_would_be_right(path, value, message):
    with pytest.raises(UserError, match=message.replace("[", r"\[")):
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


def test_identity_changes_with_what_is_learned_and_not_with_what_is_evaluated():
    config = presets.parse(QUICK)
    run = plan.find_run(config, "indian_pines.ssif-rf-uf.s0")
    same = [
        changed("datasets.indian_pines.scales.test", [2, 12]),
        changed("threads", 2),
        changed("methods", ["ssif-rf-uf"]),
    ]
    other = [
        changed("datasets.indian_pines.network.k", 3),
        changed("antialias", True),
        changed("datasets.indian_pines.msi", "x"),
    ]
    assert all(plan.identity(presets.parse(mapping), run) == plan.identity(config, run) for mapping in same)
    assert all(plan.identity(presets.parse(mapping), run) != plan.identity(config, run) for mapping in other)


def test_the_code_hash_follows_imports_but_not_comments(tmp_path, monkeypatch):
    package = tmp_path / "ssif"
    package.mkdir()
    (package / "a.py").write_text('"""Doc."""\nfrom ssif.b import f\n\n\ndef g():\n    return f()\n')
    (package / "b.py").write_text("def f():\n    return 1\n")
    (package / "c.py").write_text("def h():\n    return 1\n")
    monkeypatch.setattr(code, "ROOT", tmp_path)

    def fingerprint() -> str:
        code._read.cache_clear()
        return code.fingerprint("ssif.a")

    before = fingerprint()
    (package / "a.py").write_text(
        '"""Another."""\nfrom ssif.b import f  # why\n\n\ndef g():\n    """What."""\n    return f()\n'
    )
    (package / "c.py").write_text("def h():\n    return 2\n")
    assert fingerprint() == before
    (package / "b.py").write_text("def f():\n    return 2\n")
    assert fingerprint() != before


def test_the_code_of_every_method_is_found():
    hashes = {code.fingerprint(method.module) for method in MODELS.values()}
    assert len(hashes) == len({method.module for method in MODELS.values()})
    assert code.fingerprint("no.such.module") not in hashes


def test_every_reader_can_be_named_in_a_configuration():
    from ssif.data.store import READERS

    assert set(presets.DATASETS) == set(READERS)


def test_cost_is_close_to_the_counted_multiply_adds():
    """The estimate against the framework's own count for one forward pass of SSIF."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from ssif.bands import Bands
    from workflow.train import MODELS as methods

    config = presets.parse(changed("datasets.indian_pines.training.lr_sizes", [16]))
    data = config.datasets["indian_pines"]
    run = plan.find_run(config, "indian_pines.ssif-rf-uf.s0")
    bands = Bands.from_centres([500 + 10 * i for i in range(125)], 10)
    model = methods[run.method].build(4, bands, plan.identity(config, run)["network"], run)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        n = data.training.batch
        model(torch.rand(n, 4, 16, 16), torch.rand(n, 256, 2), torch.full((n, 2), 0.1), bands)
    assert counter.get_total_flops() / 2 == pytest.approx(cost.multiply_adds(data, 4, 125, data.network.k), rel=0.1)
