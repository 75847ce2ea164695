"""The manifests are what Kubernetes takes, and the script of the indexed job trains, stops and goes on. No cluster is here."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import kubernetes_validate
import pytest
import torch
import yaml

from tests import programs
from tests.snake import ROOT
from workflow import prepare, status
from workflow.config import presets

MANIFESTS = sorted((ROOT / "deploy/kubernetes").glob("*.yaml"))
JOB, INDEXED, PVC = (yaml.safe_load(path.read_text()) for path in
                     (ROOT / "deploy/kubernetes" / f"{name}.yaml" for name in ("job", "indexed-job", "pvc")))  # fmt: skip
RUN = "synthetic.ssif-m.s0"


@pytest.mark.parametrize("version", ["1.33", kubernetes_validate.latest_version()])
@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_a_manifest_follows_the_published_schema(path, version):
    manifest = yaml.safe_load(path.read_text())
    kubernetes_validate.validate(manifest, version, strict=True)
    manifest["spec"]["unknown"] = 1
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize("job", [JOB, INDEXED], ids=["job", "indexed-job"])
def test_pods_have_a_gpu_limit_the_claim_and_are_not_failed_by_a_preemption(job):
    spec = job["spec"]["template"]["spec"]
    (container,), (volume,) = spec["containers"], spec["volumes"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] >= 1
    assert volume["persistentVolumeClaim"]["claimName"] == PVC["metadata"]["name"]
    assert container["volumeMounts"] == [{"name": volume["name"], "mountPath": container["workingDir"]}]
    conditions = [rule.get("onPodConditions") for rule in job["spec"]["podFailurePolicy"]["rules"]]
    assert [{"type": "DisruptionTarget", "status": "True"}] in conditions
    # Kubernetes takes a policy only with this.
    assert spec["restartPolicy"] == "Never"


def test_a_pod_has_as_many_gpus_as_snakemake_gives_out():
    (container,) = JOB["spec"]["template"]["spec"]["containers"]
    gpus, cores = container["resources"]["limits"]["nvidia.com/gpu"], container["resources"]["requests"]["cpu"]
    assert {f"--resources=gpu={gpus}", f"--cores={cores}"} <= set(container["args"])
    files = [word.partition("/suite/")[2] for word in container["args"] if "/suite/" in word]
    assert files and all((ROOT / name).is_file() for name in files)


def test_every_line_of_the_preset_has_an_index(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (variable,) = INDEXED["spec"]["template"]["spec"]["containers"][0]["env"]
    config = presets.load(ROOT / variable["value"].removeprefix("/suite/"))
    assert INDEXED["spec"]["completions"] == len(status.to_train(config))
    # Several nodes write at once, and an index of its own counts its failures.
    assert PVC["spec"]["accessModes"] == ["ReadWriteMany"] and INDEXED["spec"]["backoffLimitPerIndex"] > 0


def test_the_profile_puts_gpus_under_limits():
    """The executor writes limits only with scale=0, and wants the manufacturer wherever a rule has `gpu`."""
    profile = yaml.safe_load((ROOT / "profiles/kubernetes/config.yaml").read_text())
    assert {"scale=0", "gpu_manufacturer='nvidia'"} <= set(profile["default-resources"])
    images = {job["spec"]["template"]["spec"]["containers"][0]["image"] for job in (JOB, INDEXED)}
    assert images == {profile["container-image"]}


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The volume, with prepared data and a preset of a field and of chains."""
    monkeypatch.chdir(tmp_path)
    shown = {"methods": ["ssif-m", "rcan+awan"], "tables": {"table1": "synthetic"}, "figures": {}, "ablations": {}}
    programs.configure(**shown, datasets__synthetic__training__steps=600)
    programs.run(prepare, "--dataset", "synthetic")
    Path("faster.py").write_text(programs.FASTER)
    return tmp_path


def pod(index: int) -> subprocess.Popen:
    """The container of the indexed job, in a group of its own, since tini passes signals on to a whole group."""
    (container,) = INDEXED["spec"]["template"]["spec"]["containers"]
    faster = [word.replace("-m workflow.train", "faster.py") for word in container["args"]]
    words = [word.replace("python ", f"{sys.executable} ") for word in faster]
    assert words != faster != container["args"]
    environment = os.environ | {"PRESET": "config.yaml", "JOB_COMPLETION_INDEX": str(index), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(words, env=environment, start_new_session=True)


def test_a_preempted_pod_goes_on_and_a_finished_index_has_nothing_to_do(folder):
    config = presets.load("config.yaml")
    lines, state = status.to_train(config), Path(f"results/state/smoke/{RUN}/state.pt")
    with pod(lines.index(RUN)) as stopped:
        while not state.exists():
            assert stopped.poll() is None
            time.sleep(0.02)
        os.killpg(stopped.pid, signal.SIGTERM)
    assert [stopped.returncode] == INDEXED["spec"]["podFailurePolicy"]["rules"][1]["onExitCodes"]["values"]
    assert torch.load(state)["step"] < 600
    for index in (lines.index(RUN), lines.index("synthetic.rcan-msi.p2.s0 synthetic.rcan-msi.p3.s0")):
        assert pod(index).wait() == 0
        lines[index] = ""
    assert status.to_train(config) == lines and not state.exists()
    assert pod(lines.index("")).wait() == 0


def test_a_training_that_fails_fails_its_pod(folder):
    Path("results/data/synthetic.h5").unlink()
    assert pod(0).wait() == 1
