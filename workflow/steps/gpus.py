"""Give each process a GPU of this machine, so that jobs that run side by side use different GPUs.

A process locks the GPU that it takes. The kernel holds the lock and releases it when the process ends, in any way.
CUDA_VISIBLE_DEVICES says, as usual, which GPUs may be taken.
"""

import os
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import IO

import torch

from ssif.io import locked

VISIBLE = "CUDA_VISIBLE_DEVICES"
PATIENCE = 10  # seconds that a process waits for a free GPU
_held: list[IO] = []


@cache
def taken() -> torch.device | None:
    """The GPU of this process, which becomes the current device; every call returns the same one. None without a GPU.

    If no GPU is free for PATIENCE seconds, the process shares the GPU that has the fewest processes, and prints a line.
    """
    names = os.environ.get(VISIBLE, "").split(",")
    instances = names[0].startswith("MIG-")
    if instances:
        # CUDA shows a process only the first MIG instance in the list, so the list must contain only the one that it takes.
        os.environ[VISIBLE] = names[_take(names)]
    if not torch.cuda.is_available():
        return None
    if not instances:
        # Lock the GPU by its UUID, because an index may be another GPU in the next process.
        every = range(torch.cuda.device_count())
        torch.cuda.set_device(_take([str(torch.cuda.get_device_properties(index).uuid) for index in every]))
    return torch.device("cuda", torch.cuda.current_device())


def _take(names: list[str]) -> int:
    """Lock one of these GPUs for this process and return its place in the list."""
    end, others = time.monotonic() + PATIENCE, 0
    while (index := _free(names, others)) is None:
        if time.monotonic() < end:
            time.sleep(0.1)
        else:
            others += 1
    if others:
        print(f"no GPU is free; GPU {index} has {others + 1} processes now", file=sys.stderr, flush=True)
    return index


def _free(names: list[str], others: int) -> int | None:
    """Lock the first of these GPUs that has only `others` other processes and return its place; None if all have more."""
    # Each user has a folder, because a process cannot open the files of another user.
    folder = Path(tempfile.gettempdir(), f"ssif-gpus-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    for index, name in enumerate(names):
        file = (folder / f"{name.strip()}.{others}").open("a")
        if locked(file):
            _held.append(file)
            return index
        file.close()
    return None
