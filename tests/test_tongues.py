"""Is a log read alike, in whatever language its loop prints?"""

from __future__ import annotations

from pathlib import Path

import pytest

from curvedoc import read
from curvedoc.tongues import in_english

LOSSES = [2.1, 1.4, 1.0, 0.8, 0.7, 0.65, 0.62, 0.6]


@pytest.mark.parametrize(
    ("printed", "english"),
    [
        ("pérdida", "loss"),
        ("Perda de Validação", "loss of val"),
        ("exactitud_test", "accuracy_test"),
        ("Verlust", "loss"),
        ("Точн вал", "accuracy val"),
        ("Потери (обучение)", "loss (train)"),
        ("taxa de aprendizado", "learning rate"),
        ("训练损失", "train loss"),
        ("验证集准确率", "val 集 accuracy"),
        ("検証精度", "val accuracy"),
        ("검증 손실", "val loss"),
        ("Doğrulama", "val"),
        ("Épocas", "epochs"),
        ("Точность на обучении", "accuracy of train"),
        ("perte d'entraînement", "loss of train"),
        ("taux_d_apprentissage", "learning rate"),
        ("D_perte", "d_loss"),  # of a discriminator
    ],
)
def test_terms_of_other_languages_are_those_of_english(printed: str, english: str) -> None:
    assert in_english(printed) == english


@pytest.mark.parametrize(
    "name", ["valLoss", "Learning Rate", "d_loss/real", "val_perplexité", "mu", "F1-Score", "", "perte " * 99]
)
def test_what_is_english_or_unknown_stays_as_it_is(name: str) -> None:
    assert in_english(name) == name


@pytest.mark.parametrize(
    "line",
    [
        "Época {e}/8 - pérdida: {loss}, pérdida_val: {val}, exactitud: {acc}%",
        "Época {e} | Perda de Treino: {loss} | Perda de Validação: {val} | Acurácia de Treino: {acc}",
        "Epoche {e}/8: Verlust: {loss}, Val. Verlust: {val}, Genauigkeit: {acc}",
        "Эпоха {e}/8 - Потери обуч: {loss}, Потери вал: {val}, Точн обуч: {acc}",
        "第 {e} 轮: 训练损失 = {loss}, 验证损失 = {val}, 训练准确率 = {acc}",
        "エポック {e}/8 損失: {loss} 検証損失: {val} 学習精度: {acc}",
        "[에폭 {e}] 훈련 손실: {loss}, 검증 손실: {val}, 훈련 정확도: {acc}",
        "Époque {e}/8 - perte : {loss} - perte_validation : {val} - exactitude : {acc}",
    ],
)
def test_a_loop_that_prints_in_its_own_language_is_read_as_one_in_english(line: str, tmp_path: Path) -> None:
    rows = (line.format(e=k + 1, loss=v, val=round(1.1 * v, 3), acc=round(1 - v / 3, 3)) for k, v in enumerate(LOSSES))
    (tmp_path / "salida.log").write_text("\n".join(rows), encoding="utf-8")
    (run,) = read(tmp_path)
    assert run.get("train_loss").value.tolist() == LOSSES
    assert run.get("val_loss").value.tolist() == [round(1.1 * v, 3) for v in LOSSES]
    assert run.get("val_loss").step.tolist() == list(range(1, 9))


def test_a_table_with_headers_of_another_language_is_read(tmp_path: Path) -> None:
    head = "época;pérdida_entrenamiento;pérdida_validación;tasa de aprendizaje\n"
    rows = (f"{k};{v};{v + 0.1};0,001\n".replace(".", ",") for k, v in enumerate(LOSSES, 1))
    (tmp_path / "historial.csv").write_text(head + "".join(rows), encoding="utf-8")
    (run,) = read(tmp_path)
    assert run.get("train_loss").value.tolist() == LOSSES
    assert set(run.curves) >= {"train_loss", "val_loss", "lr"}
