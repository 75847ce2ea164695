"""`ssif check`: published weights give here what they gave where they were published."""

import sys

import numpy as np
import pytest

from ssif import cli, published
from ssif.errors import UserError
from ssif.tool import check


@pytest.mark.parametrize("name", published.FILES)
def test_published_weights_give_their_kept_result(name):
    assert check.difference(name) < check.BOUND
    assert check.golden(name).stat().st_size < 200_000


def run(monkeypatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["ssif", "check", *words])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    return int(stop.value.code or 0)


def test_the_command(monkeypatch, capsys):
    assert run(monkeypatch) == 0
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == list(published.FILES)


def test_another_result_is_seen(monkeypatch, capsys, tmp_path):
    name = next(iter(published.FILES))
    with np.load(check.golden(name)) as kept:
        arrays = dict(kept)
    arrays["result"][3, 4, 1] += 2 * check.BOUND
    np.savez(tmp_path / "a.npz", **arrays)
    monkeypatch.setattr(check, "golden", lambda name: tmp_path / "a.npz")
    assert run(monkeypatch, name) == 1 and f"{name}: NOT as expected" in capsys.readouterr().out
    monkeypatch.setattr(check, "golden", lambda name: tmp_path / "b.npz")
    with pytest.raises(UserError, match=r"comes with a clone of the repository, but .*b\.npz is missing"):
        check.difference(name)
    with pytest.raises(UserError, match="other is not one of the published weights: ssif-plus-cave"):
        check.difference("other")
