"""Which names and numbers one printed line says: `step 100 | loss: 2.3`, `loss=2.3`, a progress bar, a dict."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from .cells import number
from .vocabulary import SPLITS, counter_kind, is_metric, plain_name

MAX_LINE = 20_000  # characters; a longer line is a printed tensor or a command line
MAX_PAIRS = 400
_LONG = 400  # characters between two numbers: of more, only the first and the last of them are looked at

_ESCAPES = re.compile(
    r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]|[\x00-\x08\x0b-\x1f\x7f]"
)
_STAMPS = re.compile(
    r"^\s*(?:"
    r"\[?\d{4}[-/.]\d\d[-/.]\d\d[ T_]\d\d:\d\d(?::\d\d)?(?:[.,:]\d+)?(?:Z|[+-]\d\d:?\d\d)?\]?"  # 2024-06-14 18:42:27
    r"|\[\d\d[/-]\d\d(?:[/-]\d+)?[ ,]+\d\d:\d\d:\d\d[^\]]*\]"  # [07/05 12:00:01 d2.utils.events]
    r"|\[?\d\d:\d\d:\d\d(?:[.,]\d+)?\]?"
    r"|[IWEFD]\d{4} \d\d:\d\d:\d\d\.\d+\s+\d+ \S+?:\d+\]"  # glog, absl
    r"|\[(?:rank)?\d+\]:?"
    r"|\(\w[\w ]* pid=\d+[^)]*\)"
    r")[\s:|-]*"
)
_TQDM = re.compile(
    r"\|\s*(?P<n>\d+)/(?P<of>\d+|\?)\s*\[(?:[\d:?]+<[^,\]]*)?(?:,\s*[\d.?]+\s*[^\s,\]]+/[^\s,\]]+)?,?(?P<rest>[^\]]*)"
)
_PERCENT = re.compile(r"\d+%\|")
_KERAS = re.compile(r"^\s*(?P<n>\d+)/(?P<of>\d+|Unknown)\s*(?:\[[=>.\s]*\]|[━╸╺]+[━╸╺\s]*)")
_COCO = re.compile(
    r"Average (Precision|Recall)\s+\((AP|AR)\) @\[ IoU=([\d.:]+)\s*\| area=\s*(\w+) \| maxDets=\s*(\d+) \] = (-?[\d.]+)"
)
_BRACKETS = re.compile(
    r"(?:(?<=[\]\d])|(?<=[Tt]est:)|(?<=[Vv]al:)|(?<=[Ee]val:)|(?<=[Tt]rain:)|(?<=[Vv]alidation:))\s*\[\s*(?P<n>\d+)\s*/\s*(?P<of>\d+)(?:\s*\(\s*\d+%\s*\))?\s*\]"
)
_NUMBER = re.compile(
    r"(?<![\w.@#$\\])(?<!\w[-+])(?P<value>"
    r"\d+:\d\d(?::\d\d)?(?:\.\d+)?(?![\d:])"  # a clock
    r"|[-+]?(?:\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
    r"|[-+]?(?:nan|inf)(?!\w))"
    r"(?P<unit>%|(?:ms|us|s|sec|secs|m|min|h|GB|MB|KB|GiB|MiB|G|M|K|k|B|x|it/s|s/it)(?![\w]))?(?![\w.]*[A-Za-z_]|[.:-]\d)",
    re.IGNORECASE,
)
_OPENERS = re.compile(r"(?:(?:tensor|array|np\.\w+|float)\()?[\[(\"'{<]*\s*$")
_STRONG = re.compile(r"\s*(?:[:=]+>?|->|=>)\s*$")
_FILE = re.compile(r"[\w/.-]+\.(?:py|cc|cpp)(?::\d+)?")
_ROUND = re.compile(r"^[\s#]*\[(?P<n>\d{1,12})\](?=\t)")  # XGBoost and LightGBM, as notebooks indent them
# CatBoost names no metric: `0:  learn: 0.69  test: 0.68  best: 0.68 (0)  total: 3ms  remaining: 1s`
_TREE = re.compile(r"^(\d{1,12}):\s+(?=(?:learn|test\d*):? )")
_OF_TREE = re.compile(r"\b(learn|test\d*):? (\S+?)(?=\s|passed|$)")
TREES = "CatBoost prints no name of what it measures"
_WRITTEN = re.compile(r"^[IWEFD]\d{4} [\d:.]+\s+\d+ \S+?:\d+\] \[(?P<n>\d{1,12})\] ")  # CLU's writer of metrics
_NTH_ROUND = re.compile(r"第\s*(\d{1,9})(?:\s*/\s*\d+)?\s*(?:个\s*)?(?:轮|輪|回合|エポック|epoch)", re.IGNORECASE)
# `Cost after iteration 100: 0.69`, as courses print it: the name stands before the counter
_AFTER = re.compile(
    r"^(\W*)((?:[A-Za-z]\w* ){0,2}[A-Za-z]\w*) (?:after|at|for|in|on) (epoch|iteration|step) #?(\d{1,12})(?:/\d+)?"
    r"\s*[:=]\s*(?=[-+.\d]|nan|inf)",
    re.IGNORECASE,
)
_BETWEEN = (" after ", " at ", " for ", " in ", " on ", " After ", " At ")
_MARIAN = re.compile(r"\bEp\. (\d{1,9}) : Up\. (\d{1,12}) :")
_NTH_EPOCH = re.compile(r"(?<![\w.])(\d{1,9})epoch\b")  # ESPnet: `3epoch results: [train] loss=...`
_DARKNET = re.compile(r"^\s*(\d{1,12}): (\S+), (\S+) avg(?: loss)?, (\S+) rate, ")
_OF_BATCHES = re.compile(r"\|\s*(?P<n>\d+)\s*/\s*(?P<of>\d+) batches\b")  # PyTorch's language models
_EPOCH_AND_BATCH = re.compile(
    r"\b([Tt]rain(?:ing)?): ?\[(\d+)/\d+\] ?(?=\[\d+/)"
)  # Swin, DeiT: `Train: [3/300][20/625]`
_SIDE_ALONE = re.compile(r"^(\d{1,12}) (train|val|test) (\S+)$")  # `250 val 3.29`, a loss by its side alone
# Lightning: `'val_loss' reached 0.3 (best 0.3), saving ... as top 3`
_REACHED = re.compile(r"(?<!\w)'?(\w{1,80})'? reached (?=[-\d])")
_NO_NUMBER = re.compile(r"\d{60,}")  # a hash or a dump, over which the pattern of a number would take minutes
_TOP_K = re.compile(r"\b(?:as|in) top \d+")
_SECTION = re.compile(
    r"\[(\w+)\]|\b(\w+):(?=\s+[\w ]{1,40}=)"
)  # ESPnet's `[valid] loss=`, icefall's `validation: loss=`
_SIDE = re.compile(r"train(?:ing)?|val(?:id(?:ation)?)?|test|dev|eval")
_POSSESSIVE = re.compile(r"(?<=\w)'s(?= \w)")  # LightGBM: `training's auc: 0.9`
_ESTIMATOR = re.compile(r"\bsaving dict for\b", re.IGNORECASE)  # how TensorFlow's estimators say that they evaluated
AVERAGED = "Averaged stats"  # how DETR, DeiT and MAE begin the line that ends an epoch
_IS = re.compile(r"\s+(?:is|was)$")
_DELIMITER = re.compile(r"[,;|{}()\[\]\t\"'<>&]|\s{2,}|\s[-\u2013\u2014]\s|\s?=+\s|[:=](?!\w*[/\\])")
_UNITS = frozenset(
    {
        *(
            "s",
            "ms",
            "us",
            "sec",
            "secs",
            "seconds",
            "min",
            "mins",
            "minutes",
            "h",
            "hours",
            "it",
            "its",
            "iter/s",
            "x",
        ),
        *(
            "it/s",
            "s/it",
            "samples/sec",
            "samples/s",
            "examples/s",
            "instance/sec",
            "imgs/s",
            "images/s",
            "tokens/s",
            "%",
        ),
        *("tok/s", "steps/s", "step/s", "gb", "mb", "mib", "gib", "kb"),
    }
)
_BEFORE = frozenset(
    {
        *(
            "train",
            "training",
            "val",
            "valid",
            "validation",
            "test",
            "eval",
            "dev",
            "learning",
            "mean",
            "avg",
            "average",
        ),
        *(
            "total",
            "grad",
            "gradient",
            "global",
            "running",
            "mask",
            "cls",
            "reg",
            "mini",
            "lm",
            "current",
            "epoch",
            "step",
        ),
    }
)
_NO_NAME = SPLITS | {"of", "in", "at", "to", "and", "the", "a", "is", "for", "with", "by", "on"}
_SETTINGS = frozenset(("epochs", "steps", "iterations", "iters", "episodes", "timesteps", "rounds", "trees", "batches"))


@dataclass(frozen=True, slots=True)
class Phrase:
    """`pairs` as printed; `label` the words before the first; `side` "" or the val, eval, test ... that they name.

    `done` and `of` are those of a progress bar; `keras` tells a bar whose numbers are running means. `note` says what
    was made of the numbers.
    """

    pairs: tuple[tuple[str, float], ...]
    label: str = ""
    side: str = ""
    done: int | None = None
    of: int | None = None
    keras: bool = False
    note: str = field(default="", repr=False)


def cleaned(line: str) -> str:
    """A line without escape sequences and without the stamp that a logger puts before it."""
    text = _NO_NUMBER.sub(" ", _ESCAPES.sub("", line[:MAX_LINE]))
    for _ in range(3):
        shorter = _STAMPS.sub("", text, count=1)
        if shorter == text:
            break
        text = shorter
    if "epoch" in text:  # a long log has no time for patterns that a glance rules out
        text = _NTH_EPOCH.sub(r"epoch \1 ", text)
    if any(word in text for word in _BETWEEN) and (named := _AFTER.match(text)) and is_metric(named[2]):
        text = f"{named[1]}{named[3]} {named[4]} {named[2]} = {text[named.end() :]}"
    if ": Up." in text:
        text = _MARIAN.sub(r"epoch \1 update \2 ", text)
    if "第" in text:
        text = _NTH_ROUND.sub(r" epoch \1 ", text)
    if "rain" in text:
        text = _EPOCH_AND_BATCH.sub(r"\1 epoch \2 ", text)
    if " top " in text or " reached " in text:
        text = _REACHED.sub(r"\1 = ", _TOP_K.sub("", text))
    return text


def phrase_of(line: str) -> Phrase | None:
    """What a line says, or None when it holds no name with a number.

    >>> phrase_of("2024-06-14 18:42:27,194 train.py step    87 | loss: 7.27 | lr 7.3e-05 | dt: 85.5ms").pairs
    (('step', 87.0), ('loss', 7.27), ('lr', 7.3e-05), ('dt', 85.5))
    >>> phrase_of("Epoch: [ 1/200], cls_loss: 2.5, test_loss_a 2.79 (2.80)").pairs
    (('Epoch', 1.0), ('cls_loss', 2.5), ('test_loss_a', 2.79))
    >>> phrase_of("Epoch 3:  28%|##  | 305/1108 [17:24<53:29, 4.00s/it, loss=7.6]")
    Phrase(pairs=(('Epoch', 3.0), ('loss', 7.6)), label='', side='', done=305, of=1108, keras=False)
    """
    text = cleaned(line)
    if coco := _COCO.search(text):
        return Phrase(((_coco_name(*coco.groups()[:5]), float(coco[6])),))
    if darknet := _DARKNET.match(text):
        values = [number(word) for word in darknet.groups()]
        if None not in values:
            names = ("iteration", "loss", "avg loss", "learning rate")
            return Phrase(tuple((name, value) for name, value in zip(names, values, strict=True) if value is not None))
    if tree := _TREE.match(text):
        scored = [(f"{side}/loss", number(cell)) for side, cell in _OF_TREE.findall(text)]
        pairs = [("iteration", float(tree[1])), *((name, value) for name, value in scored if value is not None)]
        return Phrase(tuple(pairs), note=TREES)
    if (alone := _SIDE_ALONE.match(text)) and (value := number(alone[3])) is not None:
        return Phrase((("step", float(alone[1])), (f"{alone[2]} loss", value)))
    if "'s " in text:
        text = _POSSESSIVE.sub("", text)
    done = of = None
    keras = _KERAS.match(text)
    bar = keras or _TQDM.search(text) or _BRACKETS.search(text) or _OF_BATCHES.search(text)
    if bar:
        done, of = int(bar["n"][:15]), int(bar["of"][:15]) if bar["of"].isdigit() else None
        rest = bar.groupdict().get("rest")
        before = text[: bar.start()]
        if rest is not None:  # what stands before a bar without its percentage is another print, cut by the bar
            before = before[: percent.start()] if (percent := _PERCENT.search(before)) else ""
        text = f"{before} , {text[bar.end() :] if rest is None else rest}"
    pairs, label, side = _pairs(text)
    if (counted := _ROUND.match(line) or _WRITTEN.match(line)) and not any(is_counter(name) for name, _ in pairs):
        pairs.insert(0, ("iteration", float(counted["n"])))
    if not pairs and done is None:
        return None
    return Phrase(tuple(pairs), label, side, done, of, keras is not None)


@lru_cache(maxsize=1 << 12)
def is_counter(name: str) -> bool:
    """Whether a name counts steps or epochs in a text; plurals (`epochs: 100`) are settings there."""
    return counter_kind(name)[0] in ("step", "epoch") and plain_name(name) not in _SETTINGS


def _coco_name(what: str, short: str, iou: str, area: str, most: str) -> str:
    whole = f"Average {what} ({short})"
    return whole if (iou, area, most) == ("0.50:0.95", "all", "100") else f"{whole} {iou} {area} {most}"


@dataclass(frozen=True, slots=True)
class _Gap:
    """What stands between two numbers: the `name` of the second, what leads it, and whether a part of the line ends."""

    name: str
    lead: str
    side: str  # of the lead
    counts: bool
    apart: bool
    section: str | None  # the side that a word in brackets opens, `[valid] loss=0.3, acc=0.9`; None where none does
    own: str  # the side that the name itself begins with, for names without separators after it


def _pairs(text: str) -> tuple[list[tuple[str, float]], str, str]:
    pairs: list[tuple[str, float]] = []
    label = side = own = section = ""  # `side` is that of the line, `own` and `section` those of a part of it
    end = 0
    for match in _NUMBER.finditer(text):
        between, follows = text[end : match.start()], end > 0
        end = match.end()
        value = number(match["value"])
        if value is None or between.strip() in ("/", "of", "out of"):
            continue
        if pairs and label == AVERAGED and between.strip() == "(":  # `median (mean)`: at an epoch's end the mean counts
            pairs[-1] = pairs[-1][0], value
            continue
        if len(between) > _LONG:
            between = f"{between[: _LONG // 2]} , {between[-_LONG // 2 :]}"
        gap = _gap(between, follows)
        if not pairs:
            label, side = _label(f"{label} {gap.lead}")
        section = section if gap.section is None else gap.section
        if gap.apart:
            own = gap.side or section
        if gap.counts:
            side = _side_of(gap.name) or side  # `val step: 100`
            pairs.append((gap.name, value))
        elif gap.name:
            if (own or side) and not _has_side(gap.name):
                pairs.append((f"{own or side}/{gap.name}", value))
            else:
                own = gap.own or own
                pairs.append((gap.name, value))
        if len(pairs) >= MAX_PAIRS:
            break
    return pairs, label, side


@lru_cache(maxsize=1 << 14)  # a log repeats what stands between its numbers
def _gap(between: str, follows: bool) -> _Gap:
    lead, name = _name_of(between, follows)
    counts = is_counter(name)
    own = _side_of(name.split()[0]) if " " in name and not counts else ""  # `val loss: 2.3 top1: 0.7`
    opened = [word for found in _SECTION.findall(between) for word in found if word.lower() in SPLITS]
    section = _side_of(opened[-1]) if opened else None
    apart = bool(lead) or re.search(r"[,;|]", between) is not None
    return _Gap(name, lead, _side_of(lead), counts, apart, section, own)


@lru_cache(maxsize=1 << 12)
def _label(lead: str) -> tuple[str, str]:
    """The first words of a line, and the side that they name."""
    words = re.sub(r"[^\W\d]*[\d/.]+\w*|[^\w\s]+", " ", lead).split()
    return " ".join(words[:4]), _side_of(lead)


def _name_of(gap: str, follows: bool) -> tuple[str, str]:
    """What leads a name (`val` of `val: loss: 0.3`) and the name of the number after a gap; "" when it has none."""
    opened = _OPENERS.sub("", gap)
    bracket = opened.rstrip() != gap.rstrip() and gap.rstrip().endswith("[")
    strong = _STRONG.search(opened)
    body = (opened[: strong.start()] if strong else opened).rstrip().rstrip("\"'`] ")
    if is_ := _IS.search(body):
        body, strong = body[: is_.start()], is_
    if body.endswith(")"):  # `elapsed time per iteration (ms): 12`
        body = re.sub(r"(?<!\s)\s*\([^()]*\)$", "", body)
    places = list(_DELIMITER.finditer(body))
    lead, chunk = (body[: places[-1].start()], body[places[-1].end() :]) if places else ("", body)
    words = chunk.split()
    while words and ((follows and not places and words[0].lower().rstrip(".") in _UNITS) or _FILE.fullmatch(words[0])):
        del words[0]
    if not strong or bracket:
        said = words
        words = _known_tail(words, counters_only=bracket)
        if words:  # `validation loss at` of `validation loss at iteration 500`
            lead = " ".join([lead, *said[: len(said) - len(words)]]).strip()
    name = " ".join(words).strip(" -*#>.\"'`•:")
    if follows and strong and not bracket and _SIDE.fullmatch(plain_name(name)):
        return lead, name  # `epoch 3 | train: 0.41 | val: 0.52`
    if not name or len(name) > 80 or len(words) > 6 or not name[0].isalpha() or plain_name(name) in _NO_NAME:
        return lead or chunk, ""
    return lead, name


def _known_tail(words: list[str], counters_only: bool) -> list[str]:
    """The words at the end of a gap that name a counter or a metric: `val loss` of `reached a val loss`."""
    if not words:
        return []
    if is_counter(words[-1]) or (not counters_only and is_metric(" ".join(words[-2:]))):
        first = len(words) - 1
        while first and words[first - 1].lower() in _BEFORE and not is_counter(words[first - 1]):
            first -= 1
        return words[first:]
    return []


def _side_of(text: str) -> str:
    """The held-out side that words name; "" for training, for both and for none.

    >>> _side_of("Test:  ["), _side_of("[valid][INFO] - {"), _side_of("Train Epoch")
    ('test', 'valid', '')
    """
    if _ESTIMATOR.search(text):
        return "eval"
    words = plain_name(re.sub(r"[^\w]+", " ", text)).split()
    sides = [word for word in words if word in SPLITS]
    return "" if not sides or any(word.startswith("tr") for word in sides) else sides[0]


@lru_cache(maxsize=1 << 12)
def _has_side(name: str) -> bool:
    return not SPLITS.isdisjoint(plain_name(name).split())
