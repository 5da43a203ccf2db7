"""Does the Monitor keep what was logged, within bounds, and measure the update that the optimizer really made?"""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from curvedoc import Monitor, diagnose
from curvedoc.errors import UsageError
from curvedoc.run import Curve, Run

from .logs import overfitting


def curve(run: Run, role: str) -> Curve:
    found = run.get(role)
    assert found is not None, f"no {role} among {sorted(run.curves)}"
    return found


def test_a_report_of_a_live_run_equals_the_one_of_the_same_numbers() -> None:
    columns = overfitting()
    monitor = Monitor()
    for epoch, (train, val) in enumerate(zip(*columns.values(), strict=True)):
        monitor.log(epoch, train_loss=train, val_loss=val)
    live, lead = monitor.report(), diagnose(columns).leading
    assert live.leading is not None
    assert lead is not None
    assert (live.leading.rule, live.leading.confidence) == (lead.rule, lead.confidence)


@pytest.mark.parametrize("style", ["keyword", "dict", "dict and step", "step and dict", "step in the dict"])
def test_every_way_of_calling_log_takes_down_the_same(style: str) -> None:
    monitor = Monitor()
    for step in (0, 10, 20):
        logs: dict[str, Any] = {"train_loss": 1.0 / (1 + step)}
        if style == "keyword":
            monitor.log(step, **logs)
        elif style == "dict":
            monitor.log({**logs, "step": step})
        elif style == "dict and step":
            monitor.log(logs, step=step)
        elif style == "step and dict":
            monitor.log(step, logs)
        else:
            monitor.log(step=step, **logs)
    found = curve(monitor.run(), "train_loss")
    assert found.step.tolist() == [0, 10, 20]
    assert found.value.tolist() == [1.0, 1 / 11, 1 / 21]


def test_without_a_step_a_tag_that_comes_again_begins_the_next() -> None:
    monitor = Monitor()
    for epoch in range(3):
        for batch in range(4):
            monitor.log(train_loss=10 - epoch - batch / 4)
        monitor.log(val_loss=11 - epoch)
    run = monitor.run()
    assert curve(run, "train_loss").step.tolist() == list(range(12))
    assert curve(run, "val_loss").step.tolist() == [3, 7, 11]


def test_none_is_left_out_and_nan_is_kept() -> None:
    monitor = Monitor()
    for step, (train, val) in enumerate([(1.0, None), (math.nan, 2.0), (math.inf, None)]):
        monitor.log(step, train_loss=train, val_loss=val)
    run = monitor.run()
    assert np.isnan(curve(run, "train_loss").value).tolist() == [False, True, False]
    assert np.isinf(curve(run, "train_loss").value).tolist() == [False, False, True]
    assert curve(run, "val_loss").step.tolist() == [1]


def test_what_is_no_number_is_refused_by_name() -> None:
    torch = pytest.importorskip("torch", reason="tensors are torch's")
    monitor = Monitor()
    with pytest.raises(UsageError, match=r"train_loss is a Tensor of shape \(32,\), not a number; .* its mean"):
        monitor.log(0, train_loss=torch.ones(32))
    with pytest.raises(UsageError, match=r"val_loss is a dict"):
        monitor.log(0, val_loss={"a": 1})
    with pytest.raises(UsageError, match="step must be a finite number"):
        monitor.log(math.nan, train_loss=1.0)
    monitor.log(0, train_loss=torch.tensor(2.5, requires_grad=True), val_loss=np.float32(0.5))
    assert curve(monitor.run(), "train_loss").value.tolist() == [2.5]


def test_memory_is_bounded_and_what_was_let_go_is_said() -> None:
    monitor = Monitor(keep=100)
    for step in range(1001):
        monitor.log(step, train_loss=math.nan if step == 31 else 1000.0 - step)
    run = monitor.run()
    found = curve(run, "train_loss")
    assert len(found) <= 100
    assert found.step[0] == 0
    assert found.step[-1] == 1000
    assert found.step[np.isnan(found.value)].tolist() == [31]
    finite = np.isfinite(found.value)
    assert found.value[finite].tolist() == (1000 - found.step[finite]).tolist()
    (note,) = [n.what for n in run.notes if "train_loss" in n.what]
    assert f"{1001 - len(found)} of 1001" in note
    assert any("train_loss" in reading.what for reading in monitor.report().reading)


def test_memory_is_bounded_even_when_everything_is_nan() -> None:
    monitor = Monitor(keep=10)
    for step in range(200):
        monitor.log(step, train_loss=math.nan)
    assert len(curve(monitor.run(), "train_loss")) <= 10


def test_nothing_logged_is_told_at_the_report() -> None:
    with pytest.raises(UsageError, match="nothing was logged"):
        Monitor().report()


def test_the_measured_ratio_is_that_of_plain_gradient_descent() -> None:
    torch = pytest.importorskip("torch", reason="watches a torch optimizer")
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    monitor = Monitor()
    monitor.watch(model, optimizer)
    expected: dict[str, list[float]] = {"0": [], "2": []}
    norms = []
    for step in range(5):
        optimizer.zero_grad()
        loss = model(torch.randn(16, 4)).square().mean()
        loss.backward()
        for layer in ("0", "2"):
            weight = model[int(layer)].weight
            expected[layer].append(0.05 * float(weight.grad.norm()) / float(weight.detach().norm()))
        norms.append(math.sqrt(sum(float(p.grad.square().sum()) for p in model.parameters())))
        optimizer.step()
        monitor.log(step, train_loss=loss)
    run = monitor.run()
    layers = run.layers("update_ratio")
    assert set(layers) == {"0", "2"}  # biases have no scale to compare with
    for layer, values in expected.items():
        assert layers[layer].value.tolist() == pytest.approx(values, rel=1e-4)
    assert curve(run, "grad_norm").value.tolist() == pytest.approx(norms, rel=1e-5)
    assert curve(run, "lr").value.tolist() == [0.05] * 5


def test_between_two_calls_of_log_measurements_are_averaged() -> None:
    torch = pytest.importorskip("torch", reason="watches a torch optimizer")
    weight = torch.nn.Parameter(torch.ones(2, 2))
    model = torch.nn.Module()
    model.register_parameter("weight", weight)
    optimizer = torch.optim.SGD([weight], lr=1.0)
    monitor = Monitor()
    monitor.watch(model, optimizer, every=2)
    for gradient in (0.1, 7.0, 0.2, 7.0):  # the second and the fourth step are not measured
        weight.data.fill_(1.0)
        weight.grad = torch.full((2, 2), gradient)
        optimizer.step()
    monitor.log(0, train_loss=1.0)
    run = monitor.run()
    assert curve(run, "grad_norm").value.tolist() == pytest.approx([0.3])  # norms 0.2 and 0.4
    assert next(iter(run.layers("update_ratio").values())).value.tolist() == pytest.approx([0.15])


def test_a_nan_gradient_stays_one() -> None:
    torch = pytest.importorskip("torch", reason="watches a torch optimizer")
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    monitor = Monitor()
    monitor.watch(model, optimizer)
    for p in model.parameters():
        p.grad = torch.full_like(p, math.nan)
    optimizer.step()
    monitor.log(0, train_loss=1.0)
    assert np.isnan(curve(monitor.run(), "grad_norm").value).all()


def test_wrapped_models_frozen_layers_and_weights_of_zero_are_no_trouble() -> None:
    torch = pytest.importorskip("torch", reason="watches a torch optimizer")
    inner = torch.nn.ModuleDict(
        {"body": torch.nn.Linear(3, 3), "head": torch.nn.Linear(3, 3), "zero": torch.nn.Linear(3, 3)}
    )
    inner["body"].weight.requires_grad_(False)
    torch.nn.init.zeros_(inner["zero"].weight)
    wrapped = torch.nn.ModuleDict({"module": inner})
    optimizer = torch.optim.AdamW(
        [{"params": inner["head"].parameters(), "lr": 0.1}, {"params": inner["zero"].parameters(), "lr": 0.2}]
    )
    monitor = Monitor()
    monitor.watch(wrapped, optimizer)
    for part in ("head", "zero"):
        for p in inner[part].parameters():
            p.grad = torch.ones_like(p)
    optimizer.step()
    monitor.log(0, train_loss=1.0)
    run = monitor.run()
    assert set(run.layers("update_ratio")) == {"head"}
    assert sorted(c.value[0] for c in run.curves["lr"]) == pytest.approx([0.1, 0.2])


def test_what_the_caller_logs_goes_before_what_is_measured_and_equal_rates_are_one() -> None:
    torch = pytest.importorskip("torch", reason="watches a torch optimizer")
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD([{"params": [model.weight]}, {"params": [model.bias]}], lr=0.1)
    monitor = Monitor()
    monitor.watch(model, optimizer)
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    optimizer.step()
    monitor.log(0, train_loss=1.0, grad_norm=5.0)
    run = monitor.run()
    assert curve(run, "grad_norm").value.tolist() == [5.0]
    assert [c.tag for c in run.curves["lr"]] == ["lr"]


def test_a_wrapped_optimizer_is_watched_where_it_steps() -> None:
    torch = pytest.importorskip("torch", reason="watches a torch optimizer")
    model = torch.nn.Linear(2, 2)
    inner = torch.optim.SGD(model.parameters(), lr=0.1)
    monitor = Monitor()
    monitor.watch(model, SimpleNamespace(optimizer=SimpleNamespace(optimizer=inner)))  # as Accelerate and Lightning do
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    inner.step()
    monitor.log(0, train_loss=1.0)
    assert curve(monitor.run(), "grad_norm").value.tolist() == pytest.approx([math.sqrt(6)])


def test_watching_ends_when_it_is_told_to() -> None:
    torch = pytest.importorskip("torch", reason="watches a torch optimizer")
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    monitor = Monitor()
    stop = monitor.watch(model, optimizer)
    stop()
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    optimizer.step()
    monitor.log(0, train_loss=1.0)
    assert "grad_norm" not in monitor.run().curves


def test_a_real_training_with_a_rate_that_is_too_high_is_told_from_its_update_ratios() -> None:
    torch = pytest.importorskip("torch", reason="trains a torch model")
    rules = {}
    for lr in (0.3, 0.001):  # weight decay holds the weights at a size that updates of 0.3 dwarf
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Linear(16, 64), torch.nn.ReLU(), torch.nn.Linear(64, 4))
        optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=1.0)
        monitor = Monitor(classes=4)
        monitor.watch(model, optimizer)
        teacher = torch.randn(16, 4)
        for step in range(150):
            x = torch.randn(64, 16)
            loss = torch.nn.functional.cross_entropy(model(x), (x @ teacher).argmax(dim=1))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            monitor.log(step, train_loss=loss)
        rules[lr] = {finding.rule for finding in monitor.report().findings}
    assert "update-ratio-too-high" in rules[0.3]
    assert "update-ratio-too-high" not in rules[0.001]
