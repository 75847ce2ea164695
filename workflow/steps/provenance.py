"""The origin of a number: commit, machine, versions."""

import os
import platform
import subprocess
from pathlib import Path


def commit() -> str:
    """The short commit of the project, with "-dirty" if files that git tracks were changed; "unknown" outside git."""
    root = Path(__file__).resolve().parents[2]
    # If a program were killed while git refreshes its index, it would leave git's lock behind.
    environment = os.environ | {"GIT_OPTIONAL_LOCKS": "0"}
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--exclude", "*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def provenance(device) -> dict:
    """Commit, machine and versions of a run on a torch `device`."""
    import torch

    gpu = device.type == "cuda"
    return {
        "commit": commit(),
        "machine": torch.cuda.get_device_name(device)
        if gpu
        else f"{_processor()}, {torch.get_num_threads()} thread(s)",
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
