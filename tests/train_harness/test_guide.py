"""The guide: its tables and its picture are those of the code."""

from xml.etree import ElementTree

import pytest

from train_harness.guide import EXAMPLES, PICTURE, README, picture, with_tables
from train_harness.recipe import read_recipe
from train_harness.samples import RECIPES
from train_harness.schedules import KINDS


def test_the_readme_is_up_to_date():
    text = README.read_text(encoding="utf-8")
    assert with_tables(text) == text, "run: python -m train_harness guide"


def test_the_picture_is_up_to_date():
    assert PICTURE.read_text(encoding="utf-8") == picture(), "run: python -m train_harness guide"


def test_every_schedule_is_drawn_within_its_frame():
    assert {schedule.kind for schedule in EXAMPLES} == set(KINDS)
    lines = ElementTree.fromstring(picture()).iter("{http://www.w3.org/2000/svg}polyline")
    for line in lines:
        heights = [float(point.split(",")[1]) for point in line.attrib["points"].split()]
        assert len(heights) == 100 and 20 <= min(heights) <= max(heights) <= 80


def test_a_readme_without_a_part_is_refused():
    with pytest.raises(ValueError, match="no part <!-- schedules -->"):
        with_tables("# nothing\n")


def test_the_recipe_to_start_from_can_be_read():
    assert read_recipe(RECIPES.parent / "digits.toml").schedule.kind == "cosine"
