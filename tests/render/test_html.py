"""Is the page one safe, self-contained, accessible file?"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings

from curvedoc.render import html
from curvedoc.render.section import slugs
from curvedoc.report import Analysis

from .situations import (
    HOSTILE,
    all_situations,
    anything,
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
CSS = (Path(html.__file__).parent / "page.css").read_text(encoding="utf-8")


class Page(HTMLParser):
    """What a browser would build: elements with their attributes, and the text outside script and style."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
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
        if not self.open or self.open[-1] not in ("script", "style"):
            self.text.append(data)

    def values(self, attribute: str) -> list[str]:
        return [attributes[attribute] for _, attributes in self.elements if attribute in attributes]

    def tags(self) -> Counter[str]:
        return Counter(tag for tag, _ in self.elements)


def page(*reports: object) -> Page:
    return Page(html.render(Analysis(tuple(reports))))  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@given(anything())
def test_nothing_from_a_log_becomes_markup(analysis: Analysis) -> None:
    built = Page(html.render(analysis))
    assert built.tags()["script"] == 1
    assert built.tags()["img"] == 0
    assert not [name for _, attributes in built.elements for name in attributes if name.startswith("on")]
    assert all(href.startswith("#run") for href in built.values("href"))
    assert len(built.values("id")) == len(set(built.values("id")))


@settings(max_examples=30, deadline=None)
@given(anything())
def test_any_report_is_a_fragment_of_its_own(analysis: Analysis) -> None:
    for run in analysis:
        built = Page(html.fragment(run))
        assert built.tags()["script"] == 0
        assert built.elements[0] == ("div", {"class": "curvedoc fragment"})


def test_a_hostile_text_is_shown_as_it_is() -> None:
    assert "<script>window.pwned=1</script>" in "".join(page(hostile()).text)


def test_the_page_asks_for_nothing_outside_itself() -> None:
    source = html.render(all_situations())
    built = Page(source)
    assert not built.values("src")
    assert built.tags()["link"] == 0
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest|https?://", source)


def test_the_policy_allows_its_own_script_and_style_and_nothing_else() -> None:
    source = html.render(everything())
    policy = next(
        attributes["content"]
        for tag, attributes in Page(source).elements
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    )
    allowed = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    for tag in ("script", "style"):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", source, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert allowed[f"{tag}-src"] == f"'sha256-{digest}'"
    assert allowed["default-src"] == "'none'"
    assert not Page(source).values("style"), "the policy would block a style attribute"


def test_the_same_analysis_gives_the_same_page() -> None:
    assert html.render(everything()) == html.render(everything())


def test_every_link_leads_to_an_id() -> None:
    built = Page(html.render(all_situations()))
    assert {href.removeprefix("#") for href in built.values("href")} <= set(built.values("id"))


def test_a_run_and_a_diagnosis_have_an_address() -> None:
    ids = page(overfitting("lr=0.1/seed 0")).values("id")
    assert {"run-lr-0-1-seed-0", "run-lr-0-1-seed-0/overfitting", "run-lr-0-1-seed-0/over-confidence"} <= set(ids)


def test_one_rule_on_two_layers_has_two_addresses() -> None:
    ids = page(layers()).values("id")
    assert "run-deep-mlp/frozen-layer" in ids
    assert "run-deep-mlp/frozen-layer-block7-fc2" in ids


def test_addresses_are_ascii_short_and_all_different() -> None:
    made = slugs(["a", "A", "a!", "損失", HOSTILE, "x" * 10_000, ""])
    assert len(set(made)) == len(made)
    assert all(re.fullmatch(r"run[-a-z0-9]{0,60}", slug) for slug in made)


def test_the_overview_has_a_row_per_run_and_one_run_has_none() -> None:
    assert (
        page(*many().reports).tags()["tr"]
        == 1 + 20 + sum(bool(r.not_assessed) * 5 for r in many().reports[:5]) + 2 * 15
    )
    assert "overview" not in page(overfitting()).values("id")


def test_a_card_holds_evidence_story_fixes_look_alikes_and_confidence() -> None:
    shown = " ".join("".join(page(overfitting()).text).split())
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
        "Not judged: 4 rules; log update_ratio (2 rules), dead_share (1 rule) next time",
        "4 settings in the log",
        "2 vital signs measured",
    ):
        assert said in shown, said


def test_a_calibrated_confidence_is_shown_without_reservation() -> None:
    assert "1.00 (not calibrated)" not in "".join(page(exploded()).text)


def test_the_numbers_in_the_plot_are_the_numbers_in_the_cards() -> None:
    source = html.render(Analysis((exploded(),)))
    in_plot = re.findall(r'<text [^>]*dy=".34em">(\d+)</text>', source)
    in_cards = re.findall(r'<span class="number"[^>]*>(\d+)</span>', source)
    assert sorted(in_plot) == sorted(in_cards) == ["1", "2"]


def test_refused_and_skipped_files_and_reading_notes_are_there() -> None:
    shown = "".join(Page(html.render(everything())).text)
    assert "runs/broken/metrics.csv" in shown
    assert "not a log" in shown
    assert "byte 20480" in shown


def test_a_run_without_a_curve_says_so() -> None:
    assert "The log holds no curve to draw." in "".join(page(report("x", "healthy")).text)


def test_a_run_that_was_not_assessed_says_why() -> None:
    assert "at least 8 are needed" in "".join(page(not_assessed()).text)


def test_every_picture_has_an_alternative_or_is_hidden_from_readers() -> None:
    built = Page(html.render(all_situations()))
    inner = ("ink", "badge", "badge leads")
    pictures = [a for tag, a in built.elements if tag == "svg" and a.get("class") not in inner]
    assert pictures
    assert all(a.get("aria-label") or a.get("aria-hidden") == "true" for a in pictures)


def test_headings_do_not_skip_a_level() -> None:
    levels = [int(tag[1]) for tag, _ in Page(html.render(everything())).elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))


def test_twenty_runs_stay_small() -> None:
    assert len(html.render(many()).encode()) < 1_000_000


def test_of_very_many_runs_the_worst_are_drawn_and_the_others_listed() -> None:
    runs = (*many(sick=3, well=0), *(report(f"r{i}", "healthy") for i in range(500)))
    built = page(*runs)
    assert built.tags()["article"] == html.SECTIONS
    assert built.tags()["tr"] >= 1 + len(runs)
    assert "303 more runs" in "".join(built.text)


def test_of_many_runs_those_without_findings_are_folded() -> None:
    def sections(page: Page) -> list[str]:
        return [a.get("class", "") for tag, a in page.elements if a.get("class") == "quiet" or tag == "article"]

    few, many_runs = page(*many(2, 18).reports), page(*many(2, 19).reports)
    assert sections(few) == ["run"] * 20
    assert sections(many_runs) == ["run", "run", "quiet", *["run"] * 19]


def test_a_report_shows_itself_in_a_notebook_and_writes_itself(tmp_path: Path) -> None:
    run = healthy()
    assert run._repr_html_() == html.fragment(run)
    run.to_html(tmp_path / "r.html")
    assert (tmp_path / "r.html").read_text(encoding="utf-8") == html.render(Analysis((run,)))


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
