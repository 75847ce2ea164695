"""One training on several processes gives the weights of one process up to rounding, by gloo on CPUs."""

import json
import multiprocessing
import os
import signal
import socket
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from ssif import parallel
from ssif.bands import Bands
from ssif.data.patches import Patches, Queries
from ssif.errors import UserError
from ssif.nets.ssif import SSIF
from ssif.training import Interrupted, Schedule, halving, train
from tests.predicting import SIZES

FORK = multiprocessing.get_context("fork")
SCHEDULE = Schedule(steps=8, rate=0.01, decay=halving(0.5))
RDN = {"name": "rdn", "blocks": 2, "channels": 8, "layers": 2, "growth": 8}
CPU = torch.device("cpu")


def draw(step: int) -> Queries:
    """Five samples, which two processes cannot share evenly, of very different brightness."""
    draws = torch.Generator().manual_seed(step)
    light = torch.tensor([1, 0.1, 0.5, 0.01, 0.9])
    low = torch.rand(5, 3, 6, 6, generator=draws) * light[:, None, None, None]
    query = torch.rand(5, 9, 2, generator=draws) * 2 - 1
    target = torch.rand(5, 9, 4, generator=draws) * light[:, None, None]
    bands = Bands([[400 + 50 * band, 450 + 50 * band] for band in range(4)])
    return Queries(low, query, torch.full((5, 2), 0.1), target, None, bands, draws, torch.arange(5))


def field() -> SSIF:
    torch.manual_seed(0)
    return SSIF(3, variant="RF-UF", **(SIZES | {"encoder": RDN}))


def learn(folder, processes: int, draw=draw, model=field, average: float = 0.9, steps: int = 8):
    """Train in this process or in several; the state dict that the first of them ends with, or what it raises."""
    if processes == 1:
        its = model()
        train(its, draw, Schedule(steps, SCHEDULE.rate, SCHEDULE.decay), folder, {}, "field", average=average)
        return its.state_dict()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    answers = FORK.Queue()

    def work(rank: int) -> None:
        # A fork has none of the threads of its parent.
        torch.set_num_threads(1)
        os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(processes)}
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        with parallel.together(CPU):
            try:
                found = {name: value.numpy() for name, value in learn(folder, 1, draw, model, average, steps).items()}
            except (UserError, Interrupted) as error:
                found = f"{type(error).__name__}: {error}"
            answers.put((rank, found))
            parallel.wait()

    workers = [FORK.Process(target=work, args=(rank,)) for rank in range(processes)]
    for worker in workers:
        worker.start()
    found = dict(answers.get(timeout=60) for _ in workers)
    for worker in workers:
        worker.join()
    if isinstance(found[0], str):
        assert set(found.values()) == {found[0]}
        return found[0]
    weights = [{name: torch.from_numpy(value) for name, value in its.items()} for its in found.values()]
    # Not even in rounding do the processes differ.
    assert all(torch.equal(its[name], weights[0][name]) for its in weights for name in its)
    return weights[0]


def assert_near(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    for name in theirs:
        torch.testing.assert_close(ours[name], theirs[name], atol=2e-5, rtol=1e-4)


def test_two_processes_learn_what_one_does(tmp_path):
    one, two = learn(tmp_path / "one", 1), learn(tmp_path / "two", 2)
    assert_near(two, one)
    first = field().state_dict()
    assert max(float((one[name] - first[name]).abs().max()) for name in one) > 0.02
    curves = [json.loads((tmp_path / name / "train.jsonl").read_text()) for name in ("one", "two")]
    assert curves[0]["loss"] == pytest.approx(curves[1]["loss"], rel=1e-5)


@pytest.mark.parametrize(("before", "after"), [(2, 1), (1, 2), (3, 2)])
def test_a_training_goes_on_with_another_number_of_processes(tmp_path, before, after):
    def stopping(step: int) -> Queries:
        # One process alone gets the signal, a step before the others know of it.
        if step == 4 and (parallel.count() == 1 or parallel.distributed.get_rank() == before - 1):
            signal.raise_signal(signal.SIGTERM)
        return draw(step)

    if before == 1:
        with pytest.raises(Interrupted):
            learn(tmp_path / "two", 1, stopping)
    else:
        assert learn(tmp_path / "two", before, stopping).startswith("Interrupted: stopped by SIGTERM after step 5;")
    assert_near(learn(tmp_path / "two", after), learn(tmp_path / "one", 1))


def test_what_is_no_number_ends_all_processes(tmp_path):
    def poisoned(step: int) -> Queries:
        batch = draw(step)
        if step == 3:
            batch.target[4] = float("nan")
        return batch

    assert learn(tmp_path, 2, poisoned).startswith("UserError: the loss of step 3 is not finite")


def test_a_batch_that_is_too_small_is_refused(tmp_path):
    assert learn(tmp_path, 6) == "UserError: a batch of 5 is too small for 6 processes"


def test_a_network_that_normalises_across_a_batch_is_refused(tmp_path):
    said = learn(tmp_path, 2, model=lambda: nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)))
    assert said.startswith("UserError: this network normalises across a batch")


@dataclass(frozen=True)
class Line:
    scenes: Tensor


def test_one_process_has_the_whole_batch_and_its_own_gradients():
    batch, model = Line(torch.arange(3)), nn.Linear(1, 1)
    assert parallel.share(batch) == (batch, 1.0) and parallel.first() and parallel.largest(15) == 15
    model(torch.ones(1, 1)).sum().backward()
    before = model.weight.grad.clone()
    assert parallel.add_up(torch.tensor(2.0), model) == 2 and torch.equal(model.weight.grad, before)


def test_patches_without_some_images_are_shared(monkeypatch):
    """A network from MSI to MSI has no HSI in its batches."""
    monkeypatch.setattr(parallel, "count", lambda: 2)
    monkeypatch.setattr(parallel.distributed, "get_rank", lambda: 1)
    image = torch.rand(5, 3, 4, 4)
    batch, share = parallel.share(Patches(image, image, None, None, torch.arange(5)))
    assert share == 2 / 5 and batch.lr_hsi is None
    assert torch.equal(batch.hr_msi, image[3:]) and batch.scenes.tolist() == [3, 4]
