"""JSON lines read a block at a time: all is as if each line had been parsed."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curvedoc.readers import bulk, json_lines, templates
from curvedoc.readers.digits import POSSIBLE
from curvedoc.readers.log import Log

pytestmark = pytest.mark.skipif(not POSSIBLE, reason="long doubles have other than 64 bits here: lines are parsed")


def said(logs: tuple[Log, ...]) -> list[object]:
    return [
        (log.part, log.hyper, log.notes, [(s.tag, s.axis, s.step.tobytes(), s.value.tobytes()) for s in log.series])
        for log in logs
    ]


number = st.one_of(
    st.floats(0, 10),
    st.floats(),
    st.integers(-(10**20), 10**20),
    st.sampled_from([None, True, 0, -0.0, 1e-05, -3e22, 1e400]),
)
value = st.one_of(
    number,
    number,
    st.sampled_from(["train", "0.5", "NA", 'a"b', "c, d", "e\\", "é", "", [1, 2], [], {}, {"deep": 1.5, "x": None}]),
)
shape = st.lists(
    st.sampled_from(["loss", "loss/val", "top1", " lr", 'q"', "epoch", "é", "val", "é/deep", ""]), unique=True
)
separators = st.sampled_from([(", ", ": "), (",", ":"), (" ,", " : ")])
#: What stands where a number should, in lines that are otherwise as they should be: some is JSON, most is none.
NEARLY = [
    ".5",
    "05",
    "5.",
    "+5",
    "5.e3",
    "-",
    "",
    "00.5",
    "-01",
    "nan",
    "1e5",
    "1E+05",
    '0.1"',
    "0x5",
    "٣",
    "1_0",
    " 7",
]
NEARLY += ["1 2", "[1]", '{"val": 3}', "1, 2", '1, "loss": 2', "true", "NaN", "-Infinity", "null", "1}", "{", '"0.5"']
WHOLE = ["", "  ", "{", "]", "{}", '"', "[1, 2]", '{"loss": 1},', '{"a": 1} {"a": 1}', '\t{"a": 1 }', '{"é/é": 1}']
junk = st.one_of(st.sampled_from(NEARLY).map(lambda word: f'{{"loss": {word}}}'), st.sampled_from(WHOLE))


@st.composite
def written(draw: st.DrawFn) -> str:
    """Lines of a few shapes, as a logger writes them, and some that are none."""
    shapes = draw(st.lists(shape, min_size=1, max_size=3))
    between, behind = draw(separators)
    made = []
    for step in range(draw(st.integers(1, 25))):
        if draw(st.integers(0, 9)) == 0:
            made.append(draw(junk))
        else:
            row: dict[str, Any] = {"step": step} if draw(st.booleans()) else {}
            row |= {name: draw(value) for name in draw(st.sampled_from([["loss"], *shapes]))}
            made.append(json.dumps(row, separators=(between, behind), ensure_ascii=draw(st.booleans())))
    end = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    return end.join(made) + draw(st.sampled_from(["", end]))


@given(text=written(), block=st.sampled_from([64, 500, 1 << 17]), most=st.sampled_from([1, 64]))
def test_lines_read_at_once_are_those_that_are_parsed(
    tmp_path_factory: pytest.TempPathFactory, text: str, block: int, most: int
) -> None:
    path = tmp_path_factory.mktemp("lines") / "log.jsonl"
    path.write_bytes(text.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_lines, "_LARGE", 0)
        patch.setattr(bulk, "_BLOCK", block)
        patch.setattr(templates, "_FEW", 1000)
        patch.setattr(templates, "_MOST", most)
        at_once = said(json_lines.read(path, "log.jsonl"))
        patch.setattr(json_lines, "_LARGE", 1 << 30)
        assert at_once == said(json_lines.read(path, "log.jsonl"))


def parsed(path: Path) -> list[int]:
    """The lines that no template fits."""
    lines: list[int] = []

    def enter(line: int, raw: bytes) -> dict[str, Any]:
        lines.append(line)
        row: dict[str, Any] = json_lines.parse(raw)
        return row

    assert templates.table(path, enter) is not None
    return lines


def test_one_line_of_each_shape_is_parsed(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = []
    for step in range(100):
        rows.append({"mode": "train", "step": step, "loss": {"ce": 2.5 / (step + 1)}, "lr": None if step % 2 else 1e-5})
        if step % 10 == 9:
            rows.append({"mode": "val", "step": step, "loss": {"ce": float("nan")}, "best": step > 50})
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert parsed(path) == [1, 11]


def test_short_lines_beside_a_very_long_one_take_no_memory(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"config": 100_000 * "x", "seed": 1}]
    rows += [{"step": step, "loss": 0.5, "lr": 0.1} for step in range(4000)]
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    tracemalloc.start()
    assert parsed(path) == [1, 2]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 << 20


def test_lines_with_texts_of_their_own_are_left_to_parsing(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps({"at": f"{k} o'clock", "loss": 0.5}) + "\n" for k in range(100)))
    assert templates.table(path, lambda line, raw: json_lines.parse(raw)) is None


@pytest.mark.parametrize("line", ["\r{}", '{"loss": 0.5}\0'])
def test_a_line_that_other_ends_part_is_left_to_parsing(tmp_path: Path, line: str) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"loss": 0.5}\n' * 20 + line.encode() + b"\n")
    assert templates.table(path, lambda line, raw: json_lines.parse(raw)) is None
