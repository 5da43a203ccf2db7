"""Boxes of names and values, as the trainers of agents print them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from curvedoc.readers.boxed import boxes
from curvedoc.readers.phrases import MAX_PAIRS

from .helpers import one, points, written


def box(steps: int, reward: float, **more: float) -> str:
    rows = [("rollout/", ""), ("   ep_len_mean", 200), ("   ep_rew_mean", reward), ("time/", "")]
    rows += [("   fps", 812), ("   iterations", steps // 2048), ("   total_timesteps", steps), ("train/", "")]
    rows += [(f"   {name}", value) for name, value in more.items()]
    wide = "".join(f"| {name:<22} | {value!s:<10} |\n" for name, value in rows)
    return f"{'-' * 39}\n{wide}{'-' * 39}\n"


def test_each_box_is_one_row_at_its_time_steps(tmp_path: Path) -> None:
    printed = "".join(box(2048 * k, -200.0 + k, loss=1 / k, value_loss=3.5) for k in range(1, 7))
    log = one(written(tmp_path, "nohup.out", "Using cpu device\n" + printed))
    assert points(log, "rollout/ep_rew_mean") == ([2048 * k for k in range(1, 7)], [-200.0 + k for k in range(1, 7)])
    assert points(log, "train/loss") == ([2048 * k for k in range(1, 7)], [1 / k for k in range(1, 7)])


def test_a_box_of_evaluation_between_the_others_has_its_own_names(tmp_path: Path) -> None:
    inner = "| eval/               |       |\n|    mean_reward      | {r}   |\n| time/               |       |\n"
    inner += "|    total_timesteps  | {s}  |\n|    n_calls | 3 |\n"
    text = "".join(
        box(1000 * k, float(k)) + f"Eval num_timesteps={1000 * k + 500}\n" + inner.format(r=k / 2, s=1000 * k + 500)
        for k in range(1, 6)
    )
    log = one(written(tmp_path, "train.log", text))
    assert points(log, "eval/mean_reward") == ([1000 * k + 500 for k in range(1, 6)], [k / 2 for k in range(1, 6)])
    assert points(log, "rollout/ep_rew_mean") == ([1000 * k for k in range(1, 6)], [float(k) for k in range(1, 6)])


def test_a_table_of_settings_is_no_box(tmp_path: Path) -> None:
    settings = "| batch size | 64 |\n| lr | 0.001 |\n| layers | 3 |\n"
    steps = "".join(f"step {k} loss {1 / k:.3f}\n" for k in range(1, 9))
    log = one(written(tmp_path, "run.log", settings + steps))
    assert points(log, "loss") == (list(range(1, 9)), [round(1 / k, 3) for k in range(1, 9)])


def test_a_box_without_an_end_is_handed_on_as_it_is_read() -> None:
    taken = 0

    def lines() -> Iterator[tuple[str, None]]:
        nonlocal taken
        for taken in range(1, 5001):
            yield f"| name {taken} | word |", None

    told = boxes(lines())
    assert next(told)[0] == "| name 1 | word |"
    assert taken <= MAX_PAIRS + 1
    assert 1 + sum(1 for _ in told) == 5000
