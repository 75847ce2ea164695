"""A real `ssif predict`, killed twice on the way: it goes on, its output is the same, its memory stays small."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from ssif.bands import Bands
from ssif.checkpoint import described, save_weights
from ssif.formats import create_image, open_image
from ssif.formats.header import Header
from ssif.nets.ssif import SSIF
from tests.linux import needs_proc

BANDS = Bands([[450, 520], [520, 600], [630, 690], [760, 900]])


@pytest.fixture
def command(tmp_path):
    """The command but for its output: 450 x 600 x 4 pixels to p = 2 and 10 bands, 80 tiles."""
    torch.manual_seed(0)
    network = SSIF(
        4, variant="RF-UF", encoder={"name": "edsr", "blocks": 2, "channels": 16}, pixel_decoder="liif", hidden=32, dim=16,
        spectral_decoder="D", spectral_hidden=32, frequencies=4, lambda_min=3.0, lambda_max=900.0, k=4,
    )  # fmt: skip
    card = {"msi": "a satellite", "wavelengths": [400.0, 1000.0], "input_bands": BANDS.edges.tolist()}
    save_weights(network, tmp_path / "w.safetensors", described(network, card))
    header = Header(450, 600, 4, "uint16", BANDS, nodata=0, scale=1e-4, transform=(10.0, 0, 5e5, 0, -10.0, 5e6))
    rng = np.random.default_rng(0)
    with create_image(tmp_path / "a.tif", header) as write:
        for _ in range(3):
            write(rng.random((150, 600, 4)))
    return [
        sys.executable, "-m", "ssif.cli", "predict", tmp_path / "a.tif", "--weights", tmp_path / "w.safetensors",
        "--scale", "2", "--bands", "400:1000:10", "--tile", "64",
    ]  # fmt: skip


def finished(command, environment, folder):
    """What the command says, run to its end; it never had 512 MiB in memory."""
    peak = 0
    with open(folder / "said", "w+") as said, subprocess.Popen(command, env=environment, stderr=said) as child:
        while child.poll() is None:
            # Not the child's resource usage: that counts the pages of the test run that started it, too.
            peaks = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{child.pid}/status").read_text())
            peak = max([peak, *map(int, peaks)])
            time.sleep(0.01)
        assert child.returncode == 0
        # 369 MiB were measured; in one tile 664 MiB.
        assert 10**5 < peak < 2**19
        said.seek(0)
        return said.read()


@needs_proc
def test_killed_twice_it_goes_on_to_the_same_image(tmp_path, command):
    part, sizes = tmp_path / "b.tif.part", []
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    for least in (6 * 10**6, 24 * 10**6):
        with subprocess.Popen([*command, tmp_path / "b.tif"], env=environment, stderr=subprocess.DEVNULL) as child:
            while child.poll() is None and not (part.exists() and part.stat().st_size > least):
                time.sleep(0.01)
            child.send_signal(signal.SIGKILL)
        assert child.returncode == -signal.SIGKILL
        assert not (tmp_path / "b.tif").exists()
        sizes.append(part.stat().st_size)
    assert 6 * 10**6 < sizes[0] < sizes[1]
    assert " of 80 tiles are finished; continuing from there" in finished(
        [*command, tmp_path / "b.tif"], environment, tmp_path
    )
    assert not part.exists()

    finished([*command, tmp_path / "c.tif"], environment, tmp_path)
    with open_image(tmp_path / "b.tif") as ours, open_image(tmp_path / "c.tif") as whole:
        assert (ours.header.height, ours.header.width, ours.header.count) == (900, 1200, 10)
        assert ours.header.transform == (5.0, 0, 5e5, 0, -5.0, 5e6)
        for top in range(0, 900, 300):
            rows = slice(top, top + 300)
            assert np.array_equal(ours.read(rows, slice(0, 1200)), whole.read(rows, slice(0, 1200)), equal_nan=True)
