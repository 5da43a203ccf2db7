"""Does every tag get the role that a person would give it, from its name, its file and its companions?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from curvedoc.errors import UsageError
from curvedoc.readers.log import Log, Series
from curvedoc.roles import assign
from curvedoc.run import role_of

from .tags import N, claims, log, roles, series


def test_there_is_one_claim_per_series_in_their_order() -> None:
    logs = [log("loss", "val_loss", "foo"), log("lr", file="run/other.csv")]
    found = assign(logs)
    assert [c.series for c in found] == [s for g in logs for s in g.series]
    assert [c.log for c in found] == [logs[0]] * 3 + [logs[1]]


@pytest.mark.parametrize(
    "tags",
    [
        # Keras
        {"epoch": "epoch", "accuracy": "train_accuracy", "auc": "train_metric", "loss": "train_loss",
         "val_accuracy": "val_accuracy", "val_auc": "val_metric", "val_loss": "val_loss"},
        # LightGBM's evaluations
        {"training binary_logloss": "train_loss", "valid_1 binary_logloss": "val_loss"},
        # Hugging Face Trainer
        {"loss": "train_loss", "grad_norm": "grad_norm", "learning_rate": "lr", "eval_loss": "val_loss",
         "eval_accuracy": "val_accuracy", "eval_runtime": "time", "epoch": "epoch", "step": "step"},
        # Lightning
        {"train_loss_step": "train_loss", "train_loss_epoch": "train_loss", "val_loss": "val_loss",
         "lr-AdamW": "lr", "lr-AdamW-momentum": None, "hp_metric": None, "epoch": "epoch"},
        # Ultralytics
        {"train/box_loss": "train_loss_part", "train/cls_loss": "train_loss_part", "val/box_loss": "val_loss_part",
         "metrics/mAP50(B)": "val_metric", "metrics/precision(B)": "val_metric", "lr/pg0": "lr"},
        # Detectron2, mmengine
        {"total_loss": "train_loss", "loss_cls": "train_loss_part", "loss_rpn_loc": "train_loss_part",
         "fast_rcnn/cls_accuracy": "train_accuracy", "bbox/AP50": "val_metric", "rpn/num_pos_anchors": None,
         "base_lr": None, "lr": "lr", "data_time": "time", "eta_seconds": "time"},
        # timm, DeiT
        {"train_loss": "train_loss", "test_loss": "val_loss", "test_acc1": "val_accuracy", "n_parameters": "system"},
        # fairseq
        {"train_loss": "train_loss", "train_ppl": "train_metric", "valid_loss": "val_loss", "valid_best_loss": None,
         "valid_ppl": "val_metric_lower", "train_gnorm": "grad_norm", "loss_scale": None, "train_wall": "time"},
        # Megatron-LM, torchtitan
        {"lm loss": "train_loss", "lm loss validation": "val_loss", "lm loss validation ppl": "val_metric_lower",
         "learning-rate": "lr", "grad-norm": "grad_norm", "loss-scale": None, "params-norm": "weight_norm[all]"},
        {"loss_metrics/global_avg_loss": "train_loss", "loss_metrics/global_max_loss": None,
         "validation_metrics/loss": "val_loss", "memory/max_active(GiB)": "system"},
        # XGBoost, CatBoost, regression without a word of loss
        {"train/mlogloss": "train_loss", "eval/mlogloss": "val_loss", "eval/merror": "val_metric_lower"},
        {"train_mse": "train_loss", "val_mse": "val_loss", "val_mae": "val_metric_lower", "val_r2": "val_metric"},
        # instruments
        {"train_loss": "train_loss", "update_ratio/fc1": "update_ratio[fc1]", "dead/fc1": "dead_share[fc1]",
         "weight_norm/fc1": "weight_norm[fc1]", "grad_norm/fc1": None, "grad_norm": "grad_norm"},
    ],
)  # fmt: skip
def test_the_logs_of_known_trainers_get_their_roles(tags: Mapping[str, str | None]) -> None:
    shares = [series(t, np.full(N, 0.25)) for t in tags if "dead" in t or "ratio" in t]
    named = {s.tag for s in shares}
    assert roles(log(*(t for t in tags if t not in named), *shares)) == tags


SIDES = {"train": ("train", "training", "tr"), "val": ("val", "valid", "validation", "dev", "eval")}
KINDS = {
    "loss": ("loss", {"train": "train_loss", "val": "val_loss"}),
    "acc": ("acc", {"train": "train_accuracy", "val": "val_accuracy"}),
    "accuracy": ("accuracy", {"train": "train_accuracy", "val": "val_accuracy"}),
    "f1": ("f1", {"train": "train_metric", "val": "val_metric"}),
    "perplexity": ("perplexity", {"train": "train_metric", "val": "val_metric_lower"}),
    "mean_iou": ("mean_iou", {"train": "train_metric", "val": "val_metric"}),
}


@st.composite
def spellings(draw: st.DrawFn) -> tuple[dict[str, str], str]:
    """An invented trainer: every tag of its log with the role that was meant, and a description of its habits."""
    separator = draw(st.sampled_from(("/", "_", "-", ".", " ", ": ", " | ", " - ", "camel")))
    case = draw(st.sampled_from((str.lower, str.upper, str.title)))
    side_first = draw(st.booleans())
    scope = draw(st.sampled_from(("", "metrics/", "my_model/", "scalars.", "exp 7/")))
    train, val = draw(st.sampled_from(SIDES["train"])), draw(st.sampled_from(SIDES["val"]))
    kinds = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=4, unique=True))

    def spell(*parts: str) -> str:
        pieces = [p for part in parts for p in part.split("_")]
        if separator == "camel":
            return scope + pieces[0] + "".join(p.title() for p in pieces[1:])
        return scope + separator.join(case(p) for p in pieces)

    meant = {}
    for kind in ["loss", *kinds]:
        word, by_side = KINDS[kind]
        for side, said in (("train", train), ("val", val)):
            meant[spell(*((said, word) if side_first else (word, said)))] = by_side[side]
    meant[spell("learning_rate")] = "lr"
    meant[spell("grad_norm")] = "grad_norm"
    return meant, f"{separator!r} {case.__name__} {scope!r}"


@given(spellings())
def test_an_invented_trainer_is_understood_whatever_its_spelling(trainer: tuple[dict[str, str], str]) -> None:
    meant, habits = trainer
    assert roles(log(*meant)) == meant, habits


@given(st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=8, unique=True))
def test_any_tags_get_roles_that_exist(tags: Sequence[str]) -> None:
    for claim in assign([log(*tags)]):
        if claim.role is not None:
            role, layer = role_of(claim.role)
            assert not role.layered or layer
        assert claim.cadence in ("", "step", "epoch")


def test_keras_tells_the_side_by_the_directory_alone() -> None:
    train = log("epoch_loss", "epoch_accuracy", file="logs/train/events.out.tfevents.1.h.v2")
    val = log("epoch_loss", "epoch_accuracy", file="logs/validation/events.out.tfevents.2.h.v2")
    assert [c.role for c in assign([train, val])] == ["train_loss", "train_accuracy", "val_loss", "val_accuracy"]


def test_add_scalars_tells_the_series_by_the_directory() -> None:
    logs = [
        log("Loss", file="runs/a/Loss_train/events.out.tfevents.1.h"),
        log("Loss", file="runs/a/Loss_val/events.out.tfevents.1.h"),
        log("Opt/LR", file="runs/a/Opt/LR/group0/events.out.tfevents.1.h"),
    ]
    assert [c.role for c in assign(logs)] == ["train_loss", "val_loss", "lr"]


def test_the_file_name_tells_the_side_when_no_tag_does() -> None:
    found = assign([log("mask loss", file="train_log.csv"), log("mask loss", file="val_log.csv")])
    assert [c.role for c in found] == ["train_loss", "val_loss"]
    assert "named after" in found[1].why


def test_a_training_log_in_a_file_called_test_stays_a_training_log() -> None:
    assert roles(log("loss", "val_loss", "accuracy", file="test.csv"))["loss"] == "train_loss"
    assert roles(log("loss", "lr", file="runs/test/events.out.tfevents.1.h"))["loss"] == "train_loss"


def test_a_task_called_train_is_no_side() -> None:
    assert roles(log("metrics/recall", "val/box_loss", file="runs/detect/train2/results.csv")) == {
        "metrics/recall": "val_metric",
        "val/box_loss": "val_loss",
    }


def test_the_columns_of_a_wandb_export_are_read_without_the_name_of_the_run() -> None:
    assert roles(log("fallen-sun-7 - eval/loss", "fallen-sun-7 - lr", "fallen-sun-7 - loss")) == {
        "fallen-sun-7 - eval/loss": "val_loss",
        "fallen-sun-7 - lr": "lr",
        "fallen-sun-7 - loss": "train_loss",
    }


def test_a_column_of_a_wandb_export_may_be_named_with_or_without_the_run() -> None:
    export = log("sun-7 - goal", part="sun-7")
    for tag in ("goal", "sun-7 - goal"):
        assert claims(export, overrides={"train_loss": tag})["sun-7 - goal"].role == "train_loss"


def test_test_plays_validation_only_where_there_is_none() -> None:
    alone = claims(log("train_loss", "test_loss", "test_acc"))
    assert alone["test_loss"].role == "val_loss"
    assert "plays its part" in alone["test_loss"].why
    beside = roles(log("train_loss", "val_loss", "test_loss", "test_acc"))
    assert beside["test_loss"] == "test_loss"
    assert beside["test_acc"] == "val_accuracy"


def test_a_loss_after_training_is_no_validation_curve() -> None:
    assert roles(log("train_loss", series("test_loss", [0.4])))["test_loss"] == "test_loss"


def test_the_mean_loss_that_ends_a_trainer_log_is_a_summary() -> None:
    found = roles(log("loss", series("train_loss", [0.8], [N])))
    assert found == {"loss": "train_loss", "train_loss": "summary"}
    assert roles(log(series("train_loss", [0.8]), "val_loss"))["train_loss"] == "train_loss"


def test_everything_in_a_summary_file_is_a_summary() -> None:
    found = roles(log(series("val_loss", [0.3]), series("_runtime", [90.0]), format="JSON summary"))
    assert found == {"val_loss": "summary", "_runtime": "time"}


def test_a_bare_metric_belongs_to_the_rows_it_is_filled_in() -> None:
    rare = np.arange(5.0, N + 1, 5)
    val, acc = series("val_loss", np.ones(4), rare), series("accuracy", [20.0, 30.0, 35.0, 36.0], rare)
    found = claims(log("train_loss", val, acc))["accuracy"]
    assert (found.role, found.sure, found.unit) == ("val_accuracy", True, "percent")
    often = claims(log("train_loss", val, "accuracy"))["accuracy"]
    assert (often.role, often.sure) == ("train_accuracy", True)


def test_a_bare_metric_beside_its_validation_twin_is_a_training_metric() -> None:
    found = roles(log("train_loss", "val_loss", "auc", "val_auc"))
    assert (found["auc"], found["val_auc"]) == ("train_metric", "val_metric")


def test_a_bare_metric_of_fastai_is_held_out_but_not_for_sure() -> None:
    found = claims(log("train_loss", "valid_loss", "accuracy"))["accuracy"]
    assert (found.role, found.sure) == ("val_accuracy", False)
    assert found.why


def test_what_only_an_evaluation_computes_is_held_out() -> None:
    found = roles(log("loss", "mIoU", "bleu", "bbox/AP"))
    assert [found[t] for t in ("mIoU", "bleu", "bbox/AP")] == ["val_metric"] * 3


def test_metrics_without_any_loss_are_an_evaluation_but_not_for_sure() -> None:
    found = claims(log("Epoch", "Precision", "F1"))
    assert [(found[t].role, found[t].sure) for t in ("Precision", "F1")] == [("val_metric", False)] * 2


def test_a_score_that_equals_a_time_is_a_time() -> None:
    seconds = np.cumsum(np.linspace(3.0, 4.0, N))
    found = roles(log("loss", series("score", seconds), series("accumulated_submission_time", seconds)))
    assert found["score"] == "time"
    assert roles(log("Episode", series("Score", np.arange(N))))["Score"] == "reward"


def test_ratios_of_layers_are_taken_by_their_size_and_not_for_sure() -> None:
    small, large = np.full(N, 1e-3), np.full(N, 3.0)
    found = claims(log("loss", series("ratio/fc1", small), series("ratio/head", small)))
    assert (found["ratio/fc1"].role, found["ratio/fc1"].sure) == ("update_ratio[fc1]", False)
    assert roles(log("loss", series("ratio/fc1", large), series("ratio/head", large)))["ratio/fc1"] is None
    assert roles(log("loss", series("ratio/fc1", small)))["ratio/fc1"] is None


def test_ratios_in_decades_are_known_by_their_sign() -> None:
    found = claims(log("loss", series("update_ratio/a", np.full(N, -3.1)), series("update_ratio/b", np.full(N, 1e-3))))
    assert (found["update_ratio/a"].unit, found["update_ratio/b"].unit) == ("log10", "")


def test_a_role_word_is_its_own_tag() -> None:
    assert roles(log("loss", series("update_ratio[conv 1/w]", np.full(N, 1e-3))))["update_ratio[conv 1/w]"] == (
        "update_ratio[conv 1/w]"
    )


def test_counts_of_dead_units_are_no_shares() -> None:
    assert roles(log("loss", series("dead_units/fc1", np.linspace(0, 500, N))))["dead_units/fc1"] is None


@pytest.mark.parametrize(("value", "unit"), [([0.1, 0.9], "share"), ([12.0, 90.5], "percent"), ([0.2, 900.0], "")])
def test_an_accuracy_is_in_percent_or_a_share(value: list[float], unit: str) -> None:
    assert claims(log("val_loss", series("val_acc", value)))["val_acc"].unit == unit


def test_parts_are_parts_only_beside_a_total_or_each_other() -> None:
    assert roles(log("train/mse_loss"))["train/mse_loss"] == "train_loss"
    assert roles(log("train/mse_loss", "train/loss"))["train/mse_loss"] == "train_loss_part"
    assert set(roles(log("recon_loss", "kl_loss")).values()) == {"train_loss_part"}


def test_losses_on_several_held_out_sets_are_no_parts() -> None:
    found = claims(log("loss", "eval_books_loss", "eval_wiki_loss"))
    assert [found[t].role for t in ("eval_books_loss", "eval_wiki_loss")] == ["val_loss"] * 2
    parts = roles(log("loss", "eval_recon_loss", "eval_kl_loss"))
    assert [parts[t] for t in ("eval_recon_loss", "eval_kl_loss")] == ["val_loss_part"] * 2


def test_the_first_evaluation_set_of_xgboost_is_taken_for_the_training_data() -> None:
    found = claims(log("validation_0/logloss", "validation_1/logloss"))
    assert (found["validation_0/logloss"].role, found["validation_0/logloss"].sure) == ("train_loss", False)
    assert (found["validation_1/logloss"].role, found["validation_1/logloss"].sure) == ("val_loss", True)


def test_columns_called_train_and_val_are_losses_when_there_is_no_other() -> None:
    found = claims(log("train", "val"))
    assert [(c.role, c.sure) for c in found.values()] == [("train_loss", False), ("val_loss", False)]
    assert roles(log("train", "val", "loss"))["val"] is None


def test_an_unknown_held_out_metric_gets_the_direction_it_went_and_is_not_sure() -> None:
    up, down = series("eval_foo", np.linspace(0, 1, N)), series("eval_bar", np.linspace(1, 0, N))
    found = claims(log("loss", "eval_loss", up, down, series("eval_flat", np.ones(N))))
    assert (found["eval_foo"].role, found["eval_foo"].sure) == ("val_metric", False)
    assert (found["eval_bar"].role, found["eval_bar"].sure) == ("val_metric_lower", False)
    assert found["eval_flat"].role is None


def test_a_metric_of_mmengine_without_an_epoch_beside_it_is_of_its_evaluation() -> None:
    steps, scores = np.arange(1.0, N + 1), np.linspace(50.0, 60.0, N)
    loss, trained = (Series(tag, steps, scores, "step", steps // 4) for tag in ("loss", "accuracy_top-1"))
    evaluated = Series("accuracy/top1", np.arange(1.0, 6.0), scores[:5], "epoch")
    found = roles(log(loss, trained, evaluated, file="20240101_120000/vis_data/scalars.json"))
    assert found == {"loss": "train_loss", "accuracy_top-1": "train_accuracy", "accuracy/top1": "val_accuracy"}
    assert roles(log(loss, evaluated, file="run/scalars.json"))["accuracy/top1"] == "train_accuracy"


def test_what_the_caller_says_goes_before_everything() -> None:
    found = claims(
        log("loss", "my/objective", "ratio of a"),
        overrides={"train_loss": "my/objective", "update_ratio[a]": "ratio of a"},
    )
    assert (found["my/objective"].role, found["my/objective"].why) == ("train_loss", "as told")
    assert found["ratio of a"].role == "update_ratio[a]"
    assert found["loss"].role == "train_loss"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"train_loss": "my/objectiv"}, "did you mean 'my/objective'"),
        ({"trainloss": "loss"}, "did you mean 'train_loss'"),
        ({"update_ratio": "loss"}, "needs a layer in brackets"),
        ({"train_loss": "zzzzzzzzz"}, "the log holds 'loss', 'my/objective'"),
    ],
)
def test_an_override_that_cannot_be_followed_says_what_can(overrides: Mapping[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message.replace("(", r"\(")):
        assign([log("loss", "my/objective")], overrides)


@given(st.sampled_from(("loss", "acc", "lr")), st.integers(0, 3))
def test_non_finite_points_change_no_role(tag: str, lost: int) -> None:
    value = np.linspace(0.9, 0.1, N)
    value[N - lost * 5 :] = np.nan
    assume(np.isfinite(value).any())
    assert roles(log(series(tag, value), "val_loss"))[tag] == roles(log(tag, "val_loss"))[tag]


def test_a_log_is_asked_once_for_its_side_however_many_tags_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def counted(log: Log) -> str:
        asked.append(log.file)
        return "val"

    monkeypatch.setattr("curvedoc.drafts._side_of_file", counted)
    one = np.arange(3.0)
    log = Log("eval.csv", "CSV", tuple(Series(tag, one, one) for tag in ("loss", "accuracy", "f1")))
    assert [claim.role for claim in assign([log])] == ["val_loss", "val_accuracy", "val_metric"]
    assert asked == ["eval.csv"]


def test_a_misspelt_validation_loss_is_one_and_not_surely() -> None:
    found = claims(log("Train Loss", "Vall Loss"))
    assert found["Vall Loss"].role == "val_loss"
    assert not found["Vall Loss"].sure
    assert roles(log("Train Loss", "Vall Loss", "val_loss"))["Vall Loss"] == "train_loss_part"
    assert roles(log("loss", "loss_box", "loss_mask"))["loss_mask"] == "train_loss_part"


@pytest.mark.parametrize(
    "tags",
    [
        {"t_loss": "train_loss", "v_loss": "val_loss", "v_acc": "val_accuracy"},
        {"L_train": "train_loss", "L_val": "val_loss"},
        {"train_obj": "train_loss", "valid_obj": "val_loss"},
        {"in_sample_loss": "train_loss", "out_of_sample_loss": "val_loss"},
        {"train_perplexity": "train_loss", "val_perplexity": "val_loss"},
        {"loss": "train_loss", "val_loss": "val_loss", "val_perplexity": "val_metric_lower"},
    ],
)
def test_short_and_rare_names_of_both_sides(tags: dict[str, str]) -> None:
    assert roles(log(*tags)) == tags


def test_a_bare_val_is_the_loss_where_it_falls_with_the_training_loss() -> None:
    falls = log(series("Loss"), series("Val", np.linspace(2.2, 0.9, N)))
    assert roles(falls) == {"Loss": "train_loss", "Val": "val_loss"}
    rises = log(series("Loss"), series("Val", np.linspace(0.6, 0.9, N)))
    assert roles(rises) == {"Loss": "train_loss", "Val": None}


def test_beside_a_named_validation_what_names_no_side_was_measured_in_training() -> None:
    found = roles(log("acc", "ppl", "xent", series("Validation perplexity", step=[5.0, 10.0], value=[9.0, 7.0])))
    assert (found["xent"], found["ppl"]) == ("train_loss", "train_metric")
    assert found["Validation perplexity"] == "val_loss"
