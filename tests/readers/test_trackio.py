"""Trackio's database."""

from __future__ import annotations

import json
import math
import sqlite3
from pathlib import Path

from curvedoc.readers import read_file

from .helpers import curves, points, said, same


def test_every_run_of_a_project_is_read_with_its_configuration(tmp_path: Path) -> None:
    path = tmp_path / "project.db"
    with sqlite3.connect(path) as db:
        db.execute(
            "CREATE TABLE metrics (id INTEGER PRIMARY KEY, timestamp TEXT, run_name TEXT, step INT, metrics TEXT)"
        )
        db.execute("CREATE TABLE configs (id INTEGER PRIMARY KEY, run_name TEXT, config TEXT)")
        db.execute("INSERT INTO configs VALUES (1, 'a', ?)", (json.dumps({"lr": 0.1, "_Username": "x"}),))
        for k in range(4):
            for run in ("a", "b"):
                row = json.dumps({"train/loss": "NaN" if k == 2 else 1.0 / (k + 1), "note": "x"})
                values = (f"2024-05-01T12:00:0{k}", run, 10 * k, row.encode() if run == "b" else row)
                db.execute("INSERT INTO metrics (timestamp, run_name, step, metrics) VALUES (?, ?, ?, ?)", values)
        db.execute("INSERT INTO metrics (timestamp, run_name, step, metrics) VALUES ('', 'b', 50, 'broken')")
    db.close()
    logs = read_file(path, "project.db")
    assert logs is not None
    assert [log.part for log in logs] == ["a", "b"]
    for log in logs:
        assert points(log, "train/loss")[0] == [0, 10, 20, 30]
        assert same(points(log, "train/loss")[1], [1.0, 0.5, math.nan, 0.25])
        wall = curves(log)["train/loss"].wall_time
        assert wall is not None
        assert same(wall - wall[0], [0, 1, 2, 3])
    assert logs[0].hyper == {"lr": 0.1}
    assert "1 rows of run 'b'" in said(logs[1])
