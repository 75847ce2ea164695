"""The training loop: schedule, curve, resumption, and a loss that is not finite."""

import json
import os
import signal
import threading
import time
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from ssif import training
from ssif.errors import UserError
from ssif.training import Interrupted, Schedule, Validation, cosine, halving, train


class Line(nn.Module):
    """y = w x, learned from batches of x and y, which may hold NaN."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 1)

    def loss(self, batch):
        return (self.layer(batch.x).squeeze(-1) - batch.y).abs().mean()


def draw(step: int):
    generator = torch.Generator().manual_seed(step)
    x = torch.randn(8, 4, generator=generator)
    return SimpleNamespace(x=x, y=x @ torch.tensor([1.0, 2, 3, 4]), scenes=torch.tensor([step % 3, 7]))


def fresh() -> Line:
    torch.manual_seed(0)
    return Line()


SCHEDULE = Schedule(steps=230, rate=0.05, decay=halving(0.5, 0.9))


def test_rate_halves_at_fractions_of_the_budget():
    schedule = Schedule(steps=10, rate=8.0, decay=halving(0.4, 0.6, 0.8))
    assert [schedule.at(step) for step in range(10)] == [8, 8, 8, 8, 4, 4, 2, 2, 1, 1]


def test_a_cosine_falls_from_the_whole_rate_to_none():
    assert [cosine(done) for done in (0, 1 / 3, 1 / 2, 1)] == pytest.approx([1, 3 / 4, 1 / 2, 0])


def test_the_mean_of_the_weights_is_kept(tmp_path):
    """The mean is that of the weights of a training without it, computed step by step."""
    weights, model = [], fresh()

    def seen(step: int):
        weights.append(model.layer.weight.detach().clone())
        return draw(step)

    train(model, seen, SCHEDULE, tmp_path / "last", {}, "line")
    mean = weights[1].clone()
    for steps, weight in enumerate([*weights[2:], model.layer.weight.detach()], 1):
        kept = min(0.9, (1 + steps) / (10 + steps))
        mean = kept * mean + (1 - kept) * weight
    averaged = fresh()
    train(averaged, draw, SCHEDULE, tmp_path / "mean", {}, "line", average=0.9)
    torch.testing.assert_close(averaged.layer.weight.detach(), mean, atol=1e-6, rtol=0)
    assert not torch.equal(mean, model.layer.weight)


def test_the_mean_of_a_short_training_is_near_its_end(tmp_path):
    """With 0.998 in every step the mean would keep 98 % of the first weights after ten steps."""
    weights, model = [], fresh()
    short = Schedule(steps=10, rate=0.05, decay=halving())
    train(
        model,
        lambda step: weights.append(model.layer.weight.detach().clone()) or draw(step),
        short,
        tmp_path / "a",
        {},
        "",
    )
    averaged = fresh()
    train(averaged, draw, short, tmp_path / "b", {}, "", average=0.998)
    way, left = (weights[1] - model.layer.weight).norm(), (averaged.layer.weight - model.layer.weight).norm()
    assert left < way / 2


def test_the_curve_is_the_mean_loss_since_the_last_line(tmp_path):
    model = fresh()
    with torch.no_grad():
        before = [float(model.loss(draw(0)))]
    train(model, draw, SCHEDULE, tmp_path, {}, "line")
    lines = [json.loads(line) for line in (tmp_path / "train.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [50, 100, 150, 200, 230]
    assert [line["rate"] for line in lines] == [0.05, 0.05, 0.025, 0.025, 0.0125]
    assert before[0] > lines[0]["loss"] > 3 * lines[-1]["loss"]
    assert not model.training


@pytest.mark.parametrize(("stop", "by"), [(1, "SIGTERM"), (50, "SIGINT"), (77, "SIGTERM"), (229, "SIGINT")])
@pytest.mark.parametrize("average", [0.0, 0.9])
def test_a_stopped_run_goes_on_bit_for_bit(tmp_path, stop, by, average):
    straight = fresh()
    train(straight, draw, SCHEDULE, tmp_path / "straight", {"a": 1}, "line", average=average)

    def draw_and_stop(step: int):
        if step == stop - 1:
            os.kill(os.getpid(), signal.Signals[by])
        return draw(step)

    with pytest.raises(Interrupted, match=f"stopped by {by} after step {stop}"):
        train(fresh(), draw_and_stop, SCHEDULE, tmp_path / "resumed", {"a": 1}, "line", average=average)
    seen = []
    resumed = fresh()

    def noted(step: int):
        seen.append(step)
        return draw(step)

    train(resumed, noted, SCHEDULE, tmp_path / "resumed", {"a": 1}, "line", average=average)
    assert seen[0] == stop and len(seen) == 230 - stop
    for ours, theirs in zip(resumed.parameters(), straight.parameters()):
        assert torch.equal(ours, theirs)

    def losses(name):
        return [json.loads(line)["loss"] for line in (tmp_path / name / "train.jsonl").read_text().splitlines()]

    assert losses("resumed") == losses("straight")


def test_a_state_of_another_configuration_is_refused_by_key(tmp_path):
    def stop_at_once(step):
        os.kill(os.getpid(), signal.SIGTERM)
        return draw(step)

    with pytest.raises(Interrupted):
        train(fresh(), stop_at_once, SCHEDULE, tmp_path, {"training": {"rate": 1.0, "batch": 8}}, "line")
    before = (tmp_path / "state.pt").read_bytes()
    with pytest.raises(UserError, match=r"another configuration \(training.rate: 1.0 there, 2.0 here\)"):
        train(fresh(), draw, SCHEDULE, tmp_path, {"training": {"rate": 2.0, "batch": 8}}, "line")
    assert (tmp_path / "state.pt").read_bytes() == before


def test_a_torn_state_is_refused(tmp_path):
    (tmp_path / "state.pt").write_bytes(b"PK\x03\x04 torn")
    with pytest.raises(UserError, match="cannot read the training state"):
        train(fresh(), draw, SCHEDULE, tmp_path, {}, "line")


@pytest.mark.parametrize("bad", [0, 49, 50, 71])
def test_a_loss_that_is_not_finite_ends_the_run_and_names_step_and_scenes(tmp_path, bad, monkeypatch):
    monkeypatch.setattr(training, "SAVE_EVERY", 0)

    def poisoned(step: int):
        batch = draw(step)
        if step == bad:
            batch.y[3] = float("nan")
        return batch

    with pytest.raises(UserError, match=rf"loss of step {bad} is not finite \(batch of scenes \[{bad % 3}, 7\]\)"):
        train(fresh(), poisoned, SCHEDULE, tmp_path, {}, "line")
    if (tmp_path / "state.pt").exists():
        state = torch.load(tmp_path / "state.pt", weights_only=True)
        assert state["step"] <= bad
        assert all(torch.isfinite(value).all() for value in state["model"].values())


def test_sigterm_from_outside_is_obeyed_within_a_step(tmp_path):
    def slow(step: int):
        time.sleep(0.01)
        return draw(step)

    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
    with pytest.raises(Interrupted):
        train(fresh(), slow, Schedule(100_000, 0.05, halving()), tmp_path, {}, "line")
    assert (tmp_path / "state.pt").exists()


def scripted(scores: list[float], seen: list) -> Validation:
    """Return these scores in turn and keep the weights."""

    def score(model) -> float:
        assert not model.training
        seen.append(model.layer.weight.detach().clone())
        return scores[len(seen) - 1]

    return Validation(every=50, score=score)


def test_the_weights_of_the_best_validation_are_kept_the_first_of_equals(tmp_path):
    model, seen = fresh(), []
    train(model, draw, SCHEDULE, tmp_path, {}, "line", scripted([0.1, 0.9, 0.5, 0.9, 0.2], seen))
    assert len(seen) == 5 and torch.equal(model.layer.weight, seen[1]) and not model.training
    lines = [json.loads(line) for line in (tmp_path / "train.jsonl").read_text().splitlines()]
    assert [line["validation"] for line in lines] == [0.1, 0.9, 0.5, 0.9, 0.2]


def test_a_validation_leaves_the_training_as_it_is(tmp_path):
    """With rising scores the training ends with the last weights, as without validation."""
    one, other = fresh(), fresh()
    train(one, draw, SCHEDULE, tmp_path / "one", {}, "line")
    train(other, draw, SCHEDULE, tmp_path / "other", {}, "line", scripted([1, 2, 3, 4, 5], []))
    assert torch.equal(one.layer.weight, other.layer.weight)


@pytest.mark.parametrize("stop", [100, 120])
def test_the_best_weights_so_far_outlive_a_stop(tmp_path, stop):
    """The training is stopped at a validation and between two; the best score was before."""

    def score(model) -> float:
        return -abs(float(model.layer.weight.detach().sum()) - 7)

    def stopping(step: int):
        if step == stop - 1:
            signal.raise_signal(signal.SIGTERM)
        return draw(step)

    straight, resumed = fresh(), fresh()
    train(straight, draw, SCHEDULE, tmp_path / "straight", {}, "line", Validation(50, score))
    with pytest.raises(Interrupted):
        train(resumed, stopping, SCHEDULE, tmp_path / "resumed", {}, "line", Validation(50, score))
    again = fresh()
    train(again, draw, SCHEDULE, tmp_path / "resumed", {}, "line", Validation(50, score))
    assert torch.equal(again.layer.weight, straight.layer.weight)
    curves = [
        [json.loads(line)["validation"] for line in (tmp_path / name / "train.jsonl").read_text().splitlines()]
        for name in ("straight", "resumed")
    ]
    assert curves[0] == curves[1] and len(curves[0]) == 5
