"""The real training program, killed without warning at random moments: the weights equal a straight run's."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import programs
from workflow import prepare, train

RUN = "synthetic.ssif-rf-us.s0"
# States are saved every 0.1 s instead of every minute, so that a kill falls between two.
PROGRAM = [sys.executable, "-c", programs.FASTER.replace("0.2", "0.1"), "--config", "config.yaml", "--run", RUN]


def test_killed_three_times_equals_straight(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    programs.configure(datasets__synthetic__training__steps=500)
    weights, state = (
        Path(f"results/runs/smoke/synthetic/{RUN}/weights.safetensors"),
        Path(f"results/state/smoke/{RUN}/state.pt"),
    )
    programs.run(prepare, "--dataset", "synthetic")
    programs.run(train, "--run", RUN)
    straight = weights.read_bytes()
    weights.unlink()
    for _ in range(3):
        before = state.stat().st_mtime_ns if state.exists() else 0
        with subprocess.Popen(PROGRAM, stderr=subprocess.DEVNULL) as training:
            # From the first state that this process saves, up to a fifth of a second later.
            while training.poll() is None and (not state.exists() or state.stat().st_mtime_ns == before):
                time.sleep(0.02)
            time.sleep(random.uniform(0, 0.2))
            if training.poll() is not None:
                pytest.fail("the training ended before it could be killed three times; raise its steps")
            training.kill()
        assert not weights.exists()
    programs.run(train, "--run", RUN)
    assert weights.read_bytes() == straight
