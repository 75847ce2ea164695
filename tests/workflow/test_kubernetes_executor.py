"""The profile for Kubernetes with Snakemake's executor, against a made-up server that runs each pod as a process.

A pod begins in an empty folder and knows of the other files only what the storage has.
"""

import base64
import http.server
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import kubernetes_validate
import pandas as pd
import pytest
import yaml

from tests.snake import PROGRAM, ROOT, copy_project

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not importlib.util.find_spec("snakemake_executor_plugin_kubernetes") or not shutil.which("rsync"),
        reason="needs the extra `cluster` and rsync",
    ),
]


class Cluster(http.server.ThreadingHTTPServer):
    """What the executor asks of Kubernetes: to keep secrets, to run the container of a job, and to say how that ended."""

    def __init__(self, folder: Path):
        super().__init__(("127.0.0.1", 0), Requests)
        self.folder, self.secrets, self.jobs, self.pods = folder, {}, {}, {}

    def start(self, job: dict) -> None:
        name, (container,) = job["metadata"]["name"], job["spec"]["template"]["spec"]["containers"]
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
        for variable in container.get("env") or []:
            key = variable["valueFrom"]["secretKeyRef"]
            environment[variable["name"]] = base64.b64decode(self.secrets[key["name"]][key["key"]]).decode()
        work = self.folder / name
        work.mkdir()
        # The plugins of the storage are here already; a pod would install them.
        words = [word.split("&& ", 1)[-1] if word.startswith("pip install") else word for word in container["args"]]
        with (self.folder / f"{name}.log").open("w") as log:
            self.pods[name] = subprocess.Popen(
                [*container["command"], *words], cwd=work, env=environment, stdout=log, stderr=log
            )
        self.jobs[name] = job

    def status(self, name: str) -> dict:
        code = self.pods[name].poll()
        return {} if code is None else {"failed" if code else "succeeded": 1}


class Requests(http.server.BaseHTTPRequestHandler):
    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        content, *_, kind = (json.loads(body or "{}"), *self.path.partition("?")[0].split("/"))
        if self.command == "POST" and kind == "secrets":
            self.server.secrets[content["metadata"]["name"]] = content.get("data") or {}
        elif self.command == "POST" and kind == "jobs":
            self.server.start(content)
        elif kind == "status":
            name, empty = self.path.split("/")[-2], {"template": {"spec": {"containers": []}}}
            content = {"kind": "Job", "metadata": {"name": name}, "spec": empty, "status": self.server.status(name)}
        elif kind == "pods":
            content = {"kind": "PodList", "items": []}
        data = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = answer

    def log_message(self, *_) -> None:
        pass


@pytest.fixture
def cluster(tmp_path):
    (tmp_path / "pods").mkdir()
    with Cluster(tmp_path / "pods") as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        cluster = {"server": f"http://127.0.0.1:{server.server_port}"}
        (tmp_path / "kube.yaml").write_text(yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "here",
            "clusters": [{"name": "here", "cluster": cluster}], "users": [{"name": "here", "user": {}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "here"}}],
        }))  # fmt: skip
        yield server
        server.shutdown()


def make(folder: Path, cluster: Cluster, device: str, *options: str, **variables: str) -> tuple[int, str, list[dict]]:
    """Table 1 of one field by the profile: Snakemake's status, all that was said, and the limits of the pods."""
    project = folder / "project"
    copy_project(project)
    preset = yaml.safe_load((ROOT / "config/smoke.yaml").read_text()) | {"device": device}
    preset |= {"methods": ["ssif-m"], "tables": {"table1": "synthetic"}, "figures": {}, "ablations": {}}
    (project / "preset.yaml").write_text(yaml.safe_dump(preset))
    # Snakemake sends its pods what git tracks.
    for words in (["init", "--quiet"], ["add", "."]):
        subprocess.run(["git", *words], cwd=project, check=True)
    storage = ["--default-storage-provider", "fs", "--default-storage-prefix", str(folder / "store")]
    command = [*PROGRAM, "--workflow-profile", "profiles/kubernetes", "--configfile", "preset.yaml", *storage, *options]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment |= {"KUBECONFIG": str(folder / "kube.yaml")} | variables
    done = subprocess.run(
        [*command, "--retries", "0", "--", "results/table1.csv"],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
    )
    for job in cluster.jobs.values():
        kubernetes_validate.validate(job | {"apiVersion": "batch/v1", "kind": "Job"}, "1.33", strict=True)
    said = "".join([done.stderr, *(path.read_text() for path in (folder / "pods").glob("*.log"))])
    specs = [job["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"] for job in cluster.jobs.values()]
    return done.returncode, said, specs


def test_a_table_is_made_by_pods(tmp_path, cluster):
    status, said, limits = make(tmp_path, cluster, "cpu")
    assert status == 0, said[-6000:]
    assert set(pd.read_csv(tmp_path / "store/results/table1.csv")["model"]) == {"SSIF-M"}
    # A training and an evaluation; the rest is Snakemake's own work. A preset for CPUs asks for no GPU.
    assert [set(its) for its in limits] == [{"cpu", "memory", "ephemeral-storage"}] * 2


def test_a_training_gets_its_gpu_under_limits(tmp_path, cluster):
    """The pods of this cluster have none."""
    options = ["--envvars", "SSIF_STATE", "--kubernetes-persistent-volumes", "ssif:/state"]
    status, said, limits = make(tmp_path, cluster, "cuda", *options, SSIF_STATE="/state")
    assert status and "device: cuda, but PyTorch finds no GPU here" in said
    assert [its["nvidia.com/gpu"] for its in limits] == ["1"]
    # The volume for unfinished trainings, as docs/many-machines.md says.
    (job,) = cluster.jobs.values()
    (container,), volumes = job["spec"]["template"]["spec"]["containers"], job["spec"]["template"]["spec"]["volumes"]
    assert {"name": "ssif", "mountPath": "/state"} in container["volumeMounts"]
    assert {"claimName": "ssif"} in [volume.get("persistentVolumeClaim") for volume in volumes]
    assert "SSIF_STATE" in [variable["name"] for variable in container["env"]]
