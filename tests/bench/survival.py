"""What becomes of every file under a path: read, refused, no log? Usage: `python -m tests.bench.survival PATH`."""

from __future__ import annotations

import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

from curvedoc.errors import UnreadableLog
from curvedoc.readers import read_file


def fate(path: Path, shown: str) -> tuple[str, str]:
    """The fate of one file and its format or reason. Anything but UnreadableLog goes through: it is a bug."""
    try:
        logs = read_file(path, shown)
    except UnreadableLog as error:
        return "refused", str(error)
    if logs is None:
        return "not a log", ""
    return ("read", logs[0].format) if logs else ("without a scalar", "")


def main(root: Path) -> None:
    fates: Counter[str] = Counter()
    folders: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        shown = path.relative_to(root).as_posix()
        began = time.process_time()
        what, why = fate(path, shown)
        took = time.process_time() - began
        fates[what] += 1
        folders[shown.split("/")[0]][f"{what} ({why})" if what == "read" else what] += 1
        if what != "read" or took > 1:
            print(f"{what:16s} {took:5.2f} s  {shown}  {why}")
    for folder, counts in folders.items():
        print(f"{folder:24s} " + ", ".join(f"{n} {what}" for what, n in counts.most_common()))
    print(f"{fates.total()} files: " + ", ".join(f"{n} {what}" for what, n in fates.most_common()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
