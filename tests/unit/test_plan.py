"""From a preset to runs: what is asked is what is listed."""

import pytest

from ssif.errors import UserError
from tests.quick import QUICK, changed
from workflow.config import presets
from workflow.methods import METHODS, every_network
from workflow.plan import fingerprints, runs, targets
from workflow.plan.runs import Run


def ids(runs) -> list[str]:
    return [run.id.removeprefix("indian_pines.").removesuffix(".s0") for run in runs]


def rows(config, target: str = "table1") -> list[Run]:
    return targets.targets(config)[target].rows


def networks(config, target: str = "table1") -> list[Run]:
    return runs.networks(config, rows(config, target))


def test_rows_of_table_1_in_the_quick_preset():
    rows = ids(targets.targets(presets.load("config/config.yaml"))["table1"].rows)
    on_grid = ["rcan+awan", "awan+rcan", "awan+sspsr", "rcan+awan+mog-dcn", "ssjsr", "us3rn"]
    fields = ["ssif-m", "ssif-rf-gs", "ssif-rf-gf", "ssif-rf-us", "ssif-rf-uf", "ssif+"]
    assert rows == ["bicubic", *(f"{name}.p{p}.C200" for name in on_grid for p in (2, 3, 4)), "liif.C200", *fields]


def test_networks_of_the_quick_preset_are_shared_between_rows():
    found = ids(networks(presets.load("config/config.yaml")))
    stages = ["awan-lr.p{}.C200", "rcan-msi.p{}", "rcan-hsi.p{}.C200", "sspsr.p{}.C200", "mog-dcn.p{}.C200"]
    stages += ["ssjsr.p{}.C200", "us3rn.p{}.C200"]
    expected = {"awan-hr.C200", *(stage.format(p) for stage in stages for p in (2, 3, 4))}
    assert len(found) == len(set(found)) == 30
    assert {name for name in found if name.split(".")[0] not in METHODS or ".p" in name} == expected


@pytest.mark.parametrize(("dataset", "trainings"), [("cave", 16), ("pavia_centre", 21)])
def test_the_chains_of_the_paper_need_this_many_trainings(dataset, trainings):
    """CAVE, p in 2, 4, 8: 3 + 1 + 3 + 3 + 3 + 3; Pavia, p in 2, 3, 4, 8: 21."""
    config = presets.load("config/paper.yaml")
    of_paper = {name for name, method in METHODS.items() if method.stages and not method.later}
    chains = [
        row for row in targets.rows(config) if row.method in of_paper and row.dataset == dataset and row.seed == 0
    ]
    assert len(runs.networks(config, chains)) == trainings


@pytest.mark.parametrize(
    ("preset", "of_table1", "all_in_all"),
    [
        ("standard", 39, 126),
        # Three seeds of the spec's networks, a bicubic row for each data set, two ablations of ours, and later methods: 9 on CAVE
        # and 11 on Pavia Centre, and LTE and CiaoSR at 6 and 4 more C.
        ("paper", 3 * (29 + 9), 3 * (84 + 2 + 4 + 40)),
        ("cave-cpu", 11, 11),
        ("cave-antialias", 7, 7),
        ("cave-figures", 0, 15),
        ("cave-validation", 0, 9),
    ],
)
def test_networks_of_a_preset_are_announced(preset, of_table1, all_in_all):
    said = targets.announced(presets.load(f"config/{preset}.yaml"))
    assert said.startswith(f"preset {preset}: {all_in_all} networks to train")
    assert not of_table1 or f"\n  table1 on cave: {of_table1} more: " in said


def test_what_a_row_is_made_of():
    config = presets.load("config/config.yaml")

    def made_of(row_id: str) -> list[str]:
        return ids(runs.stages(runs.find(targets.rows(config), f"indian_pines.{row_id}.s0")))

    assert made_of("rcan+awan.p3.C200") == ["rcan-msi.p3", "awan-hr.C200"]
    assert made_of("awan+rcan.p4.C200") == ["awan-lr.p4.C200", "rcan-hsi.p4.C200"]
    assert made_of("awan+sspsr.p2.C200") == ["awan-lr.p2.C200", "sspsr.p2.C200"]
    assert made_of("rcan+awan+mog-dcn.p2.C200") == ["rcan-msi.p2", "awan-lr.p2.C200", "mog-dcn.p2.C200"]
    assert made_of("us3rn.p2.C200") == ["us3rn.p2.C200"] and made_of("ssif-m") == ["ssif-m"]


def test_rcan_starts_from_its_p_2_where_that_is_trained():
    config = presets.load("config/config.yaml")
    start = {run.id: ids(runs.warm_start(config, run)) for run in networks(config) if runs.warm_start(config, run)}
    of = "indian_pines.{}.s0".format
    assert start == {
        of("rcan-msi.p3"): ["rcan-msi.p2"],
        of("rcan-msi.p4"): ["rcan-msi.p2"],
        of("rcan-hsi.p3.C200"): ["rcan-hsi.p2.C200"],
        of("rcan-hsi.p4.C200"): ["rcan-hsi.p2.C200"],
    }
    config = presets.parse(without_targets(scales=[3, 4, 8]))
    assert not any(runs.warm_start(config, run) for run in networks(config))


def without_targets(**changes) -> dict:
    """The quick preset with Table 1 alone, whose figures may name other scales than those tested."""
    mapping = changed("datasets.indian_pines.scales.test", changes["scales"])
    return mapping | {"figures": {}, "ablations": {}, "tables": {"table1": "indian_pines"}}


def test_grid_methods_serve_the_whole_scales_of_the_training_range():
    config = presets.parse(without_targets(scales=[1, 2, 2.5, 4, 6]))
    assert [row.scale for row in targets.rows(config) if row.method == "us3rn"] == [1, 2, 4]


def test_a_run_is_found_by_its_id_and_an_unknown_one_lists_them():
    config = presets.load("config/config.yaml")
    run = runs.find(targets.rows(config), "indian_pines.us3rn.p4.C200.s0")
    assert (run.scale, run.count, run.seed) == (4, 200, 0)
    assert str(run.folder) == "results/runs/quick/indian_pines/indian_pines.us3rn.p4.C200.s0"
    with pytest.raises(UserError, match=r"known: indian_pines\.awan\+rcan\.p2\.C200\.s0, .*ssif-rf-us"):
        runs.find(targets.rows(config), "cave.liif.C31.s0")


def test_identity_changes_with_what_is_learned_and_not_with_what_is_evaluated():
    config = presets.parse(QUICK)
    scales, k = "datasets.indian_pines.scales.test", "datasets.indian_pines.network.k"
    steps = "datasets.indian_pines.baselines.us3rn.training.steps"
    cases = {
        "ssif-rf-uf": (
            [(scales, [2, 12]), ("threads", 2), (steps, 9)],
            [(k, 3), ("antialias", True), ("precision", "bfloat16")],
        ),
        "us3rn.p4.C200": ([(scales, [4, 12]), (k, 3)], [(steps, 9), ("antialias", True)]),
        "rcan-msi.p4": ([(k, 3), (scales, [2, 4])], [("datasets.indian_pines.msi", "x"), (scales, [3, 4])]),
    }
    for name, (same, other) in cases.items():
        run = runs.find(networks(config), f"indian_pines.{name}.s0")
        own = runs.identity(config, run)
        assert all(runs.identity(presets.parse(changed(*change)), run) == own for change in same)
        assert all(runs.identity(presets.parse(changed(*change)), run) != own for change in other)


def test_the_code_hash_follows_imports_but_not_comments(tmp_path, monkeypatch):
    package = tmp_path / "ssif"
    package.mkdir()
    (package / "a.py").write_text('"""Doc."""\nfrom ssif.b import f\n\n\ndef g():\n    return f()\n')
    (package / "b.py").write_text("def f():\n    return 1\n")
    (package / "c.py").write_text("def h():\n    return 1\n")
    monkeypatch.setattr(fingerprints, "ROOT", tmp_path)

    def fingerprint() -> str:
        fingerprints._read.cache_clear()
        return fingerprints.fingerprint("ssif.a")

    before = fingerprint()
    (package / "a.py").write_text(
        '"""Another."""\nfrom ssif.b import f  # why\n\n\ndef g():\n    """What."""\n    return f()\n'
    )
    (package / "c.py").write_text("def h():\n    return 2\n")
    assert fingerprint() == before
    (package / "b.py").write_text("def f():\n    return 2\n")
    assert fingerprint() != before


def test_the_code_of_every_network_is_found():
    modules = {network.module for network in every_network()}
    assert len({fingerprints.fingerprint(module) for module in modules}) == len(modules)
    assert fingerprints.fingerprint("no.such.module") not in {fingerprints.fingerprint(module) for module in modules}


def test_an_exception_changes_one_field_and_no_other():
    plain = presets.parse(QUICK)
    exceptions = QUICK["datasets"]["indian_pines"]["exceptions"] | {"ssif-rf-uf": {"steps": 7, "dim": 3}}
    other = presets.parse(changed("datasets.indian_pines.exceptions", exceptions))
    for run in targets.networks(plain):
        before, after = runs.identity(plain, run), runs.identity(other, run)
        if run.method == "ssif-rf-uf" and not run.changes:
            assert (after["training"]["steps"], after["network"]["dim"]) == (7, 3)
        elif run.method != "ssif-rf-uf":
            assert before == after
