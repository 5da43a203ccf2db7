"""Several processes: two under torchrun on the CPU train what one trains alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from train_harness import setup
from train_harness.__main__ import main

from .test_loop import SMALL, run

ROOT = Path(__file__).parent.parent.parent
RECIPE = """
steps = 6
[data]
train_size = 48
val_size = 30
batch_size = 16
[optimizer]
kind = "momentum"
[log]
format = "jsonl"
every = 1
"""


@pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch was built without torch.distributed")
def test_two_processes_log_what_one_logs(tmp_path):
    (tmp_path / "recipe.toml").write_text(RECIPE)
    arguments = [str(tmp_path / "recipe.toml"), "--device", "cpu", "--save-every", "3", "--out"]
    assert main([*arguments, str(tmp_path / "alone")]) == 0
    together = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    done = subprocess.run(
        [*together, "-m", "train_harness", *arguments, str(tmp_path / "both")],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,  # it takes 10 s; processes that wait for each other would stop the suite
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("train loss") == 1, "one process speaks for all"
    alone, both = (logged(tmp_path / name) for name in ("alone", "both"))
    assert [row["step"] for row in both] == [row["step"] for row in alone] == [1, 2, 3, 3, 4, 5, 6, 6]
    for one, two in zip(alone, both, strict=True):
        assert two == pytest.approx(one, rel=1e-4)


def test_a_batch_that_cannot_be_shared_evenly_is_refused(monkeypatch):
    monkeypatch.setattr(setup, "place", lambda: (0, 3))
    with pytest.raises(ValueError, match=r"data\.batch_size = 16 cannot be shared evenly by 3 processes"):
        setup.begin(SMALL, torch.device("cpu"), None)


def test_a_checkpoint_of_other_processes_is_refused():
    saved = []
    run(save_every=10, save=saved.append)
    with pytest.raises(ValueError, match="the checkpoint is of 2 processes, and this run has 1"):
        run(resume=saved[0] | {"generators": saved[0]["generators"] * 2})


def logged(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
