"""Tables as trainers, tools and people write them."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curvedoc.errors import UnreadableLog
from curvedoc.readers import delimited, read_file

from .helpers import curves, one, points, said, same, written


def test_lightnings_csv_logger_is_sparse_and_keeps_every_cadence(tmp_path: Path) -> None:
    loggers = pytest.importorskip(
        "lightning.pytorch.loggers", reason="lightning is no dependency; its dialect is below"
    )
    logger = loggers.CSVLogger(str(tmp_path), flush_logs_every_n_steps=1)
    for step in range(6):
        logger.log_metrics({"lr-SGD": 0.1 / (step + 1)}, step=step)
        logger.log_metrics({"train_loss_step": 2.0 - step / 10, "epoch": step // 3}, step=step)
        if step % 3 == 2:
            logger.log_metrics({"val_loss": 1.0 - step / 10, "epoch": step // 3}, step=step)
    logger.save()
    log = one(next(tmp_path.rglob("metrics.csv")))
    assert points(log, "train_loss_step") == (list(range(6)), [2.0 - s / 10 for s in range(6)])
    assert points(log, "lr-SGD") == (list(range(6)), [0.1 / (s + 1) for s in range(6)])
    assert points(log, "val_loss") == ([2, 5], [0.8, 0.5])
    val = curves(log)["val_loss"]
    assert val.axis == "step"
    assert val.epoch is not None
    assert val.epoch.tolist() == [0, 1]


def test_a_sparse_table_gives_each_column_its_own_rows(tmp_path: Path) -> None:
    text = "lr-SGD,epoch,step,train_loss,val_loss\r\n0.1,,0,,\r\n,0,0,2.0,\r\n,0,9,,1.5\r\n0.05,,10,,\r\n,1,10,1.8,\r\n"
    log = one(written(tmp_path, "metrics.csv", text))
    assert points(log, "train_loss") == ([0, 10], [2.0, 1.8])
    assert points(log, "val_loss") == ([9], [1.5])
    assert points(log, "lr-SGD") == ([0, 10], [0.1, 0.05])
    epoch = curves(log)["train_loss"].epoch
    assert epoch is not None
    assert epoch.tolist() == [0, 1]


def test_keras_csv_logger_counts_epochs_and_its_NA_is_no_point(tmp_path: Path) -> None:
    import os

    os.environ.setdefault("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras", reason="keras is no dependency; its dialect is below")
    path = tmp_path / "training.log"
    logger = keras.callbacks.CSVLogger(str(path))
    logger.set_model(keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)]))
    logger.on_train_begin()
    for epoch in range(4):
        logs = {"loss": 1.0 / (epoch + 1), "accuracy": 0.5, "val_loss": 0.3}
        if epoch % 2:  # validation_freq=2
            del logs["val_loss"]
        logger.on_epoch_end(epoch, logs)
    logger.on_train_end()
    assert "NA" in path.read_text()
    log = one(path)
    assert points(log, "loss") == ([0, 1, 2, 3], [1.0, 0.5, 1 / 3, 0.25])
    assert points(log, "val_loss") == ([0, 2], [0.3, 0.3])
    assert curves(log)["loss"].axis == "epoch"
    assert "2 cells say NA" in said(log)


def test_blank_NA_and_NaN_are_three_things(tmp_path: Path) -> None:
    text = "epoch,loss,val_loss,extra\n0,0.5,NA,None\n1,nan,,None\n2,inf,0.3,None\n3,-1.#IND,0.2,None\n"
    log = one(written(tmp_path, "log.csv", text))
    assert same(points(log, "loss")[1], [0.5, math.nan, math.inf, math.nan])
    assert points(log, "val_loss") == ([2, 3], [0.3, 0.2])
    assert "extra" not in curves(log)
    assert "nothing but NA, None or null in 'extra'" in said(log)


def test_a_column_that_is_NaN_throughout_is_kept_and_told(tmp_path: Path) -> None:
    log = one(written(tmp_path, "metrics.csv", "epoch,step,train_loss\n0,49,nan\n0,99,nan\n"))
    assert same(points(log, "train_loss")[1], [math.nan, math.nan])
    assert "every value of 'train_loss' is NaN" in said(log)


def test_pandas_index_without_a_name_counts_rows(tmp_path: Path) -> None:
    import pandas as pd

    path = tmp_path / "history.csv"
    pd.DataFrame({"train_loss": [0.9, 0.5, 0.4], "lr": [0.1, 0.1, 0.01]}).to_csv(path)
    log = one(path)
    assert points(log, "train_loss") == ([0, 1, 2], [0.9, 0.5, 0.4])
    assert curves(log)["train_loss"].axis == "row"
    assert "unnamed:0" in curves(log)


def test_a_column_that_pandas_left_without_a_name_is_read(tmp_path: Path) -> None:
    import pandas as pd

    path = tmp_path / "loss.csv"
    pd.Series([0.9, 0.5, 0.4]).to_csv(path)
    assert points(one(path), "0") == ([0, 1, 2], [0.9, 0.5, 0.4])


def test_padded_headers_of_yolov5_are_stripped(tmp_path: Path) -> None:
    header = "               epoch,      train/box_loss, metrics/mAP_0.5:0.95,               x/lr0\n"
    rows = "".join(f"{k:20d},{0.1 / (k + 1):20.5g},{0.1 * k:20.5g},{0.01:20.5g}\n" for k in range(4))
    log = one(written(tmp_path, "results.csv", header + rows))
    assert points(log, "metrics/mAP_0.5:0.95") == ([0, 1, 2, 3], [0.0, 0.1, 0.2, 0.3])
    assert set(curves(log)) == {"epoch", "train/box_loss", "metrics/mAP_0.5:0.95", "x/lr0"}


def test_durations_of_fastai_are_seconds(tmp_path: Path) -> None:
    text = "epoch,train_loss,valid_loss,accuracy,time\n0,1.8,1.1,0.69,00:12\n1,0.7,0.5,0.84,01:05\n"
    log = one(written(tmp_path, "history.csv", text))
    assert points(log, "time")[1] == [12, 65]
    assert curves(log)["valid_loss"].wall_time is None  # time of each epoch alone


def test_stable_baselines_count_time_steps(tmp_path: Path) -> None:
    text = "rollout/ep_rew_mean,time/fps,time/iterations,time/time_elapsed,time/total_timesteps,train/n_updates\n"
    text += "20.1,900,1,2,2048,\n24.0,850,2,4,4096,10\n30.5,840,3,7,6144,20\n"
    log = one(written(tmp_path, "progress.csv", text))
    assert points(log, "rollout/ep_rew_mean") == ([2048, 4096, 6144], [20.1, 24.0, 30.5])
    wall = curves(log)["rollout/ep_rew_mean"].wall_time
    assert wall is not None
    assert wall.tolist() == [2, 4, 7]


def test_a_monitor_file_begins_with_a_comment_of_json(tmp_path: Path) -> None:
    log = one(
        written(tmp_path, "0.monitor.csv", '#{"t_start": 1.5, "env_id": "Cart"}\nr,l,t\n10.0,10,0.5\n12.0,12,0.9\n')
    )
    assert points(log, "r") == ([0, 1], [10.0, 12.0])
    assert "1 comment lines" in said(log)


def test_tab_separated_metrics_of_dvclive_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # it writes its files into the repository that it stands in
    dvclive = pytest.importorskip("dvclive", reason="dvclive is no dependency; catboost's TSV below has the same shape")
    with dvclive.Live(str(tmp_path / "dvclive"), save_dvc_exp=False, report=None) as live:
        for k in range(5):
            live.log_metric("train/loss", float("nan") if k == 3 else 1.0 / (k + 1))
            live.next_step()
    (path,) = (tmp_path / "dvclive").rglob("loss.tsv")
    assert same(points(one(path), "loss")[1], [1.0, 0.5, 1 / 3, math.nan, 0.2])


def test_catboost_names_its_metric_in_the_header(tmp_path: Path) -> None:
    log = one(written(tmp_path, "learn_error.tsv", "iter\tMultiClass\n0\t1.09\n1\t1.02\n2\t0.97\n"))
    assert points(log, "MultiClass") == ([0, 1, 2], [1.09, 1.02, 0.97])


def test_a_panel_that_wandb_exported_is_one_run_per_prefix(tmp_path: Path) -> None:
    text = (
        '"Step","a - val/loss","a - val/loss__MIN","a - val/loss__MAX",'
        '"b - val/loss","b - val/loss__MIN","b - val/loss__MAX"\n'
        '"1","0.9","0.9","0.9","","",""\n"2","0.8","0.7","0.9","0.7","0.7","0.7"\n"4","","","","0.6","0.6","0.6"\n'
    )
    path = written(tmp_path, "wandb_export.csv", text)
    logs = read_file(path, "wandb_export.csv")
    assert logs is not None
    assert [log.part for log in logs] == ["a", "b"]
    assert points(logs[0], "a - val/loss") == ([1, 2], [0.9, 0.8])
    assert points(logs[1], "b - val/loss") == ([2, 4], [0.7, 0.6])
    assert set(curves(logs[0])) == {"Step", "a - val/loss"}
    assert "__MIN" in said(logs[0])


def test_a_header_longer_than_the_first_look_is_read(tmp_path: Path) -> None:
    names = [f"accuracy of the class number {k}" for k in range(6000)]
    rows = (",".join(str(epoch + k / 10_000) for k in range(6001)) for epoch in range(4))
    log = one(written(tmp_path, "metrics.csv", "\n".join([",".join(["epoch", *names]), *rows])))
    assert len(log.series) == 6001
    assert points(log, names[-1]) == ([0, 1, 2, 3], [0.6, 1.6, 2.6, 3.6])


def test_tensorboards_csv_download_takes_its_tag_from_the_file_name(tmp_path: Path) -> None:
    path = written(tmp_path, "run-exp1-tag-Loss_train.csv", "Wall time,Step,Value\n1700.5,0,0.9\n1701.5,10,0.5\n")
    log = one(path)
    assert points(log, "Loss_train") == ([0, 10], [0.9, 0.5])
    assert curves(log)["Loss_train"].wall_time.tolist() == [1700.5, 1701.5]  # type: ignore[union-attr]


def test_semicolons_with_decimal_commas_are_understood(tmp_path: Path) -> None:
    log = one(written(tmp_path, "verlauf.csv", "Epoche;train_loss;val_loss\n1;0,93;1,02\n2;0,51;0,80\n3;0,4;7,5e-1\n"))
    assert points(log, "val_loss")[1] == [1.02, 0.80, 0.75]


def test_blank_lines_of_carriage_returns_are_passed_over(tmp_path: Path) -> None:
    log = one(written(tmp_path, "log.csv", "epoch,loss\r\r\n0,0.5\r\r\n1,0.4\r\r\n"))
    assert points(log, "loss") == ([0, 1], [0.5, 0.4])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path, encoding: str) -> None:
    log = one(written(tmp_path, "log.csv", "epoch,loss\n0,0.5\n1,0.4\n".encode(encoding)))
    assert points(log, "loss") == ([0, 1], [0.5, 0.4])


def test_marks_of_a_merge_conflict_are_left_out_and_both_sides_kept(tmp_path: Path) -> None:
    text = "epoch,loss\n0,0.5\n<<<<<<< HEAD\n1,0.4\n=======\n1,0.45\n>>>>>>> other\n2,0.3\n"
    log = one(written(tmp_path, "log.csv", text))
    assert points(log, "loss") == ([0, 1, 1, 2], [0.5, 0.4, 0.45, 0.3])
    assert "3: 3 lines are marks of a git merge conflict" in said(log)


def test_a_command_pasted_below_the_rows_is_left_out(tmp_path: Path) -> None:
    text = "epoch,loss,acc\n1,0.5,0.1\n2,0.4,0.2\n3,0.3,0.3\n\npython train.py ^\n--lr=0.1 ^\n--epochs=3\n"
    log = one(written(tmp_path, "log.csv", text))
    assert points(log, "loss")[0] == [1, 2, 3]
    assert "6: 3 lines are no rows" in said(log)


def test_a_header_repeated_in_mid_file_is_no_row_and_the_counter_goes_back(tmp_path: Path) -> None:
    log = one(written(tmp_path, "log.csv", "epoch,loss\n0,0.5\n1,0.4\nepoch,loss\n0,0.6\n1,0.5\n"))
    assert points(log, "loss") == ([0, 1, 0, 1], [0.5, 0.4, 0.6, 0.5])
    assert "4: 1 lines repeat the header" in said(log)


def test_a_header_that_changes_in_mid_file_is_followed(tmp_path: Path) -> None:
    log = one(written(tmp_path, "log.csv", "epoch,loss\n0,0.5\n1,0.4\nepoch,lr,loss\n2,0.1,0.3\n3,0.1,0.2\n"))
    assert points(log, "loss") == ([0, 1, 2, 3], [0.5, 0.4, 0.3, 0.2])
    assert points(log, "lr") == ([2, 3], [0.1, 0.1])


def test_two_columns_of_one_name_are_both_kept(tmp_path: Path) -> None:
    log = one(written(tmp_path, "log.csv", "epoch,loss,loss\n0,0.5,0.6\n1,0.4,0.5\n"))
    assert points(log, "loss")[1] == [0.5, 0.4]
    assert points(log, "loss.1")[1] == [0.6, 0.5]


def test_rows_without_a_header_get_numbered_columns(tmp_path: Path) -> None:
    log = one(written(tmp_path, "log.csv", "0,0.5,0.1\n1,0.4,0.2\n2,0.3,0.3\n"))
    assert points(log, "column 2") == ([0, 1, 2], [0.5, 0.4, 0.3])
    assert "where the header should be" in said(log)


def test_a_row_cut_off_at_the_end_is_left_out(tmp_path: Path) -> None:
    log = one(written(tmp_path, "log.csv", "epoch,loss,acc\n0,0.5,0.1\n1,0.4,0.2\n2,0.3"))
    assert points(log, "loss")[0] == [0, 1]
    assert "4: 1 row ends before the last column" in said(log)


def test_rows_longer_than_the_header_lose_what_has_no_name_and_say_so(tmp_path: Path) -> None:
    log = one(written(tmp_path, "log.csv", "epoch,loss\n0,0.5\n1,0.4\n2,0.3,0.9\n3,0.2,0.9\n4,0.2\n5,0.2\n"))
    assert points(log, "loss")[0] == [0, 1, 2, 3, 4, 5]
    assert "4: 2 rows have more than 2 cells" in said(log)


def test_a_quoted_cell_may_run_over_lines(tmp_path: Path) -> None:
    log = one(written(tmp_path, "log.csv", 'epoch,sample,loss\n0,"a\nb, c",0.5\n1,"d",0.4\n2,"e",0.3\n3,"f",0.2\n'))
    assert points(log, "loss") == ([0, 1, 2, 3], [0.5, 0.4, 0.3, 0.2])


def test_units_percent_and_iso_times_are_numbers(tmp_path: Path) -> None:
    text = "created_at,epoch,acc,duration,memory\n2024-05-01T12:00:00,1,67.5%,1.3m,512MB\n"
    text += "2024-05-01T12:01:30,2,70.0%,80s,1.5G\n"
    log = one(written(tmp_path, "log.csv", text))
    assert points(log, "acc") == ([1, 2], [67.5, 70.0])
    assert points(log, "duration")[1] == [78.0, 80.0]
    assert points(log, "memory")[1] == [512e6, 1.5e9]
    wall = curves(log)["acc"].wall_time
    assert wall is not None
    assert wall[1] - wall[0] == 90


def test_text_among_numbers_is_left_out_and_told(tmp_path: Path) -> None:
    log = one(written(tmp_path, "log.csv", "epoch,loss\n0,0.5\n1,ERROR\n2,0.3\n3,0.2\n"))
    assert points(log, "loss") == ([0, 2, 3], [0.5, 0.3, 0.2])
    assert "text among the numbers of 'loss'" in said(log)


@pytest.mark.parametrize(
    "text",
    [
        "Epoch: [1/100], training loss: 1.64, acc: 67.0%\nEpoch: [2/100], training loss: 1.5, acc: 68.0%\n",
        "Epoch:0, mask loss is 0.1411\nEpoch:1, mask loss is 0.0967\n",
    ],
)
def test_sentences_in_a_file_named_csv_are_left_to_the_text_reader(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, "train_log.csv", text)
    assert not delimited.recognizes(path, text.encode())
    assert one(path).format == "text log"


def test_a_table_in_a_text_file_is_recognized_by_its_lines(tmp_path: Path) -> None:
    log = one(written(tmp_path, "training.log", "epoch,loss\n0,0.5\n1,0.4\n2,0.3\n"))
    assert log.format == "CSV or TSV"


def test_a_table_kept_apart_by_blanks_is_read(tmp_path: Path) -> None:
    text = "epoch     train_loss  valid_loss  accuracy  time\n0         1.82        1.10        0.69      00:12\n"
    text += "1         0.70        0.52        0.84      00:11\n2         0.33        0.43        0.87      00:11\n"
    log = one(written(tmp_path, "fastai.txt", text))
    assert points(log, "valid_loss") == ([0, 1, 2], [1.10, 0.52, 0.43])
    assert points(log, "time")[1] == [12, 11, 11]


def test_bare_numbers_are_called_after_their_file(tmp_path: Path) -> None:
    path = tmp_path / "train_loss.txt"
    np.savetxt(path, [0.9, 0.5, math.nan, 0.4])
    log = one(path)
    assert same(points(log, "train_loss")[1], [0.9, 0.5, math.nan, 0.4])
    assert curves(log)["train_loss"].axis == "row"


@pytest.mark.parametrize("name", ["iris.csv", "numbers.txt", "labels.csv"])
def test_numbers_that_name_nothing_of_a_training_are_no_log(tmp_path: Path, name: str) -> None:
    text = {
        "iris.csv": "sepal_length,sepal_width,species\n5.1,3.5,0\n4.9,3.0,0\n6.2,2.9,1\n",
        "numbers.txt": "1\n2\n3\n4\n",
        "labels.csv": "run,label,source\n1,good_lr,a\n2,bad_lr,b\n3,bad_lr,b\n",
    }[name]
    assert read_file(written(tmp_path, name, text), name) is None


def test_a_column_that_goes_blank_while_others_go_on_is_told(tmp_path: Path) -> None:
    import pandas as pd

    path = tmp_path / "history.csv"
    loss = [1.0 - k / 20 if k < 8 else math.nan for k in range(12)]
    pd.DataFrame({"epoch": range(12), "loss": loss, "lr": [0.1] * 12}).to_csv(path, index=False)
    assert "'loss' is blank in the last 4 rows while others go on" in said(one(path))


def test_a_table_without_numbers_is_no_log(tmp_path: Path) -> None:
    assert read_file(written(tmp_path, "names.csv", "first,last\nada,lovelace\nalan,turing\n"), "x") is None


def test_a_bomb_of_columns_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "MAX_COLUMNS", 10)
    with pytest.raises(UnreadableLog, match="11 columns"):
        read_file(written(tmp_path, "log.csv", ",".join(f"c{k}" for k in range(11)) + 3 * ("\n1" + 10 * ",1")), "x")


def test_the_fast_and_the_slow_way_read_a_large_table_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    table = np.column_stack([np.arange(500), rng.standard_normal((500, 3))])
    table[7, 2], table[8, 2] = math.nan, math.inf
    text = "step,loss,acc,lr\n" + "\n".join(",".join(repr(float(v)) for v in row) for row in table) + "\n"
    path = written(tmp_path, "log.csv", text)
    slow = one(path)
    monkeypatch.setattr(delimited, "_LARGE", 1)
    fast = one(path)
    assert list(curves(fast)) == list(curves(slow)) == ["step", "loss", "acc", "lr"]
    for tag, series in curves(fast).items():
        assert same(series.value, curves(slow)[tag].value)
        assert same(series.step, table[:, 0])
    assert same(curves(fast)["acc"].value, table[:, 2])


def test_a_large_table_with_holes_is_read_row_by_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "_LARGE", 1)
    log = one(written(tmp_path, "log.csv", "step,loss,val_loss\n0,0.5,\n1,0.4,0.6\n2,0.3,\n"))
    assert points(log, "val_loss") == ([1], [0.6])


cell = st.one_of(st.none(), st.floats(allow_nan=True), st.integers(-(10**9), 10**9).map(float))


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.lists(cell, min_size=2, max_size=2), min_size=3, max_size=25),
    delimiter=st.sampled_from([",", ";", "\t"]),
    end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_random_tables_read_back_equal_in_every_dialect(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[float | None]], delimiter: str, end: str, quoting: int
) -> None:
    path = tmp_path_factory.mktemp("csv") / "log.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=quoting)  # type: ignore[arg-type]
        writer.writerow(["step", "loss", "val_loss"])
        for step, row in enumerate(rows):
            writer.writerow([step, *("" if v is None else repr(v) for v in row)])
    log = one(path)
    for place, tag in enumerate(["loss", "val_loss"]):
        mine = [(step, row[place]) for step, row in enumerate(rows) if row[place] is not None]
        if mine:
            steps, values = points(log, tag)
            assert steps == [step for step, _ in mine]
            assert same(values, [value for _, value in mine])
        else:
            assert tag not in curves(log)


def test_columns_of_one_name_get_numbers_that_no_other_has(tmp_path: Path) -> None:
    log = one(written(tmp_path, "log.csv", "epoch,loss,loss.1,loss,loss\n0,1,2,3,4\n1,5,6,7,8\n"))
    assert [s.tag for s in log.series] == ["epoch", "loss", "loss.1", "loss.2", "loss.3"]
