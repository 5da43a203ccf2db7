"""What training loops print."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from curvedoc.readers import read_file
from curvedoc.readers.phrases import phrase_of

from .helpers import curves, one, points, said, same, written


def pairs(line: str) -> dict[str, float]:
    phrase = phrase_of(line)
    return dict(phrase.pairs) if phrase else {}


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("step 100 | loss: 2.3 | lr 3e-4", {"step": 100, "loss": 2.3, "lr": 3e-4}),
        ("step:6658/19073 train_loss:3.28 step_avg:397.4ms", {"step": 6658, "train_loss": 3.28, "step_avg": 397.4}),
        ("step 250: train loss 2.34, val loss 2.39", {"step": 250, "train loss": 2.34, "val loss": 2.39}),
        ("iter 10: loss 3.1, time 120.5ms, mfu 35.2%", {"iter": 10, "loss": 3.1}),
        ("Epoch: [ 1/200], cls_loss: 2.5, acc_a: 32.8", {"Epoch": 1, "cls_loss": 2.5, "acc_a": 32.8}),
        ("Epoch[3] Batch [20]\tSpeed: 142.33 samples/sec\taccuracy=0.56", {"Epoch": 3, "Batch": 20, "accuracy": 0.56}),
        ("INFO:root:count: 50, loss:228.9: ", {"count": 50, "loss": 228.9}),
        ("{'loss': 1.25, 'grad_norm': nan, 'epoch': 0.5}", {"loss": 1.25, "epoch": 0.5}),
        ("{'loss': '1.25', 'learning_rate': '5e-05'}", {"loss": 1.25, "learning_rate": 5e-5}),
        ('[2022-04-08 20:48:22,529][train_inner][INFO] - {"epoch": 8, "loss": "4.07"}', {"epoch": 8, "loss": 4.07}),
        ("I0404 19:50:06.648749 1402 writer.py:48] [37] global_step=37, loss=9.35", {"global_step": 37, "loss": 9.35}),
        ("[07/05 12:00:01 d2.utils.events]:  iter: 19  total_loss: 2.1  lr: 0.01", {"iter": 19, "total_loss": 2.1}),
        ("Epoch:0, mask loss is 0.1411", {"Epoch": 0, "mask loss": 0.1411}),
        ("Train Epoch: 1 [640/60000 (1%)]\tLoss: 2.3", {"Train Epoch": 1, "Loss": 2.3}),
        ("\x1b[32m[12:00:01]\x1b[0m epoch 3 \x1b[1mval_loss\x1b[0m=0.5", {"epoch": 3, "val_loss": 0.5}),
        ("train loss : -0.41", {"train loss": -0.41}),
        ("loss: tensor(0.25, device='cuda:0')", {"loss": 0.25}),
        ("loss=7.5e+8, tok/sec: 25,044", {"loss": 7.5e8, "tok/sec": 25044}),
        ("Loss: 6.9 (7.0)  Acc@1 12.5 (10.0)", {"Loss": 6.9, "Acc@1": 12.5}),
        ("[7]\ttrain-auc:0.81\teval-auc:0.79", {"iteration": 7, "train-auc": 0.81, "eval-auc": 0.79}),
        ("    [7]\ttrain-auc:0.81\teval-auc:0.79", {"iteration": 7, "train-auc": 0.81, "eval-auc": 0.79}),
        ("Cost after iteration 100: 0.69", {"iteration": 100, "Cost": 0.69}),
        ("Train loss at epoch 3/20 = 0.5", {"epoch": 3, "Train loss": 0.5}),
        (
            "[2020-01-01 10:00:00] Ep. 2 : Up. 1000 : Sen. 54,000 : Cost 6.25 : Time 12.3s",
            {"update": 1000, "Cost": 6.25},
        ),
        ("Epoch 7 | Train: 0.41 (Recon: 0.3) | Val: 0.52", {"Epoch": 7, "Train": 0.41, "Val": 0.52}),
        ("[7]\ttraining's auc: 0.81\tvalid_1's auc: 0.79", {"training auc": 0.81, "valid_1 auc": 0.79}),
        ("I0404 19:50:06.648749 1402 writer.py:48] [40] accuracy=0.9, loss=0.3", {"iteration": 40, "loss": 0.3}),
        ("250 val 3.29", {"step": 250, "val loss": 3.29}),
        (
            "Epoch 3, global step 400: 'val_loss' reached 0.5 (best 0.5), saving model to 'x.ckpt' as top 3",
            {"Epoch": 3, "global step": 400, "val_loss": 0.5, "top": None},
        ),
        ("Epoch 3, global step 400: 'val_loss' was not in top 1", {"Epoch": 3, "global step": 400, "top": None}),
        ("[0]: step 3 loss 0.5", {"step": 3, "loss": 0.5}),
        (
            "[host] INFO: 3epoch results: [train] loss=2.5, acc=0.6, [valid] loss=2.7, cer=0.2, acc=0.5, [plot] x=1",
            {"epoch": 3, "loss": 2.5, "acc": 0.6, "valid/loss": 2.7, "valid/cer": 0.2, "valid/acc": 0.5},
        ),
        (
            "(0/4) Epoch 2, validation: loss=0.4, simple_loss=0.6, over 10.0 frames",
            {"Epoch": 2, "validation/loss": 0.4, "validation/simple_loss": 0.6},
        ),
        (
            " validation loss at iteration 500 | lm loss value: 2.2E+00 | lm loss PPL: 9.0 |",
            {"iteration": 500, "validation/lm loss value": 2.2, "validation/lm loss PPL": 9.0},
        ),
        (
            "INFO:tensorflow:Saving dict for global step 500: accuracy = 0.9, loss = 0.3",
            {"global step": 500, "eval/accuracy": 0.9, "eval/loss": 0.3},
        ),
        (
            " 12: 230.5, 231.25 avg loss, 0.001 rate, 3.2 seconds, 768 images",
            {"iteration": 12, "loss": 230.5, "avg loss": 231.25, "learning rate": 0.001},
        ),
    ],
)
def test_names_and_numbers_of_a_line(line: str, names: dict[str, float]) -> None:
    found = pairs(line)
    assert {name: found.get(name) for name in names} == names


@pytest.mark.parametrize(
    "line", ["conv2d_1 (Conv2D)", "torch 2.1.0", "layer3.weight", "see https://x.y/1", "2024-05-01"]
)
def test_lines_that_name_no_number(line: str) -> None:
    assert not pairs(line)


@pytest.mark.parametrize(
    ("line", "done"),
    [
        ("| epoch   1 |   200/ 2983 batches | lr 5.00 | ms/batch 11.2 | loss  8.22", 200),
        ("[2024-03-01 10:00:00 swin](main.py 222): INFO Train: [1/300][200/625]\tlr 0.1\tloss 8.22 (8.5)", 200),
    ],
)
def test_epochs_and_batches_of_a_line(line: str, done: int) -> None:
    phrase = phrase_of(line)
    assert phrase is not None
    assert (phrase.done, dict(phrase.pairs)["loss"]) == (done, 8.22)
    assert [value for name, value in phrase.pairs if "epoch" in name.lower()] == [1]


def test_nan_is_a_value(tmp_path: Path) -> None:
    text = "".join(f"step {k} | loss: {'nan' if k > 2 else 1.0 / (k + 1)}\n" for k in range(5))
    assert same(points(one(written(tmp_path, "train.log", text)), "loss")[1], [1.0, 0.5, 1 / 3, math.nan, math.nan])


def test_validation_lines_of_nanogpt_share_the_counter(tmp_path: Path) -> None:
    text = ""
    for k in range(6):
        if k % 3 == 0:
            text += f"step {k}: train loss {3.0 - k:.4f}, val loss {3.1 - k:.4f}\n"
        text += f"iter {k}: loss {2.9 - k / 10:.4f}, time 120.50ms, mfu 35.20%\n"
    log = one(written(tmp_path, "log.txt", text))
    assert points(log, "train loss") == ([0, 3], [3.0, 0.0])
    assert points(log, "val loss")[0] == [0, 3]
    assert points(log, "loss")[0] == list(range(6))


def test_megatron_names_with_units_in_brackets(tmp_path: Path) -> None:
    text = "".join(
        f" iteration {k:8d}/     500 | consumed samples: {64 * k} | elapsed time per iteration (ms): 12.5 | "
        f"learning rate: 1.5E-04 | lm loss: {9.0 - k}E+00 | loss scale: 1.0 | grad norm: 2.3 |\n"
        for k in range(1, 4)
    )
    log = one(written(tmp_path, "megatron.out", text))
    assert points(log, "lm loss") == ([1, 2, 3], [8, 7, 6])
    assert points(log, "elapsed time per iteration")[1] == [12.5] * 3
    assert points(log, "grad norm")[1] == [2.3] * 3


def test_of_a_keras_bar_only_the_end_of_the_epoch_counts(tmp_path: Path) -> None:
    text = ""
    for epoch in (1, 2):
        text += f"Epoch {epoch}/2\n"
        for done in (100, 200, 300):
            text += f"\r{done}/300 [=====>....] - ETA: 2s - loss: {1.0 / done:.4f} - accuracy: 0.5000"
        text += f"\b\b\r300/300 [==========] - 3s 10ms/step - loss: {0.5 / epoch} - val_loss: {0.6 / epoch}\n"
    log = one(written(tmp_path, "keras.log", text))
    assert points(log, "loss") == ([1, 2], [0.5, 0.25])
    assert points(log, "val_loss") == ([1, 2], [0.6, 0.3])
    assert curves(log)["loss"].axis == "epoch"


def test_keras_3_draws_its_bar_in_colour(tmp_path: Path) -> None:
    text = "".join(
        f"Epoch {k}/3\n\x1b[1m938/938\x1b[0m \x1b[32m━━━━━━━━━━\x1b[0m\x1b[37m\x1b[0m \x1b[1m2s\x1b[0m 2ms/step - "
        f"accuracy: 0.8{k} - loss: 0.{9 - k}\n"
        for k in (1, 2, 3)
    )
    assert points(one(written(tmp_path, "keras.log", text)), "loss") == ([1, 2, 3], [0.8, 0.7, 0.6])


def test_a_tqdm_bar_counts_batches_in_its_epoch_and_repeats_nothing(tmp_path: Path) -> None:
    text = ""
    for epoch in (1, 2):
        for n in (0, 1, 1, 2):
            loss = f"{8.0 - epoch - n / 10:.1f}"
            text += f"\rEpoch {epoch}:  28%|██▊   | {n}/3 [00:13<01:47,  5.84s/it, loss={loss}, v_num=7]"
    log = one(written(tmp_path, "train.log", text + "\n"))
    assert points(log, "loss") == ([0, 1, 2, 0, 1, 2], [7.0, 6.9, 6.8, 6.0, 5.9, 5.8])
    epoch_of = curves(log)["loss"].epoch
    assert epoch_of is not None
    assert epoch_of.tolist() == [1, 1, 1, 2, 2, 2]


def test_test_rows_of_detr_are_apart_from_training(tmp_path: Path) -> None:
    text = ""
    for epoch in range(2):
        for batch in (0, 10):
            text += (
                f"Epoch: [{epoch}]  [{batch:3d}/20]  eta: 0:01:05  lr: 0.000100  loss: {9 - epoch}.5 (9.9)  time: 0.5\n"
            )
        text += f"Averaged stats: lr: 0.000100  loss: 9.0 ({7 - epoch}.25)\n"
        text += f"Test:  [ 0/ 5]  eta: 0:00:05  loss: {6 - epoch}.5 (6.5)\nAveraged stats: loss: 6.0 ({5 - epoch}.75)\n"
        text += " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.123\n"
    log = one(written(tmp_path, "slurm-123.out", text))
    assert points(log, "loss") == ([0, 10, 0, 10], [9.5, 9.5, 8.5, 8.5])
    assert points(log, "Averaged stats/loss") == ([0, 1], [7.25, 6.25])
    assert points(log, "test/loss")[1] == [6.5, 5.5]
    assert points(log, "Average Precision (AP)") == ([0, 1], [0.123, 0.123])
    assert points(log, "eta")[1] == [65.0] * 4


def test_lines_below_an_epoch_belong_to_it(tmp_path: Path) -> None:
    text = "".join(
        f"2024-01-01 12:00:0{k}.5: \nepoch:  {k}\ntrain loss : -0.{k}1\nvalidation loss: -0.{k}2\n" for k in range(4)
    )
    log = one(written(tmp_path, "training_log_2024_1_1.txt", text))
    assert points(log, "train loss") == ([0, 1, 2, 3], [-0.01, -0.11, -0.21, -0.31])
    assert curves(log)["validation loss"].axis == "epoch"


def test_a_counter_inside_the_epoch_keeps_the_epoch_printed_above(tmp_path: Path) -> None:
    text = "".join(
        f"train epoch: {epoch}\n" + "".join(f"count: {50 * k}, loss:{9 - k}\n" for k in range(3)) for epoch in range(2)
    )
    log = one(written(tmp_path, "train.log", text))
    assert points(log, "loss")[0] == [0, 50, 100, 0, 50, 100]
    epoch_of = curves(log)["loss"].epoch
    assert epoch_of is not None
    assert epoch_of.tolist() == [0, 0, 0, 1, 1, 1]


def test_losses_of_cyclegan_need_no_word_for_loss(tmp_path: Path) -> None:
    text = "================ Training Loss (Wed Oct 30 10:43:06 2024) ================\n"
    text += "".join(
        f"(epoch: {1 + k // 3}, iters: {100 * (1 + k % 3)}, time: 2.4) D_A: 0.5{k} G_A: 0.4 \n" for k in range(6)
    )
    log = one(written(tmp_path, "loss_log.txt", text))
    assert points(log, "D_A") == ([100, 200, 300] * 2, [0.5, 0.51, 0.52, 0.53, 0.54, 0.55])


def test_the_side_in_brackets_or_in_front_goes_into_the_tag(tmp_path: Path) -> None:
    text = "".join(
        f"[train] epoch {k} loss: 0.{9 - k} acc: 0.5\n[valid] epoch {k} loss: 0.{8 - k} acc: 0.4\n" for k in range(3)
    )
    log = one(written(tmp_path, "train.log", text))
    assert points(log, "loss")[1] == [0.9, 0.8, 0.7]
    assert points(log, "valid/loss")[1] == [0.8, 0.7, 0.6]
    assert points(log, "valid/acc")[1] == [0.4] * 3


def test_a_side_ends_where_the_next_part_begins(tmp_path: Path) -> None:
    text = "".join(f"epoch {k} | train: loss 0.9 acc 0.5 | val: loss 0.8 acc 0.4 | lr: 0.1\n" for k in range(3))
    log = one(written(tmp_path, "train.log", text))
    assert set(curves(log)) == {"epoch", "loss", "acc", "val/loss", "val/acc", "lr"}


def test_two_kinds_of_line_that_share_a_name_stay_apart(tmp_path: Path) -> None:
    text = ""
    for epoch in range(3):
        text += "".join(f"epoch {epoch} step {k} loss {9 - k}.0\n" for k in (100, 200))
        text += f"Epoch {epoch} done: loss 8.{epoch}\n"
    log = one(written(tmp_path, "train.log", text))
    assert points(log, "loss")[0] == [100, 200] * 3
    (other,) = [tag for tag in curves(log) if "loss" in tag and tag != "loss"]
    assert points(log, other)[1] == [8.0, 8.1, 8.2]


def test_numbers_before_the_first_counter_are_settings(tmp_path: Path) -> None:
    text = "Namespace(batch_size=32, lr=0.001, optimizer='sgd')\nweight_decay: 0.0005\n"
    text += "".join(f"Epoch {k}: loss 0.{9 - k}\n" for k in range(3))
    log = one(written(tmp_path, "train.log", text))
    assert log.hyper == {"batch_size": 32, "lr": 0.001, "weight_decay": 0.0005}
    assert set(curves(log)) == {"Epoch", "loss"}


def test_a_log_that_begins_with_its_own_source_is_recognized_by_its_end(tmp_path: Path) -> None:
    source = "def step(self):\n    for group in self.groups:\n        pass\n" * 1500
    text = source + "".join(f"step:{k}/9 train_loss:{9 - k}.5 train_time:12ms\n" for k in range(10))
    assert len(source) > 64 * 1024
    assert points(one(written(tmp_path, "run.txt", text)), "train_loss")[1][:2] == [9.5, 8.5]


def test_a_log_without_a_counter_counts_its_lines(tmp_path: Path) -> None:
    log = one(written(tmp_path, "train.log", "model: vgg\n" + "".join(f"loss: 0.{9 - k}\n" for k in range(6))))
    assert points(log, "loss") == ([0, 1, 2, 3, 4, 5], [0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    assert curves(log)["loss"].axis == "row"


def test_copies_of_the_best_value_are_no_curve(tmp_path: Path) -> None:
    text = "".join(f"Epoch {k}: val_loss 0.{9 - k}\nBest val loss: 0.5 at epoch 3\n" for k in range(4))
    assert set(curves(one(written(tmp_path, "train.log", text)))) == {"Epoch", "val_loss"}


def test_what_was_understood_is_said(tmp_path: Path) -> None:
    text = "hello\n" + "".join(f"step {k} | loss: 2.3 | lr 3e-4\n" for k in range(4)) + "bye\n"
    assert "4 lines say 'step, loss, lr'; 2 lines hold nothing measured" in said(
        one(written(tmp_path, "train.log", text))
    )


def test_utf_16_of_powershell_is_read(tmp_path: Path) -> None:
    text = "".join(f"step {k} | loss: 0.{9 - k}\r\n" for k in range(4))
    assert points(one(written(tmp_path, "train.log", text.encode("utf-16"))), "loss")[1] == [0.9, 0.8, 0.7, 0.6]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("requirements.txt", "torch==2.1\nnumpy==1.26\n"),
        ("notes.txt", "The loss is high.\nWe trained for 3 epochs and got an accuracy of 90 percent.\n"),
        ("server.log", "2024-01-01 12:00:00 GET /index.html 200 12ms\n2024-01-01 12:00:01 GET /a 404 3ms\n"),
        ("README.txt", "epoch 1 loss 0.5\nepoch 2 loss 0.4\nepoch 3 loss 0.3\n"),
        ("train.py", "step = 1\nloss = 0.5\nlr = 0.1\n"),
        ("tests.log", "PASS: Loss: 5.5 -> 0.8\nBatch 4: loss: 5.5\nTest time = 0.3 sec\n"),
    ],
)
def test_other_texts_are_no_log(tmp_path: Path, name: str, text: str) -> None:
    assert read_file(written(tmp_path, name, text), name) is None


def test_the_batches_of_an_evaluation_count_no_steps(tmp_path: Path) -> None:
    text = ""
    for epoch in range(3):
        for batch in (0, 10, 20):
            text += f"Epoch: [{epoch}]  [{batch}/30]  loss: {9 - epoch}.5\n"
        for batch in (0, 4, 8):
            text += f"Test:  [{batch}/9]  loss: {6 - epoch}.{batch}\n"
    log = one(written(tmp_path, "slurm-123.out", text))
    assert points(log, "test/loss") == ([0, 0, 0, 1, 1, 1, 2, 2, 2], [6.0, 6.4, 6.8, 5.0, 5.4, 5.8, 4.0, 4.4, 4.8])
    assert curves(log)["test/loss"].axis == "epoch"


ENDLESS = ["1" * 19000 + "epoch", "x" * 19000 + " reached 3 loss: 0.5", "| a" + " " * 19000, "(" * 19000, "损" * 19000]


@pytest.mark.parametrize("line", ENDLESS)
def test_a_line_of_one_endless_word_is_read_like_any_other(line: str) -> None:
    assert pairs(f"step 3 {line} | loss: 0.5")["step"] == 3


def catboost(learn: list[float], test: list[float]) -> str:
    printed = ["Learning rate set to 0.5"]
    for k, (a, b) in enumerate(zip(learn, test, strict=True)):
        best = min(range(k + 1), key=lambda i: test[i])
        printed.append(
            f"{k}:\tlearn: {a:.7f}\ttest: {b:.7f}\tbest: {test[best]:.7f} ({best})\ttotal: {k + 1}ms\tremaining: 1s"
        )
    return "\n".join(
        [*printed, "", f"bestTest = {min(test):.9f}", "bestIteration = 2", "Shrink model to first 3 iterations."]
    )


@pytest.mark.parametrize(("learn", "kind"), [([0.69, 0.5, 0.4, 0.3], "loss"), ([0.6, 0.7, 0.8, 0.9], "score")])
def test_what_catboost_prints_is_a_loss_where_it_falls(tmp_path: Path, learn: list[float], kind: str) -> None:
    log = one(written(tmp_path, "train.log", catboost(learn, [0.68, 0.55, 0.5, 0.52])))
    assert points(log, f"learn/{kind}") == ([0, 1, 2, 3], learn)
    assert points(log, f"test/{kind}") == ([0, 1, 2, 3], [0.68, 0.55, 0.5, 0.52])
    assert "no name" in said(log)


def test_catboost_prints_a_tree_now_and_then_and_without_a_test_set(tmp_path: Path) -> None:
    text = "0:\tlearn: 0.6932\ttotal: 57ms\tremaining: 57s\n100:\tlearn: 0.2\ttotal: 5s\tremaining: 1m 9s\n"
    assert points(one(written(tmp_path, "train.log", text)), "learn/loss") == ([0, 100], [0.6932, 0.2])


def test_a_table_of_texts_about_losses_is_no_log(tmp_path: Path) -> None:
    rows = [f"run-{k},step {k} | loss: 0.{k},said in its epoch" for k in range(1, 9)]
    assert not read_file(written(tmp_path, "notes.csv", "\n".join(["id,line,note", *rows])), "notes.csv")
    assert read_file(written(tmp_path, "log.csv", "\n".join(row.split(",")[1] for row in rows)), "log.csv")


def test_the_round_that_a_booster_repeats_as_its_best_is_no_new_one(tmp_path: Path) -> None:
    rounds = [f"[{k}]\ttrain-logloss:{0.6 / (k + 1):.3f}\teval-logloss:{0.7 / (k + 1):.3f}\n" for k in range(12)]
    log = one(written(tmp_path, "xgb.log", "".join(rounds) + "Stopping. Best iteration:\n" + rounds[4]))
    assert points(log, "train-logloss") == (list(range(12)), [round(0.6 / (k + 1), 3) for k in range(12)])


def test_a_line_of_settings_counts_no_batch(tmp_path: Path) -> None:
    lines = [f"Epoch {k}/8 | Train loss: {1 / k:.3f}\n" for k in range(1, 9)]
    log = one(written(tmp_path, "out.log", "Epochs: 8, Batch: 128, LR: 0.001\n" + "".join(lines)))
    assert [(s.tag, s.axis) for s in log.series if s.tag == "Train loss"] == [("Train loss", "epoch")]
    assert log.hyper["LR"] == 0.001
