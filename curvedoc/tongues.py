"""Which English word does a foreign word in the name of a curve stand for?"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

#: English words and what students, courses and translated tutorials print for them, without accents, in lower case.
#: Words that are English too, or that mean something else in another of these languages, are left out, but for a few
#: that name no curve in English (media, temps).
_PRINTED = {
    "loss": "perdida perdidas perda perdas perte pertes verlust verluste perdita verlies kerugian потери потеря потерь",
    "cost": "coste costo custo cout kosten стоимость",
    "error": "erro erreur fehler errore ошибка ошибки hata galat",
    "accuracy": "exactitud exactitude acuracia acuratia genauigkeit accuratezza nauwkeurigheid akurasi dogruluk"
    " точность точности точн",
    "precision": "precisao precisione prazision",
    "recall": "revocacao rappel полнота",
    "train": "entrenamiento entreno treino treinamento entrainement apprentissage addestramento allenamento"
    " pelatihan latih egitim обучение обучения обуч обучающая обучении обучающей"
    " тренировка тренировочная trenowanie treningowa",
    "val": "validacion validacao validierung validazione validatie validasi dogrulama walidacja walidacyjna валидация"
    " валидации валидационная валидационной вал проверка",
    "test": "prueba pruebas teste essai uji pengujian тест тесте тестовая тестовой тестирование",
    "epoch": "epoca epoche epoque epok epoka epocha эпоха эпоху",
    "epochs": "epocas epochen epoques эпох эпохи",
    "step": "paso passo schritt etape langkah шаг",
    "iteration": "iteracion iteracao iterazione iterasi итерация итерации",
    "episode": "episodio эпизод",
    "reward": "recompensa ricompensa belohnung награда",
    "learning rate": "lernrate",
    "time": "tiempo tempo temps zeit waktu czas время",
    "mean": "media moyenne mittelwert среднее средняя средние",
    "best": "mejor melhor meilleur meilleure beste bester лучшая лучшее лучшие terbaik",
}
#: Chinese, Japanese and Korean set no blanks between words; a longer piece comes before one that it begins with.
_PIECES = {
    "learning rate": "学习率 學習率 学習率 학습률",
    "accuracy": "准确率 准确度 準確率 正确率 正確率 正解率 精度 정확도",
    "loss": "损失 損失 ロス 손실",
    "error": "误差 誤差 오차",
    "train": "训练 訓練 学習 훈련 학습",
    "val": "验证 驗證 検証 검증",
    "test": "测试 測試 テスト 테스트",
    "epochs": "训练轮数 总轮数",
    "epoch": "轮次 エポック 에포크 에폭",
    "iteration": "迭代次数 迭代",
    "step": "步数 ステップ 스텝",
    "episode": "回合 エピソード 에피소드",
    "reward": "奖励 獎勵 報酬 보상",
    "mean": "平均 평균",
    "best": "最佳 最优 最高 최고",
    "time": "耗时 时间 時間 시간",
}
_OF = frozenset(("de", "do", "da", "del", "du", "des", "di", "della", "der", "von", "в", "на"))
_WORDS = {word: english for english, listed in _PRINTED.items() for word in listed.split()}
_CJK = {piece: english for english, listed in _PIECES.items() for piece in listed.split()}
_CUT = re.compile("|".join(sorted(map(re.escape, _CJK), key=len, reverse=True)))
_IS_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_ELIDED = re.compile(r"\bd['\u2019]|(?<=_)d_(?=entr|appr|eval)")  # any other `d` is the discriminator
_LONGEST = 500  # characters; what is longer is no name
_WORD = re.compile(r"[^\W\d_]+")
_PHRASE = re.compile(r"ta[sx]a[ _]de[ _]aprendiza\w+|taux[ _]d[\W_]?apprentissage|скорость[ _]обучения")


@lru_cache(maxsize=1 << 15)  # a log has 20,000 names at most, and each is asked about several times
def in_english(text: str) -> str:
    """Words as they are, where they are English or unknown; those that other languages have for the terms of a
    training log in English, and "of" for the little words between them.

    >>> in_english("perda de validação"), in_english("验证准确率"), in_english("Эпоха"), in_english("val_loss")
    ('loss of val', 'val accuracy', 'epoch', 'val_loss')
    """
    if len(text) > _LONGEST:
        return text
    if not text.isascii():
        if _IS_CJK.search(text):
            text = " ".join(_CUT.sub(lambda piece: f" {_CJK[piece[0]]} ", text).split())
        if text.isascii():
            return text
    plain = _ELIDED.sub("of ", _PHRASE.sub("learning rate", _folded(text)))
    words = _WORD.sub(lambda word: "of" if word[0] in _OF else _WORDS.get(word[0], word[0]), plain)
    known = any(word in _WORDS for word in _WORD.findall(plain)) or "learning rate" in plain
    return words if known and "learning rate" not in text.lower() else text


def _folded(word: str) -> str:
    """A word in lower case without its accents; the Turkish dotless i gets its dot."""
    if word.isascii():
        return word.lower()
    apart = unicodedata.normalize("NFKD", word.lower().replace("\u0131", "i"))
    return "".join(sign for sign in apart if not unicodedata.combining(sign))
