"""Processes side by side take different GPUs. The GPUs are made up; the processes and their locks are real."""

import dataclasses
import multiprocessing
import os
import signal
import tempfile
import time
from types import SimpleNamespace

import pytest
import torch

from ssif.errors import UserError
from workflow.config import presets
from workflow.steps import building, gpus

FORK = multiprocessing.get_context("fork")


class Machine:
    """Three GPUs, whose numbers follow CUDA_VISIBLE_DEVICES as in CUDA; of MIG instances a process sees only the first."""

    def __init__(self):
        self.current = 0

    def visible(self) -> list[str]:
        names = os.environ.get("CUDA_VISIBLE_DEVICES", "0,1,2").split(",")
        return names[:1] if names[0].startswith("MIG-") else [name for name in names if name != "-1"]


@pytest.fixture
def machine(monkeypatch, tmp_path):
    its = Machine()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(its.visible()))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(its.visible()))
    monkeypatch.setattr(
        torch.cuda, "get_device_properties", lambda index: SimpleNamespace(uuid=f"GPU-{its.visible()[index]}")
    )
    monkeypatch.setattr(torch.cuda, "set_device", lambda index: setattr(its, "current", index))
    monkeypatch.setattr(torch.cuda, "current_device", lambda: its.current)
    monkeypatch.setattr(gpus, "_held", [])
    gpus.taken.cache_clear()
    yield its
    gpus.taken.cache_clear()


def use(reports, together, visible: str | None) -> None:
    """Take a GPU, say which one and since when, and keep it until as many as `together` waits for have one, or for ever."""
    if visible is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = visible
    place = gpus.taken()
    name = "none" if place is None else torch.cuda.get_device_properties(place.index).uuid
    began = time.monotonic()
    if together:
        together.wait(20)
    reports.put((os.getpid(), name, began, time.monotonic()))
    if not together:
        time.sleep(60)


def start(number: int, together: int = 0, visible: str | None = None):
    reports, barrier = FORK.Queue(), FORK.Barrier(together) if together else None
    processes = [FORK.Process(target=use, args=(reports, barrier, visible)) for _ in range(number)]
    for process in processes:
        process.start()
    return processes, reports


def named(reports, number: int) -> list[str]:
    return sorted(reports.get(timeout=20)[1] for _ in range(number))


def test_six_processes_use_three_gpus_and_never_two_at_once_the_same(machine, monkeypatch):
    """Each of the first three keeps its GPU until all three have one, and so do the others."""
    monkeypatch.setattr(gpus, "PATIENCE", 60)
    processes, reports = start(6, together=3)
    spans = {}
    for _ in processes:
        _, name, began, ended = reports.get(timeout=20)
        spans.setdefault(name, []).append((began, ended))
    assert {name: len(its) for name, its in spans.items()} == {"GPU-0": 2, "GPU-1": 2, "GPU-2": 2}
    assert all(first[1] <= second[0] for first, second in map(sorted, spans.values()))


def test_a_killed_process_frees_its_gpu_and_no_other(machine, monkeypatch):
    monkeypatch.setattr(gpus, "PATIENCE", 60)
    processes, reports = start(3)
    holder = dict(reports.get(timeout=20)[:2] for _ in processes)
    assert sorted(holder.values()) == ["GPU-0", "GPU-1", "GPU-2"]
    os.kill(processes[1].pid, signal.SIGKILL)
    (late,), its = start(1, together=1)
    assert named(its, 1) == [holder[processes[1].pid]]
    late.join()
    for process in processes:
        process.kill()


def test_processes_beyond_the_gpus_share_them_evenly(machine, monkeypatch, capfd):
    monkeypatch.setattr(gpus, "PATIENCE", 0.3)
    processes, reports = start(6)
    assert named(reports, 6) == ["GPU-0", "GPU-0", "GPU-1", "GPU-1", "GPU-2", "GPU-2"]
    assert capfd.readouterr().err.count("no GPU is free; GPU ") == 3
    for process in processes:
        process.kill()


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        ("2,0", ["GPU-0", "GPU-2"]),
        ("MIG-a,MIG-b", ["GPU-MIG-a", "GPU-MIG-b"]),
        ("-1", ["none", "none"]),
    ],
)
def test_only_what_cuda_visible_devices_names_is_taken(machine, monkeypatch, visible, expected):
    monkeypatch.setattr(gpus, "PATIENCE", 60)
    processes, reports = start(2, 2, visible)
    assert named(reports, 2) == expected
    for process in processes:
        process.join()


def test_the_same_gpu_under_another_number_is_taken(machine, monkeypatch):
    """The first of "2,1" is the third of all."""
    monkeypatch.setattr(gpus, "PATIENCE", 60)
    (first,), reports = start(1, visible="2,1")
    assert named(reports, 1) == ["GPU-2"]
    processes, reports = start(2)
    assert named(reports, 2) == ["GPU-0", "GPU-1"]
    for process in (first, *processes):
        process.kill()


def test_the_device_of_a_preset(machine, monkeypatch):
    config = presets.load("config/smoke.yaml")

    def device(name: str):
        return building.device(dataclasses.replace(config, device=name))

    assert device("cpu") == torch.device("cpu") and not gpus._held
    assert device("auto") == device("cuda") == torch.device("cuda", 0) and len(gpus._held) == 1
    gpus.taken.cache_clear()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert device("auto") == torch.device("cpu")
    with pytest.raises(UserError, match="PyTorch finds no GPU here"):
        device("cuda")
