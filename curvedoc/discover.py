"""Which files of a tree form which run? A walk, every file read once, and the rules by which logs are joined."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from .assemble import assemble
from .config import OWN, read_config
from .drafts import called
from .errors import CurvedocError, NoLogFound, UnreadableLog, UsageError, mistake
from .group import group
from .readers import read_file
from .readers.hyper import is_hyper, read_hyper
from .readers.lines import HEAD, is_regular
from .readers.log import Log
from .roles import no_such_tag
from .run import Note, Refused, Run
from .twins import EVENTS, Unit, kind_of

#: Directories in which no training log is looked for: they hold code, packages and caches.
_SKIPPED = frozenset(("__pycache__", "node_modules", "site-packages", "dist-packages", "venv", "virtualenv"))
_HYDRA = ".hydra"  # the one hidden directory that says something about a run
#: Suffixes of what is no log, so that a million pictures and checkpoints are not opened.
_NO_LOG = frozenset(
    f".{suffix}"
    for suffixes in (
        "pt pth ckpt bin safetensors h5 hdf5 keras pb onnx npy npz pkl pickle joblib parquet arrow feather mat nii",
        "png jpg jpeg gif bmp tif tiff svg webp mp4 avi wav mp3 flac zip gz bz2 xz tar tgz 7z rar whl pdf",
        "py pyc so o ipynb md rst html htm css js sh bat c h cpp hpp cu java m lock",
    )
    for suffix in suffixes.split()
)
#: What is packed, and is no event file: the reason says so, for what is in it may be a log.
_PACKED = frozenset((".gz", ".bz2", ".xz", ".zip", ".tar", ".tgz", ".7z", ".rar", ".zst"))
_NONE = "not a training log"
#: Reasons that tell what to do about a file.
_UNPACK = "packed: unpack it first, only event files are read as they are"
_EMPTY = "an empty file: nothing was logged, or it was not written out yet"
_BARE = "a single line and no row of numbers below it: nothing was logged yet, or it was not written out"
_MENDED = (_UNPACK, _EMPTY, _BARE)
_IN_PYTHON = "is not opened: load it in Python, and give what it holds to curvedoc.diagnose(...)"
#: How a log may yet be made of what is none, by its suffix.
_HOW = {
    ".json": 'no list of numbers under the name of a loss or metric, as in {"train_loss": [...], "val_loss": [...]}',
    ".ipynb": "a notebook: save what it printed to a text file, or call curvedoc.diagnose(...) in it",
    **dict.fromkeys((".pkl", ".pickle", ".joblib"), f"a pickle, which could run code, {_IN_PYTHON}"),
    **dict.fromkeys((".npz", ".npy", ".mat", ".parquet", ".feather"), f"a file of arrays {_IN_PYTHON}"),
}
#: Directories that keep the configuration of the run above them.
_BESIDE = ("files", "params", "config", "configs", _HYDRA)
#: What a `curvedoc.toml` knows of a run, under the names that settings of trainers have.
_STATED = {"classes": "num_classes", "task": "task", "target_loss": "target_loss"}
#: How the reason begins for a table whose columns are not understood: the one reason that the caller can mend.
_UNTOLD = "no loss, metric, rate or counter among its columns"
MAX_FILES = 1_000_000


@dataclass(frozen=True, slots=True)
class Found:
    """The runs under a path, the logs that cannot be read, and what was passed over; files relative to the path."""

    runs: tuple[Run, ...]
    refused: tuple[Refused, ...] = ()
    skipped: tuple[Refused, ...] = ()


def find_runs(
    path: str | Path,
    *,
    roles: Mapping[str, str] = {},
    strict: bool = True,
    on_progress: Callable[[int, int], None] | None = None,
) -> Found:
    """Every run under a path, by name.

    A file is one run (or several, when it holds several); a directory is walked. `roles` maps a role word to the
    tag that plays it, in every run that logs the tag; a `curvedoc.toml` in a run's directory or above it says the
    same for the runs below. `on_progress(done, total)` counts files. Raises NoLogFound when there is no log, and,
    when `strict`, UsageError for a tag that no run holds (else each run has a note of it).
    """
    root = Path(path)
    tree = _Tree(root, tuple(roles.values()))
    if root.is_dir():
        tree.walk()
    else:
        tree.files = [(root, root.name)]
    logs: list[Log] = []
    for done, (file, shown) in enumerate(tree.files):
        if on_progress is not None:
            on_progress(done, len(tree.files))
        logs += tree.read(file, shown)
    if on_progress is not None:
        on_progress(len(tree.files), len(tree.files))
    units = group(logs)
    names = _names(units, root)
    homes = Counter(unit.home for unit in units)
    below = Counter(place for unit in units for place in unit.home.parents)
    told = _Told(root, roles)
    runs = []
    for unit, name in zip(units, names, strict=True):
        said = told.of(unit)
        try:
            run = assemble(unit.logs, name=name, path=_path(path, unit, homes), roles=said["roles"], beside=unit.beside)
        except CurvedocError:
            raise
        except Exception as error:  # as for a file
            tree.refused.append(Refused(unit.logs[0].file, mistake(error)))
            continue
        stated = {key: said[word] for word, key in _STATED.items() if word in said}
        notes = (*run.notes, *(Note(file, what) for file, what in unit.notes), *_unheard(said, unit))
        runs.append(replace(run, hyper={**tree.hyper_of(unit, below), **run.hyper, **stated}, notes=notes))
    unknown = told.unknown(units)
    if strict and unknown:
        raise UsageError(unknown[0])
    runs = [replace(run, notes=(*run.notes, *(Note(OWN, what) for what in unknown))) for run in runs]
    found = _without_idle(runs, tree)
    if not found.runs and not found.refused:
        raise NoLogFound(_nothing(path, found.skipped))
    return found


class _Tree:
    """What lies under a path: files to read, configurations, what is refused and what is passed over."""

    def __init__(self, root: Path, tags: tuple[str, ...] = ()) -> None:
        self.root, self.tags = root, tags
        self.files: list[tuple[Path, str]] = []
        self.hyper: dict[PurePosixPath, dict[str, Any]] = {}
        self.refused: list[Refused] = []
        self.skipped: list[Refused] = []
        if not root.is_dir():
            self._settings_beside(root)

    def walk(self) -> None:
        seen = {os.path.realpath(self.root)}
        pending = [self.root]
        while pending:
            directory = pending.pop()
            try:
                entries = sorted(os.scandir(directory), key=lambda e: e.name)
            except OSError as error:
                self.refused.append(Refused(self._shown(directory), f"the directory cannot be read: {error.strerror}"))
                continue
            below = []
            for entry in entries:
                place = Path(entry.path)
                if not self._is_directory(entry):
                    self._file(place)
                elif why := self._passed_over(entry, seen):
                    self.skipped.append(Refused(self._shown(place), why))
                else:
                    below.append(place)
            pending += reversed(below)
            if len(self.files) > MAX_FILES:
                raise UsageError(f"{self.root}: more than {MAX_FILES} files; give the directories of the logs")

    def read(self, file: Path, shown: str) -> tuple[Log, ...]:
        """The logs of one file; whatever else it is goes on the lists."""
        try:
            logs = read_file(file, shown, meant=file == self.root, tags=self.tags)
        except UnreadableLog as error:
            where = "" if error.line is None else f"line {error.line}: "
            what = error.why if error.key is None else f"{error.key!r}: {error.why}"
            self.refused.append(Refused(shown, where + what))
            return ()
        except Exception as error:  # a mistake of ours in one file must neither hide nor take the others with it
            self.refused.append(Refused(shown, mistake(error)))
            return ()
        scalars = tuple(log for log in logs or () if log.series)
        if logs is None and is_hyper(file):
            self._settings(file)
        elif not scalars:
            self.skipped.append(Refused(shown, _no_log(file) if logs is None else "a log without a scalar"))
        return scalars

    def hyper_of(self, unit: Unit, below: Mapping[PurePosixPath, int]) -> dict[str, Any]:
        """What configurations beside a run say, the nearest last; one further up speaks for a single run only."""
        found: dict[str, Any] = {}
        for place in reversed((unit.home, *(p for p in unit.home.parents if below[p] == 1))):
            for beside in (*_BESIDE, "."):
                found |= self.hyper.get(place / beside, {})
        return found

    def _file(self, file: Path) -> None:
        if file.name == OWN:
            return
        no_log = file.suffix.lower() in _NO_LOG and not (file.suffix == ".gz" and "tfevents" in file.name)
        if no_log or file.name.startswith("."):
            why = _UNPACK if file.suffix.lower() in _PACKED else _NONE
            self.skipped.append(Refused(self._shown(file), why))
        elif self._is_special(file):
            self.skipped.append(Refused(self._shown(file), "no regular file"))
        elif is_hyper(file) and file.suffix.lower() in (".json", ".yaml", ".yml"):
            self._settings(file)
        else:
            self.files.append((file, self._shown(file)))

    def _settings(self, file: Path) -> None:
        facts = read_hyper(file)
        if facts:
            self.hyper.setdefault(PurePosixPath(self._shown(file)).parent, {}).update(facts)
        else:
            self.skipped.append(Refused(self._shown(file), "a configuration without plain values"))

    def _settings_beside(self, file: Path) -> None:
        try:
            others = sorted(file.parent.iterdir())
        except OSError:  # a file may be readable in a directory that is not
            return
        for other in others:
            if other != file and other.suffix.lower() in (".json", ".yaml", ".yml") and is_hyper(other):
                self.hyper.setdefault(PurePosixPath("."), {}).update(read_hyper(other))

    def _is_directory(self, entry: os.DirEntry[str]) -> bool:
        try:
            return entry.is_dir()
        except OSError:
            return False

    def _is_special(self, file: Path) -> bool:
        try:
            return not is_regular(file)
        except OSError:  # a link to nowhere: reading it tells the reason
            return False

    def _passed_over(self, entry: os.DirEntry[str], seen: set[str]) -> str:
        if entry.name.startswith(".") and entry.name != _HYDRA:
            return "a hidden directory"
        if entry.name in _SKIPPED or os.path.exists(f"{entry.path}/pyvenv.cfg"):  # noqa: PTH110 (no error where nobody may look)
            return "a directory of packages"
        if not entry.is_symlink():
            return ""
        real = os.path.realpath(entry.path)
        if Path(real).is_relative_to(os.path.realpath(self.root)) or real in seen:
            return "a link to a directory that is read where it stands"
        if Path(os.path.realpath(self.root)).is_relative_to(real):
            return "a link to a directory above"
        seen.add(real)
        return ""

    def _shown(self, place: Path) -> str:
        return place.relative_to(self.root).as_posix() if place != self.root else "."


class _Told:
    """What the caller and each `curvedoc.toml` in the tree say about runs."""

    def __init__(self, root: Path, roles: Mapping[str, str]) -> None:
        self.top, self.roles = root if root.is_dir() else root.parent, roles
        self.read: dict[PurePosixPath, dict[str, Any]] = {}

    def of(self, unit: Unit) -> dict[str, Any]:
        """What holds for one run: the nearest configuration before those above, the caller's roles before all."""
        told: dict[str, Any] = {}
        roles: dict[str, str] = {}
        for place in reversed((unit.home, *unit.home.parents)):
            here = self._at(place)
            told |= here
            roles |= here.get("roles", {})
        tags = _tags(unit)
        return told | {"roles": {r: tag for r, tag in {**roles, **self.roles}.items() if tag.strip() in tags}}

    def unknown(self, units: Sequence[Unit]) -> list[str]:
        """A sentence for each role whose tag no run holds of those that it was said for."""
        found = []
        said = [(place, config.get("roles", {}), f"{self.top / place / OWN}: ") for place, config in self.read.items()]
        for place, roles, where in (*said, (PurePosixPath("."), self.roles, "")):
            tags = {t for u in units if place in (u.home, *u.home.parents) for t in _tags(u)} if roles else set()
            for role, tag in roles.items():
                if tags and tag.strip() not in tags:
                    found.append(where + no_such_tag(role, tag, sorted(tags)))
        return found

    def _at(self, place: PurePosixPath) -> dict[str, Any]:
        if place not in self.read:
            directory = self.top / place
            self.read[place] = read_config(directory) if (directory / OWN).is_file() else {}
        return self.read[place]


def _unheard(said: Mapping[str, Any], unit: Unit) -> list[Note]:
    """Rules are chosen for a whole call, not for a run."""
    words = [word for word in ("select", "ignore") if word in said]
    what = f"{' and '.join(words)} in a {OWN} count in the working directory only, and were passed over here"
    return [Note(unit.logs[0].file, what)] if words else []


def _tags(unit: Unit) -> set[str]:
    return {tag for log in unit.logs for s in log.series for tag in called(log, s.tag)}


def _names(units: Sequence[Unit], root: Path) -> list[str]:
    """A name for each run: its directory under the path, with the file or a number where several share one."""
    top = root.name or Path(os.path.realpath(root)).name
    if not root.is_dir():
        shown = root.with_suffix("") if not root.is_absolute() else Path(root.parent.name, root.stem)
        top = shown.as_posix()
    homes = Counter(unit.home for unit in units)
    shared = [homes[unit.home] > 1 for unit in units]
    names = []
    for unit, several in zip(units, shared, strict=True):
        home = unit.home.as_posix()
        if not root.is_dir():
            name = top
        elif several:
            name = unit.label if home == "." else f"{home}/{unit.label}"
        elif home == "." and len(homes) > 1 and _is_one_table(unit):  # the directory's name would speak for all below
            name = unit.label
        else:
            name = top if home == "." else home
        names.append(f"{name}:{unit.part}" if unit.part and (several or not root.is_dir()) else name)
    count, seen = Counter(names), Counter[str]()
    for k, name in enumerate(names):
        seen[name] += 1
        if count[name] > 1:
            names[k] = f"{name}#{seen[name]}"
    return names


def _is_one_table(unit: Unit) -> bool:
    """Whether a run is a single file that somebody named; the names of event files tell a clock and a host."""
    return len({log.file for log in (*unit.logs, *unit.beside)}) == 1 and kind_of(unit.logs[0]) != EVENTS


def _path(given: str | Path, unit: Unit, homes: Mapping[PurePosixPath, int]) -> str:
    """The path of a run as the caller would write it: its file, or its directory when it has several to itself."""
    base = os.fspath(given)
    if not Path(given).is_dir():
        return base
    files = {log.file for log in (*unit.logs, *unit.beside)}
    part = unit.home.as_posix() if homes[unit.home] == 1 and len(files) > 1 else unit.logs[0].file
    if base == "." or part == ".":
        return part if base == "." else base
    return f"{base.rstrip('/')}/{part}"


def _without_idle(runs: Sequence[Run], tree: _Tree) -> Found:
    """Leave out tables in which nothing was recognized: they are data, not logs."""
    kept = []
    for run in runs:
        table = all(file.lower().endswith((".csv", ".tsv", ".txt", ".json")) for file in run.files)
        if not table or any(t.role not in (None, "time", "system") for t in run.tags):
            kept.append(run)
        else:
            tags = ", ".join(repr(t.tag) for t in run.tags[:3]) + (" ..." if len(run.tags) > 3 else "")
            hint = "if it is a log, say which column is what: --role train_loss=COLUMN --role val_loss=COLUMN"
            tree.skipped += [Refused(f, f"{_UNTOLD} ({tags}); {hint}") for f in run.files]
    kept.sort(key=lambda run: _natural(run.name))
    order = lambda r: r.file  # noqa: E731
    return Found(tuple(kept), tuple(sorted(tree.refused, key=order)), tuple(sorted(tree.skipped, key=order)))


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sort key that puts version_2 before version_10."""
    return [(0, int(w), "") if w.isdecimal() else (1, 0, w) for w in re.split(r"(\d{1,18})", name) if w]


def _no_log(file: Path) -> str:
    """Why a file that no reader recognizes is no log, as far as a glance tells."""
    if file.suffix.lower() in _PACKED:
        return _UNPACK
    size = file.stat().st_size
    if file.suffix.lower() in (".csv", ".tsv") and 0 < size < HEAD:
        return _BARE if sum(map(bool, map(bytes.strip, file.read_bytes().splitlines()))) < 2 else _NONE
    return _NONE if size else _EMPTY


def _nothing(path: str | Path, skipped: Sequence[Refused]) -> str:
    seen = f"; {len(skipped)} file{'s were' if len(skipped) != 1 else ' was'} looked at" if skipped else ""
    untold = [r for r in skipped if r.why.startswith(_UNTOLD)]
    if untold:
        more = f" (and {len(untold) - 1} more like it)" if len(untold) > 1 else ""
        return f"{os.fspath(path)}: no training log found{seen}. {untold[0].file}: {untold[0].why}{more}"
    mended = ((r.file, r.why if r.why in _MENDED else _HOW.get(Path(r.file).suffix.lower(), "")) for r in skipped)
    for file, how in mended:
        if how:
            return f"{os.fspath(path)}: no training log found{seen}. {file}: {how}"
    if Path(path).is_dir() and not any(os.scandir(path)):
        return f"{os.fspath(path)}: no training log found, the directory is empty"
    return (
        f"{os.fspath(path)}: no training log found{seen}. Event files, CSV (a header, and rows of numbers below it), "
        "JSON and text logs (lines such as `epoch 3 loss 0.52`) are read, and the directories of Hugging Face, "
        "Lightning, Keras, YOLO, W&B and MLflow"
    )
