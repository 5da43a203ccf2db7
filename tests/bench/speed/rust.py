"""The client of tensorboard-data-server: starts it on a folder, waits until all is loaded, takes every scalar.

Asks one run after the other, so that no answer holds the whole tree: that is the cheapest way to get all points.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

LOADED = "Finished load cycle"
_MANY = 1 << 40  # more points than any series has: no downsampling
_LONGEST = 600  # seconds until a server that says nothing is given up


def reader(checksum: bool) -> Callable[[Path], dict[str, float]]:
    """A function that reads all scalars under a folder; what it imports is imported now."""
    import grpc
    import numpy as np
    import tensorboard_data_server
    from tensorboard.data.proto import data_provider_pb2 as pb
    from tensorboard.data.proto import data_provider_pb2_grpc as services

    def read(folder: Path) -> dict[str, float]:
        with tempfile.TemporaryDirectory() as room:
            port = Path(room) / "port"
            options = [f"--logdir={folder}", "--reload=once", "--port=0", f"--port-file={port}", "-v"]
            options += ["--die-after-stdin", "--samples-per-plugin=scalars=all"]
            options += ["--checksum"] if checksum else []
            with subprocess.Popen(
                [tensorboard_data_server.server_binary(), *options],
                stdin=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            ) as server:
                _wait_until_loaded(server)
                address = f"localhost:{port.read_text().strip()}"
                points = take(address)
                held = peak_mb(server.pid)
                assert server.stdin is not None
                server.stdin.close()
                server.wait()
        return {"points": points, "server_mb": held, "own_mb": peak_mb(os.getpid())}

    def take(address: str) -> int:
        points = 0
        with grpc.insecure_channel(address, [("grpc.max_receive_message_length", -1)]) as channel:
            stub = services.TensorBoardDataProviderStub(channel)
            request = pb.ReadScalarsRequest(experiment_id="")
            request.plugin_filter.plugin_name = "scalars"
            request.downsample.num_points = _MANY
            for run in stub.ListRuns(pb.ListRunsRequest(experiment_id="")).runs:
                request.run_tag_filter.runs.names[:] = [run.name]
                for found in stub.ReadScalars(request).runs:
                    for tag in found.tags:
                        data = tag.data
                        step, at = np.array(data.step), np.array(data.wall_time)
                        value = np.array(data.value, np.float64)
                        assert len(step) == len(at) == len(value)
                        points += len(step)
        return points

    return read


def peak_mb(pid: int) -> float:
    """Largest resident set of a process that still lives, in MB (Linux)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmHWM in /proc: the memory of a server can only be read on Linux")


def _wait_until_loaded(server: subprocess.Popen[str]) -> None:
    """Read what the server says until it has loaded everything, and let nothing it says later block it."""
    assert server.stderr is not None
    timer = threading.Timer(_LONGEST, server.kill)
    timer.start()
    said = []
    for line in server.stderr:
        said.append(line)
        if LOADED in line:
            timer.cancel()
            threading.Thread(target=server.stderr.read, daemon=True).start()
            return
    timer.cancel()
    raise RuntimeError(f"tensorboard-data-server ended before it had loaded: {''.join(said[-5:])}")
