"""What does a tag say by itself? One ordered table of word patterns."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from .tongues import in_english

_WEIGHTS = r"(?:weights?|params?|parameters?)"
_GRADS = r"grad(?:s|ient|ients)?"
_SHARE = r"(?:share|fraction|frac|rate|ratio|pct|percent)"
_UNITS = r"(?:relus?|units?|neurons?|activations?)"
_UPDATES = r"(?:updates?|upd|ud)(?:_norm)?(?:_(?:to|over|per|by|vs))?"
_OVER = r"(?:weights?|params?|parameters?|data|w|p)"
#: Whose losses measure no progress: players of a game, agents and their critics.
_PLAYERS = (
    r"(?:policy|value|vf|pg|critic|actor|q|qf|q\d|td|entropy|alpha|surrogate|surr|curiosity|disc|discriminator|dis|gen"
    r"|generator|adv|adversarial|gan|d|g|idt|identity|cycle|cyc|fake|real)"
)

#: What a name speaks of: the first entry with a pattern in its words decides. Patterns stand apart by blanks and match
#: whole words; `_` is the blank between two words. Order matters: counters and times come before what they count,
#: settings before the quantity they set, phrases before words.
KINDS: tuple[tuple[str, str], ...] = (
    ("epoch", r"^(?:(?:trainer|train|training|current|cur)_)*epochs?(?:_(?:num|number|idx|index|id|count))?$"),
    (
        "step",
        r"^(?:(?:time|trainer|train|training|val|valid|validation|test|info|per_step|global|total|tot|current|cur|n|num|nb)_)*"
        r"(?:(?:optimizer|optim|env|agent|consumed|trained)_)*(?:steps?|iterations?|iters?|itr|it|batch(?:es)?|mini_?batch"
        r"|updates?|episodes?|generations?|evaluations|timesteps?|rounds?|trees?|count|unnamed|index|idx|row|tokens"
        r"|samples|frames)(?:_(?:num|number|idx|index|id|count|total|sampled|seen|trained|\d+))*$",
    ),
    (
        "time",
        "time runtime timestamp duration ^dur$ seconds? secs? minutes hours eta latency throughput elapsed wall dt ms",
    ),
    (
        "time",
        r"speed fps ips wps ups qps sps per_(?:second|sec|s) (?:batch|reader)_cost ^step_avg$",
    ),
    ("time", "^(?:(?:train|val|valid|test|eval)_)?data$"),
    ("time", r"(?:tok|tokens|it|its|iters|samples|imgs|images|steps|examples)_(?:sec|s)$"),
    ("setting", rf"max_{_GRADS}_norm (?:clip|clipping)_(?:value|threshold|coef)"),
    ("grad_norm", rf"{_GRADS}(?:_(?:\d+|l\d|inf|global|total|params?|clip|clipped|avg|mean|overall))*_norms? gnorm"),
    ("grad_norm", rf"(?:global|total)_norm norms?_(?:of_)?(?:the_)?{_GRADS} ^norm$"),
    ("weight_norm", rf"(?:{_WEIGHTS}|kernels?)(?:_l2)?_norms? norms?_(?:of_)?(?:the_)?{_WEIGHTS}"),
    (
        "update_ratio",
        rf"(?:log(?:_?10)?_)?(?:(?:weight|param|relative|rel)_)?{_UPDATES}(?:_{_OVER})?(?:_norm)?_(?:ratios?|rel(?:ative)?)"
        rf"(?:_log(?:_?10)?)? {_UPDATES}_{_OVER}(?!_norm) rel(?:ative)?_(?:updates?|upd) ^ratios?(?=_)",
    ),
    ("dead_share", rf"(?:{_SHARE}_(?:of_)?)?dead(?:_(?:{_UNITS}|{_SHARE}))* zeros?_{_SHARE} {_SHARE}_(?:of_)?zeros?"),
    ("saturated_share", rf"saturat(?:ed|ion)(?:_(?:{_UNITS}|{_SHARE}))*"),
    ("system", "^system memory mem gpu cpu vram flops? flos mfu hfu gb mb parameters params"),
    ("setting", "lrm (?:lr|learning_rate)_(?:mult(?:iplier)?|scale|factor|ratio|decay|drop|gamma|step_size)"),
    ("setting", "(?:min|max|base|init|initial|final|target|warmup)_(?:lr|learning_rate) momentum decay dropout"),
    ("setting", "betas? eps epsilon temp temperature seed wd hp v_num (?:loss|grad)_scale scaler label_smoothing"),
    ("lr", "lrs? lrate learning_rates?"),
    ("count", r"value_estimate (?:approx_)?kl$ (?:clip|clipped|clipping)_(?:fraction|frac|range|ratio|coef)"),
    ("count", "explained_variance"),
    ("best", "best ^hparams?"),
    ("accuracy", "rewards?_accurac(?:y|ies)"),
    ("loss", "(?:lm|total|train|training|val|valid|validation|test|eval)_loss_value"),
    ("other_loss", rf"{_PLAYERS}(?:_\w+?)??_(?:loss(?:es)?|objective) (?:loss(?:es)?|err|error)(?:_\w+?)??_{_PLAYERS}"),
    ("other_loss", r"^(?:d|g|cycle|cyc|idt|identity)(?:_(?:a|b|gan|l1|real|fake|vgg|feat|total))+$ ^a_loss$"),
    ("other_loss", r"^(?:train_)?l_[gd]_\w+ vlb (?:loss|mse)_q\d"),
    ("higher", "(?:prob|code|codebook)_perplexity"),
    ("lower", "ppl perplexity"),
    ("reward", "rewards? rew returns? fitness elo ep(?:isode)?_(?:ret|score) win_?rate"),
    ("loss", "info_?nce"),
    ("loss", "loss(?:es)? cost objective criterion ^(?:train_)?l_(?:pix|percep|style|total|sum|all)"),
    ("loss", "^l_(?:train|tr|val|valid|test|dev)$ ^(?:train|tr|val|valid|test|dev)_(?:l|obj)$"),
    ("count", "^n num bsz wpb ntokens nsentences len length size width height cardinality documents ratio"),
    ("count", "entropy std stddev var variance beta kl"),
    ("accuracy", r"[mabow]?acc accs accu accuracy accuracies accucary top(?:_?\d+)? prec_[15] (?:pct|percent)_correct"),
    ("higher", "psnr snr sisnr sdr sisdr cider inception_score log_?likelihood elbo pesq"),
    (
        "lower",
        r"errors? merror err wer cer ter eer der mer per$ bpb bpc bpd bits_per_\w+ epe fid kid fvd lpips brier ece",
    ),
    ("lower", "smape mape wape mase deviation delay distance regret hausdorff hd assd asd rmsd rmsle medae nme mpjpe"),
    ("lower", "ade fde chamfer abs_?rel sq_?rel silog fpr fnr false_(?:negative|positive|alarm)s?"),
    ("lossy", r"crossentropy \w*logloss bce ce xent nll nelbo mse rmse mae mean_squared mean_absolute huber deviance"),
    ("lossy", "multi_?class$"),
    ("share", r"precision prec recall rec sensitivity senstivity specificity ppv npv tpr tnr f1 f2 f\d?_?score fbeta"),
    ("share", r"(?:roc|pr)?auc(?:roc|pr)? auroc auprc roc m?ap ap[smlrcf] m?ar [mf]?iou m?dice dsc jaccard bleu"),
    ("share", r"sacrebleu rouge\w* meteor chrf"),
    ("share", r"bertscore ssim kappa mcc ndcg mrr hits? hr success em exact_match spearman\w* pearson\w* corr"),
    ("share", r"(?:ents|sents|spans_sc|cats_(?:micro|macro))_[fpr] cats_score"),
    ("share", r"correlation icc ccc concordance r2 matthews\w* stoi pck oks uas las"),
)
#: Kinds that measure how well a model does.
MEASURED = frozenset(("loss", "lossy", "accuracy", "share", "higher", "lower"))
#: Kinds that are logged once per layer.
LAYERED = frozenset(("update_ratio", "dead_share", "saturated_share", "weight_norm"))

_SPLITS = {
    "train": "train training trn tr learn trainset",
    "val": "val valid validation vali eval evaluation evaluate dev holdout cv",
    "test": "test testing tst predict testset",
}
_SIDES = {word: side for side, listed in _SPLITS.items() for word in listed.split()}
_EPOCHWISE = frozenset(("epoch", "epochs"))
_STEPWISE = frozenset(("step", "batch", "iter", "iteration", "inner", "minibatch"))
_ADJECTIVES = """
    loss losses cost objective criterion total overall all sum avg average mean running smooth smoothed curr current
    global local per log logs metrics metric lm model main full combined reduced raw net network scalar scalars results
    history x y value values the of on at over set data report stats performance list hist pretrain finetune sft stage
    averaged mini
"""
_TERMS = """
    cls box bbox obj dfl giou iou rpn mask seg dice kp pose depth flow ce bce nll mse mae l1 l2 kl recon reconstruction
    rec reg regression classification localization regularization aux auxiliary contrastive triplet center adv style vgg
    loc perceptual content tv commit commitment vq mlm nsp lm ctc att attention align distill smooth physics pde bc data
"""
#: What distinguishes the terms of a loss, as against the data that it is measured on.
TERMS = frozenset(_TERMS.split())
#: Words that make no part out of a loss.
_PLAIN = frozenset(_ADJECTIVES.split())
_SCOPES = (
    "l2 min max median clip clipped unclipped optim optimizer trainer info debug monitor gradients grads norms norm"
)
_POOLED = frozenset(("mean", "avg", "average", "median", "min", "max")) | _EPOCHWISE | _STEPWISE
_IN_NO_LAYER = _PLAIN | frozenset(_SIDES) | _EPOCHWISE | _STEPWISE | frozenset(_SCOPES.split())
_MEASURES = "loss|losses|acc|accuracy|error|err|f1|auc|iou|miou|map|dice|mse|mae|ppl"
_FUSED = re.compile(
    rf"(train|training|valid|validation|val|test|eval|dev|t|v)({_MEASURES}|lr)"
    rf"|({_MEASURES})(train|training|val|valid|validation|test|eval)"
    r"|(learning)(rate)|(grad|gradient)(norm)|(weight)(decay)|(epoch|batch|step)(loss)|(loss)(epoch|batch|step)"
)
_SHORT = {"t": "train", "v": "val"}


def _compiled(patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(rf"\b(?:{p.replace('_', ' ')})(?!\w)" for p in patterns.split()))


_KINDS = tuple((kind, _compiled(patterns)) for kind, patterns in KINDS)


@dataclass(frozen=True, slots=True)
class Name:
    """What a tag says by itself: `kind` of KINDS or "", `side` "train", "val", "test" or "", `cadence` "step",
    "epoch" or "", `part` the words that make a loss one term among others, `layer` the layer of a layered tag,
    `base` the words without side and cadence, `against` the axis of a copy that is drawn over something else."""

    kind: str = ""
    side: str = ""
    cadence: str = ""
    part: str = ""
    layer: str = ""
    base: str = ""
    words: str = ""
    against: str = ""


@lru_cache(maxsize=65536)
def read_name(tag: str) -> Name:
    """What a tag says by itself.

    >>> name = read_name("val_loss_epoch"); name.kind, name.side, name.cadence, name.part
    ('loss', 'val', 'epoch', '')
    >>> read_name("train/value_loss").kind, read_name("loss_box_reg").part, read_name("update_ratio/fc1").layer
    ('other_loss', 'box reg', 'fc1')
    """
    text, _, against = words(tag).partition(" vs ")
    kind, phrase = next(((k, found[0]) for k, pattern in _KINDS if (found := pattern.search(text))), ("", ""))
    parts = text.split()
    cadence = next(("epoch" if w in _EPOCHWISE else "step" for w in reversed(parts) if w in _EPOCHWISE | _STEPWISE), "")
    rest = [w for w in parts if w not in _SIDES and w not in _EPOCHWISE and w not in _STEPWISE]
    part = " ".join(w for w in rest if w not in _PLAIN) if kind == "loss" else ""
    layer = _layer(tag, phrase) if kind in LAYERED or kind == "grad_norm" else ""
    return Name(kind, side_of(text), cadence, part, layer, " ".join(rest), text, against)


@lru_cache(maxsize=65536)
def words(text: str) -> str:
    """The words of a name in lower case, with single blanks between them.

    >>> words("Loss/Train"), words("valLoss_epoch"), words("metrics/mAP50-95(B)"), words("trainloss"), words("MSELoss")
    ('loss train', 'val loss epoch', 'metrics map 50 95 b', 'train loss', 'mse loss')
    """
    text = in_english(text[:500])
    text = re.sub(r"(?<=[a-z]{2})(?=[A-Z])|(?<=[a-z]\d)(?=[A-Z][a-z])|(?<=[A-Z]{2})(?=[A-Z][a-z]{2})", " ", text)
    text = re.sub(r"(?<![A-Za-z])([DGQ])(?=Loss)", r"\1 ", text)
    text = re.sub(r"(?<![A-Za-z])(cross|log)[ _-]?(entropy|loss)(?![A-Za-z])", r"\1\2", text, flags=re.IGNORECASE)
    found: list[str] = []
    for word in re.findall(r"[^\W_]+", text.lower()):
        numbered = re.fullmatch(r"([^\W\d_]{2,})(\d+)", word)
        for piece in numbered.groups() if numbered else (word,):
            fused = _FUSED.fullmatch(piece)
            found.extend(_SHORT.get(w, w) for w in fused.groups() if w) if fused else found.append(piece)
    return " ".join(found).replace("out of sample", "val").replace("in sample", "train")


def side_of(text: str, *, alone: bool = False) -> str:
    """The split that some words name last: "train", "val", "test" or ""; `alone` asks that they say nothing else.

    >>> side_of("validation log"), side_of("eval 0", alone=True), side_of("train 2", alone=True), side_of("value")
    ('val', 'val', '', '')
    """
    found = text.split()
    side = next((_SIDES[w] for w in reversed(found) if w in _SIDES), "")
    numbered = text in ("eval 0", "validation 0")
    return side if not alone or numbered or all(w in _SIDES or w in _STEPWISE for w in found) else ""


def misspelt_side(text: str) -> str:
    """The split that a word of a name nearly spells, as "vall" does "val"; "" when it is none or a word of its own.

    >>> misspelt_side("vall"), misspelt_side("vaildation"), misspelt_side("box"), misspelt_side("text")
    ('val', 'val', '', '')
    """
    strange = [w for w in text.split() if len(w) > 3 and w.isalpha() and w not in TERMS]
    near = (difflib.get_close_matches(w, _SIDES, 1, 0.8) for w in strange)
    return next((_SIDES[found[0]] for found in near if found), "")


def is_idle(word: str) -> bool:
    """Whether a word of a file's name says nothing about which run it belongs to: sides, kinds, `log`, `results`."""
    return word in _IN_NO_LAYER or word.isdigit() or bool(read_name(word).kind)


def _layer(tag: str, phrase: str) -> str:
    """What is left of a tag around the phrase that gave its kind: the layer, in the tag's own spelling."""
    found = re.search(r"[\W_]*".join(re.escape(c) for c in phrase.replace(" ", "")), tag, re.IGNORECASE)
    around: Sequence[str] = (tag[found.end() :], tag[: found.start()]) if found else ()
    known = _IN_NO_LAYER | set(phrase.split())
    layer = next((text.strip(" _-./:|[]()") for text in around if set(words(text).split()) - known), "")
    head, _, tail = layer.rpartition("/")
    return head if head and set(words(tail).split()) <= _POOLED else layer
