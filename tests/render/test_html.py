"""Is the page one safe, self-contained, accessible file?"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from curvedoc.render import html
from curvedoc.render.payload import script
from curvedoc.render.section import slugs
from curvedoc.report import Analysis

from .anything import anything
from .situations import (
    HOSTILE,
    a_sweep,
    all_situations,
    everything,
    exploded,
    healthy,
    hostile,
    layers,
    many,
    not_assessed,
    overfitting,
    report,
)

VOID = {"meta", "input", "br", "hr", "img", "link", "wbr"}
CSS = "".join((html.HERE / name).read_text(encoding="utf-8") for name in ("report.css", "page.css"))


class Page(HTMLParser):
    """What a browser would build: elements with their attributes, and the text outside script and style."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.data: list[Any] = []
        self.feed(source)
        self.close()
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["script"] and self.elements[-1][1].get("type") == "application/json":
            self.data.append(json.loads(data))
        if not self.open or self.open[-1] not in ("script", "style"):
            self.text.append(data)

    def values(self, attribute: str) -> list[str]:
        return [attributes[attribute] for _, attributes in self.elements if attribute in attributes]

    def tags(self) -> Counter[str]:
        return Counter(tag for tag, _ in self.elements)


def page(*reports: object) -> Page:
    return Page(html.render(Analysis(tuple(reports))))  # type: ignore[arg-type]


def notebook(*reports: object) -> Page:
    return Page("".join(html.fragment(report) for report in reports))  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@given(anything())
def test_nothing_from_a_log_becomes_markup(analysis: Analysis) -> None:
    built = Page(html.render(analysis))
    assert [a.get("type") for tag, a in built.elements if tag == "script"] == [
        *["application/json"] * (1 + len(analysis)),
        None,
    ]
    assert built.tags()["img"] == 0
    assert not [name for _, attributes in built.elements for name in attributes if name.startswith("on")]
    assert not built.values("href")
    assert len(built.values("id")) == len(set(built.values("id")))


@settings(max_examples=30, deadline=None)
@given(anything())
def test_any_report_is_a_fragment_of_its_own(analysis: Analysis) -> None:
    for run in analysis:
        built = Page(html.fragment(run))
        assert built.tags()["script"] == 0
        assert built.elements[0] == ("div", {"class": "curvedoc fragment"})
        assert not [name for _, attributes in built.elements for name in attributes if name.startswith("on")]


def test_a_hostile_text_is_shown_as_it_is() -> None:
    assert "<script>window.pwned=1</script>" in "".join(notebook(hostile()).text)
    assert "<script>window.pwned=1</script>" in "".join(page(hostile()).text)
    assert "<script>window.pwned=1</script>" in page(hostile()).data[0]["runs"][0]["name"]


def test_data_in_the_page_holds_no_character_that_html_or_javascript_reacts_to() -> None:
    text = script([HOSTILE, "\u2028\u2029", "<!--", "]]>", "\ud800"])
    assert not set(text) & set("<>&\u2028\u2029")
    assert text.isascii()
    assert json.loads(text) == [HOSTILE, "\u2028\u2029", "<!--", "]]>", "\ud800"]


def test_the_page_asks_for_nothing_outside_itself() -> None:
    source = html.render(all_situations())
    built = Page(source)
    assert not built.values("src")
    assert built.tags()["link"] == 0
    source = source.replace('"http://www.w3.org/2000/svg"', "")  # the name of a namespace, which nobody asks for
    assert not re.search(r"url\((?!#)|@import|fetch\(|XMLHttpRequest|https?://", source)


def test_the_policy_allows_its_own_script_and_style_and_nothing_else() -> None:
    source = html.render(everything())
    policy = next(
        attributes["content"]
        for tag, attributes in Page(source).elements
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    )
    allowed = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    for tag in ("script", "style"):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", source, re.DOTALL)  # the data has a type, and does not run
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert allowed[f"{tag}-src"] == f"'sha256-{digest}'"
    assert allowed["default-src"] == "'none'"
    assert not Page(source).values("style"), "the policy would block a style attribute"


def test_the_same_analysis_gives_the_same_page() -> None:
    assert html.render(everything()) == html.render(everything())


def test_every_link_in_a_notebook_leads_to_an_id() -> None:
    for run in all_situations():
        built = notebook(run)
        assert {href.removeprefix("#") for href in built.values("href")} <= set(built.values("id"))


def test_a_run_and_a_diagnosis_have_an_address() -> None:
    index, run = page(overfitting("lr=0.1/seed 0")).data
    assert index["runs"][0]["id"] == "run-lr-0-1-seed-0"
    assert [c["id"] for c in run["cards"]] == ["run-lr-0-1-seed-0/overfitting", "run-lr-0-1-seed-0/over-confidence"]


def test_one_rule_on_two_layers_has_two_addresses() -> None:
    ids = {card["id"] for card in page(layers()).data[1]["cards"]}
    assert {"run-deep-mlp/frozen-layer", "run-deep-mlp/frozen-layer-block7-fc2"} <= ids
    assert ids <= set(notebook(layers()).values("id"))


def test_addresses_are_ascii_short_and_all_different() -> None:
    made = slugs(["a", "A", "a!", "損失", HOSTILE, "x" * 10_000, ""])
    assert len(set(made)) == len(made)
    assert all(re.fullmatch(r"run[-a-z0-9]{0,60}", slug) for slug in made)


def test_without_scripts_a_table_says_what_was_found_and_what_to_do_first() -> None:
    built = page(*everything().reports)
    shown = " ".join("".join(built.text).split())
    assert built.tags()["tr"] == 1 + len(everything())
    assert "First: Keep the checkpoint of step 1500 and stop there next time" in shown
    assert "lr-0.5-fp16" in shown


def test_a_card_holds_evidence_story_fixes_look_alikes_and_confidence() -> None:
    shown = " ".join("".join(notebook(overfitting()).text).split())
    for said in (
        "val_loss rose 0.56 above its best while train_loss kept falling",
        "val_loss.rise = 0.56 (80 % interval 0.51 to 0.61)",
        "From there on it memorises: train_loss falls, val_loss climbs.",
        "Keep the checkpoint of step 1500",
        "Expect val_loss between 0.42 and 0.45.",
        "Raise weight decay to 0.05.",
        "val_accuracy still rises while val_loss does.",
        "0.93 (not calibrated)",
        "Possible, not found: learning-rate-too-high",
        "Not judged: log update_ratio (2 rules wait), dead_share (1)",
        "4 settings in the log",
        "2 vital signs measured",
    ):
        assert said in shown, said


def test_a_calibrated_confidence_is_shown_without_reservation() -> None:
    shown = "".join(notebook(exploded()).text)
    assert "1.00" in shown
    assert "1.00 (not calibrated)" not in shown
    assert page(exploded()).data[1]["cards"][0]["sure"] == "almost certain (1.00)"


def test_the_numbers_in_the_plot_are_the_numbers_in_the_cards() -> None:
    source = html.fragment(exploded())
    in_plot = re.findall(r'<text [^>]*dy=".34em">(\d+)</text>', source)
    in_cards = re.findall(r'<span class="number"[^>]*>(\d+)</span>', source)
    assert sorted(in_plot) == sorted(in_cards) == ["1", "2"]


def test_refused_and_skipped_files_and_reading_notes_are_there() -> None:
    index, first, *_ = Page(html.render(everything())).data
    assert index["refused"] == [{"file": "runs/broken/metrics.csv", "why": "the header is empty"}]
    assert index["skipped"] == [{"file": "runs/README.md", "why": "not a log"}]
    assert any("byte 20480" in note for note in first["notes"])


def test_a_run_without_a_curve_says_so() -> None:
    assert "The log holds no curve to draw." in "".join(notebook(report("x", "healthy")).text)
    assert "panels" not in page(report("x", "healthy")).data[1]


def test_a_run_that_was_not_assessed_says_why() -> None:
    assert "at least 8 are needed" in "".join(page(not_assessed()).text)
    assert "at least 8 are needed" in page(not_assessed()).data[1]["summary"]


def test_every_picture_in_a_notebook_has_an_alternative_or_is_hidden_from_readers() -> None:
    built = notebook(*all_situations())
    inner = ("ink", "badge", "badge leads")
    pictures = [a for tag, a in built.elements if tag == "svg" and a.get("class") not in inner]
    assert pictures
    assert all(a.get("aria-label") or a.get("aria-hidden") == "true" for a in pictures)


def test_headings_do_not_skip_a_level() -> None:
    levels = [int(tag[1]) for tag, _ in Page(html.render(everything())).elements if re.fullmatch("h[1-6]", tag)]
    levels += [int(tag[1]) for tag, _ in notebook(*everything()).elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))


def test_twenty_runs_stay_small() -> None:
    assert len(html.render(many()).encode()) < 1_500_000


def test_a_sweep_names_its_settings_and_gives_repeats_one_line() -> None:
    index = Page(html.render(a_sweep())).data[0]
    assert index["keys"] == ["optimizer.lr", "optimizer.weight_decay", "seed"]
    assert index["seeds"] == ["seed"]
    assert len(index["runs"]) == 36
    assert sorted(Counter(run["line"] for run in index["runs"]).values()) == [3] * 12


def test_a_report_shows_itself_in_a_notebook_and_writes_itself(tmp_path: Path) -> None:
    run = healthy()
    assert run._repr_html_() == html.fragment(run)
    run.to_html(tmp_path / "r.html")
    assert (tmp_path / "r.html").read_text(encoding="utf-8") == html.render(Analysis((run,)))


def test_of_many_runs_a_notebook_shows_the_worst_and_counts_the_others() -> None:
    shown = many(2, 18)._repr_html_()
    built = Page(shown)
    assert built.tags()["article"] == html.NOTEBOOK
    assert built.tags()["style"] == 1
    assert "and 8 more runs" in "".join(built.text)
    assert len(built.values("id")) == len(set(built.values("id")))


def test_no_selector_reaches_outside_the_report() -> None:
    bare = re.sub(r"/\*.*?\*/", "", CSS, flags=re.DOTALL)
    selectors = [part for group in re.findall(r"([^{}]+)\{", bare) if "@" not in group for part in split(group)]
    assert selectors
    assert not [s for s in selectors if ".curvedoc" not in s]


def split(group: str) -> list[str]:
    """The selectors of a list: commas inside parentheses do not separate."""
    flat = re.sub(r"\([^()]*(?:\([^()]*\)[^()]*)*\)", lambda m: m[0].replace(",", " "), group)
    return [part.strip() for part in flat.split(",") if part.strip()]


def colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))


def themes() -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    light, dark, chosen = (colours(b) for b in re.findall(r"\{([^{}]*--paper:[^{}]*)\}", CSS))
    return light, dark, chosen


def contrast(a: str, b: str) -> float:
    """WCAG 2.1 contrast ratio of two colours."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_dark_colours_are_the_same_however_dark_was_chosen() -> None:
    light, dark, chosen = themes()
    assert dark == chosen
    assert light.keys() == dark.keys()


@pytest.mark.parametrize("theme", [0, 1])
@pytest.mark.parametrize("word", ["ink", "soft", "critical", "warning", "info", "healthy", "not-assessed"])
def test_words_can_be_read(theme: int, word: str) -> None:
    colour = themes()[theme]
    assert min(contrast(colour[word], colour[ground]) for ground in ("sheet", "paper")) >= 4.5


@pytest.mark.parametrize("theme", [0, 1])
@pytest.mark.parametrize("line", ["train", "val", "test", "a", "b", "c", "d", "e", "f"])
def test_lines_can_be_seen(theme: int, line: str) -> None:
    assert contrast(themes()[theme][line], themes()[theme]["sheet"]) >= 3
