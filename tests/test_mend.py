"""Do repaired curves rise in step, lose nothing silently, and follow the stated policy?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curvedoc.mend import Points, join, measured, mend, within_epochs


def points(step: object, value: object = None, epoch: object = None) -> Points:
    steps = np.asarray(step, float)
    return Points(
        steps,
        steps * 10 if value is None else np.asarray(value, float),
        None,
        None if epoch is None else np.asarray(epoch, float),
    )


def test_a_curve_in_order_comes_back_as_it_is() -> None:
    given_ = points([1, 2, 5], [3.0, np.nan, 1.0])
    mended, said = mend(given_)
    assert mended is given_
    assert said == []


def test_after_a_resume_the_newest_segment_wins() -> None:
    step = [1, 2, 3, 4, 5, 6, 4, 5, 6, 7]
    value = [1, 1, 1, 1, 1, 1, 2, 2, 2, 2]
    mended, (said,) = mend(points(step, value))
    assert mended.step.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert mended.value.tolist() == [1, 1, 1, 2, 2, 2, 2]
    assert "go back from 6 to 4" in said
    assert "3 older ones" in said


def test_a_resume_that_did_not_get_as_far_leaves_no_tail_of_the_old_run() -> None:
    mended, _ = mend(points([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 5, 6], [1] * 10 + [2] * 2))
    assert mended.step.tolist() == [1, 2, 3, 4, 5, 6]
    assert mended.value.tolist() == [1, 1, 1, 1, 2, 2]


def test_a_repaired_curve_knows_where_it_was_taken_up_again() -> None:
    assert mend(points([1, 2, 3, 4, 5, 6, 4, 5, 6, 7]))[0].resumed == (4.0,)
    assert mend(points([1, 2, 3]))[0].resumed == ()
    assert mend(join([points([1, 2, 3]), points([4, 5])]))[0].resumed == (4.0,)


def test_of_several_attempts_the_longest_is_kept() -> None:
    short, long = list(range(1, 4)), list(range(1, 9))
    mended, (said,) = mend(points(short + long + short, [1] * 3 + [2] * 8 + [3] * 3))
    assert mended.step.tolist() == long
    assert set(mended.value) == {2}
    assert "3 attempts in one log, attempt 2 with 8 points" in said
    assert "6 points of the others" in said


def test_of_equally_long_attempts_the_newest_is_kept() -> None:
    mended, _ = mend(points([1, 2, 3, 1, 2, 3], [1, 1, 1, 2, 2, 2]))
    assert set(mended.value) == {2}


def test_steps_that_restart_with_every_epoch_are_counted_on() -> None:
    step, epoch = np.tile([0, 10, 20], 4), np.repeat([1, 2, 3, 4], 3)
    mended, (said,) = mend(points(step, np.arange(12), epoch))
    assert mended.value.tolist() == list(range(12))
    assert mended.step.tolist() == [e * 21 + s for e in range(4) for s in (0, 10, 20)]
    assert "3 times, with each epoch" in said


def test_epochs_of_different_length_are_strung_together_in_order() -> None:
    step, epoch = [1, 2, 3, 1, 2, 1, 2, 3], [0, 0, 0, 1, 1, 2, 2, 2]
    mended, _ = mend(points(step, range(8), epoch))
    assert mended.step.tolist() == [1, 2, 3, 4, 5, 6, 7, 8]


def test_a_job_that_was_taken_up_in_an_epoch_writes_that_epoch_anew() -> None:
    # Three epochs of four batches, killed in the middle of the third; resumed at the beginning of the third.
    step = [1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 1, 2, 3, 4, 1, 2, 3, 4]
    epoch = [1] * 4 + [2] * 4 + [3] * 2 + [3] * 4 + [4] * 4
    found, said = mend(points(step, np.arange(18.0), epoch))
    assert found.step.tolist() == list(range(1, 17))
    assert found.value.tolist() == [*range(8), *range(10, 18)]
    assert found.resumed == (9.0,)
    assert "epoch 3 was begun again (a resumed run)" in said[0]


def test_a_job_that_went_back_an_epoch_leaves_none_of_what_it_had_written_there() -> None:
    step, epoch = [1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2], [1] * 3 + [2] * 3 + [3] * 3 + [4] * 3 + [3] * 2
    found, _ = mend(points(step, np.arange(14.0), epoch))
    assert found.value.tolist() == [0, 1, 2, 3, 4, 5, 12, 13]
    assert found.epoch is not None
    assert found.epoch.tolist() == [1, 1, 1, 2, 2, 2, 3, 3]


def test_a_job_that_began_again_at_the_first_epoch_is_another_attempt() -> None:
    step, epoch = [1, 2, 1, 2] + [1, 2] * 4, [1, 1, 2, 2] + [e for e in (1, 2, 3, 4) for _ in range(2)]
    found, said = mend(points(step, np.arange(12.0), epoch))
    assert found.value.tolist() == list(range(4, 12))
    assert "2 attempts in one log" in said[0]


def test_regular_rounds_are_epochs_even_when_the_log_does_not_say_so() -> None:
    mended, _ = mend(points(np.tile([1, 2, 3, 4], 6), range(24)))
    assert mended.step.tolist() == list(range(1, 25))


def test_a_shuffled_log_is_sorted() -> None:
    order = np.random.default_rng(0).permutation(200)
    mended, said = mend(points(order, order * 2.0))
    assert mended.step.tolist() == list(range(200))
    assert mended.value.tolist() == [2.0 * k for k in range(200)]
    assert "sorted by step" in said[0]


def test_the_last_of_two_values_at_a_step_is_kept() -> None:
    mended, (said,) = mend(points([1, 2, 2, 3], [1, 2, 5, 3]))
    assert mended.value.tolist() == [1, 5, 3]
    assert "1 step was logged more than once" in said


def test_repeated_points_of_one_value_are_dropped_without_a_word() -> None:
    mended, said = mend(points([1, 2, 2, 3], [1, np.nan, np.nan, 3]))
    assert mended.step.tolist() == [1, 2, 3]
    assert said == []


def test_batches_that_share_a_step_are_averaged() -> None:
    step = np.repeat([10, 20, 30], 4)
    value = np.arange(12.0)
    mended, (said,) = mend(points(step, value))
    assert mended.value.tolist() == value.reshape(3, 4).mean(1).tolist()
    assert "3 of 3 steps hold several values (4 at most)" in said


def test_batches_of_few_epochs_are_laid_out_inside_of_them() -> None:
    laid, (said,) = within_epochs(points(np.repeat([1, 2], [10, 20]), np.arange(30.0)))
    assert laid.step == pytest.approx([*(np.arange(1, 11) / 10), *(1 + np.arange(1, 21) / 20)])
    assert laid.value.tolist() == list(range(30))
    assert "20 values at most share an epoch" in said


@pytest.mark.parametrize("step", [np.repeat(np.arange(12), 20), np.repeat([1, 2, 3], 4), [1, 2, 3, 1, 2, 3, 1, 2, 3]])
def test_batches_of_many_epochs_or_few_a_piece_are_left_alone(step: object) -> None:
    batches = points(step)
    assert within_epochs(batches) == (batches, [])


def test_points_without_a_step_are_left_out_and_counted() -> None:
    mended, (said,) = mend(points([1, np.nan, 3, np.inf], [1, 2, 3, 4]))
    assert mended.value.tolist() == [1, 3]
    assert said.startswith("2 points without a finite step")


def test_values_that_are_not_finite_are_points_like_any_other() -> None:
    mended, _ = mend(points([1, 2, 3, 2, 3], [1, np.nan, np.inf, np.inf, np.nan]))
    assert np.array_equal(mended.value, [1, np.inf, np.nan], equal_nan=True)


def test_joined_pieces_keep_what_every_piece_knows() -> None:
    one, other = Points(*(np.ones(2),) * 4), Points(np.zeros(1), np.zeros(1), np.zeros(1))
    both = join([one, other])
    assert both.step.tolist() == [1, 1, 0]
    assert both.wall_time is not None
    assert both.wall_time.tolist() == [1, 1, 0]
    assert both.epoch is None
    assert join([one]) is one


STEPS = st.lists(st.integers(-5, 40) | st.sampled_from([float("nan"), float("inf")]), max_size=60)


@given(STEPS, st.booleans(), st.randoms(use_true_random=False))
def test_steps_always_rise_and_no_value_is_made_up(step: list[float], told: bool, random: object) -> None:
    value = np.arange(len(step), dtype=float)
    epoch = np.cumsum(np.diff(np.nan_to_num(step), prepend=0) < 0) if told else None
    mended, said = mend(points(step, value, epoch))
    assert (np.diff(mended.step) > 0).all()
    assert np.isfinite(mended.step).all()
    assert len(mended) == len(mended.value) <= len(step)
    if not any("mean" in s for s in said):
        assert set(mended.value) <= set(value)
    if len(mended) < len(step):
        assert said


@pytest.mark.parametrize("size", [0, 1])
def test_nothing_and_a_single_point_need_no_repair(size: int) -> None:
    mended, said = mend(points(np.arange(size)))
    assert len(mended) == size
    assert said == []


def test_a_value_that_a_logger_repeats_until_the_next_is_one_point() -> None:
    value = np.repeat([3.1, 2.7, 2.2, 1.9, 1.8, 1.7, 1.65], 5)
    said: list[str] = []
    found = measured(Points(np.arange(35.0), value), said)
    assert found.step.tolist() == [0, 5, 10, 15, 20, 25, 30]
    assert found.value.tolist() == value[::5].tolist()
    assert "repeated about 5 times" in said[0]


@pytest.mark.parametrize(
    "value",
    [
        np.full(40, 2.3),  # a loss that never moves
        np.round(2.3 * np.exp(-np.arange(60) / 15), 1),  # one that was rounded: it stands the longer, the flatter it is
        np.linspace(2, 1, 40),
    ],
)
def test_a_loss_that_rests_is_not_taken_for_a_repeated_one(
    value: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> None:
    points = Points(np.arange(float(len(value))), value)
    assert measured(points, []) is points
