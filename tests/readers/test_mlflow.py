"""MLflow's stores: the folder of files and the database."""

from __future__ import annotations

import math
import sqlite3
from pathlib import Path

import pytest

from curvedoc.errors import UnreadableLog
from curvedoc.readers import read_file, sqlite

from .helpers import curves, one, points, said, same, written


def test_a_metric_file_is_named_by_its_path_under_metrics(tmp_path: Path) -> None:
    text = "1700000000500 0.9 0\n1700000001500 nan 1\n1700000002500 1.7976931348623157e+308 2\n"
    log = one(written(tmp_path, "mlruns/0/abc/metrics/val/loss", text))
    assert same(points(log, "val/loss")[1], [0.9, math.nan, math.inf])
    assert points(log, "val/loss")[0] == [0, 1, 2]
    assert set(curves(log)) == {"val/loss"}
    wall = curves(log)["val/loss"].wall_time
    assert wall is not None
    assert wall.tolist() == [1.7e9 + 0.5, 1.7e9 + 1.5, 1.7e9 + 2.5]


def test_lines_of_two_fields_have_no_step_and_lines_of_five_a_data_set(tmp_path: Path) -> None:
    log = one(written(tmp_path, "run/metrics/loss", "1700000000500 0.9\n1700000001500 0.8\n"))
    assert curves(log)["loss"].axis == "row"
    log = one(written(tmp_path, "run/metrics/acc", "1700000000500 0.9 3 data 1f2e\n1700000001500 0.8 4 data 1f2e\n"))
    assert points(log, "acc") == ([3, 4], [0.9, 0.8])


def test_a_line_that_is_no_metric_is_left_out_and_told(tmp_path: Path) -> None:
    log = one(written(tmp_path, "run/metrics/loss", "1700000000500 0.9 0\nhello\n1700000001500 0.8 1\n"))
    assert points(log, "loss")[0] == [0, 1]
    assert "2: 1 lines" in said(log)


def test_the_database_that_mlflow_writes_is_read_run_by_run(tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow", reason="mlflow is no dependency; its tables are made by hand below")
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}")
    experiment = client.create_experiment("digits", artifact_location=str(tmp_path))
    values = [1.0, math.nan, math.inf, -math.inf, 0.5]
    for name in ("first", "second"):
        run = client.create_run(experiment, run_name=name).info.run_id
        client.log_param(run, "lr", 0.1)
        for step, value in enumerate(values):
            client.log_metric(run, "train/loss", value, step=10 * step)
    logs = read_file(tmp_path / "mlflow.db", "mlflow.db")
    assert logs is not None
    assert [log.part for log in logs] == ["first", "second"]
    for log in logs:
        assert points(log, "train/loss")[0] == [0, 10, 20, 30, 40]
        assert same(points(log, "train/loss")[1], values)
        assert log.hyper == {"lr": 0.1}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "mlflow.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE runs (run_uuid TEXT, name TEXT, lifecycle_stage TEXT)")
        db.execute("CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT)")
        db.execute("CREATE TABLE metrics (key TEXT, value REAL, timestamp INT, step INT, is_nan INT, run_uuid TEXT)")
        runs = [("aaaaaaaa1", "same", "active"), ("bbbbbbbb2", "same", "active"), ("cccccccc3", "gone", "deleted")]
        db.executemany("INSERT INTO runs VALUES (?, ?, ?)", runs)
        db.execute("INSERT INTO params VALUES ('epochs', '3', 'aaaaaaaa1')")
        rows = [("loss", 1.0 / (k + 1), 1000 * k, 0, 0, run) for run, _, _ in runs for k in range(3)]
        db.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", rows)
    db.close()
    return path


def test_runs_of_one_name_are_told_apart_and_deleted_ones_left_out(database: Path) -> None:
    logs = read_file(database, "mlflow.db")
    assert logs is not None
    assert [log.part for log in logs] == ["same (aaaaaaaa)", "same (bbbbbbbb)"]
    assert logs[0].hyper == {"epochs": 3}
    assert "1 deleted" in said(logs[0])


def test_metrics_logged_without_a_step_count_rows(database: Path) -> None:
    logs = read_file(database, "mlflow.db")
    assert logs is not None
    assert curves(logs[0])["loss"].axis == "row"
    assert points(logs[0], "loss") == ([0, 1, 2], [1.0, 0.5, 1 / 3])


def test_reading_leaves_nothing_beside_the_database(database: Path) -> None:
    before = sorted(database.parent.iterdir())
    read_file(database, "mlflow.db")
    assert sorted(database.parent.iterdir()) == before


def test_a_damaged_database_is_refused(database: Path) -> None:
    data = bytearray(database.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    database.write_bytes(bytes(data))
    with pytest.raises(UnreadableLog, match="SQLite cannot read it"):
        read_file(database, "mlflow.db")


def test_a_database_that_was_cut_off_is_refused(database: Path) -> None:
    database.write_bytes(database.read_bytes()[:1000])
    with pytest.raises(UnreadableLog, match="SQLite cannot read it"):
        read_file(database, "mlflow.db")


@pytest.mark.parametrize("table", ["metrics", "runs", "params"])
def test_a_view_in_the_place_of_a_table_is_not_run(database: Path, table: str) -> None:
    with sqlite3.connect(database) as db:
        names = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
        db.execute(f"DROP TABLE {table}")
        endless = "WITH RECURSIVE n(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n) SELECT "
        db.execute(f"CREATE VIEW {table} AS {endless}" + ", ".join(f"k AS {name}" for name in names) + " FROM n")
    db.close()
    if table == "metrics":
        assert read_file(database, "mlflow.db") is None
    else:
        with pytest.raises(UnreadableLog, match="SQLite cannot read it"):
            read_file(database, "mlflow.db")


def test_a_cell_beyond_measure_is_refused(database: Path) -> None:
    with sqlite3.connect(database) as db:
        db.execute("INSERT INTO params VALUES ('x', zeroblob(?), 'aaaaaaaa1')", [sqlite.MAX_CELL + 1])
    db.close()
    with pytest.raises(UnreadableLog, match="too big"):
        read_file(database, "mlflow.db")


def test_work_beyond_what_the_size_explains_is_refused(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_STRIDE", 100)
    assert read_file(database, "mlflow.db")
    monkeypatch.setattr(sqlite, "_INSTRUCTIONS", 100)
    monkeypatch.setattr(sqlite, "_PER_BYTE", 0)
    with pytest.raises(UnreadableLog, match="more work than their size explains"):
        read_file(database, "mlflow.db")


def test_another_database_is_no_log(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE people (name TEXT)")
    db.close()
    assert read_file(path, "other.db") is None


@pytest.mark.parametrize(("name", "says"), [("1b5b33316d", r"\\x1b\[31m"), ("80", "SQLite cannot read it")])
def test_what_sqlite_says_of_a_broken_schema_is_printable(tmp_path: Path, name: str, says: str) -> None:
    path = tmp_path / "mlflow.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE metrics (key, value)")
        db.execute("PRAGMA writable_schema = ON")
        db.execute(f"UPDATE sqlite_master SET name = CAST(x'{name}' AS TEXT), sql = 'CREATE TABLE'")
    db.close()
    with pytest.raises(UnreadableLog, match=says) as caught:
        read_file(path, "mlflow.db")
    assert str(caught.value).isprintable()
