"""Levels of two players, and since when one of them has won."""

from __future__ import annotations

import numpy as np
import pytest

from curvedoc.run import Curve, Run
from curvedoc.vitals import Missing

from ..held_out import T, game
from .asked import vital


def test_levels_are_those_of_the_last_fifth_over_the_first() -> None:
    made = game(0, (0.4, 1.0))
    d, g = (c.value for c in made.curves["other_loss"])
    fifth = len(T) // 5
    left, risen = vital(made, "discriminator.left"), vital(made, "generator.risen")
    assert not isinstance(left, Missing)
    assert not isinstance(risen, Missing)
    assert left.value == pytest.approx(np.median(d[-fifth:]) / np.median(d[:fifth]), rel=0.05)
    assert risen.value == pytest.approx(np.median(g[-fifth:]) / np.median(g[:fifth]), rel=0.05)


def test_the_win_begins_where_the_loss_falls_for_good() -> None:
    since = vital(game(1, (0.4, 1.0)), "discriminator.won_from")
    assert not isinstance(since, Missing)
    assert abs(since.value - 0.4 * T[-1]) <= 2 * (T[1] - T[0])


@pytest.mark.parametrize(
    "tags", [("critic_loss", "actor_loss"), ("loss_D",), ("loss_D", "vf_loss"), ("policy_loss", "value_loss")]
)
def test_other_players_are_none_of_its_business(tags: tuple[str, ...]) -> None:
    curves = tuple(Curve(T, np.full(len(T), 0.5), tag=tag) for tag in tags)
    assert isinstance(vital(Run("agent", {"other_loss": curves}), "discriminator.left"), Missing)


def test_of_several_discriminators_the_one_least_won_counts() -> None:
    made = game(0, (0.4, 1.0))
    even = Curve(T, np.full(len(T), 0.7), tag="D_B")
    both = Run("cycle", {"other_loss": (*made.curves["other_loss"], even)})
    left = vital(both, "discriminator.left")
    assert not isinstance(left, Missing)
    assert left.value == pytest.approx(1.0)


def test_a_loss_that_goes_below_zero_has_no_share() -> None:
    curves = (Curve(T, -T / T[-1], tag="D_loss"), Curve(T, T / T[-1], tag="G_loss"))
    assert isinstance(vital(Run("wgan", {"other_loss": curves}), "discriminator.left"), Missing)
