"""Recipes: strict, typed, and the same after a round through TOML."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from train_harness.recipe import Recipe, make_recipe, override, read_recipe, recipe_text
from train_harness.samples import RECIPES, sample_names
from train_harness.strict import RecipeError, to_toml


def written(tmp_path, text):
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    return path


def test_an_unknown_key_gets_the_nearest_name(tmp_path):
    with pytest.raises(
        RecipeError, match=r"recipe\.toml: unknown key 'optimizer\.momentun'; did you mean 'momentum'\?"
    ):
        read_recipe(written(tmp_path, "[optimizer]\nmomentun = 0.9"))


def test_an_unknown_word_gets_the_nearest_name(tmp_path):
    with pytest.raises(RecipeError, match=r"model\.kind = 'cnm' is unknown; did you mean 'cnn'\?"):
        read_recipe(written(tmp_path, '[model]\nkind = "cnm"'))


@pytest.mark.parametrize("text", ["steps = 1.5", 'steps = "10"', "steps = true", "steps = [1]", "data = 3"])
def test_a_wrong_type_is_refused(tmp_path, text):
    with pytest.raises(RecipeError, match="must be"):
        read_recipe(written(tmp_path, text))


@pytest.mark.parametrize("text", ["steps = 0", "[model]\ndropout = 1.0", "[data]\nbatch_size = 0", "[log]\nevery = -1"])
def test_a_number_out_of_range_is_refused(tmp_path, text):
    with pytest.raises(RecipeError, match="must be"):
        read_recipe(written(tmp_path, text))


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(RecipeError, match="cannot be read"):
        read_recipe(tmp_path / "no.toml")


def test_broken_toml_is_one_sentence(tmp_path):
    with pytest.raises(RecipeError, match="not TOML"):
        read_recipe(written(tmp_path, "steps = = 3"))


def test_an_integer_passes_for_a_float():
    assert make_recipe({"optimizer": {"lr": 1}}, "x").optimizer.lr == 1.0


def test_overrides_set_multiply_and_keep_the_rest():
    recipe = override(Recipe(), ["model.kind=cnn", "optimizer.lr*=0.5", "steps=7", "data.label_noise=0.25"])
    assert (recipe.model.kind, recipe.optimizer.lr, recipe.steps, recipe.data.label_noise) == ("cnn", 0.05, 7, 0.25)
    assert recipe.model.width == Recipe().model.width


def test_multiplying_a_list_multiplies_each_and_keeps_whole_numbers():
    recipe = override(Recipe(), ["schedule.kind=multi_step", "schedule.drops=[10, 21]"])
    assert override(recipe, ["schedule.drops*=1.5"]).schedule.drops == (15, 32)


def test_a_new_schedule_keeps_only_the_warmup_of_the_old():
    old = override(Recipe(), ["schedule.kind=step", "schedule.every=5", "schedule.warmup=3"])
    new = override(old, ["schedule.kind=cosine"]).schedule
    assert (new.kind, new.warmup, new.every) == ("cosine", 3, None)


@pytest.mark.parametrize("text", ["steps", "=3", "steps.deep=3", "model.kind*=2", "nothing=1"])
def test_an_override_that_means_nothing_is_refused(text):
    with pytest.raises(RecipeError):
        override(Recipe(), [text])


@pytest.mark.parametrize("name", sample_names())
def test_every_sample_recipe_survives_a_round_through_toml(name):
    recipe = read_recipe(RECIPES / f"{name}.toml")
    assert make_recipe(tomllib.loads(recipe_text(recipe)), name) == recipe


@given(
    st.integers(0, 2**40),
    st.floats(1e-12, 1e12),
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x7f"), max_size=20),
)
def test_numbers_and_strings_survive_toml(seed, lr, words):
    tables = {"seed": seed, "case": {"label": words, "planted": words}, "optimizer": {"lr": lr}}
    assert tomllib.loads(to_toml(tables)) == tables
