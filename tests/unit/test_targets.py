"""What each table and figure needs: networks and cells counted by hand (landuse spec, sections 3 and 4)."""

import copy
import dataclasses
from pathlib import Path

import pytest
import yaml

from workflow.config import presets, schema
from workflow.config.names import spelled
from workflow.methods import METHODS
from workflow.plan import runs, targets
from workflow.plan.runs import Run

PAPER = presets.load("config/paper.yaml")
# The preset has later methods, too.
PAPER = dataclasses.replace(PAPER, seeds=(0,), methods=tuple(name for name in PAPER.methods if not METHODS[name].later))
QUICK = yaml.safe_load(Path("config/config.yaml").read_text())
SHOWN = targets.targets(PAPER)


def networks(*names: str) -> set[Run]:
    return {run for name in names for run in targets.networks(PAPER, [SHOWN[name]]) if run.method != "bicubic"}


def cells(name: str, *methods: str) -> int:
    target = SHOWN[name]
    return sum(len(target.cells(row)) for row in target.rows if row.method.startswith(methods))


def test_the_paper_needs_84_networks_a_seed():
    """Section 4.1: 32 implicit models, 51 baselines and the classifier."""
    names = ("table1", "table2", "table3", "fig1", "fig3", "fig4", "fig6", "fig7", "fig8", "fig9", "fig10")
    fields = {run for run in networks(*names) if run.method == "liif" or run.method.startswith("ssif")}
    by_dataset = [sum(run.dataset == dataset for run in fields) for dataset in ("cave", "pavia_centre")]
    assert by_dataset == [14, 18] and len(networks(*names)) == 32 + 51 + 1


@pytest.mark.parametrize(
    ("name", "before", "more"),
    [
        ("table1", (), 6 + 22),
        ("table2", ("table1",), 6 + 29),
        ("table3", ("table2",), 1),
        ("fig1", ("table2",), 0),
        ("fig3", ("table1",), 6),
        ("fig4", ("table2",), 4),
        ("fig6", ("table1",), 2),
        ("fig7", ("table2",), 6),
        ("fig8", ("table2",), 0),
        ("fig9", ("table3",), 0),
        ("fig10", ("table2",), 2),
        ("lambda_min", ("table1",), 2),
        ("closed_form", ("table1",), 2),
    ],
)
def test_networks_that_each_target_adds(name, before, more):
    assert len(networks(name) - networks(*before)) == more


def test_cells_of_each_target():
    """Section 3: table1 30 SSIF + 6 LIIF + 18 baseline; table2 40 + 8 + 24; fig3 100 + 14; fig4 80 + 10; fig7 56."""
    on_grid = ("rcan", "awan", "us3rn", "ssjsr")
    assert [cells("table1", *names) for names in (("ssif",), ("liif",), on_grid)] == [30, 6, 18]
    assert [cells("table2", *names) for names in (("ssif",), ("liif",), on_grid)] == [40, 8, 24]
    assert [cells("fig3", *names) for names in (("ssif",), ("liif",), on_grid)] == [100, 14, 12]
    assert [cells("fig4", *names) for names in (("ssif",), ("liif",), on_grid)] == [80, 10, 12]
    new = [row for row in SHOWN["fig6"].rows if row.changes]
    assert sum(len(SHOWN["fig6"].cells(row)) for row in new) == 40
    assert cells("fig7", "ssif") == 56 and sum(8 for row in SHOWN["fig7"].rows if not row.changes) == 8


def test_a_row_is_evaluated_where_something_shows_it():
    by_id = {row.id: row for row in targets.rows(PAPER)}
    every = [8, 12, 16, 20, 24, 28, 31, 40, 48, 62]
    ssif = targets.cells(SHOWN.values(), by_id["cave.ssif-rf-uf.s0"])
    assert ssif == {2: [31], 4: every, 8: every, 10: [31], 12: [31], 14: [31]}
    assert targets.cells(SHOWN.values(), by_id["cave.liif.C12.s0"]) == {4: [12], 8: [12]}
    assert targets.cells(SHOWN.values(), by_id["cave.us3rn.p2.C31.s0"]) == {2: [31]}
    assert targets.cells(SHOWN.values(), by_id["pavia_centre.ssif-rf-us.k-6.s0"]) == {
        8: [13, 26, 51, 76, 102, 128, 153, 204]
    }


def test_images_are_kept_where_a_figure_shows_them():
    by_id = {row.id: row for row in targets.rows(PAPER)}
    table3 = {2: [102], 3: [102], 4: [102], 8: [102]}
    assert targets.stored_cells(SHOWN, by_id["pavia_centre.ssif-rf-gs.s0"]) == table3 | {4: [13, 51, 102, 204]}
    assert targets.stored_cells(SHOWN, by_id["pavia_centre.liif.C102.s0"]) == table3
    assert targets.stored_cells(SHOWN, by_id["cave.ssif-rf-gs.s0"]) == {}


def quick(**ablations) -> schema.Config:
    return presets.parse(copy.deepcopy(QUICK) | {"ablations": ablations})


def block(change: str, values: list, methods=("ssif-rf-us",), **fixed) -> dict:
    its = {"dataset": "indian_pines", "scales": [4], "methods": list(methods), "change": change, "values": values}
    return its | ({"fixed": fixed} if fixed else {})


def added(config: schema.Config, name: str) -> list[str]:
    """Changed networks of an ablation, without data set and seed."""
    rows = targets.targets(config)[name].rows
    return [
        run.id.removeprefix("indian_pines.").removesuffix(".s0") for run in runs.networks(config, rows) if run.changes
    ]


def test_one_more_value_is_one_more_network():
    before, after = (quick(fig7=block("k", values, steps=800)) for values in ([2, 8], [2, 8, 64]))
    assert added(before, "fig7") == ["ssif-rf-us.k-2.steps-800", "ssif-rf-us.k-8.steps-800"]
    assert set(added(after, "fig7")) - set(added(before, "fig7")) == {"ssif-rf-us.k-64.steps-800"}
    unchanged = [run for run in targets.rows(before) if run.id in {row.id for row in targets.rows(after)}]
    assert all(
        runs.identity(before, run) == runs.identity(after, run) for run in unchanged if run.method == "ssif-rf-us"
    )


def test_the_preset_s_own_value_is_the_table_s_network():
    assert added(quick(k=block("k", [4, 16])), "k") == ["ssif-rf-us.k-4"]


def test_a_key_that_a_method_does_not_read_changes_nothing():
    config = quick(k=block("k", [4, 8], methods=["ssif-rf-ui", "ssif-m", "liif", "ssif-rf-gf"]))
    assert [run.id for run in targets.targets(config)["k"].rows] == [
        f"indian_pines.{name}.s0" for name in ("ssif-rf-ui", "ssif-m", "liif.C200", "ssif-rf-gf.k-4", "ssif-rf-gf.k-8")
    ]
    ablation = config.ablations["k"]
    values = [targets.value_of(config, ablation, run) for run in targets.targets(config)["k"].rows]
    assert values == ["", "", "", "4", "8"]


@pytest.mark.parametrize(
    ("change", "value", "name"),
    [
        ("dim", 10, "ssif-rf-gs.dim-10"),
        ("hidden", 32, "ssif-rf-gs.hidden-32"),
        ("encoder", {"name": "edsr", "blocks": 2, "channels": 16}, "ssif-rf-gs.encoder-edsr-2-16"),
        ("pixel_decoder", "itsrn", "ssif-rf-gs.pixel_decoder-itsrn"),
        ("spectral_decoder", "C", "ssif-rf-gs.spectral_decoder-C"),
        ("lambda_min", 0.5, "ssif-rf-gs.lambda_min-0.5"),
        ("rate", 1e-3, "ssif-rf-gs.rate-0.001"),
        ("lr_sizes", [8, 12], "ssif-rf-gs.lr_sizes-8-12"),
    ],
)
def test_any_hyper_parameter_can_be_ablated(change, value, name):
    config = quick(mine=block(change, [value], methods=["ssif-rf-gs"]))
    assert added(config, "mine") == [name]
    (run,) = targets.targets(config)["mine"].rows
    sizes, training = runs.settings(config, run)
    expected = tuple(value) if isinstance(value, list) else value
    assert (sizes | dataclasses.asdict(training))[change] == expected
    base = runs.identity(config, dataclasses.replace(run, changes=()))
    assert runs.identity(config, run) != base and len({run, run}) == 1


def test_an_encoder_has_one_name_however_it_is_written():
    one, other = ({"name": "edsr", "blocks": 2, "channels": 16}, {"channels": 16, "blocks": 2, "name": "edsr"})
    assert spelled(one) == spelled(other) == "edsr-2-16"
    assert spelled([8, 12]) == "8-12" and spelled(0.5) == "0.5"


def test_liif_does_not_train_again_for_what_it_does_not_read():
    config = quick()
    run = Run("quick", "indian_pines", "liif", 0, count=200)
    same = presets.parse(copy.deepcopy(QUICK) | {"ablations": {}, "datasets": _with(k=4, dim=7)})
    other = presets.parse(copy.deepcopy(QUICK) | {"ablations": {}, "datasets": _with(hidden=7)})
    assert runs.identity(same, run) == runs.identity(config, run) != runs.identity(other, run)


def test_a_method_has_seeds_of_its_own():
    seeds_of = {"liif": [0, 1], "ssif-m": [7], "rcan+awan": [3, 2]}
    config = presets.parse(copy.deepcopy(QUICK) | {"seeds_of": seeds_of})
    table1 = targets.targets(config)["table1"]
    found = {}
    for row in table1.rows:
        found.setdefault(row.method, []).append(row.seed)
    expected = {name: seeds_of.get(name, [0]) for name in config.methods}
    # One network for each p.
    assert {name: list(dict.fromkeys(seeds)) for name, seeds in found.items()} == expected
    assert found["rcan+awan"] == 3 * [3, 2] and found["us3rn"] == 3 * [0]
    stages = [run for run in targets.networks(config, [table1]) if run.method == "rcan-msi"]
    assert {(run.scale, run.seed) for run in stages} == {(p, seed) for p in (2, 3, 4) for seed in (0, 2, 3)}
    assert table1.seed_count == "1 or 2" and targets.targets(presets.parse(QUICK))["table1"].seed_count == "1"


def test_every_seed_whose_images_are_classified_has_a_classifier():
    config = dataclasses.replace(PAPER, seeds_of={"liif": [0, 4], "bicubic": [2]})
    table3 = targets.targets(config)["table3"]
    assert {run.seed for run in table3.classifiers} == {row.seed for row in table3.rows} == {0, 2, 4}
    assert len(table3.classifiers) == 3


def _with(**sizes) -> dict:
    datasets = copy.deepcopy(QUICK["datasets"])
    datasets["indian_pines"]["network"] |= sizes
    return datasets


def test_a_classifier_looks_at_the_images_of_its_seed():
    """Section 3: 24 predicted images and the true one, one classifier a seed."""
    config = dataclasses.replace(PAPER, seeds=(0, 1))
    table3 = targets.targets(config)["table3"]
    assert [run.id for run in table3.classifiers] == ["pavia_centre.a2s2k.s0", "pavia_centre.a2s2k.s1"]
    assert len(targets.classified(config)) == 2 * (7 + 1)
    assert sum(len(table3.cells(row)) for row in table3.rows if row.method != "bicubic") == 2 * 24
    assert not any(targets.targets(config)[name].classifiers for name in ("table2", "fig8"))
