"""Tables that trainers print: names, dashes below them, and rows as they come."""

from __future__ import annotations

from pathlib import Path

import pytest

from curvedoc.discover import find_runs
from curvedoc.readers import read_file
from curvedoc.readers.ruled import rows

from .helpers import curves, one, points, said, written

SPACY = """\
[2021-02-25 10:26:39,619] [INFO] Pipeline: ['tok2vec', 'ner']
============================= Training pipeline =============================
Initial learn rate: 0.001
E    #       LOSS TOK2VEC  LOSS NER  ENTS_F  ENTS_P  ENTS_R  SCORE
---  ------  ------------  --------  ------  ------  ------  ------
  0       0          0.00     46.00    9.57    6.09   22.33    0.10
  0     200         35.70   2160.00   83.16   83.79   82.53    0.83
  1     400         11.09   1180.00   88.91   89.03   88.78    0.89
Saved pipeline to output directory
"""

SKORCH = """\
  epoch    train_loss    valid_acc    valid_loss    cp     dur
-------  ------------  -----------  ------------  ----  ------
      1        0.6905       0.6000        0.6790     +  0.1000
      2        0.6648       0.6150        0.6617     +  0.0100
      3        0.6401          nan        0.6700        0.0100
Stopping since valid_loss has not improved in the last 5 epochs.
"""


def nerfstudio() -> str:
    """Three logged steps in a file: the header and all rows so far drawn anew, behind a cursor that rises."""
    names = ("Train Iter (time)", "ETA (time)", "Train Rays / Sec", "Test PSNR")
    header = f"{'Step (% Done)':<20}" + "".join(f"{name:<20} " for name in names)
    shown, text = [], ""
    for step, psnr in ((500, "14.2031"), (510, ""), (1000, "17.5012")):
        cells = ("21.106 ms", "6 m, 2 s", "195.42 K", psnr)
        shown.append(f"{f'{step} ({step / 300:.2f}%)':<20}" + "".join(f"{cell:<20} " for cell in cells))
        drawn = [header, "-" * len(header), *shown]
        text += f"\r\x1b[{len(drawn)}A\x1b[1K\r" + "".join(f"{line} \x1b[0m\n" for line in drawn)
    return text


def test_the_losses_of_spacy_are_means_over_the_steps_between_two_rows(tmp_path: Path) -> None:
    log = one(written(tmp_path, "train.log", SPACY))
    assert points(log, "LOSS NER") == ([0, 200, 400], [46.0, 2160 / 200, 1180 / 200])
    assert points(log, "dev/SCORE") == ([0, 200, 400], [0.10, 0.83, 0.89])
    epoch = curves(log)["dev/SCORE"].epoch
    assert epoch is not None
    assert epoch.tolist() == [0, 0, 1]
    assert "divided by the steps" in said(log)


def test_the_squared_gradients_of_an_embedding_layer_are_no_loss(tmp_path: Path) -> None:
    assert not any("TOK2VEC" in tag for tag in curves(one(written(tmp_path, "train.log", SPACY))))
    (run,) = find_runs(tmp_path).runs
    assert [curve.tag for curve in run.curves["train_loss"]] == ["LOSS NER"]
    assert "val_metric" in run.curves


def test_a_table_with_blank_cells_is_read_by_its_dashes(tmp_path: Path) -> None:
    log = one(written(tmp_path, "fit.log", SKORCH))
    assert points(log, "valid_loss") == ([1, 2, 3], [0.679, 0.6617, 0.67])
    assert points(log, "dur") == ([1, 2, 3], [0.1, 0.01, 0.01])
    assert len(points(log, "valid_acc")[1]) == 3
    assert "cp" not in curves(log)


def test_rows_that_a_terminal_draws_again_count_once(tmp_path: Path) -> None:
    log = one(written(tmp_path, "train.log", nerfstudio()))
    assert points(log, "Test PSNR") == ([500, 1000], [14.2031, 17.5012])
    assert points(log, "Train Iter (time)") == ([500, 510, 1000], [21.106 * 1e-3] * 3)


@pytest.mark.parametrize(
    "table",
    [
        "Layer  Output  Params\n-----  ------  ------\n1      10      220\n2      20      440\n3      20      440",
        "epoch  note\n-----  ----\n1      0.5\n2      0.4",
        "step  name  host\n----  ----  ----\n1     2     3\n2     3     4",
    ],
    ids=["layers", "two columns", "no metric"],
)
def test_other_tables_are_none(tmp_path: Path, table: str) -> None:
    assert all(row is None for _, row in rows(table.splitlines()))
    assert not read_file(written(tmp_path, "out.txt", table), "out.txt")


def test_lines_between_rows_are_read_as_ever() -> None:
    lines = [
        "epoch  loss  val_loss",
        "-----  ----  --------",
        "1  0.7  0.8",
        "lr 0.01 saved",
        "2  0.5  0.7",
        "12 files kept",
    ]
    assert [text for text, row in rows(lines) if row is None] == [lines[0], lines[3], lines[5]]


@pytest.mark.parametrize("step", ["-1", "nan", "inf", "1e400"])
def test_sums_over_unknown_steps_are_left_out(step: str) -> None:
    lines = ["E    #    LOSS NER  SCORE", "---  ---  --------  -----", "0  0  10  0.1", "0  200  400  0.2"]
    found = [
        row.pairs[2] for _, row in rows([*lines, f"0  {step}  300  0.3", "0  600  300  0.4", "0  800  200  0.5"]) if row
    ]
    assert found == [("LOSS NER", 10.0), ("LOSS NER", 2.0), ("LOSS NER", 1.0)]


def test_a_table_between_bars_is_read_with_names_over_several_lines(tmp_path: Path) -> None:
    rule = f"|{'=' * 60}|\n"
    names = "|  Epoch  |  Iteration  |  Mini-batch  |  Validation  |  Base Learning  |\n"
    names += "|         |             |     Loss     |     Loss     |      Rate       |\n"
    rows = "".join(
        f"|      {1 + k // 4}  |   {50 * k}  |   {2 / k:.4f}   | {f'{2.1 / k:.4f}' if k % 2 else ''}  |  0.0100 |\n"
        for k in range(1, 9)
    )
    log = one(written(tmp_path, "diary.txt", f"Training on single CPU.\n{rule}{names}{rule}{rows}{rule}"))
    assert points(log, "Mini-batch Loss") == ([50 * k for k in range(1, 9)], [round(2 / k, 4) for k in range(1, 9)])
    assert points(log, "Validation Loss") == ([50, 150, 250, 350], [round(2.1 / k, 4) for k in (1, 3, 5, 7)])
    assert points(log, "learning rate")[1] == [0.01] * 8


def test_two_columns_between_bars_are_a_table_where_the_first_counts(tmp_path: Path) -> None:
    rows = "".join(f"| {10 * k} | {1 / k:.4f} |\n" for k in range(1, 8))
    log = one(written(tmp_path, "out.log", f"| Step | Training Loss |\n|------|---------------|\n{rows}"))
    assert points(log, "Training Loss") == ([10 * k for k in range(1, 8)], [round(1 / k, 4) for k in range(1, 8)])
