"""One rule for every name that a preset gives: safe in paths, in a shell and in Snakemake's patterns, and never ambiguous."""

import copy
import re
from pathlib import Path

import pytest
import yaml

from ssif.errors import UserError
from workflow.config import presets
from workflow.config.names import spelled
from workflow.plan import targets

SMOKE = yaml.safe_load(Path("config/smoke.yaml").read_text())
OWN = yaml.safe_load(Path("config/my-data.yaml").read_text())
WRONG = [
    "x$(touch PWN)",
    "../../x",
    "a b",
    "a/b",
    "",
    ".",
    "-x",
    "{run}",
    "a;b",
    "a'b",
    'a"b',
    "a\nb",
    "ä",
    "a.b",
    "x" * 41,
    6,
]


def own(name) -> dict:
    return OWN | {"tables": {"table1": name}, "datasets": {name: OWN["datasets"]["my_data"]}}


def ablation(values: list, change: str = "encoder", name="mine", **fixed) -> dict:
    block = {"dataset": "synthetic", "scales": [2], "methods": ["ssif-m"], "change": change, "values": values}
    return SMOKE | {"ablations": {name: block | {"fixed": fixed}}}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize(
    "preset",
    [lambda name: SMOKE | {"preset": name}, own, lambda name: ablation([5], "dim", name)],
    ids=["preset", "data set", "ablation"],
)
def test_a_name_that_is_none_is_refused_in_one_line(preset, name):
    with pytest.raises(UserError, match="must be") as refused:
        presets.parse(preset(name))
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 300


@pytest.mark.parametrize("name", ["a", "My_Data-2", "2024", "x" * 40])
def test_plain_names_are_taken(name):
    for preset in (SMOKE | {"preset": name}, own(name), ablation([5], "dim", name)):
        assert targets.rows(presets.parse(preset))


EDSR = {"name": "edsr", "blocks": 2, "channels": 16}


@pytest.mark.parametrize("value", ["a/../../b", "$(touch PWN)", "{x}", None, [], {}])
def test_a_value_that_cannot_be_part_of_a_name_is_refused(value):
    with pytest.raises(UserError, match=re.escape("ablations.mine.encoder must be a name")):
        presets.parse(ablation([EDSR | {"blocks": value}]))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (EDSR, EDSR | {"blocks": "2"}),
        ({"name": "edsr", "blocks": 2, "channels": 16}, {"name": "edsr", "blocks": 2, "width": 16}),
        (EDSR | {"blocks": [2, 3]}, {"name": "edsr", "blocks": 2, "c": 3, "channels": 16}),
        (EDSR, EDSR | {"name": "EDSR"}),
    ],
)
def test_two_values_of_one_name_are_refused(one, other):
    config = presets.parse(ablation([one, other]))
    with pytest.raises(
        UserError, match=r"two runs would have the name synthetic\.ssif-m\.encoder-.*: one with .* and one with "
    ):
        targets.targets(config)


def test_a_value_written_twice_is_one_run():
    found = targets.targets(presets.parse(ablation([5, 6, 5], "dim")))["mine"].rows
    assert [run.id for run in found] == ["synthetic.ssif-m.dim-5.s0", "synthetic.ssif-m.dim-6.s0"]


def test_a_name_too_long_for_a_file_is_refused():
    encoder = EDSR | {str(i): "x" * 40 for i in range(4)}
    with pytest.raises(UserError, match=r"has 2\d\d letters, more than 150; change fewer keys"):
        targets.targets(presets.parse(ablation([encoder])))


def test_names_that_some_disks_do_not_tell_apart_are_refused():
    block = ablation([5], "dim")["ablations"]["mine"]
    with pytest.raises(UserError, match="ablations: the names mine and Mine differ only in small and capital letters"):
        presets.parse(SMOKE | {"ablations": {"mine": block, "Mine": block}})
    data = OWN["datasets"]["my_data"]
    with pytest.raises(UserError, match="datasets: the names my_data and My_Data differ"):
        presets.parse(OWN | {"datasets": {"my_data": data, "My_Data": copy.deepcopy(data)}})


@pytest.mark.parametrize("seeds", [[0, 0], [-1], [2**32]])
def test_seeds_that_are_none(seeds):
    with pytest.raises(UserError, match="seeds must be different whole numbers from 0 to 4294967295"):
        presets.parse(SMOKE | {"seeds": seeds})


def test_the_spelling_of_values():
    """Finished runs are found by it."""
    values = [16, "D", 0.0004, 1e-05, "nyquist", [8, 12], (8, 12), EDSR, {"channels": 16, "blocks": 2, "name": "edsr"}]
    expected = ["16", "D", "0.0004", "1e-05", "nyquist", "8-12", "8-12", "edsr-2-16", "edsr-2-16"]
    assert [spelled(value) for value in values] == expected
