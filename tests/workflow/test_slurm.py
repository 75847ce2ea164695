"""The profile for SLURM, on a real SLURM of two nodes on this machine (tests/slurm/cluster.sh)."""

import importlib.util
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.snake import PROGRAM, ROOT, jobs, snakemake

CLUSTER = ROOT / "tests/slurm/cluster.sh"
PROFILE = ["--workflow-profile", str(ROOT / "profiles/slurm")]
RUN = "synthetic.ssif-rf-uf.s0"
LONG = 8000  # steps that take more than a minute, after which the first state is saved

has_plugin = pytest.mark.skipif(
    not importlib.util.find_spec("snakemake_executor_plugin_slurm"), reason="needs the extra `cluster`"
)
has_slurm = pytest.mark.skipif(
    not all(map(shutil.which, ("slurmctld", "slurmd", "munged", "srun"))) or os.geteuid() != 0,
    reason="needs SLURM (Debian's slurm-wlm and munge) and root",
)
has_accounting = pytest.mark.skipif(
    not all(map(shutil.which, ("slurmdbd", "mariadbd"))),
    reason="needs SLURM's accounting (slurmdbd and mariadb-server)",
)


@has_plugin
def test_jobs_ask_for_a_gpu_where_they_use_one(tmp_path):
    """`gpu=0` would stop the executor for Kubernetes, and one GPU in all would leave a cluster idle."""
    output = snakemake(tmp_path, "cave", *PROFILE, "--dry-run", "results/table1.csv")
    asked = dict(re.findall(r"^rule train:.*?run=(\S+)\n +resources: (.*?)$", output, re.MULTILINE | re.DOTALL))
    assert len(asked) == jobs(output)["train"] > 20
    assert all(("gpu=1, cpus_per_gpu=1" in its) == ("bicubic" not in run) for run, its in asked.items())
    assert "gpu=" not in asked["cave.bicubic.s0"]
    output = snakemake(tmp_path, "smoke", *PROFILE, "--dry-run")
    assert jobs(output)["train"] == 34 and "gpu=" not in output
    # Published weights are copied and not trained.
    (tmp_path / "results").mkdir()
    (tmp_path / "results/reference").symlink_to(ROOT / "results/reference")
    output = snakemake(tmp_path, "cave-published", *PROFILE, "--dry-run", "--until", "train")
    assert jobs(output)["train"] > 20 and "gpu=" not in output


@pytest.fixture
def cluster(tmp_path, request):
    """The environment in which SLURM's commands reach a cluster that ends with the test. Its parameter may be "accounting"."""
    folder = tmp_path / "slurm"
    subprocess.run([CLUSTER, "up", folder, getattr(request, "param", "")], check=True)
    yield os.environ | {"SLURM_CONF": f"{folder}/slurm.conf", "PATH": f"{folder}/bin:{os.environ['PATH']}"}
    subprocess.run([CLUSTER, "down", folder], check=True)


def preset(folder: Path, steps: int) -> Path:
    """Two methods on synthetic cubes, in a file."""
    smoke = yaml.safe_load((ROOT / "config/smoke.yaml").read_text())
    data = smoke["datasets"]["synthetic"]
    data |= {"scales": {"train": [1, 2], "test": [2]}, "counts": {"train": [8, 31], "test": [31]}}
    data["training"]["steps"] = steps
    tables = {"table1": "synthetic"}
    smoke |= {"methods": ["bicubic", "ssif-rf-uf"], "tables": tables, "figures": {}, "ablations": {}}
    path = folder / "preset.yaml"
    path.write_text(yaml.safe_dump(smoke))
    return path


def begin(folder: Path, config: Path, environment: dict, *arguments: str) -> subprocess.Popen:
    place = ["--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    command = [*PROGRAM, "results/table1.csv", *place, *PROFILE, "--configfile", str(config), *arguments]
    with (folder / "output").open("w") as output:
        return subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)


def steps(folder: Path) -> list[int]:
    """The steps at which the training has said where it is, every ten seconds since its last start."""
    log = (folder / f"results/logs/train.smoke.synthetic.{RUN}.log").read_text()
    return [int(step) for step in re.findall(r": (\d+)/\d+ steps", log)]


def scores(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "results/table1.csv").drop(columns=["minutes", "commit", "trained_at"])


def check_as_without_a_cluster(folder, alone, config):
    """The table in `folder` equals one that is made in the folder `alone` on this machine."""
    snakemake(alone, config, "results/table1.csv")
    pd.testing.assert_frame_equal(scores(folder), scores(alone), check_exact=True)


@pytest.mark.slow
@has_plugin
@has_slurm
def test_a_training_goes_on_when_its_node_is_lost(tmp_path, cluster):
    """SLURM gives it to the other node, and the table equals that without a cluster to every digit."""
    config, folder = preset(tmp_path, LONG), tmp_path / "work"
    folder.mkdir()
    with begin(folder, config, cluster) as running:
        state = folder / "results/state/smoke" / RUN / "state.pt"
        while not state.exists():
            assert running.poll() is None, (folder / "output").read_text()[-3000:]
            time.sleep(1)
        before = steps(folder)[-1]
        found = subprocess.run(["squeue", "-h", "-t", "R", "-o", "%N"], env=cluster, capture_output=True, text=True)
        subprocess.run([CLUSTER, "kill", tmp_path / "slurm", found.stdout.split()[-1]], check=True)
        assert running.wait() == 0, (folder / "output").read_text()[-3000:]
    assert "trying to restart" not in (folder / "output").read_text().lower()
    # From its start it would be at a sixth of that when it says so for the first time.
    assert steps(folder)[0] > before / 2
    check_as_without_a_cluster(folder, tmp_path / "alone", config)


@pytest.mark.slow
@has_plugin
@has_slurm
@has_accounting
@pytest.mark.parametrize("cluster", ["accounting"], indirect=True)
def test_a_run_outlives_a_restart_of_the_controller(tmp_path, cluster):
    """The training goes on undisturbed, and Snakemake asks until the controller and the accounting are there again."""
    config, folder = preset(tmp_path, LONG), tmp_path / "work"
    folder.mkdir()
    output, log = folder / "output", folder / f"results/logs/train.smoke.synthetic.{RUN}.log"
    with begin(folder, config, cluster) as running:
        while not (log.exists() and steps(folder)):
            assert running.poll() is None, output.read_text()[-3000:]
            time.sleep(1)
        for name in ("slurmctld", "slurmdbd"):
            subprocess.run([CLUSTER, "stop", tmp_path / "slurm", name], check=True)
        time.sleep(20)
        # That is what the executor says when it asked in vain.
        while "MinJobAge=None" not in output.read_text():
            assert running.poll() is None, output.read_text()[-3000:]
            time.sleep(1)
        before = steps(folder)
        for name in ("slurmdbd", "slurmctld"):
            subprocess.run([CLUSTER, "start", tmp_path / "slurm", name], check=True)
        assert running.wait() == 0, output.read_text()[-3000:]
    assert "trying to restart" not in output.read_text().lower()
    assert before[-1] < LONG and steps(folder)[: len(before)] == before
    check_as_without_a_cluster(folder, tmp_path / "alone", config)


@pytest.mark.slow
@has_plugin
@has_slurm
def test_a_job_that_is_killed_for_memory_is_tried_again_with_more(tmp_path, cluster):
    config, folder = preset(tmp_path, 20), tmp_path / "work"
    folder.mkdir()
    more = "train:mem_mb=200 * 12 ** (attempt - 1)"
    with begin(folder, config, cluster, "--set-resources", more) as running:
        assert running.wait() == 0, (folder / "output").read_text()[-3000:]
    output = (folder / "output").read_text()
    assert "mem_mb=200," in output and "mem_mb=2400," in output and "trying to restart" in output.lower()
    assert scores(folder)["psnr"].notna().all()
