"""The training program under torchrun: two processes train one run, stop together, go on, and write its files once."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests import programs
from workflow import prepare, train

RUN = "synthetic.ssif-rf-uf.s0"
PYTHON = [sys.executable, "-m"]
ARGUMENTS = ["--config", "config.yaml", "--run", RUN]
TORCHRUN = [*PYTHON, "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    configure(4)
    Path("faster.py").write_text(programs.FASTER)
    programs.run(prepare, "--dataset", "synthetic")
    return tmp_path


def configure(steps: int) -> None:
    programs.configure(datasets__synthetic__training__steps=steps, datasets__synthetic__training__batch=3)


def test_two_processes_train_one_run(folder):
    run, state = folder / f"results/runs/smoke/synthetic/{RUN}", folder / f"results/state/smoke/{RUN}/state.pt"
    programs.run(train, "--run", RUN)
    alone = load_file(run / "weights.safetensors")
    (run / "weights.safetensors").unlink()

    # Stopped as by a cluster, with a state of other settings, which both processes find afterwards.
    configure(100_000)
    stopped = [*TORCHRUN, "--", "faster.py", *ARGUMENTS]
    with subprocess.Popen(stopped, cwd=folder, stderr=subprocess.PIPE, text=True) as training:
        while not state.exists():
            assert training.poll() is None, training.stderr.read()
            time.sleep(0.1)
        os.kill(training.pid, signal.SIGTERM)
        said = training.stderr.read()
    assert said.count("stopped by SIGTERM after step") == 1, said

    configure(4)
    done = subprocess.run(
        [*TORCHRUN, "-m", "--", "workflow.train", *ARGUMENTS], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("training.steps: 100000 there, 4 here") == 1
    for name, value in load_file(run / "weights.safetensors").items():
        torch.testing.assert_close(value, alone[name], atol=2e-5, rtol=1e-4)
    assert json.loads((run / "config.json").read_text())["processes"] == 2
