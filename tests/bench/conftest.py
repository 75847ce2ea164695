"""What the benchmarks share: one thread, process seconds, and the machine's own rate of matrix products."""

import time
from collections.abc import Callable

import pytest
import torch


@pytest.fixture
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def least_seconds(work: Callable, rounds: int = 1) -> float:
    """Process seconds of some work, the least of `rounds`; a busy machine lengthens them less than the clock's."""
    found = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


@pytest.fixture
def seconds() -> Callable:
    return least_seconds


@pytest.fixture
def product_rate(one_thread) -> float:
    """float32 multiply-adds a second in a product of two 2048 x 2048 matrices, the best of five."""
    one, other = torch.rand(2, 2048, 2048)
    return 2048**3 / least_seconds(lambda: one @ other, rounds=5)


@pytest.fixture
def report(benchmark, capsys) -> Callable:
    """Print figures and keep them in the JSON."""

    def said(**figures: float) -> None:
        benchmark.extra_info.update({name: round(value, 3) for name, value in figures.items()})
        with capsys.disabled():
            print("\n" + ", ".join(f"{name} {value:.3g}" for name, value in figures.items()))

    return said
