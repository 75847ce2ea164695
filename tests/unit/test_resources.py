"""What jobs ask of a cluster is enough for what was measured, and not absurdly much; no GPU where none is used."""

import dataclasses
import json
from pathlib import Path

import pytest

from workflow.config import presets
from workflow.plan import resources, runs, targets

STANDARD = presets.load("config/standard.yaml")
CAVE_MB = 592  # the prepared data set on the disk

# Peak MiB of a process that loads CAVE and computes one step of the largest batch on a CPU (AMD EPYC, torch 2.13.0).
PEAKS = {
    "ssif-rf-uf": 3203,
    "ssif+": 2190,
    "liif.C31": 3204,
    "rcan-msi.p2": 2442,
    "rcan-hsi.p4.C31": 1780,
    "awan-hr.C31": 1993,
    "awan-lr.p2.C31": 1993,
    "sspsr.p4.C31": 1780,
    "mog-dcn.p2.C31": 1825,
    "ssjsr.p4.C31": 1780,
    "us3rn.p4.C31": 1780,
}


def asked(what, config, run_id: str, data_mb: float = CAVE_MB, attempt: int = 1, training: bool = True) -> int:
    return what(config, [runs.find(targets.networks(config), run_id)], data_mb, attempt, training)


@pytest.mark.parametrize("name", PEAKS)
def test_memory_is_enough_for_a_training_and_the_snakemakes_around_it(name):
    config = dataclasses.replace(STANDARD, device="cpu")
    needed = asked(resources.memory, config, f"cave.{name}.s0")
    assert PEAKS[name] + 500 <= needed <= 5 * PEAKS[name]


@pytest.mark.parametrize(("preset", "folder"), [("cave-cpu", "cave-cpu"), ("config", "quick")])
def test_time_is_enough_for_every_training_that_was_measured(preset, folder):
    config = presets.load(f"config/{preset}.yaml")
    known = {run.id for run in targets.networks(config)}
    records = {path.parent.name: json.loads(path.read_text())
               for path in Path(f"results/reference/{folder}/runs").glob("*/config.json")}  # fmt: skip
    measured = {name: record["seconds"] for name, record in records.items() if name in known}
    assert len(measured) >= 9
    for name, seconds in measured.items():
        assert asked(resources.minutes, config, name) * 60 > seconds, name


def test_a_larger_batch_asks_for_more_memory_and_time():
    config = presets.load("config/cave-cpu.yaml")
    data = config.datasets["cave"]
    larger = dataclasses.replace(data, training=dataclasses.replace(data.training, batch=4 * data.training.batch))
    other = dataclasses.replace(config, datasets={"cave": larger})
    for what in (resources.memory, resources.minutes):
        assert asked(what, other, "cave.ssif-rf-uf.s0") > asked(what, config, "cave.ssif-rf-uf.s0")


def test_each_attempt_has_more():
    config = presets.load("config/cave-cpu.yaml")
    memory = [asked(resources.memory, config, "cave.liif.C31.s0", attempt=attempt) for attempt in (1, 2, 3)]
    assert memory[1] == pytest.approx(2 * memory[0], abs=1) and memory[2] == pytest.approx(4 * memory[0], abs=3)
    minutes = [asked(resources.minutes, config, "cave.liif.C31.s0", attempt=attempt) for attempt in (1, 2, 30)]
    assert minutes[0] < minutes[1] < minutes[2] == resources.LONGEST


@pytest.mark.parametrize(
    ("device", "name", "gpus"),
    [("cpu", "ssif-m", None), ("auto", "ssif-m", 1), ("auto", "bicubic", None), ("cuda", "bicubic", 1)],
)
def test_a_gpu_is_asked_for_where_one_is_used(device, name, gpus):
    config = dataclasses.replace(STANDARD, device=device, threads=3)
    networks = [runs.find(targets.networks(config), f"cave.{name}.s0")]
    assert resources.gpu(config, networks) == gpus
    assert resources.cpus_per_gpu(config, networks) == (gpus and 3)


def test_a_job_that_copies_published_weights_asks_for_neither_a_gpu_nor_time():
    config = presets.load("config/cave-published.yaml")
    assert resources.gpu(config, []) is None
    assert resources.memory(config, [], CAVE_MB, 1, training=True) == resources.BASE + resources.COPIES * CAVE_MB
    assert resources.minutes(config, [], CAVE_MB, 1, training=True) == resources.FIRST


def test_every_row_and_network_of_every_preset_has_its_numbers():
    for path in Path("config").glob("*.yaml"):
        config = presets.load(path)
        jobs = [([run], True) for run in targets.networks(config)]
        jobs += [(runs.stages(row), False) for row in targets.rows(config)]
        for networks, training in jobs:
            assert 1500 <= resources.memory(config, networks, 1, 1, training) < 2**20
            assert 20 <= resources.minutes(config, networks, 1, 1, training) <= resources.LONGEST
