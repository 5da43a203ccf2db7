"""Tables read a block at a time: every number is that of `float`, every table that of reading row by row."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curvedoc.readers import bulk, delimited
from curvedoc.readers.digits import BLANK, NUMBER, OTHER, POSSIBLE, cells
from curvedoc.readers.log import Log

pytestmark = pytest.mark.skipif(
    not POSSIBLE, reason="long doubles have other than 64 bits here: rows are read one by one"
)

ODD = [
    "",
    "nan",
    "NaN",
    "NA",
    "inf",
    "-",
    "+1",
    "1e",
    "e5",
    ".",
    "-.",
    "-.5",
    "5.",
    "-0.0",
    "1_0",
    " 1",
    "--1",
    "1-2",
    "é",
]
spelled = st.one_of(
    st.floats().map(repr),
    st.floats(-1e12, 1e12).flatmap(lambda x: st.integers(0, 24).map(lambda d: f"{x:.{d}f}")),
    st.floats(allow_nan=False, allow_infinity=False).flatmap(lambda x: st.integers(0, 20).map(lambda d: f"{x:.{d}e}")),
    st.integers(-(10**20), 10**20).map(str),
    st.text("0123456789.-+eE", max_size=26),
    st.sampled_from(ODD),
)


@given(st.lists(spelled, min_size=1, max_size=60))
def test_a_cell_is_blank_or_its_float_or_left_to_the_caller(written: list[str]) -> None:
    found = cells((",".join(written) + "\n").encode(), ",")
    assert len(found.kind) == len(written)
    for cell, kind, value in zip(written, found.kind, found.value.tolist(), strict=True):
        assert (kind == BLANK) == (cell == "")
        if kind == NUMBER:
            expected = float(cell)
            assert struct.pack("d", expected) == struct.pack("d", value) or (math.isnan(expected) and math.isnan(value))


def test_plain_decimals_are_not_left_to_the_caller() -> None:
    found = cells(b"0.12345678901234567 17 -2.5e-07 1700000000.125 0.000123456789012345 1E3\n", " ")
    assert OTHER not in found.kind


def said(logs: tuple[Log, ...]) -> list[object]:
    return [
        (log.part, log.hyper, log.notes, [(s.tag, s.axis, s.step.tobytes(), s.value.tobytes()) for s in log.series])
        for log in logs
    ]


cell = st.one_of(
    st.floats(0, 10).map(lambda x: f"{x:.4f}"), st.sampled_from(["", "", "NA", "nan", "train", " 0.5", "#3"])
)


@given(
    rows=st.lists(st.lists(cell, min_size=4, max_size=4), min_size=3, max_size=40),
    end=st.sampled_from(["\n", "\r\n"]),
    last=st.booleans(),
    block=st.sampled_from([64, 300, 1 << 17]),
)
def test_a_table_is_that_of_reading_row_by_row(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], end: str, last: bool, block: int
) -> None:
    path = tmp_path_factory.mktemp("table") / "log.csv"
    lines = ["step,loss,val_loss,lr,phase", *(",".join([str(k), *row]) for k, row in enumerate(rows))]
    path.write_bytes((end.join(lines) + (end if last else "")).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "_LARGE", 0)
        patch.setattr(bulk, "_BLOCK", block)
        at_once = said(delimited.read(path, "log.csv"))
        patch.setattr(delimited, "_LARGE", 1 << 30)
        assert at_once == said(delimited.read(path, "log.csv"))


@pytest.mark.parametrize(
    "row", ["step,loss", "5", "<<<<<<< HEAD", "6,0.1,0.2", "# note", '7,"0.5"', "a,b", "7,0.5\rx,1"]
)
def test_a_row_that_is_not_plainly_one_is_left_to_reading_row_by_row(tmp_path: Path, row: str) -> None:
    path = tmp_path / "log.csv"
    body = [f"{k},0.{k}" for k in range(9)]
    path.write_text("\n".join(["step,loss", *body, row, *body]) + "\n")
    assert bulk.table(path, len("step,loss\n"), ["step", "loss"], ",") is None
