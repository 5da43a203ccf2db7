"""Does a tag say what it says, in whatever spelling?"""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curvedoc.names import KINDS, Name, read_name, side_of, words


@pytest.mark.parametrize(
    ("tag", "kind", "side"),
    [
        ("Loss/Train", "loss", "train"),
        ("trainLoss", "loss", "train"),
        ("trainloss", "loss", "train"),
        ("tr_loss", "loss", "train"),
        ("tloss", "loss", "train"),
        ("loss_val", "loss", "val"),
        ("Val. Loss", "loss", "val"),
        ("dev-loss", "loss", "val"),
        ("holdout.loss", "loss", "val"),
        ("eval/train_loss", "loss", "train"),
        ("train/eval_loss", "loss", "val"),
        ("predict_loss", "loss", "test"),
        ("CELoss", "loss", ""),
        ("train_cross_entropy", "lossy", "train"),
        ("val_log_loss", "lossy", "val"),
        ("eval_top1", "accuracy", "val"),
        ("Acc@1", "accuracy", ""),
        ("val_mIoU", "share", "val"),
        ("val_f1score", "share", "val"),
        ("test_rocauc", "share", "test"),
        ("val/ema_mAR", "share", "val"),
        ("balanced_acc", "accuracy", ""),
        ("l2_to_center", "", ""),
        ("test/data", "time", "test"),
        ("metrics/mAP50-95(B)", "share", ""),
        ("test_wer", "lower", "test"),
        ("lm loss validation ppl", "lower", "val"),
        ("valid_prob_perplexity", "higher", "val"),
        ("lr-Adam/pg1", "lr", ""),
        ("lr-SGD-momentum", "setting", ""),
        ("LearningRate", "lr", ""),
        ("min_lr", "setting", ""),
        ("lr_mult", "setting", ""),
        ("loss_scale", "setting", ""),
        ("weight_decay", "setting", ""),
        ("grad_2.0_norm_total", "grad_norm", ""),
        ("gradients/global_norm", "grad_norm", ""),
        ("train_gnorm", "grad_norm", "train"),
        ("max_grad_norm", "setting", ""),
        ("params-norm", "weight_norm", ""),
        ("train/value_loss", "other_loss", "train"),
        ("Losses/Value Loss", "other_loss", ""),
        ("loss/value", "other_loss", ""),
        ("validation/lm loss value", "loss", "val"),
        ("InfoNCE", "loss", ""),
        ("valid/total_count", "step", "val"),
        ("D_A", "other_loss", ""),
        ("errG", "other_loss", ""),
        ("rollout/ep_rew_mean", "reward", ""),
        ("val_win_rate", "reward", "val"),
        ("epoch", "epoch", ""),
        ("train/epoch", "epoch", "train"),
        ("trainer/global_step", "step", ""),
        ("time/total_timesteps", "step", ""),
        ("eval_samples_per_second", "time", "val"),
        ("data_time", "time", ""),
        ("GPU Memory", "system", ""),
        ("best_val_loss", "best", "val"),
        ("valuation", "", ""),
        ("", "", ""),
    ],
)
def test_a_name_says_its_kind_and_its_side(tag: str, kind: str, side: str) -> None:
    name = read_name(tag)
    assert (name.kind, name.side) == (kind, side)


def test_val_is_no_prefix_of_value() -> None:
    assert read_name("value").side == ""
    assert read_name("Policy/Extrinsic Value Estimate").side == ""
    assert read_name("validity").side == ""
    assert read_name("trainable_params").side == ""


@pytest.mark.parametrize(
    ("tag", "cadence"),
    [
        ("train_loss_step", "step"),
        ("train_loss_epoch", "epoch"),
        ("epoch_loss", "epoch"),
        ("batch_loss", "step"),
        ("val_loss_batch_epoch", "epoch"),
        ("per_step/loss", "step"),
        ("loss", ""),
    ],
)
def test_a_name_says_how_often_it_is_logged(tag: str, cadence: str) -> None:
    assert read_name(tag).cadence == cadence


@pytest.mark.parametrize(
    ("tag", "part"),
    [
        ("total_loss", ""),
        ("Loss/total_loss", ""),
        ("loss_metrics/global_avg_loss", ""),
        ("lm loss", ""),
        ("running_loss", ""),
        ("train/box_loss", "box"),
        ("loss_rpn_cls", "rpn cls"),
        ("train_loss_bbox_0", "bbox 0"),
        ("initial_theta_loss_step", "initial theta"),
    ],
)
def test_a_loss_says_whether_it_is_a_part(tag: str, part: str) -> None:
    assert read_name(tag).part == part


@pytest.mark.parametrize(
    "tag",
    [
        "update_ratio/fc1",
        "ud_ratio/fc1",
        "upd/w/fc1",
        "update:weight/fc1",
        "update_to_weight/fc1",
        "update_to_weight_ratio.fc1",
        "UpdateRatio/fc1",
        "updates over params/fc1",
        "relative_update/fc1",
        "log10_update_ratio/fc1",
        "train/update_ratio/fc1",
        "fc1/update_ratio",
        "update_ratio[fc1]",
        "update_ratio/fc1/mean",
    ],
)
def test_a_ratio_of_update_to_weight_says_its_layer_in_any_wording(tag: str) -> None:
    name = read_name(tag)
    assert (name.kind, name.layer) == ("update_ratio", "fc1")


def test_layers_keep_their_own_spelling() -> None:
    assert read_name("ud_ratio/blocks.0.Attn_qkv").layer == "blocks.0.Attn_qkv"
    assert read_name("dead_relu/layer1.0.conv1.weight").layer == "layer1.0.conv1.weight"
    assert read_name("zero_fraction/fc2").layer == "fc2"


def test_an_update_that_is_no_ratio_is_none() -> None:
    assert read_name("update_norm/fc1").kind != "update_ratio"
    assert read_name("num_updates").kind == "step"


def test_a_copy_over_another_axis_says_so() -> None:
    name = read_name("evaluation_loss_vs_iterations")
    assert (name.kind, name.side, name.against) == ("loss", "val", "iterations")


def test_a_directory_is_a_side_only_when_it_says_nothing_else() -> None:
    assert side_of("validation", alone=True) == "val"
    assert side_of("train inner", alone=True) == "train"
    assert side_of("train 2", alone=True) == ""
    assert side_of("resnet val", alone=True) == ""


@given(st.text(max_size=80))
def test_any_text_has_a_name(tag: str) -> None:
    name = read_name(tag)
    assert isinstance(name, Name)
    assert name.kind in {kind for kind, _ in KINDS} | {""}
    assert name.words == words(tag).partition(" vs ")[0]


@given(st.text(max_size=80))
def test_words_are_lower_case_and_single_spaced(text: str) -> None:
    assert words(text) == " ".join(words(text).split())
    assert not re.search(r"[A-Z/_.:\-]", words(text))
