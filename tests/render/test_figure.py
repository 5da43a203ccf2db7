"""Is a figure drawn in every format, with its evidence, the same each time?"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from curvedoc.cli import main
from curvedoc.errors import UsageError
from curvedoc.render import figure
from curvedoc.report import Report, Trend

from .situations import all_situations, exploded, healthy, overfitting, report

pytest.importorskip("matplotlib", reason="figures are drawn by matplotlib")
ROOT = Path(__file__).parent.parent.parent
HEADS = {".png": b"\x89PNG\r\n", ".svg": b"<?xml", ".pdf": b"%PDF-"}


@pytest.mark.parametrize("suffix", HEADS)
def test_every_format_is_written_and_the_same_report_gives_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    files = [tmp_path / f"{n}{suffix}" for n in "ab"]
    for file in files:
        figure.save(overfitting(), str(file))
    assert files[0].read_bytes().startswith(HEADS[suffix])
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize("run", list(all_situations()), ids=lambda r: ascii(r.name[:20]))
def test_every_situation_is_drawn(tmp_path: Path, run: Report) -> None:
    figure.save(run, str(tmp_path / "f.svg"))
    assert (tmp_path / "f.svg").stat().st_size > 5000


def test_evidence_onset_best_nan_and_trend_are_in_the_figure(tmp_path: Path) -> None:
    import matplotlib as mpl

    with mpl.rc_context({"svg.fonttype": "none"}):
        figure.save(exploded(), str(tmp_path / "a.svg"))
        trend = Trend("train_loss", "heading", (1000.0, 1996.0), (0.3, 0.1), (0.2, 0.05), (0.4, 0.3))
        figure.save(healthy(), str(tmp_path / "b.svg"))
        figure.save(replace(healthy(), trends=(trend,)), str(tmp_path / "c.svg"))
    text = (tmp_path / "a.svg").read_text()
    shown = re.findall(r"<text[^>]*>([^<]*)</text>", text)
    assert {"1", "2", "NaN", "lr-0.5-fp16"} <= set(shown)
    plain, drawn = ((tmp_path / f"{n}.svg").read_text().count("<path") for n in "bc")
    assert drawn > plain


@pytest.mark.parametrize("name", ["f.jpg", "f", "f.html"])
def test_another_suffix_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"\.png, \.svg, \.pdf"):
        figure.save(healthy(), str(tmp_path / name))


def test_a_report_without_a_curve_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no curve to draw"):
        figure.save(report("x"), str(tmp_path / "f.png"))


def test_the_command_draws_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "f.pdf"
    assert main(["plot", str(ROOT / "sample_logs" / "overfitting"), "-o", str(out)]) == 0
    assert out.read_bytes().startswith(b"%PDF-")
    assert f"wrote {out}" in capsys.readouterr().err
    assert main(["plot", str(ROOT / "sample_logs"), "-o", str(out)]) == 2
    runs = sum(path.is_dir() for path in (ROOT / "sample_logs").iterdir())
    assert f"holds {runs} runs" in capsys.readouterr().err
