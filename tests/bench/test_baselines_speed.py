"""Speed and memory of the baselines beside plain transcriptions of their layer tables, as ratios within one run."""

import subprocess
import sys

import pytest
import torch

from baselines.awan import AWAN
from baselines.mog_dcn import MoGDCN
from baselines.rcan import RCAN
from baselines.ssjsr import SSJSR
from baselines.sspsr import SSPSR
from baselines.us3rn import US3RN
from tests.linux import needs_proc
from tests.plain import joint, sequential
from tests.plain.layers import Tape

# Minutes in all, and ratios of times want a quiet machine: `make bench`, not `make test`.
pytestmark = pytest.mark.slow

LR = 48  # pixels a side; reduced networks, so that a round takes seconds

NETWORKS = {
    "rcan": (
        lambda: RCAN(31, 4, image="hsi", groups=3, blocks=6),
        lambda tape, x: sequential.rcan(tape, x, scale=4, groups=3, blocks=6),
        [(31, 1)],
    ),
    "awan": (
        lambda: AWAN(3, 31, size="lr", channels=64, blocks=4),
        lambda tape, x: sequential.awan(tape, x, blocks=4),
        [(3, 2)],
    ),
    "sspsr": (
        lambda: SSPSR(31, 4, channels=64, blocks=2),
        lambda tape, x: sequential.sspsr(tape, x, scale=4, blocks=2, overlap=1),
        [(31, 1)],
    ),
    "mog-dcn": (
        lambda: MoGDCN(3, 31, 4, width=16),
        lambda tape, y, z: sequential.mog_dcn(tape, y, z, scale=4),
        [(31, 1), (3, 4)],
    ),
    "ssjsr": (
        lambda: SSJSR(3, 31, 4),
        lambda tape, x: joint.ssjsr(tape, x, bands=31, scale=4, blocks=4),
        [(3, 1)],
    ),
    "us3rn": (lambda: US3RN(3, 31, 4), lambda tape, x: joint.us3rn(tape, x, scale=4)[0], [(3, 1)]),
}


@pytest.mark.parametrize("name", NETWORKS)
@torch.inference_mode()
def test_no_network_is_slower_than_its_plain_transcription(name, benchmark, capsys, seconds, one_thread):
    build, plain, shapes = NETWORKS[name]
    torch.manual_seed(0)
    model = build().eval()
    images = [torch.rand(1, bands, LR * times, LR * times) for bands, times in shapes]
    weights = list(model.state_dict().values())
    torch.testing.assert_close(model(*images), plain(Tape(weights), *images), atol=1e-4, rtol=1e-4)
    ours, theirs = [], []

    def both():
        ours.append(seconds(lambda: model(*images)))
        theirs.append(seconds(lambda: plain(Tape(weights), *images)))

    benchmark.pedantic(both, rounds=5)
    ratio = min(theirs) / min(ours)
    benchmark.extra_info["plain / ours"] = round(ratio, 2)
    with capsys.disabled():
        print(f"\n{name}: plain {min(theirs):.2f} s, ours {min(ours):.2f} s: {ratio:.2f} times")
    # The same convolutions: what is asked is that nothing was lost; 7 % is the noise of the best of five.
    assert ratio > 0.93


@torch.inference_mode()
def test_awan_without_affinity_matrices_is_cheaper(benchmark, capsys, seconds, one_thread):
    """Official size, 256 x 256: process seconds of the whole network, both forms in turn."""
    torch.manual_seed(0)
    model = AWAN(3, 31, size="hr").eval()
    torch.nn.init.normal_(model.non_local.out.weight, std=0.01)
    x, weights = torch.rand(1, 3, 256, 256), list(model.state_dict().values())
    ours, theirs = [], []

    def both():
        ours.append(seconds(lambda: model(x)))
        theirs.append(seconds(lambda: sequential.awan(Tape(weights), x, blocks=8)))

    benchmark.pedantic(both, rounds=1)
    benchmark.extra_info["explicit / ours"] = round(min(theirs) / min(ours), 2)
    with capsys.disabled():
        print(f"\nAWAN 256 x 256: explicit affinities {min(theirs):.1f} s, ours {min(ours):.1f} s")
    assert min(ours) < 0.9 * min(theirs)


# The high-water mark of this process alone; getrusage would count the parent's before the fork.
MEASURE = """
import re, torch
from pathlib import Path
{imports}
model = {network}.eval()
with torch.inference_mode():
    image = model(torch.rand(1, 3, {side}, {side}))
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
print(tuple(image.shape), int(peak[1]) / 2**20)
"""


@needs_proc
@pytest.mark.parametrize(
    ("imports", "network", "side", "shape", "matrix_gib"),
    [
        # Four quadrants, two float32 matrices at a time; one of all LR pixels.
        ("from baselines.awan import AWAN", "AWAN(3, 31, size='hr')", 512, (1, 31, 512, 512), 2 * 16),
        ("from baselines.us3rn import US3RN", "US3RN(3, 31, 2)", 256, (1, 31, 512, 512), 16),
    ],
)
def test_peak_memory_of_whole_images(imports, network, side, shape, matrix_gib, benchmark, capsys):
    """In a process of its own: peak resident memory, against what the affinity matrices alone would take."""
    program = MEASURE.format(imports=imports, network=network, side=side)
    done = benchmark.pedantic(
        lambda: subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True), rounds=1
    )
    printed, _, peak = done.stdout.strip().rpartition(" ")
    benchmark.extra_info["peak resident GiB"] = round(float(peak), 2)
    with capsys.disabled():
        print(f"\n{network} on {side} x {side}: peak {float(peak):.2f} GiB; its affinities would take {matrix_gib} GiB")
    assert printed == str(shape)
    assert float(peak) < 4
