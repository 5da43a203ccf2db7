"""How fast are event files read, beside TensorBoard and the machine itself? Run `python -m tests.bench.speed`.

Inputs are written by torch's SummaryWriter from a seed. Each peer reads them in a fresh process, peers take turns, and
medians are printed: CPU seconds of the whole process and of the reading alone, wall seconds, peak memory. `--scale 1`
is the full size: a million points, a thousand runs. EventAccumulator reads a tenth of the many runs, hence the ratio is
that of CPU per point. tensorboard-data-server is not measured: it needs a gRPC client.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SELF = [sys.executable, "-m", "tests.bench.speed"]
PIECE = 1 << 23  # bytes read at once by the physical limit


def main() -> None:
    """Write the inputs, let the peers take turns, print the medians."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.speed", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scale", type=float, default=0.1, help="share of the full sizes (default 0.1)")
    parser.add_argument("--rounds", type=int, default=3, help="times that each peer reads each input (default 3)")
    parser.add_argument("--only", choices=WRITERS, action="append", help="one input alone; may be repeated")
    parser.add_argument("--read", nargs=2, metavar=("PEER", "FOLDER"), help=argparse.SUPPRESS)
    parser.add_argument("--write", nargs=2, metavar=("INPUT", "FOLDER"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.read:
        child(*args.read)
        return
    if args.write:
        name, folder = args.write
        print(WRITERS[name](Path(folder), args.scale))
        return
    for name in args.only or WRITERS:
        with tempfile.TemporaryDirectory() as folder:
            # In a process of its own: what reads later would inherit the peak memory of this one.
            command = [*SELF, "--scale", str(args.scale), "--write", name, folder]
            says = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
            size = sum(file.stat().st_size for file in Path(folder).rglob("*tfevents*"))
            print(f"\n{name}: {says}, {size / 1e6:.1f} MB; median of {args.rounds}")
            compare(Path(folder), [p for p in PEERS if p != AFTER_HALF or name == "a"], args.rounds)


def compare(folder: Path, peers: list[str], rounds: int) -> None:
    """Print one line a peer; ratios are of CPU per point of the whole process and of the reading alone."""
    for peer in peers:
        if peer != SLOW:
            measure(peer, folder)  # byte code and file cache
    taken = [{peer: measure(peer, folder) for peer in peers} for _ in range(rounds)]
    rows = {peer: [statistics.median(t[peer][k] for t in taken) for k in range(5)] for peer in peers}
    head = f"{'CPU s':>7s} {'reading':>8s} {'wall s':>7s} {'MB':>5s} {'points':>9s} {'ns/point':>9s}"
    print(f"{'':24s} {head}   per point, ours = 1")
    whole, alone = rows[OURS][0] / rows[OURS][4], rows[OURS][1] / rows[OURS][4]
    for peer, (cpu, reading, wall, memory, points) in rows.items():
        each = points or rows[OURS][4]  # the limit counts none: it reads the same file
        print(
            f"{peer:24s} {cpu:7.2f} {reading:8.3f} {wall:7.2f} {memory:5.0f} {points:9.0f} {1e9 * reading / each:9.0f}"
            f"   whole {cpu / each / whole:6.2f}  reading {reading / each / alone:7.2f}"
        )


def measure(peer: str, folder: Path) -> tuple[float, float, float, float, float]:
    """CPU seconds, CPU seconds of the reading alone, wall seconds, peak MB and points of one fresh process."""
    command = [*SELF, "--read", peer, str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    start = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as p:
        assert p.stdout is not None
        said = p.stdout.read()
        _, status, used = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    if p.returncode:
        raise SystemExit(f"{peer} failed with exit code {p.returncode}")
    reading, points = json.loads(said)
    megabytes = used.ru_maxrss / (1 << 10 if sys.platform != "darwin" else 1 << 20)
    return used.ru_utime + used.ru_stime, reading, wall, megabytes, points


def child(peer: str, folder: str) -> None:
    """Read everything under a folder as one peer does; prints its CPU seconds and the number of points."""
    read = PEERS[peer]()  # imports, before the clock
    files = sorted(Path(folder).rglob("*tfevents*"))
    if peer == SLOW and len(files) >= 10:
        files = files[: len(files) // 10]
    start = time.process_time()
    points = sum(read(file) for file in files)
    print(json.dumps([time.process_time() - start, points]))


def ours() -> Callable[[Path], int]:
    import google_crc32c  # noqa: F401 - imported on the first record otherwise

    from curvedoc.readers.events import read_events

    return lambda file: sum(len(p.step) for p in read_events(file, file.name).points.values())


def unchecked() -> Callable[[Path], int]:
    """Ours with every checksum of a payload taken on trust: what checking costs."""
    from curvedoc.readers import columns

    columns.holds = lambda chain: True  # type: ignore[assignment]
    columns.whole = lambda record: True  # type: ignore[assignment]
    columns.broken = lambda chain, starts, seeds: []  # type: ignore[assignment]
    columns.unmask = lambda words, at=...: None  # type: ignore[assignment]
    return ours()


def second_half() -> Callable[[Path], int]:
    """Ours, when an earlier reading has seen the first half of the file."""
    from curvedoc.readers.events import read_events

    ours()

    def read(file: Path) -> int:
        halfway = int((file.parent / "halfway").read_text())
        return sum(len(p.step) for p in read_events(file, file.name, start=halfway).points.values())

    return read


def accumulator() -> Callable[[Path], int]:
    from tensorboard.backend.event_processing import event_accumulator as ea

    def read(file: Path) -> int:
        found = ea.EventAccumulator(str(file), size_guidance=dict.fromkeys(ea.DEFAULT_SIZE_GUIDANCE, 0))
        found.Reload()
        tags = found.Tags()
        return sum(len(found.Scalars(t)) for t in tags["scalars"]) + sum(len(found.Tensors(t)) for t in tags["tensors"])

    return read


def limit() -> Callable[[Path], int]:
    """No reader can do less: read the bytes, take one CRC32C of them."""
    import google_crc32c

    def read(path: Path) -> int:
        crc = 0
        with path.open("rb", buffering=0) as file:
            while piece := file.read(PIECE):
                crc = google_crc32c.extend(crc, piece)
        return 0

    return read


OURS, SLOW, AFTER_HALF = "curvedoc", "EventAccumulator", "curvedoc, second half"
PEERS = {
    OURS: ours,
    "curvedoc, unchecked": unchecked,
    AFTER_HALF: second_half,
    SLOW: accumulator,
    "read + crc32c": limit,
}


def scalars(folder: Path, scale: float, *, new_style: bool = False) -> str:
    """One file of 10 tags; beside it, where its first half ends."""
    from curvedoc.readers.events import read_events

    steps = max(100, round(100_000 * scale))
    write(folder, steps, 10, seed=0, new_style=new_style)
    (file,) = folder.glob("*tfevents*")
    half = folder / "half"
    half.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    (folder / "halfway").write_text(str(read_events(half, "half").end))
    half.unlink()
    return f"{10 * steps:,} {'tensor ' if new_style else ''}scalars, 10 tags"


def tensors(folder: Path, scale: float) -> str:
    return scalars(folder, scale, new_style=True)


def many_runs(folder: Path, scale: float) -> str:
    runs = max(10, round(1000 * scale))
    for run in range(runs):
        write(folder / f"run{run}", 1000, 5, seed=run)
    return f"{runs:,} runs x 5 tags x 1,000 steps"


def blobs(folder: Path, scale: float) -> str:
    """What fills the files of those who log everything: histograms, pictures, and a loss between them."""
    import numpy as np
    from torch.utils.tensorboard import SummaryWriter

    rng, steps = np.random.default_rng(0), max(20, round(4000 * scale))
    with SummaryWriter(str(folder)) as writer:
        for step in range(steps):
            writer.add_scalar("train/loss", rng.random(), step, walltime=1e9 + step)
            for layer in range(5):
                writer.add_histogram(f"layer{layer}", rng.normal(size=200), step, walltime=1e9 + step)
            if step % 4 == 0:
                picture = rng.integers(0, 256, (3, 96, 96), np.uint8)
                writer.add_image("sample", picture, step, walltime=1e9 + step)
    return f"{steps:,} steps of 1 scalar, 5 histograms, a quarter of a picture"


def write(folder: Path, steps: int, tags: int, *, seed: int, new_style: bool = False) -> None:
    import numpy as np
    from torch.utils.tensorboard import SummaryWriter

    values = np.random.default_rng(seed).random((steps, tags), np.float32)
    with SummaryWriter(str(folder), max_queue=1000) as writer:
        for step in range(steps):
            for tag in range(tags):
                time = 1e9 + step + tag / 16
                writer.add_scalar(f"train/metric_{tag}", values[step, tag], step, walltime=time, new_style=new_style)


WRITERS = {"a": scalars, "b": tensors, "c": many_runs, "e": blobs}


if __name__ == "__main__":
    main()
