"""What the benchmarks share: one thread, process seconds, and the machine's own rate of matrix products."""

from collections.abc import Callable

import pytest
import torch

from workflow import growth


@pytest.fixture
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def seconds() -> Callable:
    return growth.seconds


@pytest.fixture
def product_rate(one_thread) -> float:
    return growth.product_rate()


@pytest.fixture
def report(benchmark, capsys) -> Callable:
    """Print figures and keep them in the JSON."""

    def said(**figures: float) -> None:
        benchmark.extra_info.update({name: round(value, 3) for name, value in figures.items()})
        with capsys.disabled():
            print("\n" + ", ".join(f"{name} {value:.3g}" for name, value in figures.items()))

    return said
