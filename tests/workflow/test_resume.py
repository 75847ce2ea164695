"""The real training program, killed without warning at random moments: the weights equal a straight run's."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
RUN = "synthetic.ssif-rf-us.s0"


@pytest.fixture
def folder(tmp_path) -> Path:
    """A working directory with the prepared data and a run of a few seconds, saved every few steps."""
    config = yaml.safe_load((ROOT / "config/smoke.yaml").read_text())
    config["datasets"]["synthetic"]["training"]["steps"] = 1000
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    subprocess.run(program("prepare", "--dataset", "synthetic"), cwd=tmp_path, check=True)
    return tmp_path


def program(name: str, *arguments: str) -> list[str]:
    """The program with states saved every 0.2 s instead of every minute, so that a kill falls between two."""
    faster = f"import runpy, ssif.training as t; t.SAVE_EVERY = 0.2; runpy.run_module('workflow.{name}', run_name='__main__')"
    return [sys.executable, "-c", faster, "--config", "config.yaml", *arguments]


def test_killed_three_times_equals_straight(folder):
    weights = folder / f"results/runs/smoke/synthetic/{RUN}/weights.safetensors"
    state = folder / f"results/state/smoke/{RUN}/state.pt"
    subprocess.run(program("train", "--run", RUN), cwd=folder, check=True, stderr=subprocess.DEVNULL)
    straight = weights.read_bytes()
    weights.unlink()

    chance = random.Random()
    killed = 0
    while killed < 3:
        before = state.stat().st_mtime_ns if state.exists() else 0
        training = subprocess.Popen(program("train", "--run", RUN), cwd=folder, stderr=subprocess.DEVNULL)
        # From the first state that this process saves, up to half a second later.
        while training.poll() is None and (not state.exists() or state.stat().st_mtime_ns == before):
            time.sleep(0.02)
        time.sleep(chance.uniform(0, 0.5))
        if training.poll() is not None:
            pytest.fail("the training ended before it could be killed three times; raise its steps")
        training.kill()
        training.wait()
        killed += 1
        assert not weights.exists()
    subprocess.run(program("train", "--run", RUN), cwd=folder, check=True, stderr=subprocess.DEVNULL)
    assert weights.read_bytes() == straight
